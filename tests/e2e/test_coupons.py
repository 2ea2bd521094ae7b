"""Single-use coupons from the lot to the second use: real agents, real central."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tessera.central.coupon_claims import TAG_REUSED
from tessera.fleet.shop import run_command, run_json_lines
from tessera.store.central import register_book
from tests.support.agent import DAY, Agent, days_later, paid
from tests.support.real_shop import WAIT_S, RealShop, Register, of, real_shop
from tests.support.waiting import wait_until

PROGRAMME = """\
programme: coupons
currency: EUR
offers:
  spring:
    trigger: {coupon: "SPRING-*", single_use: yes}
    give: 1.00 off the basket
  next-time:
    trigger: {coupon: "NEXT-*", single_use: yes}
    give: 2.00 off the basket
  thanks:
    who: members
    needs: basket from 20.00
    give: {coupon: next-time, days: 30}
"""
SAME_DAY = {"business_day": DAY}

# A shop is five processes; a slow machine takes its time to start them.
pytestmark = pytest.mark.timeout(600)


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealShop]:
    """One shop for the module; every test has codes and a member of its own."""
    with real_shop(tmp_path_factory.mktemp("shop"), PROGRAMME) as opened:
        yield opened


@pytest.fixture(scope="module")
def codes(shop: RealShop) -> Iterator[str]:
    """Codes of a lot, as the command prints them."""
    file = shop.config.parent / "coupons.yaml"
    file.write_text(PROGRAMME)
    lot = (
        "--offer",
        "spring",
        "--count",
        "20",
        "--from",
        days_later(-20),
        "--until",
        days_later(9),
    )
    printed = run_command(
        "central", "coupon", "issue", str(file), *lot, "--config", str(shop.config)
    ).split()
    assert len(set(printed)) == 20
    return iter(printed)


def with_coupon(member: str, code: str) -> dict[str, Any]:
    return {**of(member), "coupons": [code]}


def due(agent: Agent, member: str, code: str, sale_id: str = "") -> int:
    quote = agent.put(sale_id or f"look-{member}", with_coupon(member, code))
    told = {notice["code"] for notice in quote.get("notices", [])}
    found: int = quote["totals"]["due_minor"]
    assert ("coupon_refused" in told) == (found == 500)
    return found


def costs(register: Register, member: str, code: str, minor: int) -> bool:
    return due(register.agent, member, code) == minor


def reused(shop: RealShop) -> set[str]:
    with shop.central.engines.reader.begin() as tx:
        return {row.about for row in register_book.read_alarms(tx) if row.kind == TAG_REUSED}


def test_a_code_is_used_once_here_at_once_and_there_once_it_is_told(
    shop: RealShop, codes: Iterator[str]
) -> None:
    here, there = shop.registers
    code = next(codes)
    assert due(there.agent, "m-1", code) == 400
    here.agent.sell("a-1", with_coupon("m-1", code))
    assert due(here.agent, "m-1", code) == 500
    wait_until(partial(costs, there, "m-1", code, 500), what="it is told", timeout_s=WAIT_S)
    here.settled()
    assert due(here.agent, "m-1", code) == 500
    listed = run_json_lines("central", "coupon", "list", "--config", str(shop.config))
    assert [one["count"] for one in listed if "lot" in one] == [20]
    assert any(one.get("offer") == "spring" and one.get("used", 0) >= 1 for one in listed)


def test_a_void_makes_the_code_good_again_everywhere(shop: RealShop, codes: Iterator[str]) -> None:
    here, there = shop.registers
    code = next(codes)
    here.agent.sell("b-1", with_coupon("m-2", code))
    wait_until(partial(costs, there, "m-2", code, 500), what="it is told", timeout_s=WAIT_S)
    assert here.agent.call("POST", "/v1/sales/b-1/void", SAME_DAY).status == 200
    for register in shop.registers:
        wait_until(
            partial(costs, register, "m-2", code, 400), what="it is good again", timeout_s=WAIT_S
        )


def test_codes_that_the_shop_did_not_make_are_refused(shop: RealShop, codes: Iterator[str]) -> None:
    here, _ = shop.registers
    code = next(codes)
    forged = code[:-1] + ("0" if code[-1] != "0" else "1")
    for wrong in (forged, "SPRING-7F3A", "SPRING-"):
        assert due(here.agent, "m-3", wrong) == 500
    over = {**with_coupon("m-3", code), "store_time": f"{days_later(10)}T10:00:00+01:00"}
    late = here.agent.put("look-late", {**over, "business_day": days_later(10)})
    assert late["totals"]["due_minor"] == 500


def test_a_second_use_without_a_line_is_booked_and_an_alarm_names_it(
    shop: RealShop, codes: Iterator[str]
) -> None:
    here, there = shop.registers
    code = next(codes)
    there.cut()
    here.agent.sell("d-1", with_coupon("m-4", code))
    here.settled()
    second = there.agent.sell("d-2", with_coupon("m-4", code))
    assert second["totals"]["due_minor"] == 400
    there.mend()
    wait_until(lambda: second["uid"] in reused(shop), what="the alarm", timeout_s=WAIT_S)
    assert due(there.agent, "m-4", code) == 500
    shop.agree()


def test_of_two_quotes_with_one_code_the_second_is_asked_again_or_flagged(
    shop: RealShop, codes: Iterator[str]
) -> None:
    here, _ = shop.registers
    given = with_coupon("m-5", next(codes))
    first, second = here.agent.put("e-1", given), here.agent.put("e-2", given)
    here.agent.complete("e-1", paid(given, first))
    refused = here.agent.call(
        "POST", "/v1/sales/e-2/complete", paid(given, second, money_taken=False)
    )
    assert (refused.status, refused.json["code"]) == (409, "quote_mismatch")
    taken = here.agent.complete("e-2", paid(given, second, money_taken=True))
    assert (taken["totals"]["due_minor"], taken["flags"]) == (400, ["coupon-reused"])
    wait_until(lambda: taken["uid"] in reused(shop), what="the alarm", timeout_s=WAIT_S)


def test_a_sale_grants_a_code_that_opens_its_offer_until_the_sale_is_undone(
    shop: RealShop,
) -> None:
    here, there = shop.registers
    goods = {"id": "1", "sku": "A", "quantity": "10", "unit_price": "2.50", "amount_minor": 2500}
    given = of("m-6", goods)
    quoted = here.agent.put("f-1", given)
    assert quoted["issued"][0].get("codes", []) == []
    sold = here.agent.complete("f-1", paid(given, quoted))
    (code,) = sold["issued"][0]["codes"]
    assert f"Code: {code}" in sold["receipt"]
    assert here.agent.complete("f-1", paid(given, quoted))["issued"][0]["codes"] == [code]
    assert due(here.agent, "m-6", code) == due(there.agent, "m-6", code) == 300
    assert here.agent.call("POST", "/v1/sales/f-1/void", SAME_DAY).status == 200
    for register in shop.registers:
        wait_until(
            partial(costs, register, "m-6", code, 500), what="it has ended", timeout_s=WAIT_S
        )


def test_no_record_holds_a_granted_code_in_clear(shop: RealShop) -> None:
    here, _ = shop.registers
    goods = {"id": "1", "sku": "A", "quantity": "10", "unit_price": "2.50", "amount_minor": 2500}
    sold = here.agent.sell("g-1", of("m-7", goods))
    (code,) = sold["issued"][0]["codes"]
    here.settled()
    assert code.encode() not in _bytes_of(shop.config.parent / "central.db")


def _bytes_of(database: Path) -> bytes:
    return b"".join(path.read_bytes() for path in database.parent.glob(database.name + "*"))
