"""Limits of each member at the commit: what was quoted may have been used up since.

Owns: the look at the counters inside the sale's own transaction, and what ends with a
return. Must never: price, or write.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

import sqlalchemy as sa

from tessera.agent.checkout_coupons import coupon_effects
from tessera.core.errors import TesseraError
from tessera.core.quote import CounterUse, IssuedCoupon
from tessera.core.sale import CouponUse, IssuedCode, SaleBody
from tessera.core.uses import uses_account
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Undone:
    """What of a sale ends with a return: uses and coupons are given back, rights and codes end."""

    counters: tuple[CounterUse, ...] = ()
    revoked: tuple[IssuedCoupon, ...] = ()
    coupons: tuple[CouponUse, ...] = ()
    codes: tuple[IssuedCode, ...] = ()

    def code_effects(self) -> tuple[AccountEffect, ...]:
        """What changes on single-use codes: those used are good again, those granted end."""
        good = coupon_effects((use.code_hash for use in self.coupons), -1)
        return (*good, *coupon_effects((one.code_hash for one in self.codes), 1))


def undone_by(body: SaleBody, left: dict[str, Decimal], wishes: dict[str, Decimal]) -> Undone:
    """What a return ends: everything once nothing of the sale is left, nothing before.

    `left`: what may still come back before this return, by line. An instant win stays drawn.
    """
    quote = body.quote
    if any(rest - wishes.get(line_id, Decimal(0)) > 0 for line_id, rest in left.items()):
        return Undone()
    return Undone(
        counters=tuple(
            CounterUse(key=use.key, used=use.used, most=use.most)
            for use in quote.counters
            if use.most
        ),
        revoked=tuple(right for right in quote.issued if right.kind in REVOKED),
        coupons=body.coupons,
        codes=body.codes,
    )
