"""Lots of single-use coupons: made for an offer of the released programme, printed once.

Owns: which offer a lot can be for, and what is remembered of it: how many, never the codes.
"""

from collections.abc import Iterator
from datetime import date

from tessera.central.opening import Central
from tessera.core.coupons import SERIAL_BYTES, CouponTerm, mint
from tessera.core.errors import TesseraError
from tessera.core.identity import UID_RANDOM_BYTES, new_uid
from tessera.rules.programme import Programme
from tessera.store.central import coupon_book
from tessera.store.central.coupon_book import Lot

LOT_MAX = 1_000_000
"""Most codes of one lot."""


def issue_lot(
    central: Central, programme: Programme, offer_id: str, *, count: int, term: CouponTerm
) -> Iterator[str]:
    """Note a lot and make its codes. TesseraError when the offer waits for no code of its own."""
    prefix = prefix_of(programme, offer_id)
    if not 1 <= count <= LOT_MAX:
        raise TesseraError(
            f"a lot of {count} codes cannot be", hint=f"1 to {LOT_MAX}; make several lots"
        )
    hasher, now_ms = central.keys.cards, central.now_ms()
    try:
        first = mint(hasher, prefix, chance=central.random(SERIAL_BYTES), term=term)
    except ValueError as error:
        raise TesseraError(
            f"{error}: {term.first} to {term.last}", hint="days from 2020 to November 2064"
        ) from error
    with central.engines.writer.begin() as tx:
        coupon_book.add_lot(
            tx,
            Lot(
                lot=new_uid(now_ms, central.random(UID_RANDOM_BYTES)),
                offer=offer_id,
                prefix=prefix,
                count=count,
                first_day=term.first.isoformat(),
                last_day=term.last.isoformat() if term.last else "",
                issued_ms=now_ms,
            ),
        )
    yield first
    for _ in range(count - 1):
        yield mint(hasher, prefix, chance=central.random(SERIAL_BYTES), term=term)


def prefix_of(programme: Programme, offer_id: str) -> str:
    """What the codes of an offer begin with. TesseraError when it takes none."""
    offer = next((one for one in programme.offers if one.offer_id == offer_id), None)
    if offer is None:
        raise TesseraError(
            f"programme {programme.programme_id} has no offer {offer_id!r}",
            hint="tessera programme show names them",
        )
    trigger = offer.trigger
    if trigger is None or not trigger.single_use or not trigger.prefixes:
        raise TesseraError(
            f"offer {offer_id} waits for no single-use codes",
            hint='write: trigger: {coupon: "SPRING-*", single_use: yes}',
        )
    return trigger.prefixes[0]


def lots(central: Central) -> tuple[list[Lot], list[tuple[str, int]]]:
    """Every lot, and how many codes were used by the offer that they opened."""
    with central.engines.reader.begin() as tx:
        return list(coupon_book.read_lots(tx)), coupon_book.used_by_offer(tx)


def term(first: date, last: date | None) -> CouponTerm:
    """The days of a lot. TesseraError when it ends before it begins."""
    if last is not None and last < first:
        raise TesseraError(f"the lot ends on {last}, before {first}", hint="give a later --until")
    return CouponTerm(first=first, last=last)
