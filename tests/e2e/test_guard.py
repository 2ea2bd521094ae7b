"""The guard against abuse from the programme's file to central's alarms: all parts real."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tessera.core.sale import SaleBody
from tessera.fleet.shop import run_json, run_json_lines
from tessera.rules.evaluate import evaluate
from tessera.rules.programme import parse_programme
from tessera.store.central.register_book import read_alarms
from tessera.store.till.opening import DATABASE
from tessera.sync.records import read_body, read_envelope
from tests.support.agent import DAY, STORE_TIME, Agent, paid
from tests.support.real_shop import WAIT_S, RealShop, Register, card_of, of, real_shop
from tests.support.waiting import wait_until

PROGRAMME = """\
programme: guarded
currency: EUR
units: {points: {value: 0.01, redeem: tender, step: 100}}
offers:
  dairy-10: {who: members, what: category dairy, give: 10 % off}
  points: {who: members, give: 1 point for every whole 1.00}
guard:
  card: at most 2 sales a day, then refuse
  own_card: refuse
  returns: at most 1 return in 7 days, then flag
"""

# A shop is five processes; a slow machine takes its time to start them.
pytestmark = pytest.mark.timeout(600)


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealShop]:
    """One shop for the module; every test has a member of its own."""
    with real_shop(tmp_path_factory.mktemp("shop"), PROGRAMME) as opened:
        yield opened


def why(agent: Agent, given: dict[str, Any]) -> dict[str, str]:
    """Why each offer is not given on a fresh basket; "" for those that are."""
    found = agent.put(f"look-{given['member']['cards'][0]}", given)["offers"]
    return {offer["offer"]: offer.get("reason", "") for offer in found}


def codes(answer: Any) -> set[str]:
    return {said["code"] for said in answer.get("notices", ())}


def wait_for(register: Register, given: dict[str, Any], reason: str) -> None:
    wait_until(
        lambda: why(register.agent, given)["dairy-10"] == reason,
        what=f"dairy-10 is {reason or 'given'}",
        timeout_s=WAIT_S,
    )


def alarms(shop: RealShop) -> set[tuple[str, str, str]]:
    with shop.central.engines.reader.begin() as tx:
        return {(one.register_id, one.kind, one.about) for one in read_alarms(tx)}


def bodies(folder: Path) -> dict[str, SaleBody]:
    with closing(sqlite3.connect(folder / DATABASE)) as connection:
        raws = [row[0] for row in connection.execute("SELECT raw FROM journal")]
    found = [read_body(read_envelope(raw)) for raw in raws]
    return {body.key.sale_id: body for body in found if isinstance(body, SaleBody)}


def test_a_card_that_is_used_too_often_gets_nothing_and_the_sale_goes_on(shop: RealShop) -> None:
    """Two of milk cost 5.00, or 4.50 with the card; the third sale of the day pays 5.00."""
    here, there = shop.registers
    given = of("m-1")
    here.cut()
    assert here.agent.sell("a-1", given)["totals"]["due_minor"] == 450
    assert here.agent.sell("a-2", given)["totals"]["due_minor"] == 450
    third = here.agent.put("a-3", given)
    assert {offer["offer"]: offer["reason"] for offer in third["offers"]} == {
        "dairy-10": "guard-refused",
        "points": "guard-refused",
    }
    assert third["member"]["status"] == "refused"
    assert {"guard_card", "guard_refused"} <= codes(third)
    sold = here.agent.complete("a-3", paid(given, third))
    assert sold["totals"]["due_minor"] == 500
    assert sold["flags"] == ["guard-card", "guard-refused"]

    # What was recorded prices alike again, and nobody claims the points of it afterwards.
    programme, _ = parse_programme(PROGRAMME, file="p.yaml")
    assert programme is not None
    till = Path(shop.config).parent / "till-1"
    for body in bodies(till).values():
        assert evaluate(programme, body.member, body.basket, body.place) == body.quote
    claim = here.agent.call(
        "POST",
        "/v1/claims/a-c",
        {"member": {"cards": [card_of("m-9")]}, "receipt_code": sold["receipt_code"]},
    )
    assert (claim.status, claim.json["code"]) == (409, "claim_refused")

    # The other till hears of the two sales, central of the third one.
    here.mend()
    here.settled()
    wait_for(there, given, "guard-refused")
    wait_until(
        lambda: ("till-1", "guard-refused", sold["uid"]) in alarms(shop),
        what="central has the alarm",
        timeout_s=WAIT_S,
    )
    assert ("till-1", "guard-card", sold["uid"]) in alarms(shop)
    assert (shop.points("m-1"), shop.points("m-1", f"uses:~sales/{DAY}")) == (8, 2)
    records = run_json_lines(
        "central", "records", "--config", str(shop.config), "--register", "till-1"
    )
    flags = {one["sale_id"]: one["flags"] for one in records}
    assert flags["a-3"] == ["guard-card", "guard-refused"]
    assert flags["a-2"] == []
    shop.agree()


def test_the_cashiers_own_card_gets_nothing_offline_too(shop: RealShop) -> None:
    here, _ = shop.registers
    run_json(
        *("central", "member", "add", "--config", str(shop.config)),
        *("--member", "m-2", "--staff-number", "0017"),
    )
    own = {**of("m-2"), "cashier": "0017"}
    wait_for(here, own, "guard-refused")
    here.cut()
    assert why(here.agent, {**own, "cashier": "0018"})["dairy-10"] == ""
    assert why(here.agent, of("m-2"))["dairy-10"] == ""
    sold = here.agent.sell("b-1", own)
    assert sold["flags"] == ["guard-own-card", "guard-refused"]
    assert "guard_own_card" in codes(sold)
    here.mend()
    here.settled()
    assert shop.points("m-2") == 0


def test_returns_one_after_another_are_marked_and_paid(shop: RealShop) -> None:
    here, there = shop.registers
    here.agent.sell("c-1", of("m-3"))
    told = []
    for number in (1, 2):
        lines = {
            "original": {"sale_id": "c-1"},
            "lines": [{"id": "1", "quantity": "1"}],
            "store_time": STORE_TIME,
        }
        back = here.agent.call("POST", f"/v1/returns/c-r{number}", lines)
        assert back.status == 200, back.raw
        told.append((back.json["refund_minor"], back.json.get("flags", []), codes(back.json)))
    assert told[0][:2] == (225, [])
    assert told[1][:2] == (225, ["guard-returns"])
    assert "guard_returns" in told[1][2]
    # A flag speaks against no sale, and the returns of both tills count.
    there.agent.sell("c-2", of("m-3"))
    wait_until(
        lambda: shop.points("m-3", f"uses:~returns/{DAY}") == 2,
        what="central has counted",
        timeout_s=WAIT_S,
    )
    here.settled()
    there.settled()
    void = there.agent.call("POST", "/v1/sales/c-2/void", {"business_day": DAY})
    assert void.status == 200, void.raw
    wait_until(
        lambda: any(kind == "guard-returns" for _, kind, _ in alarms(shop)),
        what="central has the alarm",
        timeout_s=WAIT_S,
    )
    shop.agree()
