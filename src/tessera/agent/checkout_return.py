"""Lines of a sale of this register brought back, and a whole sale reversed.

Owns: finding the original, what is left of it to return, the record of the return.
Must never: pay out more than was sold.
"""

from dataclasses import dataclass, replace
from decimal import Decimal
from hashlib import sha256

import msgspec
import sqlalchemy as sa

from tessera.agent import api_shapes
from tessera.agent.api_answers import ReturnAnswer, as_json
from tessera.agent.checkout_answers import return_answer
from tessera.agent.checkout_commit import (
    Writing,
    answer_again,
    digest_of,
    draft_of,
    find_first,
    member_effects,
    mint_uid,
    write_record,
)
from tessera.agent.checkout_guard import WatchedReturn, watched_return
from tessera.agent.checkout_limits import code_effects, ending_of, is_last
from tessera.agent.checkout_member import NOBODY
from tessera.agent.checkout_original import (
    ChangedMeanwhile,
    Original,
    find_original,
    original_of,
    place_here,
    raise_if_changed,
    when_and_where,
)
from tessera.agent.checkout_quote import state_notices
from tessera.agent.checkout_return_effects import as_wishes, lease_uses, return_effects
from tessera.agent.checkout_return_quote import FLAG_FALLBACK, priced_return
from tessera.agent.checkout_unreceipted import Unreceipted, take_back
from tessera.agent.claim_taken_back import Back, claimed_taken_back
from tessera.agent.pairing import PairedPos
from tessera.agent.past_programmes import PastProgrammes
from tessera.agent.problems_http import ApiProblem
from tessera.agent.receipt_data import read_receipt_data
from tessera.agent.till_state import TillState
from tessera.core.basket import Place
from tessera.core.identity import SaleKey
from tessera.core.journal import RecordDraft
from tessera.core.quote import ReturnQuote
from tessera.core.sale import (
    KIND_RETURN,
    Ending,
    LeaseUse,
    ReturnBody,
    Tender,
)
from tessera.core.uses import use_postings
from tessera.rules.spent_short import REDUCE_REFUND, reduce_refund
from tessera.store.till.values import AccountEffect
from tessera.sync.records import encoded

_NAME_LENGTH_MAX = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Returning:
    """A return that is about to be recorded."""

    key: SaleKey
    place: Place
    original: Original
    wishes: dict[str, Decimal]
    tenders: tuple[api_shapes.TenderGiven, ...] = ()
    voids: bool = False
    result: str = "returned"


async def return_lines(
    state: TillState,
    pos: PairedPos,
    return_id: str,
    given: api_shapes.ReturnGiven,
    past: PastProgrammes,
) -> bytes:
    """Take lines of a sale back; the answer's bytes, once durable."""
    at, day, store = when_and_where(state, given.store_time, given.business_day)
    key = SaleKey(store=store, pos=pos.name, business_day=day, sale_id=return_id)
    digest = digest_of("return", given)
    if (first := find_first(state, key)) is not None:
        return answer_again(first, digest, what="return")
    _refuse_unclear(given)
    if given.goods:
        place = place_here(state, pos, at, day)
        wanted = Unreceipted(key=key, place=place, given=given, digest=digest)
        return await take_back(state, pos, wanted)
    original = _named_original(state, pos, given)
    returning = Returning(
        key=key,
        place=place_here(state, pos, at, day),
        original=original,
        wishes=_wishes(given, original),
        tenders=given.tenders,
    )
    try:
        return await _record(state, returning, digest, past)
    except ChangedMeanwhile:
        return await return_lines(state, pos, return_id, given, past)


def _refuse_unclear(given: api_shapes.ReturnGiven) -> None:
    """ApiProblem unless it is clear which goods come back: of a sale, or without a receipt."""
    named = (given.original is not None) + (given.receipt_data is not None) + bool(given.goods)
    if named == 1 and bool(given.lines) != bool(given.goods):
        return
    raise ApiProblem(
        "field_wrong",
        "lines of one sale are needed, or goods without a receipt",
        field="original",
        hint='send "original" or "receipt_data" with "lines", or "goods" alone',
    )


def _named_original(state: TillState, pos: PairedPos, given: api_shapes.ReturnGiven) -> Original:
    if given.original is not None:
        return find_original(
            state,
            pos=given.original.pos,
            own_pos=pos.name,
            sale_id=given.original.sale_id,
            day=given.original.business_day,
        )
    assert given.receipt_data is not None
    assert state.hasher is not None
    try:
        receipt = read_receipt_data(given.receipt_data, state.hasher)
    except ValueError as error:
        raise ApiProblem(
            "field_wrong", str(error), field="receipt_data", hint="scan the receipt again"
        ) from None
    return original_of(state, receipt)


async def void_sale(
    state: TillState,
    pos: PairedPos,
    sale_id: str,
    given: api_shapes.VoidGiven,
    past: PastProgrammes,
) -> bytes:
    """Reverse a whole sale, once; the answer's bytes, once durable."""
    at, day, store = when_and_where(state, given.store_time, given.business_day)
    begun = given.begun
    sold_at = begun.pos if begun else pos.name
    sold_on = begun.business_day if begun else given.original_business_day
    original = find_original(state, pos=sold_at, own_pos=sold_at, sale_id=sale_id, day=sold_on)
    # Keyed by the sale's own day, so that a repeat after midnight is still a repeat.
    key = SaleKey(
        store=store,
        pos=sold_at,
        business_day=original.sale.key.business_day,
        sale_id=void_id(sale_id),
    )
    digest = digest_of("void", original.sale.uid)
    if (first := find_first(state, key)) is not None:
        return answer_again(first, digest, what="void")
    if original.before or original.sale.voided:
        raise ApiProblem(
            "sale_already_returned",
            f"lines of sale {sale_id} came back already",
            hint="return the rest of it with POST /v1/returns/{return_id}",
        )
    returning = Returning(
        key=key,
        place=place_here(state, pos, at, day),
        original=original,
        wishes=original.left(),
        voids=True,
        result="voided",
    )
    try:
        return await _record(state, returning, digest, past)
    except ChangedMeanwhile:
        return await void_sale(state, pos, sale_id, given, past)


def refund_of(answer: bytes) -> ReturnAnswer:
    """The answer of a return or void, read back from its bytes."""
    return msgspec.json.decode(answer, type=ReturnAnswer)


def void_id(sale_id: str) -> str:
    """The id under which the void of a sale is recorded."""
    name = f"void:{sale_id}"
    if len(name) <= _NAME_LENGTH_MAX:
        return name
    return "void:" + sha256(sale_id.encode()).hexdigest()[:40]


def _wishes(given: api_shapes.ReturnGiven, original: Original) -> dict[str, Decimal]:
    """What is to come back by line; ApiProblem for a line or a quantity that was not sold."""
    left, wishes = original.left(), dict[str, Decimal]()
    measured = {line.line_id for line in original.body.basket.lines if line.measure}
    for number, line in enumerate(given.lines):
        quantity = Decimal(line.quantity)
        rest = left.get(line.id, Decimal(0)) - wishes.get(line.id, Decimal(0))
        whole = line.id not in measured
        if quantity > rest or (whole and quantity != quantity.to_integral_value()):
            raise ApiProblem(
                "quantity_wrong",
                f"{line.quantity} of line {line.id} cannot come back; {max(rest, Decimal(0))}"
                " are left",
                field=f"lines[{number}].quantity",
                hint="send the line ids and at most the quantities of the sale",
            )
        wishes[line.id] = wishes.get(line.id, Decimal(0)) + quantity
    return wishes


async def _record(
    state: TillState, returning: Returning, digest: bytes, past: PastProgrammes
) -> bytes:
    original = returning.original
    quote, unusual = priced_return(
        past,
        original.body,
        # On its receipt a sale has no categories, so it cannot be priced anew elsewhere.
        bundle="" if original.elsewhere else original.bundle,
        wishes=returning.wishes,
        before=original.before,
    )
    if quote.spent_short == REDUCE_REFUND and original.member_id:
        quote, unusual = _less_what_was_spent(original, quote, past, unusual)
    buyer = original.buyer if original.member_id else NOBODY
    seen = watched_return(state, buyer, returning.place)
    flags = (*_flags(returning, unusual), *seen.flags)
    ending, last = ending_of(original.body), is_last(original.left(), returning.wishes)
    undone = ending if last else Ending()
    uid, wishes = mint_uid(state), as_wishes(returning.wishes)
    told, before = _with_claimed_back(state, returning, quote)
    answer = _answer(state, returning, told, seen, uid=uid, flags=flags)

    def record(connection: sa.Connection) -> tuple[RecordDraft, bytes, tuple[LeaseUse, ...]]:
        raise_if_changed(connection, original)
        uses = lease_uses(connection, original.member_id, quote)
        body = ReturnBody(
            key=returning.key,
            place=returning.place,
            original=original.sale.key,
            original_uid=original.sale.uid,
            member_id=original.member_id,
            wishes=wishes,
            returned_before=as_wishes(original.before),
            quote=quote,
            tenders=tenders_of(returning.tenders),
            leases=uses,
            flags=flags,
            counters=undone.counters,
            revoked=undone.revoked,
            coupons=undone.coupons,
            codes=undone.codes,
            with_last=None if last or ending == Ending() else ending,
            counted=seen.counted,
        )
        draft = draft_of(
            state,
            kind=KIND_RETURN,
            day=returning.key.business_day,
            bundle=original.bundle,
            body=encoded(body),
            uid=uid,
        )
        return draft, answer, uses

    return await write_record(
        state,
        Writing(
            uid=uid,
            key=returning.key,
            digest=digest,
            record=record,
            effects=_effects(original, quote, undone, seen),
            returned=wishes,
            original=original.sale.key,
            voids=returning.voids,
            before=before,
        ),
        what="void" if returning.voids else "return",
    )


def _flags(returning: Returning, unusual: tuple[str, ...]) -> tuple[str, ...]:
    void = ("void",) if returning.voids else ()
    return (*void, *unusual, *(("other-register",) if returning.original.elsewhere else ()))


def _effects(
    original: Original, quote: ReturnQuote, undone: Ending, seen: WatchedReturn
) -> tuple[AccountEffect, ...]:
    return (
        *return_effects(original.member_id, original.accounts, quote, undone.counters),
        *member_effects(original.buyer, use_postings(seen.counted)),
        *code_effects(undone),
    )


def _less_what_was_spent(
    original: Original, quote: ReturnQuote, past: PastProgrammes, unusual: tuple[str, ...]
) -> tuple[ReturnQuote, tuple[str, ...]]:
    """The quote less what is kept for spent units, as the programme of the sale values them."""
    programme = past.find(original.bundle)
    if programme is None:
        return quote, tuple(dict.fromkeys((*unusual, FLAG_FALLBACK)))
    held = {unit: view.balance for unit, view in original.buyer.balances().items()}
    values = {name: unit.value for name, unit in programme.units.items() if unit.value is not None}
    return reduce_refund(quote, held, values), unusual


def _with_claimed_back(
    state: TillState, returning: Returning, quote: ReturnQuote
) -> tuple[ReturnQuote, Writing | None]:
    """The quote with what was claimed on these goods and goes back with them; that one's record."""
    original = returning.original
    if original.claim is None:
        return quote, None
    back = Back(
        key=returning.key,
        place=returning.place,
        wishes=returning.wishes,
        before=original.before,
        accounts=original.accounts,
    )
    claimed, record = claimed_taken_back(state, original.claim, back)
    return (quote if claimed is None else replace(quote, units=claimed.units)), record


def _answer(
    state: TillState,
    returning: Returning,
    quote: ReturnQuote,
    seen: WatchedReturn,
    *,
    uid: str,
    flags: tuple[str, ...],
) -> bytes:
    """What the POS is told; `quote` with what was claimed on the goods."""
    original = returning.original
    answer = return_answer(
        quote,
        result=returning.result,
        return_id=returning.key.sale_id,
        original_sale_id=original.sale.key.sale_id,
        mode=state.mode,
        language=state.settings.language,
        buyer=original.buyer,
        uid=uid,
        flags=flags,
        notices=(*state_notices(state, returning.place), *seen.notices),
    )
    return as_json(answer)


def tenders_of(given: tuple[api_shapes.TenderGiven, ...]) -> tuple[Tender, ...]:
    """How a refund was paid out, as a record holds it."""
    return tuple(Tender(kind=tender.kind, amount_minor=tender.amount_minor) for tender in given)
