"""The sale that goods come back from: of this register's journal, or as its receipt tells it.

Owns: finding it with what came back of it so far and whose it is, and what its receipt may carry.
Must never: write.
"""

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

import sqlalchemy as sa

from tessera.agent import api_shapes
from tessera.agent.api_answers import ReceiptAnswer
from tessera.agent.checkout_basket import business_day_of, local_time, place_of
from tessera.agent.checkout_member import NOBODY, Buyer, find_buyer
from tessera.agent.claims_made import ClaimMade, claim_key, find_claim
from tessera.agent.pairing import PairedPos
from tessera.agent.problems_http import ApiProblem
from tessera.agent.receipt_data import ReceiptSale, receipt_data
from tessera.agent.till_state import TillState
from tessera.core.basket import Place
from tessera.core.identity import SaleKey
from tessera.core.member import MemberState
from tessera.core.receipts import Receipt, receipt_code
from tessera.core.sale import (
    KIND_SALE,
    SaleBody,
)
from tessera.store.till import cached_members, committed_sales
from tessera.store.till.values import AccountView, CommittedSale
from tessera.sync.records import read_body, read_envelope


@dataclass(frozen=True, slots=True, kw_only=True)
class Original:
    """The sale whose lines come back, and what of it came back before.

    `bundle`: by which the sale was priced; its returns are pinned to it, too. `elsewhere`: another
    register made the sale; what came back of it there is known to central alone.
    """

    sale: CommittedSale
    body: SaleBody
    bundle: str
    before: dict[str, Decimal]
    buyer: Buyer
    accounts: tuple[AccountView, ...]
    claim: ClaimMade | None = None
    elsewhere: bool = False

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


class ChangedMeanwhile(Exception):
    """Goods of a sale came back, or its points were claimed, since it was looked at."""


def raise_if_changed(connection: sa.Connection, original: Original) -> None:
    """In the transaction of a return: ChangedMeanwhile unless all stands as it was looked at.

    Else what two ask for at the same time would be paid out twice.
    """
    key = original.sale.key
    claim = committed_sales.find_sale(connection, claim_key(key.store, original.sale.uid))
    if committed_sales.returned_before(connection, key) != original.before:
        raise ChangedMeanwhile
    if not original.elsewhere and (claim is None) != (original.claim is None):
        raise ChangedMeanwhile


def when_and_where(
    state: TillState, store_time: datetime | None, business_day: date | None
) -> tuple[datetime, date, str]:
    """Time, business day and store of what is recorded now. ApiProblem where nothing is."""
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
        stopped=state.programme.stopped,
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
        return _read_original(connection, state, sale)


def _read_original(connection: sa.Connection, state: TillState, sale: CommittedSale) -> Original:
    envelope = read_envelope(committed_sales.read_record(connection, sale.uid))
    body = read_body(envelope)
    assert isinstance(body, SaleBody)
    assert state.identity is not None
    before = committed_sales.returned_before(connection, sale.key)
    claim = find_claim(
        connection,
        store=state.identity.store,
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


def original_of(state: TillState, receipt: ReceiptSale) -> Original:
    """A sale as its receipt tells it: of this register's journal, or of another one's."""
    body = receipt.sale
    with state.engines.reader.connect() as connection:
        sale = committed_sales.find_sale(connection, body.key)
        if sale is not None and sale.uid == receipt.uid:
            return _read_original(connection, state, sale)
        buyer, accounts = _buyer(connection, state, body.member)
        return Original(
            sale=CommittedSale(
                uid=receipt.uid,
                seq=0,
                incarnation="",
                kind=KIND_SALE,
                key=body.key,
                request_digest=b"",
                answer=b"",
                voided=False,
            ),
            body=body,
            bundle=receipt.bundle,
            before=committed_sales.returned_before(connection, body.key),
            buyer=buyer,
            accounts=accounts,
            elsewhere=True,
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


def receipt_of(state: TillState, pos: PairedPos, sale_id: str) -> ReceiptAnswer:
    """The newest sale of this id in this register's journal, as its receipt may carry it."""
    when_and_where(state, None, None)
    found = find_original(state, pos=None, own_pos=pos.name, sale_id=sale_id, day=None)
    assert state.identity is not None
    assert state.hasher is not None
    register = state.identity.register
    carried = ReceiptSale(
        uid=found.sale.uid, register=register, bundle=found.bundle, sale=found.body
    )
    return ReceiptAnswer(
        sale_id=sale_id,
        receipt_code=receipt_code(Receipt(register=register, uid=found.sale.uid), state.hasher),
        receipt_data=receipt_data(carried, state.hasher),
    )
