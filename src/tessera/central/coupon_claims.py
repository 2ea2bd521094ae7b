"""Whose a single-use code is: the first record that used it keeps it, whatever comes later.

Owns: what records do to codes, in the order in which they are booked, and what tills hear of it.
A second use is no lost sale: it is booked, and an alarm names it. Must never: see a code in clear.
"""

from collections.abc import Iterable, Sequence

import sqlalchemy as sa

from tessera.central import rows
from tessera.central.desk import Desk
from tessera.central.work import Work
from tessera.core.coupons import HASH_BYTES
from tessera.core.sale import Ending, ReturnBody, SaleBody
from tessera.store.central import coupon_book, feed, register_book, sale_book
from tessera.store.central.coupon_book import CodeState, UsedCode
from tessera.store.central.sale_book import RecordKey

TAG_REUSED = "coupon-reused"
OFFER_LENGTH_MAX = 64


def claim_codes(tx: sa.Connection, works: Sequence[Work]) -> list[tuple[str, str, str]]:
    """Fix whose codes are by these records; tags (register, kind, uid) of second uses.

    What each record did to codes is left with it, to be told to tills with its outcome.
    """
    touching = [work for work in works if _touched(work)]
    if not touching:
        return []
    # A record that comes again after its return must not take a code that is good again.
    known = sale_book.read_outcomes(tx, [_key(work) for work in touching])
    touching = [work for work in touching if _key(work) not in known]
    if not touching:
        return []
    held = coupon_book.lock_codes(tx, {one for work in touching for one in _touched(work)})
    tags: list[tuple[str, str, str]] = []
    for work in touching:
        if not _apply(work, held):
            tags.append((work.register_id, TAG_REUSED, work.uid))
        work.codes = tuple(_state_of(held[one]) for one in _touched(work))
    coupon_book.write_codes(tx, held.values())
    return tags


def end_codes(tx: sa.Connection, works: Sequence[Work], desk: Desk) -> None:
    """Codes of sales of which nothing is left, by what all registers returned; tills hear of it."""
    ended = [work for work in works if isinstance(work.body, ReturnBody) and work.body.with_last]
    named = {one for work in ended for one in _ended(work)}
    if not named:
        return
    held = coupon_book.lock_codes(tx, named)
    stores = tuple(store.store_id for store in register_book.read_stores(tx))
    changes: list[feed.Change] = []
    for work in ended:
        body = work.body
        assert isinstance(body, ReturnBody)
        assert body.with_last is not None
        _give_back(held, body.with_last, work)
        work.codes = tuple(_state_of(held[one]) for one in _ended(work))
        changes += code_changes(work, stores, desk.version_base)
    coupon_book.write_codes(tx, held.values())
    feed.append(tx, feed.MEMBERS, changes)


def _ended(work: Work) -> list[bytes]:
    body = work.body
    ending = body.with_last if isinstance(body, ReturnBody) else None
    if ending is None:
        return []
    named = [use.code_hash for use in ending.coupons] + [one.code_hash for one in ending.codes]
    return [one for one in dict.fromkeys(_hash(one) for one in named) if one]


def code_changes(work: Work, stores: Iterable[str], base: int) -> list[feed.Change]:
    """What tills hear of a record's codes: its own register first, then every store.

    They come before the record's outcome in the same stream of changes, so that the register that
    used a code never forgets it in between.
    """
    return [
        rows.code_change(
            work.bucket,
            audience,
            state.code_hash,
            is_used=state.is_used,
            version=base + state.version,
        )
        for state in work.codes
        for audience in (
            rows.register_audience(work.register_id),
            *(rows.store_audience(store) for store in stores),
        )
    ]


def _apply(work: Work, held: dict[bytes, UsedCode]) -> bool:
    """Change the codes that a record speaks of; False for a second use."""
    body, is_first = work.body, True
    if isinstance(body, SaleBody):
        for use in body.coupons:
            code = held.get(_hash(use.code_hash))
            if code is not None:
                is_first = _take(code, work, use.offer[:OFFER_LENGTH_MAX]) and is_first
    elif isinstance(body, ReturnBody):
        is_first = _give_back(held, body, work)
    return is_first


def _give_back(held: dict[bytes, UsedCode], what: ReturnBody | Ending, work: Work) -> bool:
    """Make a sale's codes good again and end those that it granted; False for one used already."""
    assert isinstance(work.body, ReturnBody)
    is_first = True
    for use in what.coupons:
        code = held.get(_hash(use.code_hash))
        if code is not None and code.uid == work.body.original_uid:
            code.uid, code.version = "", code.version + 1
    for issued in what.codes:
        code = held.get(_hash(issued.code_hash))
        if code is not None:
            is_first = _take(code, work, "") and is_first
    return is_first


def _state_of(code: UsedCode) -> CodeState:
    return CodeState(code_hash=code.code_hash.hex(), is_used=bool(code.uid), version=code.version)


def _take(code: UsedCode, work: Work, offer: str) -> bool:
    if code.uid:
        return code.uid == work.uid
    code.uid, code.register_id, code.member_id = work.uid, work.register_id, work.member_id
    code.offer, code.used_ms, code.version = offer, work.received_ms, code.version + 1
    return True


def _key(work: Work) -> RecordKey:
    return (work.bucket, work.member_id, work.uid)


def _touched(work: Work) -> list[bytes]:
    """The hashes that a record names, each once; what is no hash is passed over."""
    body = work.body
    if isinstance(body, SaleBody):
        named = [use.code_hash for use in body.coupons]
    elif isinstance(body, ReturnBody):
        named = [use.code_hash for use in body.coupons] + [one.code_hash for one in body.codes]
    else:
        return []
    found = dict.fromkeys(_hash(one) for one in named)
    return [one for one in found if one]


def _hash(text: str) -> bytes:
    try:
        digest = bytes.fromhex(text)
    except ValueError:
        return b""
    return digest if len(digest) == HASH_BYTES else b""
