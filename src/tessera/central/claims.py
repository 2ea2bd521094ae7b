"""Claims of forgotten cards on sales that another register made: central has the sale.

Owns: finding the sale of a claim, working out what it earns by the sale's own bundle, and trying
again once a sale that was still on its way is here. That a sale is claimed once is the sale key's
doing (`apply`). Must never: work out a claim that its register has worked out.
"""

from collections.abc import Iterable
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from functools import lru_cache

import sqlalchemy as sa

from tessera.central.work import Work, inflate, split
from tessera.core.identity import bucket_of
from tessera.core.sale import ClaimBody, ReturnWish, SaleBody
from tessera.rules.claims import claim_basket
from tessera.rules.evaluate import evaluate
from tessera.rules.programme import Programme, parse_programme
from tessera.rules.shares import without_shares
from tessera.store.central import bundle_book, inbox, sale_book
from tessera.store.central.sale_book import UidRow
from tessera.sync.records import Envelope, RecordMalformed, read_body, read_envelope

REASON_CLAIMED = "claimed_already"
REASON_CLAIM_WAITS = "claim_waits"
REASON_CLAIM_REFUSED = "claim_refused"


class _RefusedError(Exception):
    """The sale has nothing to give; the argument says why."""


def resolve(tx: sa.Connection, works: Iterable[Work]) -> None:
    """Work out the claims among these records, as far as their sales have arrived.

    One that must be refused gets its reason; one whose sale is not here stays as it is.
    """
    open_claims = [
        (work, work.body) for work in works if isinstance(work.body, ClaimBody) and is_waiting(work)
    ]
    if not open_claims:
        return
    wanted = [(body.original_register, body.original_uid) for _, body in open_claims]
    places = sale_book.read_uids(tx, wanted)
    for work, body in open_claims:
        place = places.get((body.original_register, body.original_uid))
        record = None if place is None else record_at(tx, place)
        if place is not None and record is None and _was_let_go(tx, place):
            work.reason = f"{REASON_CLAIM_REFUSED}: the sale's record is kept no longer"
        if record is None:
            continue
        try:
            work.body = _worked_out(tx, body, record)
            work.bundle = record.bundle
        except _RefusedError as refusal:
            work.reason = f"{REASON_CLAIM_REFUSED}: {refusal}"


def record_at(tx: sa.Connection, place: UidRow) -> Envelope | None:
    """The record that was stored there; None when it is another one, or let go."""
    for branch in inbox.read_branches(tx, place.register_id, place.incarnation):
        batch = inbox.find_batch_with(
            tx,
            register_id=place.register_id,
            incarnation=place.incarnation,
            branch=branch.hash,
            seq=place.seq,
        )
        if batch is None or batch.is_opaque or batch.purged_ms:
            continue
        try:
            envelope = read_envelope(split(inflate(batch.body))[place.seq - batch.first_seq])
        except RecordMalformed:
            continue
        if envelope.uid == place.uid:
            return envelope
    return None


def _was_let_go(tx: sa.Connection, place: UidRow) -> bool:
    batches = (
        inbox.find_batch_with(
            tx,
            register_id=place.register_id,
            incarnation=place.incarnation,
            branch=branch.hash,
            seq=place.seq,
        )
        for branch in inbox.read_branches(tx, place.register_id, place.incarnation)
    )
    return any(batch is not None and batch.purged_ms for batch in batches)


def _worked_out(tx: sa.Connection, claim: ClaimBody, record: Envelope) -> ClaimBody:
    try:
        sale = read_body(record)
    except RecordMalformed as error:
        raise _RefusedError("the sale cannot be read") from error
    if not isinstance(sale, SaleBody):
        raise _RefusedError("the code is not of a sale")
    if sale.member is not None:
        raise _RefusedError("the sale has earned for the card that was scanned with it")
    if sale.place.guarded:
        raise _RefusedError("the card of the sale was refused by the guard against abuse")
    if claim.place.at - sale.place.at > timedelta(days=claim.days_max):
        raise _RefusedError(f"it is more than {claim.days_max} days after the sale")
    place = (bucket_of(f"{sale.key.store} {sale.key.pos}"), "", record.uid)
    returned = sale_book.read_returned(tx, [place]).get(place, {})
    basket = claim_basket(sale.quote, sale.basket, returned)
    if sale.basket.lines and not basket.lines:
        raise _RefusedError("everything of the sale came back")
    programme = programme_of(tx, record.bundle)
    if programme is None or programme.currency != basket.currency:
        raise _RefusedError("the programme of that day is not here")
    return replace(
        claim,
        quote=evaluate(programme, claim.member, basket, without_shares(programme, sale.place)),
        lines=_wishes({line.line_id: line.quantity for line in basket.lines}),
        returned=_wishes(returned),
    )


def _wishes(quantities: dict[str, Decimal]) -> tuple[ReturnWish, ...]:
    return tuple(
        ReturnWish(line_id=line_id, quantity=format(quantity, "f"))
        for line_id, quantity in sorted(quantities.items())
    )


def programme_of(tx: sa.Connection, bundle: str) -> Programme | None:
    """The programme of a bundle; None when central does not have it any more."""
    body = bundle_book.read_bundle(tx, bundle)
    return None if body is None else parsed_bundle(body)


@lru_cache(maxsize=8)
def parsed_bundle(body: bytes) -> Programme | None:
    """The programme that a bundle's bytes hold; None when this release does not read it."""
    return parse_programme(body.decode(errors="replace"), file="a bundle")[0]


def is_waiting(work: Work) -> bool:
    """Whether this is a claim whose sale is still not here."""
    return isinstance(work.body, ClaimBody) and work.body.quote is None and not work.reason
