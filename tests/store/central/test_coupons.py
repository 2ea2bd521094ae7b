"""Single-use codes in central's books: on both databases, in one transaction or by bucket."""

import pytest

from tessera.central.opening import Central
from tessera.core.sale import CouponUse, IssuedCode
from tessera.store.central import register_book
from tessera.sync.feed_wire import BalanceRow, OutcomeRow
from tests.store.central.parts import accept, book, differences, enrolled, member, send, stream
from tests.store.central.scripted_till import Till

HASH = "ab" * 16
USE = CouponUse(offer="spring", code_hash=HASH)


@pytest.fixture
def central(either_central: Central) -> Central:
    return either_central


def two_tills(central: Central) -> tuple[Till, Till]:
    here = Till()
    there = Till(register="bonn-1-1", store="bonn-1", number=2, incarnation="00000000000000b2")
    enrolled(central, here)
    enrolled(central, there)
    member(central, "M-1")
    return here, there


def alarms(central: Central) -> list[tuple[str, str]]:
    with central.engines.reader.begin() as tx:
        return [(row.kind, row.about) for row in register_book.read_alarms(tx)]


def told(central: Central, audience: str) -> list[tuple[int, int]]:
    """What an audience heard of the code: used or not, and by which version."""
    rows = [row for row in stream(central, audience) if isinstance(row, BalanceRow)]
    return [(row.points, row.version) for row in rows if row.account == f"coupon:{HASH}"]


def test_every_store_hears_of_a_used_code_and_its_register_before_the_outcome(
    central: Central,
) -> None:
    here, _ = two_tills(central)
    here.sell("M-1", coupons=[USE])
    send(central, here)
    for audience in ("store:berlin-1", "store:bonn-1", "register:berlin-1-1"):
        assert [used for used, _ in told(central, audience)] == [1]
    kinds = [type(row) for row in stream(central, "register:berlin-1-1")]
    assert kinds.index(BalanceRow) < kinds.index(OutcomeRow)
    assert differences(central) == []


def test_the_first_to_arrive_keeps_the_code_and_the_second_sale_is_booked(
    central: Central,
) -> None:
    here, there = two_tills(central)
    here.sell("M-1", earned=5, coupons=[USE])
    second = there.sell("M-1", earned=7, coupons=[USE])
    accept(central, here.batch())
    accept(central, here.batch())
    book(central)
    send(central, there)
    assert alarms(central) == [("coupon-reused", second.uid)]
    outcomes = [row for row in stream(central, "register:bonn-1-1") if isinstance(row, OutcomeRow)]
    assert [row.state for row in outcomes] == ["applied"]
    assert differences(central) == []


def test_only_the_sale_that_has_a_code_gives_it_back(central: Central) -> None:
    here, there = two_tills(central)
    first = here.sell("M-1", sale_id="S-1", coupons=[USE])
    second = there.sell("M-1", sale_id="S-2", coupons=[USE])
    send(central, here)
    send(central, there)
    there.take_back(second, there.sale_key("S-2"), "M-1", coupons=[USE])
    send(central, there, first=2)
    assert told(central, "store:bonn-1")[-1][0] == 1
    here.take_back(first, here.sale_key("S-1"), "M-1", coupons=[USE])
    send(central, here, first=2)
    (_, before), (_, after) = told(central, "store:bonn-1")[-2:]
    assert told(central, "store:bonn-1")[-1][0] == 0
    assert after > before
    third = there.sell("M-1", coupons=[USE])
    send(central, there, first=3)
    assert told(central, "store:bonn-1")[-1][0] == 1
    assert third.uid not in {about for _, about in alarms(central)}


def test_a_code_that_was_granted_ends_with_its_sale(central: Central) -> None:
    here, there = two_tills(central)
    sale = here.sell("M-1", sale_id="S-1")
    code = IssuedCode(offer="thanks", name="spring", code_hash=HASH)
    here.take_back(sale, here.sale_key("S-1"), "M-1", codes=[code])
    send(central, here)
    assert told(central, "store:bonn-1")[-1][0] == 1
    late = there.sell("M-1", coupons=[USE])
    send(central, there)
    assert alarms(central) == [("coupon-reused", late.uid)]


@pytest.mark.parametrize("text", ["", "no hex", "ab", "ab" * 17])
def test_what_is_no_hash_is_passed_over(central: Central, text: str) -> None:
    here, _ = two_tills(central)
    here.sell("M-1", earned=3, coupons=[CouponUse(offer="spring", code_hash=text)])
    send(central, here)
    outcomes = [
        row for row in stream(central, "register:berlin-1-1") if isinstance(row, OutcomeRow)
    ]
    assert [row.state for row in outcomes] == ["applied"]
    assert alarms(central) == []
