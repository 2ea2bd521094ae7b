"""Whose a single-use code is: the first record that used it keeps it, whatever comes later.

Owns: what records do to codes, in the order in which they are booked, and what tills hear of it.
A second use is no lost sale: it is booked, and an alarm names it. Must never: see a code in clear.
"""

from collections.abc import Iterable, Sequence

import sqlalchemy as sa

from tessera.central import rows
from tessera.central.work import Work
from tessera.core.coupons import HASH_BYTES
from tessera.core.sale import ReturnBody, SaleBody
from tessera.store.central import coupon_book, feed
from tessera.store.central.coupon_book import CodeState, UsedCode

TAG_REUSED = "coupon-reused"
OFFER_LENGTH_MAX = 64


def claim_codes(tx: sa.Connection, works: Sequence[Work]) -> list[tuple[str, str, str]]:
    """Fix whose codes are by these records; tags (register, kind, uid) of second uses.

    What each record did to codes is left with it, to be told to tills with its outcome.
    """
    touching = [work for work in works if _touched(work)]
    if not touching:
        return []
    held = coupon_book.lock_codes(tx, {one for work in touching for one in _touched(work)})
    tags: list[tuple[str, str, str]] = []
    for work in touching:
        if not _apply(work, held):
            tags.append((work.register_id, TAG_REUSED, work.uid))
        work.codes = tuple(
            CodeState(code_hash=one.hex(), is_used=bool(held[one].uid), version=held[one].version)
            for one in _touched(work)
        )
    coupon_book.write_codes(tx, held.values())
    return tags


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
        for use in body.coupons:
            code = held.get(_hash(use.code_hash))
            if code is not None and code.uid == body.original_uid:
                code.uid, code.version = "", code.version + 1
        for issued in body.codes:
            code = held.get(_hash(issued.code_hash))
            if code is not None:
                is_first = _take(code, work, "") and is_first
    return is_first


def _take(code: UsedCode, work: Work, offer: str) -> bool:
    if code.uid:
        return code.uid == work.uid
    code.uid, code.register_id, code.member_id = work.uid, work.register_id, work.member_id
    code.offer, code.used_ms, code.version = offer, work.received_ms, code.version + 1
    return True


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
