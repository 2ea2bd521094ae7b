"""Uses of limited offers in central's books: on both databases, in one transaction or by bucket."""

import pytest

from tessera.central.opening import Central
from tessera.core.quote import CounterUse
from tessera.store.central import register_book
from tessera.sync.feed_wire import BalanceRow, OutcomeRow
from tests.store.central.parts import differences, enrolled, member, points, send, stream
from tests.store.central.scripted_till import Till

DAILY = CounterUse(key="coffee/2026-11-21", used=1, most=1)
WELCOME = CounterUse(key="welcome/ever", used=1, most=1, pending=True, unit="points", earned=500)


@pytest.fixture
def central(either_central: Central) -> Central:
    return either_central


def alarms(central: Central) -> list[str]:
    with central.engines.reader.begin() as tx:
        return sorted(row.kind for row in register_book.read_alarms(tx))


def two_tills(central: Central) -> tuple[Till, Till]:
    here, there = Till(), Till(register="berlin-1-2", number=2, incarnation="00000000000000b2")
    enrolled(central, here)
    enrolled(central, there)
    member(central, "M-1")
    return here, there


def test_a_use_is_told_to_the_store_and_included_by_its_outcome(central: Central) -> None:
    here, _ = two_tills(central)
    here.sell("M-1", earned=10, counters=[DAILY])
    send(central, here)
    send(central, here)
    assert points(central, "M-1", "uses:coffee/2026-11-21") == 1
    told = [row for row in stream(central, "store:berlin-1") if isinstance(row, BalanceRow)]
    row = next(row for row in told if row.account == "uses:coffee/2026-11-21")
    outcome = next(r for r in stream(central, "register:berlin-1-1") if isinstance(r, OutcomeRow))
    included = {one.account: (one.points, one.version) for one in outcome.accounts}
    assert included["uses:coffee/2026-11-21"] == (row.points, row.version) == (1, row.version)
    assert (row.leased, points(central, "M-1")) == (0, 10)
    assert differences(central) == []


def test_a_limit_that_two_tills_broke_is_an_alarm_and_the_sale_is_booked(central: Central) -> None:
    here, there = two_tills(central)
    for till in (here, there):
        till.sell("M-1", earned=10, counters=[DAILY])
        send(central, till)
    assert points(central, "M-1", "uses:coffee/2026-11-21") == 2
    assert points(central, "M-1") == 20
    assert alarms(central) == ["over-limit"]
    assert differences(central) == []


def test_what_is_pending_beyond_its_limit_is_withheld_and_never_taken_back(
    central: Central,
) -> None:
    """503 and 503 earned, 500 of each pending: 506 stay; of the second sale 3 are taken back."""
    here, there = two_tills(central)
    here.sell("M-1", earned=503, counters=[WELCOME])
    sale = there.sell("M-1", earned=503, quantity=2, sale_id="S-2", counters=[WELCOME])
    send(central, here)
    send(central, there)
    assert points(central, "M-1") == 506
    assert alarms(central) == ["withheld"]
    told = {r.account for r in stream(central, "store:berlin-1") if isinstance(r, BalanceRow)}
    assert told == {"points", "uses:welcome/ever"}
    key = there.sale_key("S-2")
    there.take_back(sale, key, "M-1", earned=251, refund_minor=500)
    there.take_back(sale, key, "M-1", earned=252, refund_minor=500, counters=[WELCOME])
    send(central, there, first=2)
    # All points lie in a lease of the other till, so what comes off is owed.
    assert (points(central, "M-1"), points(central, "M-1", "owed:points")) == (506, -3)
    assert points(central, "M-1", "uses:welcome/ever") == 1
    assert differences(central) == []


def test_a_return_gives_back_no_use_that_was_never_counted(central: Central) -> None:
    here, _ = two_tills(central)
    sale = here.sell("M-1", sale_id="S-1")
    here.take_back(sale, here.sale_key("S-1"), "M-1", counters=[DAILY])
    send(central, here)
    assert points(central, "M-1", "uses:coffee/2026-11-21") == 0
    assert differences(central) == []


@pytest.mark.parametrize(
    "use",
    [
        CounterUse(key="x" * 80, used=1, most=1),
        CounterUse(key="coffee/ever", used=-1, most=1),
        CounterUse(key="coffee/ever", used=2**63, most=1),
    ],
)
def test_a_use_that_no_account_could_hold_is_parked_alone(
    central: Central, use: CounterUse
) -> None:
    here, _ = two_tills(central)
    here.sell("M-1", earned=1, counters=[use])
    here.sell("M-1", earned=2)
    send(central, here)
    assert points(central, "M-1") == 2
    assert differences(central) == []
