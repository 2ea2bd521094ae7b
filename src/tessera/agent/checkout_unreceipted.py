"""Goods that come back without a receipt: what they would cost now at their lowest, or nothing.

Owns: that rule (the setting `returns_without_receipt`) and the record, which says that no sale is
behind it. Must never: pay more than the goods could cost anybody today, or give units.
"""

from dataclasses import dataclass, replace
from decimal import Decimal

import sqlalchemy as sa

from tessera.agent import api_answers, api_shapes
from tessera.agent.api_answers import as_json
from tessera.agent.checkout_answers import return_answer
from tessera.agent.checkout_basket import basket_of
from tessera.agent.checkout_commit import (
    Writing,
    draft_of,
    member_effects,
    mint_uid,
    write_record,
)
from tessera.agent.checkout_guard import WatchedReturn, watched_return
from tessera.agent.checkout_member import Buyer, state_of
from tessera.agent.checkout_quote import state_notices
from tessera.agent.checkout_recognise import find
from tessera.agent.checkout_return_effects import lease_uses, return_effects
from tessera.agent.notices import notice
from tessera.agent.pairing import PairedPos
from tessera.agent.problems_http import ApiProblem
from tessera.agent.till_state import TillState
from tessera.core.basket import Basket, LineKind, Place
from tessera.core.identity import SaleKey
from tessera.core.journal import RecordDraft
from tessera.core.member import MemberState
from tessera.core.quote import Quote, ReturnedLine, ReturnQuote, UnitMovement
from tessera.core.sale import KIND_RETURN, LeaseUse, ReturnBody, ReturnWish, Tender
from tessera.core.uses import use_postings
from tessera.sync.records import encoded

POLICY = "unreceipted"
FLAG = "no-receipt"
REFUSE, SHELF = "refuse", "shelf"
ANYBODY = MemberState(member_id="anybody")


@dataclass(frozen=True, slots=True, kw_only=True)
class Unreceipted:
    """Goods without a receipt that are about to be taken back."""

    key: SaleKey
    place: Place
    given: api_shapes.ReturnGiven
    digest: bytes


async def take_back(state: TillState, pos: PairedPos, wanted: Unreceipted) -> bytes:
    """Record a return without a receipt; the answer's bytes, once durable."""
    rule = state.settings.returns_without_receipt
    if rule == REFUSE:
        raise ApiProblem(
            "receipt_needed",
            "this shop takes goods back with their receipt only",
            field="original",
            hint="scan the receipt; returns_without_receipt in the settings may allow others",
        )
    basket = basket_of(
        api_shapes.BasketGiven(lines=wanted.given.goods),
        currency=state.currency,
        declared=pos.currency,
    )
    if any(line.kind is not LineKind.GOODS or line.amount_minor < 0 for line in basket.lines):
        raise ApiProblem(
            "field_wrong",
            "goods come back as goods, with what they cost now",
            field="goods",
            hint='send "kind": "goods" and the shelf amount, not below zero',
        )
    buyer = find(state, wanted.given.member) if wanted.given.member else Buyer()
    quote = _return_quote(state, basket, wanted.place, buyer, rule=rule)
    return await _record(state, wanted, basket, buyer, quote)


def _return_quote(
    state: TillState, basket: Basket, place: Place, buyer: Buyer, *, rule: str
) -> ReturnQuote:
    """What is paid for the goods, and what of their points goes back."""
    programme, plain = state.programme, state.programme.price_plain(basket, place)
    member = state_of(buyer, place.at.date())
    found = [plain]
    if rule != SHELF:
        found += [programme.price(basket, place, who)[0] for who in (None, ANYBODY, member)]
    lowest = min(found, key=lambda quote: quote.due_minor + quote.tendered_units_minor)
    earned = programme.price(basket, place, member)[0].units if member is not None else ()
    return _as_return(basket, lowest, earned)


def _as_return(basket: Basket, lowest: Quote, earned: tuple[UnitMovement, ...]) -> ReturnQuote:
    quantities = {line.line_id: line.quantity for line in basket.lines}
    return ReturnQuote(
        engine=lowest.engine,
        currency=lowest.currency,
        policy=POLICY,
        refund_minor=max(0, sum(line.due_minor + line.on_top_minor for line in lowest.lines)),
        lines=tuple(
            ReturnedLine(
                line_id=line.line_id,
                quantity=format(quantities.get(line.line_id, Decimal(0)), "f"),
                refund_minor=line.due_minor + line.on_top_minor,
                discount_minor=line.discount_minor,
                tax_minor=line.tax_minor,
            )
            for line in lowest.lines
        ),
        taxes=lowest.taxes,
        units=tuple(
            UnitMovement(unit=move.unit, earned=move.earned, issuer=move.issuer)
            for move in earned
            if move.earned
        ),
    )


async def _record(
    state: TillState, wanted: Unreceipted, basket: Basket, buyer: Buyer, quote: ReturnQuote
) -> bytes:
    uid, seen = mint_uid(state), watched_return(state, buyer, wanted.place)
    flags = (FLAG, *seen.flags)
    member_id = buyer.known.member_id if buyer.known is not None else ""
    answer = _answer(state, wanted, buyer, quote, seen, uid=uid)

    def record(connection: sa.Connection) -> tuple[RecordDraft, bytes, tuple[LeaseUse, ...]]:
        uses = lease_uses(connection, member_id, quote)
        body = ReturnBody(
            key=wanted.key,
            place=wanted.place,
            original=wanted.key,
            original_uid="",
            member_id=member_id,
            wishes=tuple(
                ReturnWish(line_id=line.line_id, quantity=line.quantity) for line in quote.lines
            ),
            returned_before=(),
            quote=quote,
            tenders=tuple(
                Tender(kind=tender.kind, amount_minor=tender.amount_minor)
                for tender in wanted.given.tenders
            ),
            leases=uses,
            flags=flags,
            basket=basket,
            counted=seen.counted,
        )
        draft = draft_of(
            state,
            kind=KIND_RETURN,
            day=wanted.key.business_day,
            bundle=state.programme.bundle,
            body=encoded(body),
            uid=uid,
        )
        return draft, answer, uses

    writing = Writing(
        uid=uid,
        key=wanted.key,
        digest=wanted.digest,
        record=record,
        effects=(
            *return_effects(member_id, buyer.accounts, quote),
            *member_effects(buyer, use_postings(seen.counted)),
        ),
    )
    return await write_record(state, writing, what="return")


def _answer(
    state: TillState,
    wanted: Unreceipted,
    buyer: Buyer,
    quote: ReturnQuote,
    seen: WatchedReturn,
    *,
    uid: str,
) -> bytes:
    own = (*state_notices(state, wanted.place), notice("no_receipt"))
    told: api_answers.ReturnAnswer = return_answer(
        quote,
        result="returned",
        return_id=wanted.key.sale_id,
        original_sale_id="",
        mode=state.mode,
        language=state.settings.language,
        buyer=replace(buyer, notices=()),
        uid=uid,
        flags=(FLAG, *seen.flags),
        notices=(*buyer.notices, *own, *seen.notices),
    )
    return as_json(told)
