"""Single-use coupons at the till: which codes hold, which a sale uses up, which it grants.

Owns: what a register can be sure of: that the shop made a code, that it holds on the day, and that
neither this till nor central knows it as used. Must never: keep a code in clear beside the answer
that prints it, or refuse a sale for which money was taken.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date

import sqlalchemy as sa

from tessera.agent.till_state import TillState
from tessera.core.basket import Basket
from tessera.core.cards import CardHasher
from tessera.core.coupons import (
    SERIAL_BYTES,
    CouponTerm,
    coupon_account,
    coupon_hash,
    mint,
    term_of,
)
from tessera.core.errors import TesseraError
from tessera.core.quote import IssuedCoupon, Quote
from tessera.core.sale import CouponUse, IssuedCode
from tessera.rules.model import Trigger
from tessera.rules.programme import Programme
from tessera.store.engine import DATABASE_ERRORS
from tessera.store.till import cached_members
from tessera.store.till.values import AccountEffect

FLAG_REUSED = "coupon-reused"
CODES_MAX = 20
"""Most codes that one right prints."""


class CouponSpent(TesseraError):
    """A coupon of the quote was used meanwhile; nothing was written."""

    code = "coupon_spent"


@dataclass(frozen=True, slots=True, kw_only=True)
class GrantedCode:
    """A code that a sale grants: in clear for the receipt, and as the record holds it."""

    code: str
    issued: IssuedCode


def usable(state: TillState, basket: Basket, day: date) -> Basket:
    """The basket without single-use codes that do not hold here and now."""
    programme = state.programme.programme
    if not basket.coupons or programme is None:
        return basket
    single, shared = _triggers(programme)
    kept = tuple(
        code
        for code in basket.coupons
        if any(_names(trigger, code) for trigger in shared)
        or not any(_names(trigger, code) for trigger in single)
        or (_holds(state.hasher, single, code, day) and not _is_known_as_used(state, code))
    )
    return basket if kept == basket.coupons else replace(basket, coupons=kept)


def recorded(state: TillState, basket: Basket) -> Basket:
    """The basket for the record: of single-use codes no more than what finds their offers again.

    Each keeps the beginning by which its offer knows it, and has its keyed hash for the rest, so
    that the record prices as before and nobody can use a code that they read in it.
    """
    programme, hasher = state.programme.programme, state.hasher
    if not basket.coupons or programme is None or hasher is None:
        return basket
    single, shared = _triggers(programme)
    prefixes = [prefix for trigger in single for prefix in trigger.prefixes]

    def veiled(code: str) -> str:
        known = [prefix for prefix in prefixes if code.startswith(prefix)]
        written_out = any(code in trigger.coupons for trigger in single)
        if not known or written_out or any(_names(trigger, code) for trigger in shared):
            return code
        return f"{max(known, key=len)}#{coupon_hash(hasher, code).hex()}"

    return replace(basket, coupons=tuple(veiled(code) for code in basket.coupons))


def dropped(given: Iterable[str], basket: Basket) -> bool:
    """Whether a code of the request is not in the basket that is priced."""
    return any(code not in basket.coupons for code in given)


def uses_of(state: TillState, basket: Basket, quote: Quote) -> tuple[CouponUse, ...]:
    """Which codes a quote uses up: one for each single-use offer that is applied."""
    programme, hasher = state.programme.programme, state.hasher
    if not basket.coupons or programme is None or hasher is None:
        return ()
    applied = {seen.offer for seen in quote.offers if seen.applied}
    uses: dict[str, CouponUse] = {}
    for offer in programme.offers:
        trigger = offer.trigger
        if trigger is None or not trigger.single_use or offer.offer_id not in applied:
            continue
        for code in sorted(basket.coupons):
            if _names(trigger, code) and code not in uses:
                digest = coupon_hash(hasher, code).hex()
                uses[code] = CouponUse(offer=offer.offer_id, code_hash=digest)
                break
    return tuple(uses.values())


def check_unused(connection: sa.Connection, uses: Iterable[CouponUse]) -> None:
    """CouponSpent when one of the codes was used by what stands in this transaction."""
    for use in uses:
        if _is_used(connection, use.code_hash):
            raise CouponSpent(
                f"the coupon of {use.offer} was used meanwhile",
                hint="send the basket again with PUT and take what the new quote says",
            )


def grant_codes(state: TillState, quote: Quote) -> tuple[GrantedCode, ...]:
    """New codes for the single-use coupons that a sale grants."""
    hasher = state.hasher
    if hasher is None:
        return ()
    found = []
    for right in quote.issued:
        if right.kind != "coupon" or right.detail[:1] != ("single-use",):
            continue
        for _ in range(min(right.count, CODES_MAX)):
            code = mint(
                hasher, right.detail[1], chance=state.random(SERIAL_BYTES), term=_term(right)
            )
            issued = IssuedCode(
                offer=right.offer, name=right.name, code_hash=coupon_hash(hasher, code).hex()
            )
            found.append(GrantedCode(code=code, issued=issued))
    return tuple(found)


def coupon_effects(code_hashes: Iterable[str], delta: int) -> tuple[AccountEffect, ...]:
    """What using up (or giving back) codes changes, to be known here until central tells it."""
    return tuple(
        AccountEffect(member_id=coupon_account(one), account=coupon_account(one), delta=delta)
        for one in code_hashes
    )


def _term(right: IssuedCoupon) -> CouponTerm:
    last = date.fromisoformat(right.valid_until) if right.valid_until else None
    return CouponTerm(first=date.fromisoformat(right.valid_from), last=last)


def _triggers(programme: Programme) -> tuple[list[Trigger], list[Trigger]]:
    triggers = [offer.trigger for offer in programme.offers if offer.trigger is not None]
    waiting = [one for one in triggers if one.coupons or one.prefixes]
    return (
        [one for one in waiting if one.single_use],
        [one for one in waiting if not one.single_use],
    )


def _names(trigger: Trigger, code: str) -> bool:
    return code in trigger.coupons or code.startswith(trigger.prefixes)


def _holds(hasher: CardHasher | None, single: Iterable[Trigger], code: str, day: date) -> bool:
    """Whether the shop made a code and it holds on the day; one that is written out always does."""
    if hasher is None:
        return False
    if any(code in trigger.coupons for trigger in single):
        return True
    terms = (term_of(hasher, prefix, code) for trigger in single for prefix in trigger.prefixes)
    return any(term is not None and term.holds(day) for term in terms)


def _is_known_as_used(state: TillState, code: str) -> bool:
    assert state.hasher is not None
    digest = coupon_hash(state.hasher, code).hex()
    try:
        with state.engines.reader.connect() as connection:
            return _is_used(connection, digest)
    except DATABASE_ERRORS:
        # What can't be looked up is not known as used; central sees a second use.
        return False


def _is_used(connection: sa.Connection, code_hash: str) -> bool:
    views = cached_members.accounts(connection, coupon_account(code_hash))
    return any(view.balance > 0 for view in views)
