"""Limits of each member at the commit: what was quoted may have been used up since.

Owns: the look at the counters inside the sale's own transaction, and what ends with a
return. Must never: price, or write.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

import sqlalchemy as sa

from tessera.core.errors import TesseraError
from tessera.core.quote import CounterUse, IssuedCoupon, Quote
from tessera.core.uses import uses_account
from tessera.store.till import cached_members

FLAG_OVER_LIMIT = "over-limit"
REVOKED = frozenset({"coupon", "draw"})


class LimitReached(TesseraError):
    """An offer of the quote was used up meanwhile by another sale here; nothing was written."""

    code = "limit_reached"


def check_limits(connection: sa.Connection, member_id: str, counters: Iterable[CounterUse]) -> None:
    """LimitReached when a counter as it stands in this transaction leaves no room for a use."""
    limited = [use for use in counters if use.most]
    if not limited:
        return
    counted = {view.unit: view.balance for view in cached_members.accounts(connection, member_id)}
    for use in limited:
        before = counted.get(uses_account(use.key), 0)
        if before + use.used > use.most:
            raise LimitReached(
                f"{use.key} was used {before} times, {use.most} is the limit",
                hint="send the basket again with PUT and take what the new quote says",
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class Undone:
    """What of a sale ends with a return: uses that are given back, rights that are revoked."""

    counters: tuple[CounterUse, ...] = ()
    revoked: tuple[IssuedCoupon, ...] = ()


def undone_by(quote: Quote, left: dict[str, Decimal], wishes: dict[str, Decimal]) -> Undone:
    """What a return ends: everything once nothing of the sale is left, nothing before.

    `left`: what may still come back before this return, by line. An instant win stays drawn.
    """
    if any(rest - wishes.get(line_id, Decimal(0)) > 0 for line_id, rest in left.items()):
        return Undone()
    return Undone(
        counters=tuple(
            CounterUse(key=use.key, used=use.used, most=use.most)
            for use in quote.counters
            if use.most
        ),
        revoked=tuple(right for right in quote.issued if right.kind in REVOKED),
    )
