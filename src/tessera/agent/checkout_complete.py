"""Completing a sale: is it the quote that was promised, was money taken, what is flagged.

Owns: the decision between recording, refusing and answering a repeat. Must never: refuse a sale for
which money was taken; it is recorded as it happened, and what is odd about it is flagged.
"""

from concurrent.futures import Executor
from dataclasses import dataclass, replace

from tessera.agent import api_shapes
from tessera.agent.checkout_basket import business_day_of, local_time
from tessera.agent.checkout_commit import (
    Committed,
    Sold,
    answer_again,
    commit_sale,
    digest_of,
    find_first,
)
from tessera.agent.checkout_coupons import FLAG_REUSED, CouponSpent
from tessera.agent.checkout_guard import guard_flags
from tessera.agent.checkout_limits import FLAG_OVER_LIMIT, LimitReached
from tessera.agent.checkout_quote import Quoted, Wanted, make_quote, read_basket, with_draws
from tessera.agent.checkout_shares import FLAG_USED_UP, ShareShort
from tessera.agent.open_sales import OpenSale
from tessera.agent.pairing import PairedPos
from tessera.agent.problems_http import ApiProblem
from tessera.agent.till_state import TillState
from tessera.core.identity import SaleKey, minted_ms
from tessera.store.till import committed_sales
from tessera.store.till.values import CommittedSale, LeaseShort

REPEAT_MS_MAX = 3_600_000
FLAG_UNBACKED = "redemption-unbacked"
_NOT_CONTENT = frozenset({"quote_id", "revision", "money_taken", "begun", "cashier"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Completed:
    """What became of a completion; `quoted` is None for a repeat."""

    answer: bytes
    quoted: Quoted | None


def changed(given: api_shapes.CompleteGiven, **fields: object) -> api_shapes.CompleteGiven:
    """The same request with some fields replaced."""
    kept = {name: getattr(given, name) for name in given.__struct_fields__}
    return api_shapes.CompleteGiven(**{**kept, **fields})


def sale_digest(given: api_shapes.CompleteGiven) -> bytes:
    """What makes two completions the same: all but what only leads from the quote to them."""
    names = (name for name in given.__struct_fields__ if name not in _NOT_CONTENT)
    return digest_of({name: getattr(given, name) for name in names})


def key_of(
    state: TillState,
    pos: PairedPos,
    sale_id: str,
    given: api_shapes.BasketGiven,
) -> SaleKey:
    """The key under which a POS's id stands in the journal: that of where the sale was begun."""
    at = local_time(given.store_time, wall_ms=state.clock.wall_ms(), zone=state.zone)
    begun = given.begun
    return SaleKey(
        store=state.identity.store if state.identity else "",
        pos=begun.pos if begun else pos.name,
        business_day=begun.business_day if begun else business_day_of(given.business_day, at),
        sale_id=sale_id,
    )


def first_of(
    state: TillState,
    key: SaleKey,
    given: api_shapes.CompleteGiven,
    digest: bytes,
    *,
    late: bool = False,
) -> CommittedSale | None:
    """What stands under the key; for a POS that sends no date, a repeat after midnight as well.

    A repeat comes within the hour, or is reported late. After that it is another sale: a POS that
    counts from 1 each day may well sell the same goods under the same number.
    """
    first = find_first(state, key)
    if first is not None or given.store_time is not None or given.business_day is not None:
        return first
    with state.engines.reader.connect() as connection:
        newest = committed_sales.find_sale_by_id(connection, key.sale_id)
    if newest is None or newest.key.pos != key.pos or newest.request_digest != digest:
        return None
    age_ms = state.clock.wall_ms() - minted_ms(newest.uid)
    return newest if late or age_ms <= REPEAT_MS_MAX else None


def refuse_recorded(state: TillState, key: SaleKey) -> None:
    """ApiProblem when the sale with this key is completed."""
    if find_first(state, key) is not None:
        raise ApiProblem(
            "sale_completed",
            f"sale {key.sale_id} is completed",
            hint="begin another sale with an id of its own",
        )


async def complete_sale(
    state: TillState,
    pos: PairedPos,
    sale_id: str,
    given: api_shapes.CompleteGiven,
    *,
    sale: OpenSale | None,
    executor: Executor,
    late: bool = False,
) -> Completed:
    """Record a completed sale, or give the first answer again.

    ApiProblem when the basket is not the quoted one and no money was taken yet.
    """
    digest = sale_digest(given)
    if given.begun is None and sale is not None and sale.given.begun is not None:
        given = changed(given, begun=sale.given.begun)
    key = key_of(state, pos, sale_id, given)
    parked = False
    if (first := first_of(state, key, given, digest, late=late)) is not None:
        parked = late and first.request_digest != digest
        if not parked:
            return Completed(answer=answer_again(first, digest, what="sale"), quoted=None)
    # Finished without an answer: the customer got no discount, so the card changes no price.
    priced = changed(given, earning_only=True) if late and given.quote_id is None else given
    wanted = Wanted(pos=pos, given=priced)
    if sale is not None:
        wanted = replace(wanted, attached=sale.attached, rewards=sale.rewards)
    quoted, kept = await _promised(state, wanted, sale, executor)
    day = given.begun.business_day if given.begun else quoted.place.business_day
    sold = _sold(replace(key, business_day=day), given, quoted)
    sold = replace(sold, revision=given.revision or (sale.revision if sale else 0))
    if late:
        sold = _flagged(sold, "late")
    if parked:
        sold = _parked(sold, digest)
        if (again := find_first(state, sold.row_key or key)) is not None:
            return Completed(answer=answer_again(again, digest, what="sale"), quoted=None)
    elif not kept or _is_total_off(given, quoted):
        if not (late or _was_money_taken(given)):
            raise _mismatch(given, quoted)
        sold = _flagged(sold, "total-mismatch" if _is_total_off(given, quoted) else "quote-changed")
    return await _commit(state, wanted, sold, digest, executor, late=late)


async def _commit(
    state: TillState, wanted: Wanted, sold: Sold, digest: bytes, executor: Executor, *, late: bool
) -> Completed:
    """Record it; what is used up or can't be paid for by then is left out, if money was taken."""
    try:
        return _completed(await commit_sale(state, sold, digest), sold.quoted)
    except LimitReached as error:
        if not (late or _was_money_taken(sold.given)):
            raise ApiProblem("quote_mismatch", error.message, hint=error.hint) from error
        # The customer has gone with it; central hears that it was once too often.
        sold = _flagged(sold, FLAG_OVER_LIMIT)
        return await _commit(state, wanted, sold, digest, executor, late=late)
    except CouponSpent as error:
        if not (late or _was_money_taken(sold.given)):
            raise ApiProblem("quote_mismatch", error.message, hint=error.hint) from error
        sold = _flagged(sold, FLAG_REUSED)
        return await _commit(state, wanted, sold, digest, executor, late=late)
    except ShareShort as error:
        if not (late or _was_money_taken(sold.given)):
            raise ApiProblem("quote_mismatch", error.message, hint=error.hint) from error
        # The customer has gone with a price that nobody set anything aside for: the shop bears it.
        sold = await _without_used_up(state, wanted, sold, executor)
        return await _commit(state, wanted, sold, digest, executor, late=late)
    except LeaseShort as error:
        if not (late or _was_money_taken(sold.given)):
            raise ApiProblem("lease_short", error.message, hint=error.hint) from error
        if FLAG_UNBACKED in sold.flags:
            raise
    # The customer has gone with a price that the units can't pay for: the shop bears it.
    assert isinstance(wanted.given, api_shapes.CompleteGiven)
    bare = replace(wanted, given=changed(wanted.given, redemptions=(), chosen=()), rewards=())
    quoted = await make_quote(state, bare, executor, deadline=False)
    sold = _flagged(replace(sold, quoted=quoted), FLAG_UNBACKED, "total-mismatch")
    return await _commit(state, bare, sold, digest, executor, late=late)


async def _without_used_up(
    state: TillState, wanted: Wanted, sold: Sold, executor: Executor
) -> Sold:
    """The sale by a quote of this moment, in which what is used up is not given."""
    quoted = await make_quote(state, wanted, executor, deadline=False)
    off = ("total-mismatch",) if _is_total_off(sold.given, quoted) else ()
    return _flagged(replace(sold, quoted=quoted), FLAG_USED_UP, *off)


def _completed(committed: Committed, quoted: Quoted) -> Completed:
    return Completed(answer=committed.answer, quoted=with_draws(quoted, committed.draws))


async def _promised(
    state: TillState, wanted: Wanted, sale: OpenSale | None, executor: Executor
) -> tuple[Quoted, bool]:
    """The quote to record, and whether it is the one that the POS was promised.

    From memory if it is still there, else computed anew: the same inputs give the same id.
    """
    given = wanted.given
    assert isinstance(given, api_shapes.CompleteGiven)
    if sale is not None:
        promised = sale.quotes.get(given.quote_id or "")
        if promised is not None and _is_same_basket(state, given, promised):
            if promised is sale.quoted and not _owes_points(promised):
                return promised, True
            return await _overtaken(state, wanted, promised, executor), True
    quoted = await make_quote(state, wanted, executor, deadline=False)
    return quoted, given.quote_id in {None, quoted.quote_id}


def _is_same_basket(state: TillState, given: api_shapes.CompleteGiven, promised: Quoted) -> bool:
    """Whether a completion is about the basket that was quoted, accepted rewards aside.

    A coupon that was used meanwhile is still what was promised; the commit decides about it.
    """
    basket, _ = read_basket(state, Wanted(pos=promised.pos, given=given))
    coupons, chosen = promised.basket.coupons, promised.basket.chosen
    same = replace(basket, chosen=chosen, coupons=coupons) == promised.basket
    return same and set(basket.coupons) <= set(coupons) <= set(given.coupons)


def _owes_points(promised: Quoted) -> bool:
    """Whether a member was recognised and priced as nobody, since pricing took too long."""
    return promised.buyer.known is not None and promised.member is None


async def _overtaken(
    state: TillState, wanted: Wanted, promised: Quoted, executor: Executor
) -> Quoted:
    """A promise whose prices hold, though more is known by now than when it was given.

    A card that was scanned since, or a member for whom pricing took too long, still earns, as it
    would after the first tender.
    """
    given = wanted.given
    assert isinstance(given, api_shapes.CompleteGiven)
    if _owes_points(promised) or (promised.buyer.known is None and wanted.attached):
        earning = replace(wanted, given=changed(given, earning_only=True), rewards=())
        quoted = await make_quote(state, earning, executor, deadline=False)
        if quoted.quote.due_minor == promised.quote.due_minor:
            return quoted
    return promised


def _sold(key: SaleKey, given: api_shapes.CompleteGiven, quoted: Quoted) -> Sold:
    sold = Sold(key=key, given=given, quoted=quoted)
    codes = {said.code for said in quoted.notices}
    if "clock_doubt" in codes:
        sold = _flagged(sold, "clock-doubt")
    if codes & {"benefits_stopped", "rules_failed", "database_failing", "quote_late"}:
        sold = _flagged(sold, "no-benefits")
    return _flagged(sold, *guard_flags(codes))


def _parked(sold: Sold, digest: bytes) -> Sold:
    row_key = replace(sold.key, sale_id=f"late:{digest.hex()[:32]}")
    return replace(_flagged(sold, "key-reused"), parked=True, row_key=row_key)


def _is_total_off(given: api_shapes.CompleteGiven, quoted: Quoted) -> bool:
    return given.total_taken_minor != quoted.quote.due_minor + given.rounding_minor


def _was_money_taken(given: api_shapes.CompleteGiven) -> bool:
    return bool(given.tenders) if given.money_taken is None else given.money_taken


def _mismatch(given: api_shapes.CompleteGiven, quoted: Quoted) -> ApiProblem:
    due = quoted.quote.due_minor + given.rounding_minor
    if _is_total_off(given, quoted):
        message = f"{given.total_taken_minor} were taken, {due} are due"
        field = "total_taken_minor"
    else:
        message, field = "the quote is no longer what was promised", "quote_id"
    return ApiProblem(
        "quote_mismatch",
        message,
        field=field,
        hint="send the basket again with PUT and take what the new quote says",
    )


_TOLD = frozenset({"key_reused", "redemption_unbacked", "total_mismatch"})


def _flagged(sold: Sold, *flags: str) -> Sold:
    """The same sale with these flags as well, and the notices that go with them."""
    told = (flag.replace("-", "_") for flag in flags)
    return replace(
        sold,
        flags=tuple(dict.fromkeys((*sold.flags, *flags))),
        notices=tuple(dict.fromkeys((*sold.notices, *(code for code in told if code in _TOLD)))),
    )
