"""Instant wins and draw entries from the programme to the audit: real agents, real central."""

import json
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tessera.fleet.shop import run_command, run_json_lines
from tessera.rules.draw import drawn, prize_of
from tests.support.agent import DAY
from tests.support.real_shop import WAIT_S, RealShop, of, real_shop
from tests.support.waiting import wait_until

EXAMPLE = Path(__file__).parents[2] / "config" / "programmes" / "prizes-and-draws.yaml"
SEED = "00112233445566778899aabbccddeeff"
PRIZES = ("coffee", "cake", "tote bag")

# A shop is five processes; a slow machine takes its time to start them.
pytestmark = pytest.mark.timeout(600)


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealShop]:
    """One shop for the module; every test has a member of its own."""
    folder = tmp_path_factory.mktemp("shop")
    text = EXAMPLE.read_text(encoding="utf-8")
    with real_shop(folder, text, registers=1, seed=bytes.fromhex(SEED)) as opened:
        yield opened


def dear(member: str) -> dict[str, Any]:
    """A basket of 30.00: a chance to win and an entry in the draw."""
    return of(member, {**_tea(), "quantity": "12", "amount_minor": 3000})


def _tea() -> dict[str, Any]:
    return {"id": "1", "sku": "4006381333931", "text": "tea", "unit_price": "2.50"}


def in_journal(shop: RealShop) -> dict[str, tuple[str, int]]:
    """Where central has each record, by uid."""
    shop.registers[0].settled()
    records = run_json_lines(
        "central", "records", "--register", "till-1", "--config", str(shop.config)
    )
    return {record["uid"]: (record["incarnation"], record["seq"]) for record in records}


def test_what_is_told_is_what_the_seed_and_the_record_give(shop: RealShop) -> None:
    (here,) = shop.registers
    all_sold = [here.agent.sell(f"a-{number}", dear("m-1")) for number in range(8)]
    places = in_journal(shop)
    for sold in all_sold:
        (draw,) = sold["draws"]
        incarnation, seq = places[sold["uid"]]
        number_drawn = drawn(bytes.fromhex(SEED), incarnation, seq, "scratch")
        prize = prize_of(number_drawn, PRIZES, (1, 4))
        assert (draw["won"], draw.get("prize", "")) == (prize != "", prize)
        told = f"You win: {prize}" if prize else "No win this time"
        assert told in sold["receipt"]
        terms = {one["kind"]: one["terms"] for one in sold["issued"]}
        assert (terms["draw"]["draw"], terms["win"]["draw"]) == ("bicycle", "scratch")
        assert terms["win"]["prizes"] == "coffee, cake, tote bag"
        assert terms["draw"]["free_entry"] == "a post card to the organiser"
        assert any("a post card to the organiser. Valid in DE" in one for one in sold["receipt"])
        codes = [notice["code"] for notice in sold.get("notices", [])]
        assert ("instant_win" in codes) == (prize != "")


def test_a_quote_draws_nothing_and_a_repeat_draws_once(shop: RealShop) -> None:
    (here,) = shop.registers
    given = dear("m-2")
    quoted = here.agent.put("b-1", given)
    assert quoted["draws"] == []
    due = quoted["totals"]["due_minor"]
    paid = {
        **given,
        "quote_id": quoted["quote_id"],
        "tenders": [{"kind": "cash", "amount_minor": due}],
        "total_taken_minor": due,
    }
    first, again = here.agent.complete("b-1", paid), here.agent.complete("b-1", paid)
    assert (first["draws"], first["uid"]) == (again["draws"], again["uid"])
    assert again["result"] == "exists"


def test_the_cashier_sees_the_terms_of_a_draw_with_its_entry(shop: RealShop) -> None:
    (here,) = shop.registers
    quoted = here.agent.put("e-1", dear("m-5"))
    terms = [one["terms"] for one in quoted["issued"]]
    assert [one["organiser"] for one in terms] == ["the shop at the corner, Main Street 1"] * 2
    page = httpx.get(f"http://127.0.0.1:{here.agent.port}/")
    assert "Take part without buying: a post card to the organiser. Valid in DE" in page.text


def test_offline_draws_are_audited_once_they_reach_central(shop: RealShop, tmp_path: Path) -> None:
    (here,) = shop.registers
    here.cut()
    uids = [here.agent.sell(f"c-{number}", dear("m-3"))["uid"] for number in range(3)]
    here.mend()
    here.settled()
    config = ("--config", str(shop.config))
    published = run_json_lines("central", "seed", "--publish", _hash(), *config)[0]
    assert published["seed"] == SEED
    lines = run_command("central", "draws", "--seed-hash", _hash(), "--json", *config)
    records = tmp_path / "draws.jsonl"
    records.write_text(lines)
    places = {place for uid, place in in_journal(shop).items() if uid in uids}
    assert len(places) == len(uids)
    exported = [json.loads(line) for line in lines.splitlines()]
    assert places <= {(one["incarnation"], one["seq"]) for one in exported}
    audit = ("--programme", str(EXAMPLE), "--seed", SEED, "--json")
    found = json.loads(run_command("programme", "audit-draw", "--records", str(records), *audit))
    assert found["seed_proven"]
    assert found["draws"] == found["compared"] == len(exported)
    assert (found["differing"], found["faults"]) == ([], [])
    assert run_command("central", "draws", "--seed-hash", "0" * 64, *config) == "0 draws, 0 won\n"


def test_entries_are_counted_by_central_and_a_void_takes_them_back(shop: RealShop) -> None:
    (here,) = shop.registers
    for sale in ("d-1", "d-2"):
        here.agent.sell(sale, dear("m-4"))
    event = {"kind": "post-card", "business_day": DAY, "member": of("m-4")["member"]}
    told = here.agent.call("POST", "/v1/events/d-3", event)
    assert told.status == 200, told.raw
    assert here.agent.call("POST", "/v1/events/d-4", event).status == 200  # one post card a month
    wait_until(
        lambda: shop.points("m-4", "entries:bicycle") == 3, what="3 entries", timeout_s=WAIT_S
    )
    here.agent.call("POST", "/v1/sales/d-1/void", {"business_day": DAY})
    wait_until(
        lambda: shop.points("m-4", "entries:bicycle") == 2, what="one is gone", timeout_s=WAIT_S
    )
    config = ("--config", str(shop.config))
    held = run_json_lines("central", "draws", "--entries", "bicycle", *config)
    assert {"member_id": "m-4", "entries": 2} in held
    assert set(here.units("m-4")) == set()
    shop.agree()


def test_the_seed_is_readable_by_its_owners_alone(shop: RealShop) -> None:
    found = list(shop.config.parent.glob("*/seeds/*"))
    assert len(found) == 3  # central by hash and by bundle, the till by bundle
    assert {stat.S_IMODE(path.stat().st_mode) for path in found} == {0o600}
    for folder in {path.parent for path in found}:
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def _hash() -> str:
    line = next(line for line in EXAMPLE.read_text().splitlines() if "seed_hash" in line)
    return line.rpartition(" ")[2]
