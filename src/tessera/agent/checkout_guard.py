"""The guard against abuse at the till: what it sees of a customer, and what it counts.

Owns: the way from counts and the cashier's number to the rules' verdict, and its flags and notices.
Must never: refuse a sale or a return; at most the card gets nothing.
"""

from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import date

from tessera.agent.api_answers import Notice
from tessera.agent.checkout_member import Buyer
from tessera.agent.notices import notice
from tessera.agent.till_state import TillState
from tessera.core.basket import Place
from tessera.core.member import MemberState
from tessera.core.quote import CounterUse
from tessera.core.uses import GUARD_RETURNS, GUARD_SALES, guard_use
from tessera.rules.guard import Guard, Verdict, judge_return, judge_sale
from tessera.store.engine import DATABASE_ERRORS
from tessera.store.till import cached_members

REFUSED = "refused"
NOTICE_REFUSED = "guard_refused"
_PREFIX = "guard_"


@dataclass(frozen=True, slots=True, kw_only=True)
class Watched:
    """A customer as the guard leaves them: refused, they are priced as nobody."""

    buyer: Buyer
    place: Place
    notices: tuple[Notice, ...] = ()


def watched(state: TillState, buyer: Buyer, place: Place, cashier: str | None) -> Watched:
    """Look at a customer before their basket is priced."""
    verdict = verdict_on(state, buyer, place.business_day, cashier)
    if verdict.refused:
        buyer, place = replace(buyer, status=REFUSED), replace(place, guarded=True)
    return Watched(buyer=buyer, place=place, notices=notices_of(verdict))


def verdict_on(state: TillState, buyer: Buyer, day: date, cashier: str | None) -> Verdict:
    """What the programme's guard says of a sale or claim by this customer."""
    guard, member = _guard(state), buyer.known
    if guard is None or member is None:
        return Verdict()
    own = bool(guard.own_card) and _is_of(state, cashier, member.member_id)
    return judge_sale(guard, buyer.counted_by_guard(), day, own_card=own)


def counted_sale(
    state: TillState, member: MemberState | None, place: Place
) -> tuple[CounterUse, ...]:
    """What a recorded sale or claim adds to what the guard counts of its member."""
    guard = _guard(state)
    if guard is None or guard.card is None or member is None:
        return ()
    return (guard_use(GUARD_SALES, place.business_day, guard.card.most),)


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchedReturn:
    """What the guard says of a return, and what it counts."""

    flags: tuple[str, ...] = ()
    notices: tuple[Notice, ...] = ()
    counted: tuple[CounterUse, ...] = ()


def watched_return(state: TillState, buyer: Buyer, place: Place) -> WatchedReturn:
    """Look at a member who brings goods back, or whose sale is voided."""
    guard, member = _guard(state), buyer.known
    if guard is None or guard.returns is None or member is None:
        return WatchedReturn()
    day = place.business_day
    told = notices_of(judge_return(guard, buyer.counted_by_guard(), day))
    return WatchedReturn(
        flags=guard_flags({said.code for said in told}),
        notices=told,
        counted=(guard_use(GUARD_RETURNS, day, guard.returns.most),),
    )


def notices_of(verdict: Verdict) -> tuple[Notice, ...]:
    """A verdict as the cashier is told."""
    codes = [_PREFIX + rule.replace("-", "_") for rule in verdict.found]
    if verdict.refused:
        codes.append(NOTICE_REFUSED)
    return tuple(notice(code) for code in codes)


def guard_flags(codes: Collection[str]) -> tuple[str, ...]:
    """The flags of a record whose customer was told these notices."""
    return tuple(code.replace("_", "-") for code in sorted(codes) if code.startswith(_PREFIX))


def _guard(state: TillState) -> Guard | None:
    programme = state.programme.programme
    return None if programme is None else programme.guard


def _is_of(state: TillState, cashier: str | None, member_id: str) -> bool:
    """Whether the cashier at this till is known as that member."""
    if not cashier or state.hasher is None:
        return False
    try:
        number_hash = state.hasher.staff(cashier)
    except ValueError:
        # A number that reads as none names nobody.
        return False
    try:
        with state.engines.reader.connect() as connection:
            found = cached_members.find_by_card(connection, number_hash)
    except DATABASE_ERRORS:
        # The next answer says that the database fails.
        return False
    return found is not None and found.member_id == member_id
