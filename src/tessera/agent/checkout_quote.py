"""A quote for a basket: who buys, what the rules say, and the promise that its id stands for.

Owns: the way from a request to a quote, and what happens when a part of it is missing: the answer
is then a sale without benefits and a notice, never an error. Must never: write.
"""

import asyncio
import hashlib
import logging
from concurrent.futures import Executor
from dataclasses import dataclass, replace

from tessera.agent import api_answers, api_shapes
from tessera.agent.checkout_basket import basket_of, business_day_of, local_time, place_of
from tessera.agent.checkout_coupons import dropped, usable, uses_of
from tessera.agent.checkout_guard import watched
from tessera.agent.checkout_member import NOBODY, Buyer, ScannedCard, find_buyer, state_of
from tessera.agent.checkout_shares import placed
from tessera.agent.notices import notice
from tessera.agent.pairing import PairedPos
from tessera.agent.till_state import TillState
from tessera.core.basket import Basket, Place
from tessera.core.member import MemberState
from tessera.core.quote import Quote
from tessera.core.sale import CouponUse, DrawResult
from tessera.rules.plain import bare_quote
from tessera.rules.shares import as_recorded
from tessera.store.engine import DATABASE_ERRORS
from tessera.sync.records import encoded

_LOG = logging.getLogger("tessera.agent.quote")
INLINE_LINES_MAX = 60
"""Baskets up to this are priced where they arrive; longer ones in a thread, with the deadline."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Quoted:
    """A quote with everything it was computed from."""

    quote_id: str
    quote: Quote
    basket: Basket
    place: Place
    buyer: Buyer
    member: MemberState | None
    bundle: str
    pos: PairedPos
    notices: tuple[api_answers.Notice, ...] = ()
    draws: tuple[DrawResult, ...] = ()
    coupons: tuple[CouponUse, ...] = ()

    @property
    def spent(self) -> dict[str, int]:
        """Units that this quote spends, by unit."""
        sums: dict[str, int] = {}
        for move in self.quote.units:
            if move.spent:
                sums[move.unit] = sums.get(move.unit, 0) + move.spent
        return sums


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What is to be priced: the request, and the cards that a reader has added to it."""

    pos: PairedPos
    given: api_shapes.BasketGiven
    attached: tuple[ScannedCard, ...] = ()
    rewards: tuple[str, ...] = ()
    events: tuple[str, ...] = ()


def read_basket(state: TillState, wanted: Wanted) -> tuple[Basket, Place]:
    """The values to price; ApiProblem when the request contradicts itself."""
    given = wanted.given
    basket = basket_of(
        given, currency=state.currency, declared=given.currency or wanted.pos.currency
    )
    if wanted.events or wanted.rewards:
        # In order, so that the same wishes give the same quote after a restart.
        chosen = tuple(dict.fromkeys((*basket.chosen, *wanted.rewards)))
        basket = replace(basket, events=wanted.events, chosen=chosen)
    at = local_time(given.store_time, wall_ms=state.clock.wall_ms(), zone=state.zone)
    day = business_day_of(given.business_day, at)
    identity = state.identity
    place = place_of(
        at=at,
        business_day=day,
        store=identity.store if identity else "",
        region=identity.region if identity else "",
        register=identity.register if identity else "",
        tax_rounding=wanted.pos.tax_rounding,
        offline=state.mode == "offline",
        stopped=state.programme.stopped,
    )
    return usable(state, basket, day), place


async def make_quote(
    state: TillState, wanted: Wanted, executor: Executor, *, deadline: bool = True
) -> Quoted:
    """Price what is wanted within the deadline; beyond it, without benefits.

    A completion waits without `deadline`: its quote was promised already.
    """
    basket, place = read_basket(state, wanted)
    buyer, told = _buyer(state, wanted)
    seen = watched(state, buyer, place, wanted.given.cashier)
    buyer, place = seen.buyer, placed(state, seen.place)
    told = (*told, *seen.notices)
    if dropped(wanted.given.coupons, basket):
        told = (*told, notice("coupon_refused"))
    if len(basket.lines) <= INLINE_LINES_MAX:
        return _quoted(state, wanted.pos, basket, place, buyer, told)
    loop = asyncio.get_running_loop()
    pricing = loop.run_in_executor(executor, _quoted, state, wanted.pos, basket, place, buyer, told)
    deadline_s = state.settings.quote_deadline_ms / 1000 if deadline else None
    done, _ = await asyncio.wait({pricing}, timeout=deadline_s)
    if done:
        return pricing.result()
    _LOG.warning("a quote took too long", extra={"lines": len(basket.lines)})
    return _without_benefits(state, wanted.pos, basket, place, buyer, (*told, notice("quote_late")))


def _buyer(state: TillState, wanted: Wanted) -> tuple[Buyer, tuple[api_answers.Notice, ...]]:
    member = wanted.given.member
    if member is None and not wanted.attached:
        return NOBODY, ()
    try:
        with state.engines.reader.connect() as connection:
            buyer = find_buyer(
                connection,
                member,
                hasher=state.hasher,
                as_of_ms=state.balance_as_of_ms,
                scanned=wanted.attached,
            )
    except DATABASE_ERRORS as error:
        _LOG.error("the database cannot be read: %s", error)
        return Buyer(status="unknown"), (notice("database_failing"),)
    return buyer, buyer.notices


def _quoted(
    state: TillState,
    pos: PairedPos,
    basket: Basket,
    place: Place,
    buyer: Buyer,
    told: tuple[api_answers.Notice, ...],
) -> Quoted:
    notices = (*told, *state_notices(state, place))
    if any(said.code == "benefits_stopped" for said in notices):
        return _without_benefits(state, pos, basket, place, buyer, notices)
    member = state_of(buyer, place.at.date(), place.business_day)
    try:
        quote, bundle = state.programme.price(basket, place, member)
        if place.shares and state.programme.programme is not None:
            place = as_recorded(state.programme.programme, place, quote)
    except Exception:  # noqa: BLE001 - whatever the bug is, the sale goes on
        # The rules are ours, so this is our bug; the customer in front of the till is not to pay
        # for it with a queue. The log has what is needed to mend it.
        _LOG.exception("the rules failed on a basket")
        told_all = (*notices, notice("rules_failed"))
        return _without_benefits(state, pos, basket, place, buyer, told_all)
    reduced = _is_reduced(basket, quote)
    return Quoted(
        quote_id=promise_id(basket, member, quote),
        quote=quote,
        basket=basket,
        place=place,
        buyer=buyer,
        member=member,
        bundle=bundle,
        pos=pos,
        notices=(*notices, *_why_reduced(state)) if reduced else notices,
        coupons=uses_of(state, basket, quote),
    )


def _without_benefits(
    state: TillState,
    pos: PairedPos,
    basket: Basket,
    place: Place,
    buyer: Buyer,
    notices: tuple[api_answers.Notice, ...],
) -> Quoted:
    """A quote that promises nothing but what a POS prints anyway: amounts and tax groups."""
    try:
        quote = state.programme.price_plain(basket, place)
    except Exception:  # noqa: BLE001 - as in _quoted: the sale goes on
        _LOG.exception("the taxes failed on a basket")
        quote = bare_quote(basket)
    return Quoted(
        quote_id=promise_id(basket, None, quote),
        quote=quote,
        basket=basket,
        place=place,
        buyer=buyer,
        member=None,
        bundle="",
        pos=pos,
        notices=notices,
    )


def state_notices(state: TillState, place: Place | None = None) -> tuple[api_answers.Notice, ...]:
    """What the register's own state has to say about every answer now."""
    codes = []
    if state.settings.training:
        codes.append("training")
    if state.identity is None:
        codes.append("not_enrolled")
    elif state.programme.programme is None:
        codes.append("no_programme")
    if state.sync is not None and state.sync().is_shut_out:
        codes.append("register_refused")
    if state.programme.rejected:
        codes.append("bundle_rejected")
    if state.disk().benefits_stopped:
        codes.append("benefits_stopped")
    at_ms = None if place is None else int(place.at.timestamp() * 1000)
    if state.is_clock_doubtful(at_ms):
        codes.append("clock_doubt")
    return tuple(notice(code) for code in codes)


def with_draws(quoted: Quoted, draws: tuple[DrawResult, ...]) -> Quoted:
    """The quote once its sale is recorded and drawn; a win is told to the cashier."""
    return replace(quoted, draws=draws, notices=(*quoted.notices, *draw_notices(draws)))


def draw_notices(draws: tuple[DrawResult, ...]) -> tuple[api_answers.Notice, ...]:
    """What is told besides of instant wins."""
    return (notice("instant_win"),) if any(draw.prize for draw in draws) else ()


def _why_reduced(state: TillState) -> tuple[api_answers.Notice, ...]:
    """Fewer units are spent than wished; and why no more are set aside, if that is known."""
    is_held = state.sync is not None and state.sync().awaited
    reasons = ("redemption_reduced", "points_held") if is_held else ("redemption_reduced",)
    return tuple(notice(code) for code in reasons)


def _is_reduced(basket: Basket, quote: Quote) -> bool:
    """Whether fewer units are spent than the basket wishes."""
    wished: dict[str, int] = {}
    for wish in basket.redemptions:
        if wish.unit:
            wished[wish.unit] = wished.get(wish.unit, 0) + wish.amount
    return any(
        sum(move.spent for move in quote.units if move.unit == unit) < amount
        for unit, amount in wished.items()
    )


def promise_id(basket: Basket, member: MemberState | None, quote: Quote) -> str:
    """The id of what was promised: the same for the same basket, member, prices and units.

    A hash, so that an agent that was killed in between finds the same again. What changes no
    promise is left out: a balance that moved meanwhile, the second in which it was asked, a newer
    programme that prices this basket alike.
    """
    promised = (
        encoded(basket),
        b"" if member is None else member.member_id.encode(),
        encoded((quote.due_minor, quote.discount_minor, quote.tendered_units_minor)),
        encoded(quote.lines),
        encoded(quote.units),
    )
    return hashlib.sha256(b"\n".join(promised)).hexdigest()[:32]
