"""Goods come back of a sale that was claimed: what the claim gave goes back with them.

Owns: holding what came back of a sale against what went back of its claim, and the record of
central's own that makes up for the difference. A register that has both, sale and claim, takes the
units back itself, with a record that comes before its return; then there is no difference.
Must never: take back more than the claim gave, or the same twice.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal

import sqlalchemy as sa

from tessera.central.claims import programme_of, record_at
from tessera.central.desk import Desk
from tessera.central.settling import settle
from tessera.central.work import Work, claim_key
from tessera.core.basket import Basket
from tessera.core.identity import UID_RANDOM_BYTES, bucket_of, minted_ms, new_uid
from tessera.core.quote import Quote
from tessera.core.sale import KIND_RETURN, ClaimBody, ReturnBody, ReturnWish, SaleBody
from tessera.rules.claims import claim_basket, claimed_back
from tessera.rules.evaluate import evaluate
from tessera.rules.shares import without_shares
from tessera.store.central import sale_book
from tessera.store.central.sale_book import RecordKey, SaleRecord, UidRow
from tessera.sync.records import RecordMalformed, read_body

Quantities = dict[str, Decimal]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Claimed:
    """A booked claim with its sale: where the claim's record stands, and what was kept of it."""

    row: UidRow
    place: RecordKey
    kept: SaleRecord
    claim: ClaimBody
    sale: SaleBody
    sale_place: RecordKey


def take_back(tx: sa.Connection, works: Iterable[Work], desk: Desk) -> list[tuple[str, str, str]]:
    """Take back what claims gave on goods that came back, for all sales of these records.

    Tags (register, kind, uid) of what was unusual: units that are owed now.
    """
    tags: list[tuple[str, str, str]] = []
    originals = sorted({uid for work in works if (uid := _original_of(work))})
    if not originals:
        return tags
    keys = {claim_key(uid): uid for uid in originals}
    for key, (uid, register_id, member_id) in sorted(sale_book.read_sale_keys(tx, keys).items()):
        claimed = _read(tx, keys[key], uid, register_id, member_id)
        made = None if claimed is None else _record_of(tx, claimed, desk)
        if made is not None:
            tags += settle(tx, [made], desk).tagged
    return tags


def _original_of(work: Work) -> str:
    """The sale that a record may set apart from its claim: by a return, or by the claim itself."""
    body = work.body
    if isinstance(body, ReturnBody) and not body.member_id:
        return body.original_uid
    return body.original_uid if isinstance(body, ClaimBody) else ""


def _read(
    tx: sa.Connection, original_uid: str, uid: str, register_id: str, member_id: str
) -> _Claimed | None:
    """The claim of a sale once it is booked; None before, or where a record can't be read."""
    place = (bucket_of(member_id), member_id, uid)
    kept = sale_book.read_sales(tx, [place]).get(place)
    if kept is None:
        return None
    row, claim = _found(tx, register_id, uid)
    if row is None or not isinstance(claim, ClaimBody):
        return None
    sold, sale = _found(tx, claim.original_register, original_uid)
    if sold is None or not isinstance(sale, SaleBody):
        return None
    sale_place = (sold.bucket, sold.member_id, original_uid)
    return _Claimed(row=row, place=place, kept=kept, claim=claim, sale=sale, sale_place=sale_place)


def _found(tx: sa.Connection, register_id: str, uid: str) -> tuple[UidRow | None, object]:
    """Where a record belongs, and its body."""
    row = sale_book.read_uids(tx, [(register_id, uid)]).get((register_id, uid))
    record = None if row is None else record_at(tx, row)
    try:
        return row, None if record is None else read_body(record)
    except RecordMalformed:
        return row, None


def _record_of(tx: sa.Connection, claimed: _Claimed, desk: Desk) -> Work | None:
    """The record that takes back what has not gone back yet; None where all has."""
    basket = claimed.sale.basket
    sold = {line.line_id: line.quantity for line in basket.lines}
    named: dict[str, str] = json.loads(claimed.kept.quantities)
    earned_on = {line_id: Decimal(quantity) for line_id, quantity in named.items()}
    before = _more(sold, earned_on)
    returned = sale_book.read_returned(tx, [claimed.sale_place, claimed.place])
    since = _more(returned.get(claimed.sale_place, {}), before)
    gone = returned.get(claimed.place, {})
    wishes = {
        line_id: min(quantity, earned_on.get(line_id, Decimal(0)) - gone.get(line_id, Decimal(0)))
        for line_id, quantity in _more(since, gone).items()
    }
    wishes = {line_id: quantity for line_id, quantity in wishes.items() if quantity > 0}
    left = claim_basket(claimed.sale.quote, basket, before)
    quote = _quote_of(tx, claimed, left) if wishes else None
    if quote is None:
        return None
    back = claimed_back(quote, left, wishes, gone)
    claim, kept = claimed.claim, claimed.kept
    uid = _uid_of(kept.uid, since)
    body = ReturnBody(
        key=claim.key,
        place=claim.place,
        original=claim.key,
        original_uid=kept.uid,
        member_id=kept.member_id,
        wishes=tuple(
            ReturnWish(line_id=line_id, quantity=format(quantity, "f"))
            for line_id, quantity in sorted(wishes.items())
        ),
        returned_before=(),
        quote=back.quote,
        flags=("claim", "central"),
        unspent_minor=back.unspent_minor,
    )
    return Work(
        register_id=kept.register_id,
        incarnation=claimed.row.incarnation,
        seq=claimed.row.seq,
        uid=uid,
        kind=KIND_RETURN,
        raw=b"{}",
        content_hash=hashlib.sha256(uid.encode()).digest(),
        body=body,
        member_id=kept.member_id,
        bucket=claimed.place[0],
        received_ms=desk.now_ms(),
        received_day=kept.received_day,
        bundle=kept.bundle,
        engine=kept.engine,
        original_uid=kept.uid,
    )


def _more(some: Mapping[str, Decimal], than: Mapping[str, Decimal]) -> Quantities:
    """What is more in one than in the other, by line."""
    rest = {line_id: count - than.get(line_id, Decimal(0)) for line_id, count in some.items()}
    return {line_id: count for line_id, count in rest.items() if count > 0}


def _quote_of(tx: sa.Connection, claimed: _Claimed, left: Basket) -> Quote | None:
    """What the claim earned: as its register worked it out, or as central did, once more."""
    if claimed.claim.quote is not None:
        return claimed.claim.quote
    programme = programme_of(tx, claimed.kept.bundle)
    if programme is None or programme.currency != left.currency:
        return None
    place = without_shares(programme, claimed.sale.place)
    return evaluate(programme, claimed.claim.member, left, place)


def _uid_of(claim_uid: str, since: Quantities) -> str:
    """The same for the same goods, so that a repeat finds it done."""
    about = json.dumps({line_id: str(quantity.normalize()) for line_id, quantity in since.items()})
    chance = hashlib.sha256(f"{claim_uid} {about}".encode()).digest()[:UID_RANDOM_BYTES]
    return new_uid(minted_ms(claim_uid), chance)
