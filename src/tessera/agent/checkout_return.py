"""Lines of a sale of this register brought back, and a whole sale reversed.

Owns: finding the original, what is left of it to return, the record of the return.
Must never: pay out more than was sold.
"""

from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import Decimal
from hashlib import sha256

import msgspec
import sqlalchemy as sa

from tessera.agent import api_shapes
from tessera.agent.api_answers import ReturnAnswer, as_json
from tessera.agent.checkout_answers import return_answer
from tessera.agent.checkout_basket import business_day_of, local_time, place_of
from tessera.agent.checkout_commit import (
    Writing,
    answer_again,
    digest_of,
    draft_of,
    find_first,
    mint_uid,
    write_record,
)
from tessera.agent.checkout_limits import undone_by
from tessera.agent.checkout_member import NOBODY, Buyer, find_buyer
from tessera.agent.checkout_quote import state_notices
from tessera.agent.checkout_return_effects import as_wishes, lease_uses, return_effects
from tessera.agent.checkout_return_quote import priced_return
from tessera.agent.claim_taken_back import Back, take_back_claimed
from tessera.agent.claims_made import ClaimMade, find_claim
from tessera.agent.pairing import PairedPos
from tessera.agent.past_programmes import PastProgrammes
from tessera.agent.problems_http import ApiProblem
from tessera.agent.till_state import TillState
from tessera.core.basket import Place
from tessera.core.identity import SaleKey
from tessera.core.journal import RecordDraft
from tessera.core.member import MemberState
from tessera.core.quote import ReturnQuote
from tessera.core.sale import (
    KIND_RETURN,
    KIND_SALE,
    LeaseUse,
    ReturnBody,
    SaleBody,
    Tender,
)
from tessera.store.till import cached_members, committed_sales
from tessera.store.till.values import AccountView, CommittedSale
from tessera.sync.records import encoded, read_body, read_envelope

_NAME_LENGTH_MAX = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Original:
    """The sale whose lines come back, and what of it came back before.

    `bundle`: by which the sale was priced; its returns are pinned to it, too.
    """

    sale: CommittedSale
    body: SaleBody
    bundle: str
    before: dict[str, Decimal]
    buyer: Buyer
    accounts: tuple[AccountView, ...]
    claim: ClaimMade | None = None

    @property
    def member_id(self) -> str:
        """The member of the sale; empty for none."""
        return self.body.member.member_id if self.body.member else ""

    def left(self) -> dict[str, Decimal]:
        """What may still come back, by line."""
        return {
            line.line_id: line.quantity - self.before.get(line.line_id, Decimal(0))
            for line in self.body.basket.lines
        }


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
    at, day, store = _when_and_where(state, given.store_time, given.business_day)
    key = SaleKey(store=store, pos=pos.name, business_day=day, sale_id=return_id)
    digest = digest_of("return", given)
    if (first := find_first(state, key)) is not None:
        return answer_again(first, digest, what="return")
    original = find_original(
        state,
        pos=given.original.pos,
        own_pos=pos.name,
        sale_id=given.original.sale_id,
        day=given.original.business_day,
    )
    returning = Returning(
        key=key,
        place=place_here(state, pos, at, day),
        original=original,
        wishes=_wishes(given, original),
        tenders=given.tenders,
    )
    return await _record(state, returning, digest, past)


async def void_sale(
    state: TillState,
    pos: PairedPos,
    sale_id: str,
    given: api_shapes.VoidGiven,
    past: PastProgrammes,
) -> bytes:
    """Reverse a whole sale, once; the answer's bytes, once durable."""
    at, day, store = _when_and_where(state, given.store_time, given.business_day)
    original = find_original(
        state, pos=pos.name, own_pos=pos.name, sale_id=sale_id, day=given.original_business_day
    )
    # Keyed by the sale's own day, so that a repeat after midnight is still a repeat.
    key = SaleKey(
        store=store,
        pos=pos.name,
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
    return await _record(state, returning, digest, past)


def refund_of(answer: bytes) -> ReturnAnswer:
    """The answer of a return or void, read back from its bytes."""
    return msgspec.json.decode(answer, type=ReturnAnswer)


def void_id(sale_id: str) -> str:
    """The id under which the void of a sale is recorded."""
    name = f"void:{sale_id}"
    if len(name) <= _NAME_LENGTH_MAX:
        return name
    return "void:" + sha256(sale_id.encode()).hexdigest()[:40]


def _when_and_where(
    state: TillState, store_time: datetime | None, business_day: date | None
) -> tuple[datetime, date, str]:
    if state.identity is None or state.settings.training:
        raise ApiProblem(
            "sale_unknown",
            "this register has recorded no sales",
            hint="enrol it first: tessera agent enrol --help",
        )
    at = local_time(store_time, wall_ms=state.clock.wall_ms(), zone=state.zone)
    return at, business_day_of(business_day, at), state.identity.store


def place_here(state: TillState, pos: PairedPos, at: datetime, day: date) -> Place:
    """This register as the place of what is recorded now."""
    identity = state.identity
    assert identity is not None
    return place_of(
        at=at,
        business_day=day,
        store=identity.store,
        region=identity.region,
        register=identity.register,
        tax_rounding=pos.tax_rounding,
    )


def find_original(
    state: TillState, *, pos: str | None, own_pos: str, sale_id: str, day: date | None
) -> Original:
    """The sale in this register's journal; without a day the newest with this id.

    ApiProblem when it does not stand there.
    """
    identity = state.identity
    assert identity is not None
    with state.engines.reader.connect() as connection:
        if day is None:
            sale = committed_sales.find_sale_by_id(connection, sale_id)
        else:
            key = SaleKey(
                store=identity.store, pos=pos or own_pos, business_day=day, sale_id=sale_id
            )
            sale = committed_sales.find_sale(connection, key)
        if sale is None or sale.kind != KIND_SALE or pos not in {None, sale.key.pos}:
            raise ApiProblem(
                "sale_unknown",
                f"this register has no sale {sale_id} in its journal",
                hint="return it at the register that sold it, with the sale's id",
            )
        envelope = read_envelope(committed_sales.read_record(connection, sale.uid))
        body = read_body(envelope)
        assert isinstance(body, SaleBody)
        before = committed_sales.returned_before(connection, sale.key)
        claim = find_claim(
            connection,
            store=identity.store,
            original_uid=sale.uid,
            quote=body.quote,
            basket=body.basket,
        )
        member = claim.body.member if claim is not None else body.member
        buyer, accounts = _buyer(connection, state, member)
    return Original(
        sale=sale,
        body=body,
        bundle=envelope.bundle,
        before=before,
        buyer=buyer,
        accounts=accounts,
        claim=claim,
    )


def _buyer(
    connection: sa.Connection, state: TillState, member: MemberState | None
) -> tuple[Buyer, tuple[AccountView, ...]]:
    if member is None:
        return NOBODY, ()
    member_id = member.member_id
    buyer = find_buyer(
        connection,
        api_shapes.MemberGiven(member_id=member_id),
        hasher=state.hasher,
        as_of_ms=state.balance_as_of_ms,
    )
    return buyer, tuple(cached_members.accounts(connection, member_id))


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
        bundle=original.bundle,
        wishes=returning.wishes,
        before=original.before,
    )
    flags = (*(("void",) if returning.voids else ()), *unusual)
    undone = undone_by(original.body.quote, original.left(), returning.wishes)
    uid, wishes = mint_uid(state), as_wishes(returning.wishes)
    answer = await _answer(state, returning, quote, uid=uid, flags=flags)

    def record(connection: sa.Connection) -> tuple[RecordDraft, bytes, tuple[LeaseUse, ...]]:
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
            effects=return_effects(original.member_id, original.accounts, quote, undone.counters),
            returned=wishes,
            original=original.sale.key,
            voids=returning.voids,
        ),
        what="void" if returning.voids else "return",
    )


async def _answer(
    state: TillState, returning: Returning, quote: ReturnQuote, *, uid: str, flags: tuple[str, ...]
) -> bytes:
    """What the POS is told, once what was claimed on the goods is recorded as taken back."""
    original, told = returning.original, quote
    if original.claim is not None:
        back = Back(
            key=returning.key,
            place=returning.place,
            wishes=returning.wishes,
            before=original.before,
            accounts=original.accounts,
        )
        claimed = await take_back_claimed(state, original.claim, back)
        told = quote if claimed is None else replace(quote, units=claimed.units)
    answer = return_answer(
        told,
        result=returning.result,
        return_id=returning.key.sale_id,
        original_sale_id=original.sale.key.sale_id,
        mode=state.mode,
        language=state.settings.language,
        buyer=original.buyer,
        uid=uid,
        flags=flags,
        notices=state_notices(state, returning.place),
    )
    return as_json(answer)


def tenders_of(given: tuple[api_shapes.TenderGiven, ...]) -> tuple[Tender, ...]:
    """How a refund was paid out, as a record holds it."""
    return tuple(Tender(kind=tender.kind, amount_minor=tender.amount_minor) for tender in given)
