"""A forgotten card: the points of a past sale, claimed by the receipt's code, once.

Owns: whether a claim may be made, its record and its answer. Of a sale in this register's journal
it is worked out here; of any other one central works it out, which has the sale.
Must never: change what a sale cost, or let a sale earn twice.
"""

import logging
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from decimal import Decimal

import sqlalchemy as sa

from tessera.agent import api_answers, api_shapes
from tessera.agent.api_answers import as_json, repeated
from tessera.agent.checkout_answers import sale_units
from tessera.agent.checkout_basket import business_day_of, local_time
from tessera.agent.checkout_commit import (
    Writing,
    digest_of,
    draft_of,
    find_first,
    member_effects,
    mint_uid,
    write_record,
)
from tessera.agent.checkout_guard import (
    NOTICE_REFUSED,
    counted_sale,
    guard_flags,
    notices_of,
    verdict_on,
)
from tessera.agent.checkout_member import Buyer, member_answer, state_of
from tessera.agent.checkout_original import ChangedMeanwhile, find_original, place_here
from tessera.agent.checkout_quote import Quoted, state_notices
from tessera.agent.checkout_recognise import find
from tessera.agent.claims_made import claim_key, minted_at
from tessera.agent.notices import notice, worded
from tessera.agent.pairing import PairedPos
from tessera.agent.past_programmes import PastProgrammes
from tessera.agent.problems_http import ApiProblem
from tessera.agent.till_state import TillState
from tessera.core.basket import Basket, Place
from tessera.core.journal import RecordDraft
from tessera.core.ledger import Posting, sale_postings
from tessera.core.receipts import Receipt, read_receipt_code
from tessera.core.sale import KIND_CLAIM, KIND_SALE, ClaimBody, LeaseUse, ReturnWish, SaleBody
from tessera.core.uses import use_postings
from tessera.rules.claims import claim_basket
from tessera.rules.evaluate import evaluate
from tessera.rules.shares import without_shares
from tessera.store.till import committed_sales
from tessera.store.till.values import CommittedSale
from tessera.sync.records import encoded, read_body, read_envelope

_LOG = logging.getLogger("tessera.agent.claim")


@dataclass(frozen=True, slots=True, kw_only=True)
class PastSale:
    """A sale of this register's journal that somebody claims."""

    body: SaleBody
    bundle: str
    voided: bool
    returned: dict[str, Decimal]


@dataclass(frozen=True, slots=True, kw_only=True)
class Claimed:
    """What became of a claim; `quoted` is what the page shows, None for a repeat."""

    answer: bytes
    quoted: Quoted | None = None
    buyer: Buyer | None = None


async def claim_sale(
    state: TillState,
    pos: PairedPos,
    claim_id: str,
    given: api_shapes.ClaimGiven,
    past: PastProgrammes,
) -> Claimed:
    """Record a claim; its answer once durable. ApiProblem when the sale has nothing to give."""
    place = _place(state, pos, given.store_time, given.business_day)
    receipt = _receipt(state, pos, given)
    buyer = find(state, given.member)
    member = state_of(buyer, place.at.date(), place.business_day)
    if member is None:
        raise ApiProblem(
            "member_unknown",
            f"points can be claimed for a member; this card is {buyer.status}",
            field="member",
            hint="scan the card again, or enrol it with POST /v1/members",
        )
    verdict = verdict_on(state, buyer, place.business_day, given.cashier)
    key = claim_key(place.store, receipt.uid)
    digest = digest_of("claim", claim_id, receipt.uid, member.member_id)
    if (first := find_first(state, key)) is not None:
        return Claimed(answer=_again(first, digest))
    if verdict.refused:
        raise _refused(notice(NOTICE_REFUSED).text)
    sale = _sale_of(state, receipt)
    body = ClaimBody(
        key=key,
        place=place,
        original_uid=receipt.uid,
        original_register=receipt.register,
        member=member,
        days_max=state.settings.claim_days,
        card_hash=buyer.card_hash.hex(),
        card_key_id=state.hasher.key_id if state.hasher and buyer.card_hash else 0,
        flags=guard_flags({said.code for said in notices_of(verdict)}),
        counted=counted_sale(state, member, place),
    )
    _refuse_late(place, _sold_at(receipt, sale), state.settings.claim_days)
    basket = Basket(currency=state.currency)
    if sale is not None:
        _refuse_spent(sale)
        basket = claim_basket(sale.body.quote, sale.body.basket, sale.returned)
        body = _worked_out(body, sale, basket, past)
    try:
        return await _record(state, pos, claim_id, _Claim(body, sale, basket, buyer, digest))
    except ChangedMeanwhile:
        return await claim_sale(state, pos, claim_id, given, past)


@dataclass(frozen=True, slots=True)
class _Claim:
    body: ClaimBody
    sale: PastSale | None
    basket: Basket
    buyer: Buyer
    digest: bytes


async def _record(state: TillState, pos: PairedPos, claim_id: str, claim: _Claim) -> Claimed:
    body, buyer, uid = claim.body, claim.buyer, mint_uid(state)
    quote, sale = body.quote, claim.sale
    bundle = claim.sale.bundle if claim.sale is not None and quote is not None else ""
    answer = as_json(_answer(state, claim_id, claim, uid))
    draft = draft_of(
        state,
        kind=KIND_CLAIM,
        day=body.place.business_day,
        bundle=bundle,
        body=encoded(body),
        uid=uid,
    )
    postings: tuple[Posting, ...] = use_postings(body.counted)
    if quote is not None:
        postings += (*sale_postings(quote.units, buyer.owed()), *use_postings(quote.counters))

    def record(connection: sa.Connection) -> tuple[RecordDraft, bytes, tuple[LeaseUse, ...]]:
        # What came back since the sale was looked at earns nothing.
        if sale is not None:
            now = committed_sales.returned_before(connection, sale.body.key)
            if now != sale.returned:
                raise ChangedMeanwhile
        return draft, answer, ()

    writing = Writing(
        uid=uid,
        key=body.key,
        digest=claim.digest,
        record=record,
        effects=member_effects(buyer, postings),
    )
    try:
        told = await write_record(state, writing, what="claim")
    except ApiProblem as problem:
        raise _claimed() if problem.code == "sale_conflict" else problem from None
    shown = None
    if quote is not None:
        shown = Quoted(
            quote_id="",
            quote=quote,
            basket=claim.basket,
            place=body.place,
            buyer=buyer,
            member=body.member,
            bundle=bundle,
            pos=pos,
        )
    return Claimed(answer=told, quoted=shown, buyer=buyer)


def _answer(state: TillState, claim_id: str, claim: _Claim, uid: str) -> api_answers.ClaimAnswer:
    quote = claim.body.quote
    notices = (
        *state_notices(state),
        *(notice(flag.replace("-", "_")) for flag in claim.body.flags),
    )
    if quote is None:
        notices = (*notices, notice("claim_pending"))
    return api_answers.ClaimAnswer(
        result="pending" if quote is None else "claimed",
        claim_id=claim_id,
        original_sale_id=claim.sale.body.key.sale_id if claim.sale is not None else "",
        mode=state.mode,
        member=member_answer(claim.buyer),
        units=sale_units(claim.buyer, quote.units if quote is not None else ()),
        notices=worded(notices, state.settings.language),
        uid=uid,
    )


def _place(
    state: TillState, pos: PairedPos, store_time: datetime | None, business_day: date | None
) -> Place:
    if state.identity is None or state.hasher is None or state.settings.training:
        raise ApiProblem(
            "claim_refused",
            "this register records nothing now",
            hint="claim at a register that is enrolled and not in training",
        )
    at = local_time(store_time, wall_ms=state.clock.wall_ms(), zone=state.zone)
    return place_here(state, pos, at, business_day_of(business_day, at))


def _receipt(state: TillState, pos: PairedPos, given: api_shapes.ClaimGiven) -> Receipt:
    """Which sale is meant: by the code on the receipt, or by the id of a sale made here."""
    identity, hasher = state.identity, state.hasher
    assert identity is not None
    assert hasher is not None
    if (given.receipt_code is None) == (given.original is None):
        raise ApiProblem(
            "field_wrong",
            "exactly one of receipt_code and original is needed",
            field="receipt_code",
            hint="scan the code on the receipt, or name the sale by its id",
        )
    if given.original is not None:
        original = find_original(
            state,
            pos=given.original.pos,
            own_pos=pos.name,
            sale_id=given.original.sale_id,
            day=given.original.business_day,
        )
        return Receipt(register=identity.register, uid=original.sale.uid)
    assert given.receipt_code is not None
    try:
        return read_receipt_code(given.receipt_code, hasher)
    except ValueError as error:
        raise ApiProblem(
            "field_wrong", str(error), field="receipt_code", hint="scan the receipt again"
        ) from None


def _again(first: CommittedSale, digest: bytes) -> bytes:
    if first.request_digest != digest:
        raise _claimed()
    return repeated(first.answer)


def _claimed() -> ApiProblem:
    return ApiProblem(
        "claimed_already",
        "the points of this sale were claimed before",
        hint="a sale earns once; tell the customer whose card it was if it is theirs",
    )


def _sale_of(state: TillState, receipt: Receipt) -> PastSale | None:
    """The sale in this register's journal; None when another register has it."""
    with state.engines.reader.connect() as connection:
        record = committed_sales.find_record(connection, receipt.uid)
        if record is None:
            return None
        if record.kind != KIND_SALE:
            raise _refused("this code is not of a sale")
        envelope = read_envelope(record.raw)
        body = read_body(envelope)
        assert isinstance(body, SaleBody)
        standing = committed_sales.find_sale(connection, body.key)
        returned = committed_sales.returned_before(connection, body.key)
    return PastSale(
        body=body,
        bundle=envelope.bundle,
        voided=standing is not None and standing.voided,
        returned=returned,
    )


def _sold_at(receipt: Receipt, sale: PastSale | None) -> datetime:
    """When the sale was made; of one that stands elsewhere, when its record was begun."""
    if sale is not None:
        return sale.body.place.at
    return minted_at(receipt.uid)


def _refuse_late(place: Place, sold_at: datetime, days_max: int) -> None:
    if place.at - sold_at > timedelta(days=days_max):
        raise _refused(f"points can be claimed for {days_max} days after a sale")


def _refuse_spent(sale: PastSale) -> None:
    if sale.body.member is not None:
        raise _refused("this sale has earned for the card that was scanned with it")
    if sale.body.place.guarded:
        raise _refused("the card of this sale was refused by the guard against abuse")
    left = (
        line.quantity - sale.returned.get(line.line_id, Decimal(0))
        for line in sale.body.basket.lines
    )
    if sale.voided or not any(quantity > 0 for quantity in left):
        raise _refused("everything of this sale came back")


def _refused(why: str) -> ApiProblem:
    return ApiProblem("claim_refused", why, hint="points are earned from the next sale on")


def _worked_out(body: ClaimBody, sale: PastSale, basket: Basket, past: PastProgrammes) -> ClaimBody:
    """The claim with what it earns; left to central where the sale's programme is here no more."""
    programme = past.find(sale.bundle)
    if programme is None:
        return body
    try:
        place = without_shares(programme, sale.body.place)
        quote = evaluate(programme, body.member, basket, place)
    except Exception:  # noqa: BLE001 - our own bug; central tries again, the customer goes on
        _LOG.exception("the rules failed on a claim")
        return body
    return replace(
        body,
        quote=quote,
        lines=tuple(
            ReturnWish(line_id=line.line_id, quantity=format(line.quantity, "f"))
            for line in basket.lines
        ),
        returned=tuple(
            ReturnWish(line_id=line_id, quantity=format(quantity, "f"))
            for line_id, quantity in sorted(sale.returned.items())
        ),
    )
