"""Members reach tiers by what they spend, keep them for the period, and lose them by its end.

Central's clock stands at 21 November 2025, the till sells on 21 November 2026 (`DAY`) unless told
otherwise: sales of a till whose clock is ahead count like others.
"""

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime

import pytest

from tessera.central.inspection import member_state
from tessera.central.member_ends import GONE
from tessera.central.members import NewMember, add_members
from tessera.central.opening import Central
from tessera.central.tiers import follow_time
from tessera.central.upkeep import keep_up
from tessera.core.identity import bucket_of
from tessera.store.central import deed_book
from tessera.sync.feed_wire import MemberRow
from tests.store.central import scripted_till
from tests.store.central.conftest import Place
from tests.store.central.parts import (
    accept,
    book,
    central_on,
    differences,
    enrolled,
    member,
    publish,
    released,
    send,
    settings_for,
    stream,
)
from tests.store.central.scripted_till import Till
from tests.store.central.test_claims import key_of

PROGRAMME = """\
programme: corner-shop
currency: EUR
units: {points: {}}
tiers:
  silver: {from: 500.00 spent in 12 months}
  gold: {from: 1500.00 spent in 12 months}
offers:
  points: {who: members, give: 1 point for every whole 1.00}
"""
SOLD = date(2025, 11, 20)


def release(central: Central, text: str = PROGRAMME) -> None:
    released(central, text)


@pytest.fixture
def till(monkeypatch: pytest.MonkeyPatch) -> Till:
    """A till that sells the day before central's clock."""
    monkeypatch.setattr(scripted_till, "DAY", SOLD)
    return Till()


@pytest.fixture
def shop(either_central: Central, till: Till) -> Iterator[Central]:
    enrolled(either_central, till)
    release(either_central)
    member(either_central, "M-1")
    yield either_central
    assert differences(either_central) == []


def at(central: Central, day: str) -> Central:
    """The same central, on another day."""
    now_ms = int(datetime.fromisoformat(f"{day}T12:00:00").replace(tzinfo=UTC).timestamp() * 1000)
    return replace(central, now_ms=lambda: now_ms)


def tier(central: Central, member_id: str = "M-1") -> tuple[str, int]:
    """The tier and the spend of the period, in minor units."""
    found = member_state(central, member_id).member
    return found.tier, found.period_spend_minor


def told(central: Central) -> tuple[str, int]:
    """What the home store's tills have heard last."""
    publish(central)
    rows = [row for row in stream(central, "store:berlin-1") if isinstance(row, MemberRow)]
    return rows[-1].tier, rows[-1].period_spend_minor


def deeds(central: Central) -> list[dict[str, str]]:
    with central.engines.reader.begin() as tx:
        found = deed_book.read(tx, (bucket_of("M-1"), "M-1"))
    assert {deed.who for deed in found} <= {"programme corner-shop"}
    return [json.loads(deed.body) for deed in found if deed.what == deed_book.TIER]


def test_a_sale_raises_the_tier_at_once_and_tills_hear_of_it(shop: Central, till: Till) -> None:
    """300.00 and 199.99 are 499.99; one cent more is silver, 1000.00 more is gold."""
    till.sell("M-1", amount_minor=300_00)
    till.sell("M-1", amount_minor=199_99)
    send(shop, till)
    assert tier(shop) == told(shop) == ("", 499_99)
    till.sell("M-1", amount_minor=1)
    send(shop, till, first=3)
    assert tier(shop) == told(shop) == ("silver", 500_00)
    till.sell("M-1", amount_minor=1000_00)
    send(shop, till, first=4)
    assert tier(shop) == told(shop) == ("gold", 1500_00)
    assert deeds(shop) == [
        {"from": "", "to": "silver", "why": "reached"},
        {"from": "silver", "to": "gold", "why": "reached"},
    ]


def test_a_sale_that_is_delivered_twice_counts_once(shop: Central, till: Till) -> None:
    """300.00 twice would be silver."""
    till.sell("M-1", amount_minor=300_00)
    send(shop, till)
    accept(shop, till.batch(1))
    book(shop)
    assert tier(shop) == ("", 300_00)


def test_a_tier_stands_after_a_restart(place: Place, till: Till) -> None:
    with central_on(settings_for(place.url, place.folder)) as central:
        enrolled(central, till)
        release(central)
        member(central, "M-1")
        till.sell("M-1", amount_minor=500_00)
        send(central, till)
    with central_on(settings_for(place.url, place.folder), seed=8) as central:
        assert tier(central) == told(central) == ("silver", 500_00)
        till.sell("M-1", amount_minor=1000_00)
        send(central, till, first=2)
        assert tier(central) == ("gold", 1500_00)


def test_a_tier_ends_when_its_period_has_passed_without_enough(shop: Central, till: Till) -> None:
    """Gold by one sale of 1500.00: the sale leaves on the 20th, gold ends on the 21st, a year on.

    500.00 of half a year later are enough for silver, which is kept for another year.
    """
    till.sell("M-1", amount_minor=1500_00)
    send(shop, till)
    scripted_till.DAY = date(2026, 5, 20)
    till.sell("M-1", amount_minor=500_00)
    later = at(shop, "2026-05-21")
    send(later, till, first=2)
    follow_time(at(shop, "2026-11-19"))
    assert tier(shop) == ("gold", 2000_00)
    follow_time(at(shop, "2026-11-20"))
    assert tier(shop) == told(shop) == ("gold", 500_00)
    follow_time(at(shop, "2026-11-21"))
    assert tier(shop) == told(shop) == ("silver", 500_00)
    follow_time(at(shop, "2027-05-20"))
    assert tier(shop) == told(shop) == ("silver", 0)
    follow_time(at(shop, "2027-11-20"))
    assert tier(shop) == ("silver", 0)
    follow_time(at(shop, "2027-11-21"))
    assert tier(shop) == told(shop) == ("", 0)
    assert [one["why"] for one in deeds(shop)] == ["reached", "period-ended", "period-ended"]


def test_who_reaches_it_again_keeps_a_tier_for_another_period(shop: Central, till: Till) -> None:
    """500.00 on 20 November and again on 20 May: at the year's end the second still counts."""
    till.sell("M-1", amount_minor=500_00)
    send(shop, till)
    scripted_till.DAY = date(2026, 5, 20)
    till.sell("M-1", amount_minor=500_00)
    send(at(shop, "2026-05-21"), till, first=2)
    keep_up(at(shop, "2026-11-21"))
    assert tier(shop) == ("silver", 500_00)
    assert member_state(shop, "M-1").standing.until == "2027-11-21"
    assert [one["why"] for one in deeds(shop)] == ["reached"]


def test_a_return_takes_a_tier_back_that_would_not_have_been_reached(
    shop: Central, till: Till
) -> None:
    """500.01 less 0.01 is still silver; less another 0.01 it is not."""
    sale = till.sell("M-1", amount_minor=500_01, quantity=2)
    send(shop, till)
    till.take_back(sale, key_of(sale), "M-1", quantity="1", refund_minor=1)
    send(shop, till, first=2)
    assert tier(shop) == told(shop) == ("silver", 500_00)
    till.take_back(sale, key_of(sale), "M-1", quantity="1", refund_minor=1)
    send(shop, till, first=3)
    assert tier(shop) == told(shop) == ("", 499_99)
    assert [one["why"] for one in deeds(shop)] == ["reached", "returned"]


def test_a_return_counts_on_the_day_of_its_sale(shop: Central, till: Till) -> None:
    """500.00 in November and 30.00 in May. In the next November only the 30.00 count.

    Bringing back 20.00 of November's goods then takes nothing off them, nor silver, which was
    reached without them: 480.00 and 30.00 are more than 500.00.
    """
    sale = till.sell("M-1", amount_minor=500_00)
    send(shop, till)
    scripted_till.DAY = date(2026, 5, 20)
    till.sell("M-1", amount_minor=30_00)
    send(at(shop, "2026-05-21"), till, first=2)
    follow_time(at(shop, "2026-11-20"))
    assert tier(shop) == ("silver", 30_00)
    till.take_back(sale, key_of(sale), "M-1", refund_minor=20_00)
    send(at(shop, "2026-11-20"), till, first=3)
    assert tier(shop) == told(shop) == ("silver", 30_00)


def test_a_claim_counts_like_the_sale_with_the_card(shop: Central, till: Till) -> None:
    """490.00 with the card, 10.00 claimed afterwards."""
    till.sell("M-1", amount_minor=490_00)
    till.claim(till.sell(), "M-1", earned=10)
    send(shop, till)
    assert tier(shop) == ("silver", 500_00)


def test_what_staff_gave_is_raised_but_never_taken(shop: Central, till: Till) -> None:
    """Silver by hand outlives a year without a sale; 1500.00 make it gold."""
    add_members(shop, [NewMember(member_id="M-1", tier="silver")])
    till.sell("M-1", amount_minor=1_00)
    send(shop, till)
    follow_time(at(shop, "2026-11-21"))
    follow_time(at(shop, "2027-11-21"))
    assert tier(shop) == ("silver", 0)
    scripted_till.DAY = date(2027, 11, 20)
    till.sell("M-1", amount_minor=1500_00)
    send(at(shop, "2027-11-21"), till, first=2)
    assert tier(shop) == ("gold", 1500_00)


@pytest.mark.parametrize(
    "rule, sold",
    [
        ("2 visits", 2),
        ("2 visits in 3 months", 2),
        ("20 points in 3 months", 2),
        ("20.00 spent", 2),
    ],
)
def test_tiers_are_reached_by_visits_units_and_spend_ever(
    either_central: Central, till: Till, rule: str, sold: int
) -> None:
    """Each sale is a visit, 10.00 and 10 points; first balances are not earned."""
    enrolled(either_central, till)
    tiers = "tiers: {silver: {from: " + rule + "}}\n"
    release(either_central, f"programme: p\ncurrency: EUR\nunits: {{points: {{}}}}\n{tiers}")
    member(either_central, "M-1", points=100)
    for number in range(1, sold + 1):
        assert tier(either_central)[0] == ""
        till.sell("M-1", earned=10, amount_minor=1000)
        send(either_central, till, first=number)
    assert tier(either_central)[0] == "silver"


def test_what_is_missing_to_the_next_tier_is_told(shop: Central, till: Till) -> None:
    """620.00 of 1500.00."""
    till.sell("M-1", amount_minor=620_00)
    send(shop, till)
    found = member_state(shop, "M-1").standing
    assert (found.tier, found.until, found.next_tier) == ("silver", "2026-11-21", "gold")
    assert (found.have, found.need) == (620_00, 1500_00)


def test_who_is_gone_is_left_alone(shop: Central, till: Till) -> None:
    from tessera.central import member_ends

    till.sell("M-1", amount_minor=500_00)
    send(shop, till)
    assert member_ends.erase(shop, "M-1", who="ada")
    follow_time(at(shop, "2026-11-21"))
    found = member_state(shop, "M-1").member
    assert (found.status in GONE, found.tier, found.tier_due) == (True, "", "")
