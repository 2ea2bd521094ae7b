"""Central prices booked sales once more: equal ones are counted, a tampered one raises an alarm."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tessera.central.opening import Central
from tessera.central.programmes import release_programme
from tessera.central.rechecking import price_waiting, recheck_register, settle_checked
from tessera.central.settings import RecheckSettings
from tessera.central.standing import look
from tessera.core.errors import TesseraError
from tessera.core.sale import KIND_SALE, SaleBody
from tessera.rules.evaluate import evaluate
from tessera.rules.programme import Programme, parse_programme
from tessera.store.central import recheck_book, register_book
from tessera.sync.records import decoded, encoded
from tests.store.central.conftest import Place
from tests.store.central.parts import central_on, enrolled, member, send, settings_for
from tests.store.central.scripted_till import Till
from tests.store.central.served import served
from tests.store.central.test_commands import Shell, config, shell
from tests.store.central.test_standing import ROOMY
from tests.support.waiting import wait_until

__all__ = ["config", "shell"]
TEXT = """\
programme: corner-shop
currency: EUR
units: {points: {}}
offers:
  off: {give: 10 % off}
  points: {who: members, give: 1 point for every whole 1.00}
"""


def rules() -> Programme:
    found, problems = parse_programme(TEXT, file="p.yaml")
    assert found is not None, problems
    return found


@pytest.fixture
def central(place: Place) -> Iterator[Central]:
    settings = replace(settings_for(place.url, place.folder), recheck=RecheckSettings(one_in=1))
    with central_on(settings) as opened:
        yield opened


@pytest.fixture
def till(central: Central) -> Till:
    return till_of(central)


def till_of(central: Central) -> Till:
    made, problems = release_programme(central, TEXT, file="p.yaml")
    assert made is not None, problems
    till = Till(bundle=made.bundle)
    enrolled(central, till)
    member(central, "M-1")
    return till


def sell(till: Till, *, off_minor: int = 0) -> str:
    """A sale of 10.00 less 10 %, as the till's rules give it, less `off_minor` by the tamperer."""
    draft = Till(number=99 + till.sales).sell("M-1", sale_id=f"t{till.sales}")
    sale = decoded(json.dumps(json.loads(draft.raw)["body"]).encode(), SaleBody)
    quote = evaluate(rules(), sale.member, sale.basket, sale.place)
    if off_minor:
        line = quote.lines[0]
        line = replace(
            line,
            discount_minor=line.discount_minor + off_minor,
            due_minor=line.due_minor - off_minor,
        )
        quote = replace(
            quote,
            lines=(line,),
            discount_minor=quote.discount_minor + off_minor,
            due_minor=quote.due_minor - off_minor,
        )
    till.sales += 1
    return till.write(KIND_SALE, encoded(replace(sale, quote=quote))).uid


def priced(central: Central) -> dict[str, int]:
    """What came out, by verdict, once nothing waits."""
    while checked := price_waiting(central, go_on=lambda: True):
        settle_checked(central, checked)
    with central.engines.reader.begin() as tx:
        assert recheck_book.count_due(tx) == 0
        return {one.verdict: one.sales for one in recheck_book.read_tallies(tx)}


def alarms(central: Central) -> list[tuple[str, str, str, str]]:
    with central.engines.reader.begin() as tx:
        return [
            (one.register_id, one.kind, one.about, one.detail)
            for one in register_book.read_alarms(tx)
        ]


def test_sales_that_come_out_again_are_counted_once(central: Central, till: Till) -> None:
    for _ in range(30):
        sell(till)
    send(central, till)
    assert priced(central) == {"same": 30}
    assert priced(central) == {"same": 30}
    assert alarms(central) == []
    found = look(central, silent_days=3, free=ROOMY)
    assert (found.rechecks.sales, found.rechecks.differ, found.findings) == (30, 0, ())


def test_a_till_with_a_good_key_that_discounts_more_is_found(central: Central, till: Till) -> None:
    """10.00 less 10 % is 9.00; the record says 7.00. It is booked as it is, and told."""
    sell(till)
    changed = sell(till, off_minor=200)
    send(central, till)
    assert priced(central) == {"same": 1, "differs": 1}
    detail = (
        "sale berlin-1 berlin-1-1 2026-11-21 t1: due_minor: 700 recorded, 900 now (-200);"
        " discount_minor: 300 recorded, 100 now (+200);"
        " lines.1.discount_minor: 300 recorded, 100 now (+200)"
    )
    assert alarms(central) == [("berlin-1-1", "not-reproduced", changed, detail)]
    found = look(central, silent_days=3, free=ROOMY)
    assert [one.code for one in found.findings] == ["sales_not_reproduced"]
    assert "register berlin-1-1" in found.findings[0].text


def test_records_of_programmes_that_are_not_here_are_no_difference(
    central: Central, till: Till
) -> None:
    strange = replace_bundle(till)
    strange.sell("M-1", earned=7)
    send(central, strange)
    assert priced(central) == {"bundle-unknown": 1}
    assert alarms(central) == []


def replace_bundle(till: Till) -> Till:
    till.bundle = "c" * 64
    return till


def test_only_the_sample_waits_to_be_priced_again(place: Place) -> None:
    settings = settings_for(place.url, place.folder)
    with central_on(settings) as central:
        till = till_of(central)
        for _ in range(40):
            sell(till)
        send(central, till)
        assert priced(central) == {}
    with central_on(replace(settings, recheck=RecheckSettings(one_in=4))) as central:
        sample = central.sample()
        expected = sum(sample.holds(record.uid) for record in till.records)
        assert 0 < expected < 40
        checked = list(recheck_register(central, till.register))
        assert {one.uid for one in checked} == {
            record.uid for record in till.records if sample.holds(record.uid)
        }
        for _ in range(40):
            sell(till)
        send(central, till, first=41)
        more = sum(sample.holds(record.uid) for record in till.records[40:])
        assert priced(central) == {"same": more}


def test_pricing_stops_as_soon_as_something_is_to_be_booked(central: Central, till: Till) -> None:
    for _ in range(5):
        sell(till)
    send(central, till)
    answers = iter([True, True, False])
    checked = price_waiting(central, go_on=lambda: next(answers))
    assert len(checked) == 1
    assert len(settle_checked(central, checked)) == 1
    assert settle_checked(central, checked) == []
    assert priced(central) == {"same": 5}


def test_a_register_is_looked_at_by_hand_since_a_day(central: Central, till: Till) -> None:
    """Everything arrived on 2025-11-21, by this central's clock."""
    changed = sell(till, off_minor=100)
    send(central, till)
    assert list(recheck_register(central, till.register, since="2025-11-22", every=True)) == []
    found = list(recheck_register(central, till.register, since="2025-11-21", every=True))
    assert [(one.uid, one.verdict.verdict) for one in found] == [(changed, "differs")]
    assert [one[2] for one in alarms(central)] == [changed]
    with pytest.raises(TesseraError, match="unknown"):
        list(recheck_register(central, "nowhere-1", every=True))


def test_the_server_prices_them_by_itself_beside_its_work(central: Central, till: Till) -> None:
    changed = sell(till, off_minor=100)
    for _ in range(25):
        sell(till)
    send(central, till)
    with served(central) as client:
        wait_until(lambda: alarms(central) != [], what="the tampered sale is found", timeout_s=30)

        def counted() -> bool:
            text = client.get("/metrics").text
            return (
                'tessera_rechecks_total{code="same"} 25' in text
                and 'tessera_rechecks_total{code="differs"} 1' in text
                and "tessera_rechecks_waiting 0" in text
            )

        wait_until(counted, what="all of them are counted", timeout_s=30)
    assert [one[2] for one in alarms(central)] == [changed]


def test_the_commands_list_and_run(shell: Shell, tmp_path: Path) -> None:
    settings = settings_for(f"sqlite:///{tmp_path / 'central' / 'central.db'}", tmp_path)
    with central_on(settings) as central:
        till = till_of(central)
        sell(till)
        changed = sell(till, off_minor=200)
        send(central, till)
    code, out, _ = shell.run("recheck", "list")
    assert (code, out) == (0, "0 sales differ, 0 wait to be priced once more\n")
    code, out, _ = shell.run("recheck", "run", "--register", "berlin-1-1", "--all")
    assert code == 1
    assert "  due_minor: 700 recorded, 900 now (-200)\n" in out
    assert out.endswith("2 sales priced once more: 1 differs, 1 same\n")
    code, out, _ = shell.run("recheck", "list", "--json")
    told = json.loads(out)
    assert (code, [one["uid"] for one in told["found"]]) == (1, [changed])
    assert told["found"][0]["differences"][0] == {
        "field": "due_minor",
        "recorded": "700",
        "again": "900",
    }
    code, out, _ = shell.run("recheck", "list", "--register", "berlin-9")
    assert code == 0
    code, out, _ = shell.run("recheck", "run", "--all", "--json", "--since", "2099-01-01")
    assert (code, json.loads(out)["sales"]) == (0, 0)
