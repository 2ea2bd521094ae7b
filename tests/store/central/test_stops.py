"""Offers that are stopped at once: told to every store they concern, on record, and ended again."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tessera.central import stops
from tessera.central.enrol import add_store
from tessera.central.generations import begin_generation, tell_everything
from tessera.central.opening import Central
from tessera.central.programmes import announce_current
from tessera.central.settings import ImageSettings
from tessera.cli.main import main
from tessera.core.errors import TesseraError
from tessera.store.till import stopped_offers
from tessera.sync.feed_wire import StopsRow
from tests.store.central.conftest import Place
from tests.store.central.image_till import enrolled_till
from tests.store.central.parts import (
    central_on,
    enrolled,
    member,
    points,
    publish,
    released,
    send,
    settings_for,
    stream,
)
from tests.store.central.scripted_till import Till
from tests.store.central.served import served

PROGRAMME = """\
programme: corner-shop
currency: EUR
units: {points: {}}
offers:
  points: {who: members, give: 1 point for every whole 1.00}
  extra: {who: members, give: 3 points}
"""
SECOND = PROGRAMME.replace("corner-shop", "tea-house")
WHO = "anna"


@pytest.fixture
def central(place: Place) -> Iterator[Central]:
    settings = replace(
        settings_for(place.url, place.folder), images=ImageSettings(segments_least=0)
    )
    with central_on(settings) as opened:
        enrolled(opened, Till())
        enrolled(opened, Till(register="berlin-2-1", store="berlin-2"))
        yield opened


def release(central: Central, text: str = PROGRAMME, *stores: str) -> str:
    return released(central, text, *stores)


def stop(central: Central, offer: str = "points", *stores: str, programme: str = "") -> int:
    done = stops.stop_offer(
        central, offer, reason="gives too much", who=WHO, programme=programme, stores=stores
    )
    return len(done)


def start(central: Central, offer: str = "points", *stores: str) -> int:
    return len(stops.start_offer(central, offer, who=WHO, stores=stores))


def told(central: Central, store: str) -> list[str]:
    """The offers that a store's stream says are stopped, by its newest row."""
    publish(central)
    found = [row for row in stream(central, f"store:{store}") if isinstance(row, StopsRow)]
    versions = [row.version for row in found]
    assert versions == sorted(versions)
    return [one.offer for one in found[-1].stopped] if found else []


def test_a_stop_is_told_to_every_store_and_so_is_its_end(central: Central) -> None:
    release(central)
    assert stop(central) == 1
    assert [told(central, "berlin-1"), told(central, "berlin-2")] == [["points"], ["points"]]
    assert stop(central) == 0
    assert start(central) == 1
    assert [told(central, "berlin-1"), told(central, "berlin-2")] == [[], []]


def test_a_stop_of_one_store_is_nobody_elses(central: Central) -> None:
    release(central)
    stop(central, "points", "berlin-2")
    assert [told(central, "berlin-1"), told(central, "berlin-2")] == [[], ["points"]]
    stop(central, "extra")
    assert told(central, "berlin-2") == ["extra", "points"]
    start(central, "points", "berlin-2")
    assert [told(central, "berlin-1"), told(central, "berlin-2")] == [["extra"], ["extra"]]


def test_who_stopped_what_and_why_stays_on_record(central: Central) -> None:
    release(central)
    stop(central)
    start(central)
    assert stops.list_stops(central) == []
    past = stops.list_stops(central, ended=True)
    told_of = [(one.programme, one.offer, one.store_id, one.reason, one.who) for one in past]
    assert told_of == [("corner-shop", "points", "", "gives too much", WHO)]
    assert past[0].ended_by == WHO
    assert past[0].ended_ms > past[0].stopped_ms > 0


def test_a_stop_outlasts_the_next_release(central: Central) -> None:
    release(central)
    stop(central)
    release(central, PROGRAMME + "version: '2'\n")
    assert told(central, "berlin-1") == ["points"]
    assert stop(central) == 0


def test_a_store_that_comes_later_hears_of_it(central: Central) -> None:
    release(central)
    stop(central)
    add_store(central, "berlin-3")
    with central.engines.writer.begin() as tx:
        announce_current(tx, central, "berlin-3")
    assert told(central, "berlin-3") == ["points"]


def test_a_first_load_brings_it_and_the_stream_ends_it(central: Central, tmp_path: Path) -> None:
    release(central)
    stop(central)
    member(central, "M-1")
    publish(central)
    with served(central) as client:
        till = enrolled_till(central, str(client.base_url), tmp_path / "till")
        assert len(till.pull().fetched) == 1
        with till.engines.reader.connect() as connection:
            assert stopped_offers.read(connection) == {("corner-shop", "points")}
        start(central)
        publish(central)
        till.pull()
        with till.engines.reader.connect() as connection:
            assert stopped_offers.read(connection) == frozenset()
        till.till.close()


def test_a_central_that_was_put_back_says_what_it_knows(central: Central) -> None:
    """What it has forgotten counts for nothing then, since what it says now is newer."""
    release(central)
    stop(central)
    stop(central, "extra")
    publish(central)
    before = [row for row in stream(central, "store:berlin-1") if isinstance(row, StopsRow)]
    begin_generation(central)
    tell_everything(central)
    publish(central)
    after = [row for row in stream(central, "store:berlin-1") if isinstance(row, StopsRow)]
    assert after[-1].version > before[-1].version + 1_000
    assert [one.offer for one in after[-1].stopped] == ["extra", "points"]


def test_central_works_a_claim_out_as_the_sale_was(central: Central) -> None:
    """A sale of 10.00 while `points` was stopped: 3 points by `extra`, not 13."""
    here, there = Till(number=3), Till(register="berlin-2-1", store="berlin-2", number=4)
    here.bundle = release(central)
    member(central, "M-1")
    here.stopped = ("points",)
    sale = here.sell()
    send(central, here)
    there.claim(sale, "M-1", register=here.register)
    send(central, there)
    assert points(central, "M-1") == 3


@pytest.mark.parametrize(
    "words, message",
    [
        ({"offer": "point"}, "no offer point"),
        ({"programme": "other"}, "runs in none"),
        ({"stores": ("nowhere",)}, "store nowhere is unknown"),
        ({"reason": "  "}, "a reason of 0"),
        ({"reason": "x" * 501}, "a reason of 501"),
    ],
)
def test_what_cannot_be_stopped_is_told(
    central: Central, words: dict[str, object], message: str
) -> None:
    release(central)
    given: dict[str, object] = {"offer": "points", "reason": "why", "who": WHO, **words}
    with pytest.raises(TesseraError, match=message):
        stops.stop_offer(central, **given)  # type: ignore[arg-type]
    assert stops.list_stops(central, ended=True) == []


def test_where_stores_run_several_programmes_one_is_named(central: Central) -> None:
    with pytest.raises(TesseraError, match="run 0 programmes"):
        stop(central)
    release(central)
    release(central, SECOND, "berlin-2")
    with pytest.raises(TesseraError, match="corner-shop, tea-house"):
        stop(central)
    assert stop(central, programme="tea-house") == 1
    assert stop(central, programme="corner-shop") == 1
    with pytest.raises(TesseraError, match="several programmes"):
        start(central)


def test_a_stop_everywhere_does_not_end_in_one_store(central: Central) -> None:
    release(central)
    with pytest.raises(TesseraError, match="is not stopped there"):
        start(central)
    stop(central)
    with pytest.raises(TesseraError, match="in every store"):
        start(central, "points", "berlin-1")
    assert told(central, "berlin-1") == ["points"]


def test_the_command_says_what_it_did(
    central: Central, place: Place, capsys: pytest.CaptureFixture[str]
) -> None:
    release(central)
    config = place.folder / "central.toml"
    data_dir = central.settings.data_dir
    config.write_text(f'data_dir = "{data_dir}"\n[database]\nurl = "{place.url}"\n')

    def said(*words: str, code: int = 0) -> str:
        assert main(["central", "programme", *words, "--config", str(config)]) == code
        told = capsys.readouterr()
        return told.err if code else told.out

    stopping = ("stop", "extra", "--reason", "sold out", "--by", WHO)
    assert "extra is stopped in every store" in said(*stopping)
    assert "was stopped there already" in said(*stopping)
    listed = said("stops")
    assert "corner-shop extra  every store  since " in listed
    assert "    by anna: sold out" in listed
    assert "did you mean extra" in said("stop", "extr", "--reason", "x", code=3)
    assert "extra goes again in every store" in said("start", "extra")
    assert "no offer is stopped" in said("stops")
    assert ", until " in said("stops", "--ended")
    where = json.loads(said("stop", "extra", "--reason", "x", "--store", "berlin-2", "--json"))
    assert [(one["offer"], one["store"], one["ended_ms"]) for one in where] == [
        ("extra", "berlin-2", 0)
    ]
