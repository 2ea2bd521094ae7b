"""Points of a past sale for a forgotten card: once, by whoever claims first, and worked out here
when another register has the sale."""

import pytest

from tessera.central.inspection import member_state
from tessera.central.opening import Central
from tessera.central.quarantine import Progress, parked_records, retry_claims
from tessera.core.identity import SaleKey
from tessera.core.journal import SealedRecord
from tessera.sync.feed_wire import OutcomeRow
from tessera.sync.records import read_body, read_envelope
from tests.store.central.parts import (
    book,
    differences,
    enrolled,
    member,
    points,
    released,
    send,
    stream,
)
from tests.store.central.scripted_till import DAY, Till

PROGRAMME = """\
programme: corner-shop
currency: EUR
units: {points: {}}
offers:
  points: {who: members, give: 1 point for every whole 1.00}
"""


@pytest.fixture
def central(either_central: Central) -> Central:
    return either_central


def states(central: Central, till: Till) -> list[tuple[str, str]]:
    rows = stream(central, f"register:{till.register}")
    return [(row.state, row.reason) for row in rows if isinstance(row, OutcomeRow)]


def two_tills(central: Central) -> tuple[Till, Till]:
    """The one that sells, and the one at which the customer claims."""
    here, there = Till(), Till(register="berlin-1-2", number=2, incarnation="00000000000000a2")
    enrolled(central, here)
    enrolled(central, there)
    member(central, "M-1")
    member(central, "M-2")
    here.bundle = released(central, PROGRAMME)
    return here, there


def key_of(record: SealedRecord) -> SaleKey:
    body = read_body(read_envelope(record.raw))
    key = getattr(body, "key", None)
    assert isinstance(key, SaleKey)
    return key


def test_a_claim_that_was_worked_out_at_the_till_is_booked(central: Central) -> None:
    till = Till()
    enrolled(central, till)
    member(central, "M-1")
    till.claim(till.sell(), "M-1", earned=10)
    send(central, till)
    assert points(central, "M-1") == 10
    assert differences(central) == []


def test_a_sale_is_claimed_once_whoever_comes_second_is_told(central: Central) -> None:
    here, there = two_tills(central)
    sale = here.sell()
    here.claim(sale, "M-1", earned=10)
    send(central, here)
    there.claim(sale, "M-2", register=here.register)
    send(central, there)
    assert (points(central, "M-1"), points(central, "M-2")) == (10, 0)
    assert states(central, there) == [("parked", "claimed_already")]
    assert differences(central) == []


def test_a_claim_at_another_register_is_worked_out_from_the_sale(central: Central) -> None:
    """12.34 were paid: 12 points."""
    here, there = two_tills(central)
    sale = here.sell(amount_minor=1234)
    send(central, here)
    there.claim(sale, "M-1", register=here.register)
    send(central, there)
    assert points(central, "M-1") == 12
    assert states(central, there) == [("applied", "")]
    assert differences(central) == []


def test_claims_whose_sale_never_comes_keep_no_other_one_waiting(
    central: Central, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tessera.central.quarantine.CLAIMS_AT_ONCE", 2)
    here, there = two_tills(central)
    silent = Till(register="berlin-1-3", number=3, incarnation="00000000000000a3")
    enrolled(central, silent)
    for _ in range(4):
        there.claim(silent.sell(amount_minor=1234), "M-1", register=silent.register)
    there.claim(here.sell(amount_minor=1234), "M-1", register=here.register)
    send(central, there)
    send(central, here)
    line = Progress()
    assert [retry_claims(central, line) for _ in range(3)] == [0, 0, 1]
    assert not line.is_underway
    book(central)
    assert points(central, "M-1") == 12


def test_a_claim_waits_for_its_sale(central: Central) -> None:
    here, there = two_tills(central)
    sale = here.sell(amount_minor=1234)
    there.claim(sale, "M-1", register=here.register)
    send(central, there)
    assert points(central, "M-1") == 0
    assert states(central, there) == [("parked", "claim_waits")]
    assert retry_claims(central, Progress()) == 0
    send(central, here)
    assert retry_claims(central, Progress()) == 1
    book(central)
    assert points(central, "M-1") == 12
    assert states(central, there)[-1] == ("applied", "")
    assert parked_records(central) == []
    assert differences(central) == []


def test_a_sale_that_earned_for_its_own_card_is_refused_and_the_till_hears_why(
    central: Central,
) -> None:
    here, there = two_tills(central)
    sale = here.sell("M-2", earned=10)
    there.claim(sale, "M-1", register=here.register)
    send(central, there)
    send(central, here)
    assert retry_claims(central, Progress()) == 1
    book(central)
    assert points(central, "M-1") == 0
    assert states(central, there)[-1] == ("parked", "claim_refused")
    assert [row.reason.partition(":")[0] for row in parked_records(central)] == ["claim_refused"]
    assert retry_claims(central, Progress()) == 0


def test_what_came_back_before_earns_nothing(central: Central) -> None:
    """Two of three at 10.00 each came back: 10 points."""
    here, there = two_tills(central)
    sale = here.sell(quantity=3, amount_minor=3000)
    here.take_back(sale, key_of(sale), quantity="2", refund_minor=2000)
    send(central, here)
    there.claim(sale, "M-1", register=here.register)
    send(central, there)
    assert points(central, "M-1") == 10


def test_goods_that_come_back_give_back_what_was_claimed_on_them(central: Central) -> None:
    till = Till()
    enrolled(central, till)
    member(central, "M-1")
    claim = till.claim(till.sell(), "M-1", earned=10)
    till.take_back(claim, key_of(claim), "M-1", earned=10, refund_minor=0)
    till.take_back(claim, key_of(claim), "M-1", earned=10, refund_minor=0)
    send(central, till)
    assert points(central, "M-1") == 0
    assert ("parked", "returned_more_than_sold") in states(central, till)
    assert differences(central) == []


def test_days_are_counted_from_the_sale(central: Central) -> None:
    """The claim's own register allows 14 days; the sale's record says when it was."""
    assert DAY.isoformat() == "2026-11-21"
    here, there = two_tills(central)
    sale = here.sell()
    send(central, here)
    record = there.claim(sale, "M-1", register=here.register)
    late = record.raw.replace(b'"at":"2026-11-21T', b'"at":"2026-12-06T')
    there.records.clear()
    there.__post_init__()
    body = read_envelope(late).body
    there.write("claim", bytes(body))
    send(central, there)
    assert states(central, there) == [("parked", "claim_refused")]


def test_a_claim_counts_the_visit_and_the_spend_as_a_sale_with_the_card_does(
    central: Central,
) -> None:
    """12.34 are paid and claimed; once the goods are back, the visit stays and the spend goes."""
    here, there = two_tills(central)
    sale = here.sell(amount_minor=1234)
    send(central, here)
    there.claim(sale, "M-1", register=here.register)
    send(central, there)
    found = member_state(central, "M-1").member
    assert (found.visits, found.lifetime_spend_minor) == (1, 1234)
    here.take_back(sale, key_of(sale), refund_minor=1234)
    send(central, here)
    found = member_state(central, "M-1").member
    assert (found.visits, found.lifetime_spend_minor) == (1, 0)


def left(central: Central) -> int:
    """Points less what is owed: central takes nothing that is leased to a register."""
    accounts = member_state(central, "M-1").accounts
    return sum(accounts[name].points for name in ("points", "owed:points") if name in accounts)


def test_goods_that_come_back_where_they_were_sold_take_back_what_was_claimed_elsewhere(
    central: Central,
) -> None:
    """3 × 10.00 claimed for 30 points; one comes back: 20 are left; then the others: none."""
    here, there = two_tills(central)
    sale = here.sell(quantity=3, amount_minor=3000)
    send(central, here)
    there.claim(sale, "M-1", register=here.register)
    send(central, there)
    assert points(central, "M-1") == 30
    here.take_back(sale, key_of(sale), quantity="1", refund_minor=1000)
    send(central, here)
    assert left(central) == 20
    here.take_back(sale, key_of(sale), quantity="2", refund_minor=2000)
    send(central, here)
    assert left(central) == 0
    assert differences(central) == []


def test_a_return_that_arrives_before_the_claim_that_its_register_worked_out_counts(
    central: Central,
) -> None:
    """Two of three came back at another register; the claim of all three gives 30, 20 go back."""
    here, there = two_tills(central)
    sale = here.sell(quantity=3, amount_minor=3000)
    send(central, here)
    there.take_back(sale, key_of(sale), quantity="2", refund_minor=2000)
    send(central, there)
    here.claim(sale, "M-1", earned=30, quantity=3)
    send(central, here)
    assert left(central) == 10
    assert differences(central) == []


def test_what_a_register_has_taken_back_itself_is_not_taken_twice(central: Central) -> None:
    """Its record of the claim's points comes before its return of the goods."""
    here, _ = two_tills(central)
    sale = here.sell(quantity=3, amount_minor=3000)
    claim = here.claim(sale, "M-1", earned=30, quantity=3)
    here.take_back(claim, key_of(claim), "M-1", earned=10, quantity="1", refund_minor=0)
    here.take_back(sale, key_of(sale), quantity="1", refund_minor=1000)
    send(central, here)
    assert left(central) == 20
    assert differences(central) == []


def test_points_that_were_spent_meanwhile_are_owed(central: Central) -> None:
    here, there = two_tills(central)
    sale = here.sell()
    send(central, here)
    there.claim(sale, "M-1", register=here.register)
    there.sell("M-1", spent=10)
    send(central, there)
    here.take_back(sale, key_of(sale), refund_minor=1000)
    send(central, here)
    assert left(central) == -10
    assert differences(central) == []
