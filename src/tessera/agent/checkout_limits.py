"""Limits of each member at the commit: what was quoted may have been used up since.

Owns: the look at the counters inside the sale's own transaction, and what ends with a
return. Must never: price, or write.
"""

from collections.abc import Iterable
from decimal import Decimal

import sqlalchemy as sa

from tessera.agent.checkout_coupons import coupon_effects
from tessera.core.errors import TesseraError
from tessera.core.quote import CounterUse
from tessera.core.sale import Ending, SaleBody
from tessera.core.uses import is_shared, uses_account
from tessera.store.till import cached_members
from tessera.store.till.values import AccountEffect

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


def ending_of(body: SaleBody) -> Ending:
    """What ends with the last item of a sale; an instant win stays drawn."""
    quote = body.quote
    return Ending(
        counters=tuple(
            CounterUse(key=use.key, used=use.used, most=use.most)
            for use in quote.counters
            if use.most or is_shared(use.key)
        ),
        revoked=tuple(right for right in quote.issued if right.kind in REVOKED),
        coupons=body.coupons,
        codes=body.codes,
    )


def is_last(left: dict[str, Decimal], wishes: dict[str, Decimal]) -> bool:
    """Whether nothing of a sale is left, of what this register knows, once these lines are back.

    `left`: what may still come back before this return, by line.
    """
    return not any(rest - wishes.get(line_id, Decimal(0)) > 0 for line_id, rest in left.items())


def code_effects(ending: Ending) -> tuple[AccountEffect, ...]:
    """What changes on single-use codes: those used are good again, those granted end."""
    good = coupon_effects((use.code_hash for use in ending.coupons), -1)
    return (*good, *coupon_effects((one.code_hash for one in ending.codes), 1))
