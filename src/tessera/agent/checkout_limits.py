"""Limits of each member at the commit: what was quoted may have been used up since.

Owns: the look at the counters inside the sale's own transaction, and which uses a return gives
back. Must never: price, or write.
"""

from collections.abc import Iterable
from decimal import Decimal

import sqlalchemy as sa

from tessera.core.errors import TesseraError
from tessera.core.quote import CounterUse
from tessera.core.uses import uses_account
from tessera.store.till import cached_members

FLAG_OVER_LIMIT = "over-limit"


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


def uses_given_back(
    counters: tuple[CounterUse, ...], left: dict[str, Decimal], wishes: dict[str, Decimal]
) -> tuple[CounterUse, ...]:
    """The uses that a return gives back: all of them once nothing of the sale is left, else none.

    `left`: what may still come back before this return, by line.
    """
    if any(rest - wishes.get(line_id, Decimal(0)) > 0 for line_id, rest in left.items()):
        return ()
    return tuple(
        CounterUse(key=use.key, used=use.used, most=use.most) for use in counters if use.most
    )
