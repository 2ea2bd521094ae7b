"""kill -9 of central at every statement of booking and publishing: nothing lost, nothing twice."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tessera.central.member_waiting import waiting_members
from tessera.sync.feed_wire import CardRow
from tests.store.central.conftest import Place
from tests.store.central.parts import (
    accept,
    central_on,
    differences,
    enrolled,
    member,
    points,
    settings_for,
    stream,
)
from tests.store.central.scripted_till import Till

ROOT = Path(__file__).parents[3]


@pytest.mark.parametrize("spans", ["spans", "by-bucket"])
def test_killed_at_every_statement_the_books_come_out_right(place: Place, spans: str) -> None:
    """Two registers, 3 × (10 + 7) points; a parked record and a return that waits among them;
    two members whom the registers enrol, with one phone number."""
    settings = settings_for(place.url, place.folder, spans_buckets=spans == "spans")
    seller, other = Till(), Till(register="berlin-1-2", number=2, incarnation="00000000000000b2")
    with central_on(settings) as central:
        enrolled(central, seller)
        enrolled(central, other)
        member(central, "M-1", points=50)
        member(central, "M-2")
        for _ in range(3):
            seller.sell("M-1", earned=10)
            other.sell("M-2", earned=7)
        sale = seller.sell("M-2", earned=4, sale_id="S-1")
        other.take_back(sale, seller.sale_key("S-1"), "M-2", earned=4)
        other.sell("nobody-knows", earned=1)
        seller.enrol("M-3", card="a1", phone="b2")
        seller.sell("M-3", earned=5)
        seller.replace_card("M-3", card="c3", replaced="a1")
        other.enrol("M-4", card="d4", phone="b2")
        for first, last in ((1, 2), (3, 6)):
            accept(central, other.batch(first, last))
        accept(central, seller.batch())
    stride = "1" if place.url.startswith("sqlite") else "3"
    words = ["-m", "tests.store.central.kill_points", place.url, str(place.folder), spans, stride]
    outcome = subprocess.run(
        [sys.executable, *words],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert outcome.returncode == 0, outcome.stderr
    deaths = json.loads(outcome.stdout)
    assert deaths["inside"] >= 8
    assert sum(deaths.values()) >= 10
    with central_on(settings) as central:
        assert differences(central) == []
        assert (points(central, "M-1"), points(central, "M-2")) == (80, 21)
        cards = [row for row in stream(central, "store:berlin-1") if isinstance(row, CardRow)]
        states = {row.card_hash[:2]: (row.member_id, row.status) for row in cards}
        phone = states.pop("b2")[0]
        # Whichever of the two was booked first has the phone, and the other one waits.
        assert states == {
            "a1": ("M-3", "blocked"),
            "c3": ("M-3", "active"),
            "d4": ("M-4", "active"),
        }
        assert {phone, *(one.member_id for one in waiting_members(central))} == {"M-3", "M-4"}
        assert points(central, "M-3") == 5
        told = {
            getattr(row, "uid", "")
            for till in (seller, other)
            for row in stream(central, f"register:{till.register}")
        }
        assert {record.uid for record in seller.records + other.records} <= told
