"""Limits of each member from the programme's file to the next quote: real agents, real central."""

from collections.abc import Iterator
from functools import partial
from typing import Any

import pytest

from tests.support.agent import DAY, Agent, paid
from tests.support.real_shop import WAIT_S, RealShop, Register, of, real_shop
from tests.support.waiting import wait_until

PROGRAMME = """\
programme: limited
currency: EUR
units: {points: {value: 0.01, redeem: tender, step: 100}}
offers:
  coffee:
    who: members
    what: category dairy
    give: 1.00 off the basket
    limits: 1 a day
  online-only:
    who: members
    what: category dairy
    give: 0.50 off the basket
    limits: 1 a year
    offline: refuse
    stacks: yes
  welcome:
    who: members
    give: 500 points
    limits: 1 ever
    offline: pending
"""

# A shop is five processes; a slow machine takes its time to start them.
pytestmark = pytest.mark.timeout(600)


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealShop]:
    """One shop for the module; every test has a member of its own."""
    with real_shop(tmp_path_factory.mktemp("shop"), PROGRAMME) as opened:
        yield opened


def reasons(agent: Agent, member: str) -> dict[str, str]:
    """Why each offer is not given on a fresh basket; "" for those that are."""
    found = agent.put(f"look-{member}", of(member))["offers"]
    return {offer["offer"]: offer.get("reason", "") for offer in found}


def wait_for(register: Register, member: str, offer: str, reason: str) -> None:
    wait_until(
        lambda: reasons(register.agent, member)[offer] == reason,
        what=f"{offer} is {reason or 'given'}",
        timeout_s=WAIT_S,
    )


def shows(register: Register, points: tuple[int, int]) -> bool:
    return register.units("m-4").get("points") == points


def shown(answer: Any, unit: str = "points") -> dict[str, int]:
    return next(found for found in answer["units"] if found["unit"] == unit)


def test_a_use_counts_at_its_own_till_at_once_and_at_the_other_by_the_feed(
    shop: RealShop,
) -> None:
    here, there = shop.registers
    assert reasons(there.agent, "m-1") == {"coffee": "", "online-only": "", "welcome": ""}
    wait_for(here, "m-1", "online-only", "")
    sold = here.agent.sell("a-1", of("m-1"))
    assert sold["totals"]["due_minor"] == 350
    assert set(reasons(here.agent, "m-1").values()) == {"limit-reached"}
    for offer in ("coffee", "online-only", "welcome"):
        wait_for(there, "m-1", offer, "limit-reached")
    here.settled()
    assert here.agent.sell("a-2", of("m-1"))["totals"]["due_minor"] == 500
    here.settled()
    assert shop.points("m-1", f"uses:coffee/{DAY}") == 1
    assert shop.points("m-1", "uses:welcome/ever") == 1
    assert set(here.units("m-1")) == set(there.units("m-1")) == {"points"}
    shop.agree()


def test_a_void_gives_the_use_back_at_both_tills(shop: RealShop) -> None:
    here, there = shop.registers
    here.agent.sell("b-1", of("m-2"))
    wait_for(there, "m-2", "coffee", "limit-reached")
    void = here.agent.call("POST", "/v1/sales/b-1/void", {"business_day": DAY})
    assert void.status == 200, void.raw
    assert reasons(here.agent, "m-2")["coffee"] == ""
    wait_for(there, "m-2", "coffee", "")
    assert (shop.points("m-2"), shop.points("m-2", f"uses:coffee/{DAY}")) == (0, 0)
    shop.agree()


def test_a_part_that_comes_back_gives_no_use_back_and_the_rest_of_it_does(shop: RealShop) -> None:
    here, _ = shop.registers
    here.agent.sell("c-1", of("m-3"))
    for number, reason in ((1, "limit-reached"), (2, "")):
        lines = {"original": {"sale_id": "c-1"}, "lines": [{"id": "1", "quantity": "1"}]}
        back = here.agent.call("POST", f"/v1/returns/c-r{number}", lines)
        assert back.status == 200, back.raw
        assert reasons(here.agent, "m-3")["coffee"] == reason


def test_two_tills_without_a_line_give_a_pending_reward_twice_and_central_once(
    shop: RealShop,
) -> None:
    """500 points at each till; 500 are confirmed, and the other sale's return takes none back."""
    here, there = shop.registers
    here.cut()
    there.cut()
    assert reasons(here.agent, "m-4")["online-only"] == "refused-offline"
    for number, register in enumerate(shop.registers, start=1):
        unit = shown(register.agent.sell(f"d-{number}", of("m-4")))
        assert (unit["earned"], unit["balance_after"], unit["pending"]) == (500, 500, 500)
    here.mend()
    here.settled()
    there.mend()
    for register in shop.registers:
        wait_until(
            partial(shows, register, (500, 0)),
            what="the till shows what central confirmed",
            timeout_s=WAIT_S,
        )
    there.settled()
    assert shop.points("m-4", "uses:welcome/ever") == 2
    lines = {"original": {"sale_id": "d-2"}, "lines": [{"id": "1", "quantity": "2"}]}
    back = there.agent.call("POST", "/v1/returns/d-r1", lines)
    assert back.status == 200, back.raw
    wait_until(
        lambda: shop.points("m-4", "uses:welcome/ever") == 1,
        what="one use is back",
        timeout_s=WAIT_S,
    )
    assert (shop.points("m-4"), shop.points("m-4", "owed:points")) == (500, 0)
    shop.agree()


def test_a_quote_from_before_the_limit_was_reached_is_not_completed_again(
    shop: RealShop,
) -> None:
    """Both quotes promise the offer; the second one to be paid is asked again, or is flagged."""
    here, _ = shop.registers
    given = of("m-5")
    first, second = here.agent.put("e-1", given), here.agent.put("e-2", given)
    here.agent.complete("e-1", paid(given, first))
    unpaid = paid(given, second, money_taken=False)
    refused = here.agent.call("POST", "/v1/sales/e-2/complete", unpaid)
    assert (refused.status, refused.json["code"]) == (409, "quote_mismatch")
    taken = here.agent.complete("e-2", paid(given, second, money_taken=True))
    assert "over-limit" in taken["flags"]
    wait_until(
        lambda: shop.points("m-5", "uses:welcome/ever") == 2, what="counted", timeout_s=WAIT_S
    )
    assert shop.points("m-5") == 500
    shop.agree()
