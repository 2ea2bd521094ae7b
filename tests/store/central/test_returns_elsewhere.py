"""Returns at another register than the sale's, and without a receipt, as central books them."""

import pytest

from tessera.central.inspection import member_state
from tessera.central.opening import Central
from tessera.core.identity import SaleKey
from tessera.core.journal import SealedRecord
from tessera.core.quote import CounterUse, ReturnedLine, ReturnQuote, UnitMovement
from tessera.core.sale import KIND_RETURN, CouponUse, Ending, ReturnBody, SaleBody
from tessera.store.central import register_book
from tessera.sync.feed_wire import OutcomeRow
from tessera.sync.records import encoded, read_body, read_envelope
from tests.store.central.parts import differences, enrolled, member, points, send, stream
from tests.store.central.scripted_till import Till

DAILY = CounterUse(key="coffee/2026-11-21", used=1, most=1)


@pytest.fixture
def central(either_central: Central) -> Central:
    return either_central


def states(central: Central, till: Till) -> list[tuple[str, str]]:
    rows = stream(central, f"register:{till.register}")
    return [(row.state, row.reason) for row in rows if isinstance(row, OutcomeRow)]


def two_registers(central: Central) -> tuple[Till, Till]:
    """Enrolled in one store, which has the member M-1."""
    here, there = Till(), Till(register="berlin-1-2", number=2, incarnation="00000000000000a2")
    enrolled(central, here)
    enrolled(central, there)
    member(central, "M-1")
    return here, there


def sold_pair(till: Till, coupon: CouponUse) -> tuple[SealedRecord, SaleKey, Ending]:
    """Two pieces to M-1 that used a limit and a coupon, and what their last return gives back."""
    sale = till.sell("M-1", quantity=2, counters=[DAILY], coupons=[coupon])
    body = read_body(read_envelope(sale.raw))
    assert isinstance(body, SaleBody)
    return sale, body.key, Ending(counters=(DAILY,), coupons=(coupon,))


def test_two_registers_together_give_back_no_more_than_was_sold(central: Central) -> None:
    """3 were sold; 2 come back here and 2 there: the second pair is parked, and its till hears."""
    here, there = two_registers(central)
    sale = here.sell("M-1", earned=9, quantity=3, amount_minor=3000)
    body = read_body(read_envelope(sale.raw))
    assert isinstance(body, SaleBody)
    for till in (here, there):
        till.take_back(sale, body.key, "M-1", earned=6, quantity="2", refund_minor=2000)
    send(central, here)
    send(central, there)
    assert states(central, there) == [("parked", "returned_more_than_sold")]
    assert points(central, "M-1") == 3
    assert differences(central) == []


def test_a_return_without_a_receipt_is_booked_though_there_is_no_sale(central: Central) -> None:
    till = Till()
    enrolled(central, till)
    member(central, "M-1")
    till.sell("M-1", earned=10)
    for _ in range(2):
        key = till.sale_key()
        body = ReturnBody(
            key=key,
            place=till.place(),
            original=key,
            original_uid="",
            member_id="M-1",
            wishes=(),
            returned_before=(),
            quote=ReturnQuote(
                engine="1",
                currency="EUR",
                policy="unreceipted",
                refund_minor=300,
                lines=(ReturnedLine(line_id="1", quantity="1", refund_minor=300),),
                units=(UnitMovement(unit="points", earned=3),),
            ),
            flags=("no-receipt",),
        )
        till.write(KIND_RETURN, encoded(body))
    send(central, till)
    assert [state for state, _ in states(central, till)] == ["applied"] * 3
    assert points(central, "M-1") == 4
    assert member_state(central, "M-1").member.lifetime_spend_minor == 1000 - 600
    assert differences(central) == []


def alarmed(central: Central) -> list[str]:
    with central.engines.reader.begin() as tx:
        return [f"{row.kind} {row.about}" for row in register_book.read_alarms(tx)]


def test_the_last_item_gives_uses_and_codes_back_though_no_register_knew_it_was_the_last(
    central: Central,
) -> None:
    """2 were sold; one comes back here and one there: only central sees that nothing is left."""
    here, there = two_registers(central)
    coupon = CouponUse(offer="spring", code_hash="ab" * 16)
    sale, key, ending = sold_pair(here, coupon)
    here.take_back(sale, key, "M-1", refund_minor=500, with_last=ending)
    send(central, here)
    assert points(central, "M-1", "uses:coffee/2026-11-21") == 1
    there.take_back(sale, key, "M-1", refund_minor=500, with_last=ending)
    send(central, there)
    assert points(central, "M-1", "uses:coffee/2026-11-21") == 0
    again = there.sell("M-1", counters=[DAILY], coupons=[coupon])
    send(central, there)
    assert points(central, "M-1", "uses:coffee/2026-11-21") == 1
    assert again.uid not in alarmed(central)
    assert differences(central) == []


def test_returns_that_arrive_before_their_sale_give_uses_back_once_it_is_there(
    central: Central,
) -> None:
    here, there = two_registers(central)
    coupon = CouponUse(offer="spring", code_hash="cd" * 16)
    sale, key, ending = sold_pair(here, coupon)
    for _ in range(2):
        there.take_back(sale, key, "M-1", refund_minor=500, with_last=ending)
    send(central, there)
    send(central, here)
    assert points(central, "M-1", "uses:coffee/2026-11-21") == 0
    here.sell("M-1", coupons=[coupon])
    send(central, here)
    assert alarmed(central) == []
    assert differences(central) == []
