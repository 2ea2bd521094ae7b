"""A sale from the till's batch to the ledger and back by the feed, on SQLite and PostgreSQL."""

import pytest

from tessera.central.inspection import member_state
from tessera.central.opening import Central
from tessera.core.sale import LeaseUse
from tessera.store.central import schema
from tessera.sync.feed_wire import BalanceRow, LeaseRow, MemberRow, OutcomeRow
from tests.store.central.parts import (
    accept,
    book,
    count,
    differences,
    enrolled,
    member,
    points,
    send,
    stream,
)
from tests.store.central.scripted_till import Till


@pytest.fixture
def central(either_central: Central) -> Central:
    return either_central


def test_a_sale_becomes_postings_a_balance_and_rows_for_the_till(central: Central) -> None:
    """120 at the start, 43 earned and 20 of the lease spent: 143 remain."""
    till = Till()
    enrolled(central, till)
    member(central, "M-1", points=120)
    book(central)
    lease = next(row for row in stream(central, "register:berlin-1-1") if isinstance(row, LeaseRow))
    assert (lease.amount, lease.incarnation) == (120, till.incarnation)
    sale = till.sell(
        "M-1",
        earned=43,
        spent=20,
        leases=[LeaseUse(lease_id=lease.lease_id, unit="points", amount=20)],
    )
    answer = send(central, till)
    assert (answer.high_water, answer.repeated, answer.fork) == (1, False, False)
    assert points(central, "M-1") == 143
    outcome = next(
        row for row in stream(central, "register:berlin-1-1") if isinstance(row, OutcomeRow)
    )
    assert (outcome.uid, outcome.state, outcome.accounts[0].points) == (sale.uid, "applied", 143)
    told = [row for row in stream(central, "store:berlin-1") if isinstance(row, BalanceRow)]
    assert (told[-1].points, told[-1].leased) == (143, 143)
    assert told[-1].version >= outcome.accounts[0].version
    assert differences(central) == []


def test_a_repeated_batch_has_its_effect_once(central: Central) -> None:
    till = Till()
    enrolled(central, till)
    member(central, "M-1")
    for _ in range(5):
        till.sell("M-1", earned=10)
    first = accept(central, till.batch())
    again = [accept(central, till.batch()) for _ in range(3)]
    book(central)
    again.append(accept(central, till.batch()))
    book(central)
    assert points(central, "M-1") == 50
    assert {answer.high_water for answer in [first, *again]} == {5}
    assert [answer.repeated for answer in again] == [True] * 4
    assert count(central, schema.INBOX) == 1
    assert differences(central) == []


def test_a_batch_cut_anew_after_a_lost_reply_is_taken_from_where_it_stood(
    central: Central,
) -> None:
    """Records 1–3 arrived, the answer did not; the till sends 1–5, then 2–4 once more."""
    till = Till()
    enrolled(central, till)
    member(central, "M-1")
    for _ in range(5):
        till.sell("M-1", earned=10)
    accept(central, till.batch(1, 3))
    book(central)
    assert accept(central, till.batch(1, 5)).high_water == 5
    book(central)
    assert accept(central, till.batch(2, 4)).repeated
    book(central)
    assert points(central, "M-1") == 50
    assert differences(central) == []


def test_a_member_hears_of_visits_and_spend(central: Central) -> None:
    till = Till()
    enrolled(central, till)
    member(central, "M-1")
    till.sell("M-1", amount_minor=1250)
    till.sell("M-1", amount_minor=750)
    send(central, till)
    rows = [row for row in stream(central, "store:berlin-1") if isinstance(row, MemberRow)]
    assert (rows[-1].visits, rows[-1].lifetime_spend_minor) == (2, 2000)


def test_a_return_waits_for_its_sale_and_is_booked_with_it(central: Central) -> None:
    """Bought at one register, brought back at another whose batch arrives first."""
    seller, other = Till(), Till(register="berlin-1-2", number=2, incarnation="00000000000000b2")
    enrolled(central, seller)
    enrolled(central, other)
    member(central, "M-1")
    sale = seller.sell("M-1", earned=30, quantity=2)
    key = seller.sale_key("S00a1-1")
    other.take_back(sale, key, "M-1", earned=15)
    send(central, other)
    assert points(central, "M-1") == 0
    assert differences(central) == []
    send(central, seller)
    state = member_state(central, "M-1")
    assert (state.accounts["points"].points, list(state.accounts)) == (15, ["points"])
    assert count(central, schema.WAITING) == 0
    outcomes = [r for r in stream(central, "register:berlin-1-2") if isinstance(r, OutcomeRow)]
    assert [row.state for row in outcomes] == ["applied"]
    assert differences(central) == []


def test_what_is_taken_back_comes_off_the_lease_that_the_till_gives(central: Central) -> None:
    """43 earned and leased; the return states 43 of the lease, so nothing is owed."""
    till = Till()
    enrolled(central, till)
    member(central, "M-1")
    sale = till.sell("M-1", earned=43, sale_id="S-1")
    send(central, till)
    lease = member_state(central, "M-1").leases[0]
    till.take_back(
        sale,
        till.sale_key("S-1"),
        "M-1",
        earned=43,
        leases=[LeaseUse(lease_id=lease.lease_id, unit="points", amount=43)],
    )
    send(central, till, first=2)
    state = member_state(central, "M-1")
    assert state.accounts["points"].points == 0
    assert state.accounts.get("owed:points") is None
    assert differences(central) == []


def test_more_than_was_sold_cannot_be_brought_back(central: Central) -> None:
    till = Till()
    enrolled(central, till)
    sale = till.sell(quantity=2, sale_id="S-1")
    key = till.sale_key("S-1")
    for _ in range(3):
        till.take_back(sale, key)
    send(central, till)
    outcomes = [r for r in stream(central, "register:berlin-1-1") if isinstance(r, OutcomeRow)]
    assert [(row.state, row.reason) for row in outcomes] == [
        ("applied", ""),
        ("applied", ""),
        ("applied", ""),
        ("parked", "returned_more_than_sold"),
    ]
    assert differences(central) == []


def test_a_reused_sale_key_is_parked_and_the_others_go_on(central: Central) -> None:
    till = Till()
    enrolled(central, till)
    member(central, "M-1")
    till.sell("M-1", earned=5, sale_id="S-1")
    till.sell("M-1", earned=7, sale_id="S-1")
    till.sell("M-1", earned=11, sale_id="S-2")
    send(central, till)
    assert points(central, "M-1") == 16
    outcomes = [r for r in stream(central, "register:berlin-1-1") if isinstance(r, OutcomeRow)]
    assert [row.reason for row in outcomes] == ["", "sale_key_reused", ""]
    assert differences(central) == []
