"""Limits over all members from the programme's file to two tills without a line: all parts real."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tessera.central.shared_limits import list_limits
from tessera.central.sharing import SharedLimit
from tessera.core.sale import SaleBody
from tessera.rules.evaluate import evaluate
from tessera.rules.programme import parse_programme
from tessera.store.till.opening import DATABASE
from tessera.sync.records import read_body, read_envelope
from tests.support.agent import DAY, Agent, milk, paid, running_agent
from tests.support.real_shop import WAIT_S, RealShop, Register, of, real_shop
from tests.support.waiting import wait_until

PROGRAMME = """\
programme: shared
currency: EUR
offers:
  few: {what: category dairy, give: 1.00 off the basket, limits: {total: 8}, stacks: yes}
  risky:
    what: category dairy
    give: 0.10 off the basket
    limits: {total: 4, risk: 1}
    stacks: yes
  capped: {what: category dairy, give: 10 % off the basket, limits: {budget: 4.00}, stacks: yes}
  race: {what: category bread, give: 1.00 off the basket, limits: {total: 4}}
"""

# A shop is five processes; a slow machine takes its time to start them.
pytestmark = pytest.mark.timeout(600)


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealShop]:
    """One shop for the module; the tests use offers of their own."""
    with real_shop(tmp_path_factory.mktemp("shop"), PROGRAMME) as opened:
        yield opened


def looks(agent: Agent, given: dict[str, Any]) -> dict[str, str]:
    """Why each offer is not given on a fresh basket; "" for those that are."""
    found = agent.put("look", given)["offers"]
    return {offer["offer"]: offer.get("reason", "") for offer in found}


def limit(shop: RealShop, offer: str) -> SharedLimit:
    return next(shared for row, shared in list_limits(shop.central) if row.offer == offer)


def given_off(answer: Any) -> dict[str, int]:
    return {one["offer"]: one["discount_minor"] for one in answer["offers"] if one["applied"]}


def bodies(folder: Path) -> list[SaleBody]:
    with closing(sqlite3.connect(folder / DATABASE)) as connection:
        raws = [row[0] for row in connection.execute("SELECT raw FROM journal")]
    found = [read_body(read_envelope(raw)) for raw in raws]
    return [body for body in found if isinstance(body, SaleBody)]


MILK = of("m-1")
BREAD = of("m-2", {**milk(), "sku": "bread", "categories": ["bread"]})
OFFERS = ("few", "risky", "capped", "race")
DRY = {"few": "used-up", "risky": "used-up", "capped": "budget-used"}


def shares(shop: RealShop, number: int) -> dict[str, int]:
    """What a till has been granted of each offer, once it has heard all that central granted."""
    till = shop.config.parent / f"till-{number}" / DATABASE

    def heard() -> dict[str, int]:
        with closing(sqlite3.connect(till)) as connection:
            rows = connection.execute("SELECT key, granted FROM limit_share").fetchall()
        here = {str(key).split("/")[1]: int(granted) for key, granted in rows}
        central = {
            row.offer: share.granted
            for row, shared in list_limits(shop.central)
            for (register, _), share in shared.shares.items()
            if register == f"till-{number}"
        }
        return here if here == central and len(here) == len(OFFERS) else {}

    return wait_until(heard, what="the till has heard of its shares", timeout_s=WAIT_S)


def test_two_tills_without_a_line_give_no_more_than_their_shares(shop: RealShop) -> None:
    """Each sells until its shares are used up; of `risky` each gives one more than its share."""
    folder = shop.config.parent
    given: dict[str, int] = dict.fromkeys(OFFERS, 0)
    for number, register in enumerate(shop.registers, start=1):
        own = shares(shop, number)
        register.cut()
        sold: dict[str, list[int]] = {offer: [] for offer in OFFERS}
        for one in range(20):
            for offer, off in given_off(register.agent.sell(f"a{number}-{one}", MILK)).items():
                sold[offer].append(off)
        assert sold["few"] == [100] * own["few"]
        assert sold["risky"] == [10] * (own["risky"] + 1)
        assert sum(sold["capped"]) == own["capped"]
        assert looks(register.agent, MILK) == DRY
        for offer, minor in sold.items():
            given[offer] += sum(minor) if offer == "capped" else len(minor)
    assert 4 <= given["few"] <= 8
    assert 4 <= given["risky"] <= 4 + 2
    assert 200 <= given["capped"] <= 400
    here = shop.registers[0]
    here.agent.kill()
    with running_agent(folder / "till-1", folder / "till-1.toml") as again:
        assert looks(again, MILK) == DRY
        # What was recorded prices alike again, with what was left of each share then.
        programme, problems = parse_programme(PROGRAMME, file="p.yaml")
        assert programme is not None
        assert problems == []
        for till in ("till-1", "till-2"):
            for body in bodies(folder / till):
                assert evaluate(programme, body.member, body.basket, body.place) == body.quote
        assert (limit(shop, "few").used, limit(shop, "few").outstanding) == (0, given["few"])
        there = shop.registers[1]
        for line in (here.line, there.line):
            line.mend()
        wait_until(
            lambda: {one: limit(shop, one).used for one in DRY} == {one: given[one] for one in DRY},
            what="central has counted",
            timeout_s=WAIT_S,
        )
        _use_up(shop, (again, there.agent))
        _give_back(shop, (again, there.agent))
        again.stop()


def _use_up(shop: RealShop, agents: tuple[Agent, Agent]) -> None:
    """Sell in turns as shares come, until nothing of the eight is left anywhere."""
    number = 0
    while limit(shop, "few").used < 8:
        assert number < 40, "shares do not come"
        given_off(agents[number % 2].sell(f"b-{number}", MILK))
        before = limit(shop, "few")
        wait_until(
            lambda: (
                sum(looks(agent, MILK)["few"] == "" for agent in agents)
                or limit(shop, "few").used == 8
            ),
            what=f"a use is granted of {before}",
            timeout_s=WAIT_S,
        )
        number += 1
    assert (limit(shop, "few").outstanding, limit(shop, "few").free) == (0, 0)
    for agent in agents:
        assert looks(agent, MILK)["few"] == "used-up"


def _give_back(shop: RealShop, agents: tuple[Agent, Agent]) -> None:
    void = agents[1].call("POST", "/v1/sales/a2-0/void", {"business_day": DAY})
    assert void.status == 200, void.raw
    wait_until(
        lambda: "" in {looks(agent, MILK)["few"] for agent in agents},
        what="the use is there again",
        timeout_s=WAIT_S,
    )
    assert (limit(shop, "few").used, limit(shop, "few").outstanding) == (7, 1)
    shop.agree()


def test_the_last_use_is_promised_twice_and_given_once(shop: RealShop) -> None:
    """One of four lies at this till; the second customer pays for it, or the shop bears it."""
    here: Register = shop.registers[1]
    own = shares(shop, 2)["race"]
    here.cut()
    for number in range(own - 1):
        assert given_off(here.agent.sell(f"c-before-{number}", BREAD)) == {"race": 100}
    quotes = [here.agent.put(f"c-{number}", BREAD) for number in range(3)]
    assert [quote["totals"]["due_minor"] for quote in quotes] == [400, 400, 400]
    here.agent.complete("c-0", paid(BREAD, quotes[0]))
    refused = here.agent.call(
        "POST", "/v1/sales/c-1/complete", paid(BREAD, quotes[1], money_taken=False)
    )
    assert (refused.status, refused.json["code"]) == (409, "quote_mismatch")
    taken = here.agent.complete("c-2", paid(BREAD, quotes[2], money_taken=True))
    assert set(taken["flags"]) == {"used-up", "total-mismatch"}
    assert given_off(taken) == {}
    here.mend()
    wait_until(lambda: limit(shop, "race").used == own, what="counted once", timeout_s=WAIT_S)
    shop.agree()
