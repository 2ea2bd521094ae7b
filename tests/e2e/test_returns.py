"""Goods come back: by the sale's own policy, with a receipt of another register, without any."""

from pathlib import Path
from typing import Any

import pytest

from tessera.store.engine import open_sqlite
from tests.support.agent import (
    CARD,
    EVENING,
    PROGRAMME,
    Agent,
    Reply,
    basket,
    days_later,
    milk,
    running_agent,
    settings_file,
    stocked_till,
)
from tests.support.repriced import sales_that_come_out_again

THREE_FOR_5 = """\
programme: corner-shop
currency: EUR
settings: {return_policy: repriced}
offers:
  three:
    what: category dairy
    give: any 3 for 5.00
"""
TWO_EACH = {**milk(quantity=3), "unit_price": "2.00", "amount_minor": 600}
NEXT_DAY = {"store_time": EVENING, "business_day": days_later(1)}


def shop(place: Path, *, programme: str) -> Path:
    folder = place / "till"
    folder.mkdir()
    stocked_till(folder, programme=programme)
    return folder


def back(agent: Agent, return_id: str, sale_id: str, quantity: int) -> Any:
    given = {
        "original": {"sale_id": sale_id},
        "lines": [{"id": "1", "quantity": str(quantity)}],
        **NEXT_DAY,
    }
    reply = agent.call("POST", f"/v1/returns/{return_id}", given)
    assert reply.status == 200, reply.raw
    return reply.json


def test_a_programme_that_prices_returns_anew_gets_its_way(tmp_path: Path) -> None:
    """3 × 2.00 for 5.00; what is kept costs 4.00, 2.00, 0.00: 1.00, 2.00 and 2.00 go back."""
    folder = shop(tmp_path, programme=THREE_FOR_5)
    with running_agent(folder) as agent:
        assert agent.sell("s-1", basket(TWO_EACH, card=""))["totals"]["due_minor"] == 500
        refunds = [back(agent, f"r-{number}", "s-1", 1)["refund_minor"] for number in range(3)]
        assert refunds == [100, 200, 200]
    assert sales_that_come_out_again(folder) == 1


def test_without_the_sale_s_programme_the_frozen_shares_are_paid_and_flagged(
    tmp_path: Path,
) -> None:
    """Its share of the 1.00 that was saved is 0.33: 1.67 go back."""
    folder = shop(tmp_path, programme=THREE_FOR_5)
    with running_agent(folder) as agent:
        agent.sell("s-1", basket(TWO_EACH, card=""))
    engines = open_sqlite(folder / "till.db")
    with engines.writer.begin() as tx:
        tx.exec_driver_sql("DELETE FROM kept_bundle")
    engines.dispose()
    with running_agent(folder) as agent:
        told = back(agent, "r-1", "s-1", 1)
        assert (told["refund_minor"], told["flags"]) == (167, ["policy-fallback"])


def two_registers(place: Path, *, programme: str = PROGRAMME) -> tuple[Path, Path]:
    folders = []
    for register in ("till-1", "till-2"):
        folder = place / register
        folder.mkdir()
        stocked_till(folder, programme=programme, register=register)
        folders.append(folder)
    return folders[0], folders[1]


def elsewhere(agent: Agent, return_id: str, data: str, quantity: int) -> Reply:
    given = {
        "receipt_data": data,
        "lines": [{"id": "1", "quantity": str(quantity)}],
        **NEXT_DAY,
    }
    return agent.call("POST", f"/v1/returns/{return_id}", given)


def test_another_register_pays_exactly_what_the_receipt_carries(tmp_path: Path) -> None:
    """4 × 2.50 less 10 %: 9.00, 9 points; one back there: 2.25, round(9/4) = 2 points."""
    here, there = two_registers(tmp_path)
    with running_agent(here) as agent:
        agent.sell("s-1", basket(milk(quantity=4)))
        told = agent.call("POST", "/v1/sales/s-1/receipt", {}).json
        assert told["receipt_code"].startswith("TR1*till-1*")
        data = told["receipt_data"]
        assert len(data) < 2_500
        own = elsewhere(agent, "own-1", data, 1).json
        assert (own["refund_minor"], own["flags"]) == (225, [])
    with running_agent(there) as agent:
        assert agent.call("POST", "/v1/sales/s-1/receipt", {}).status == 404
        first = elsewhere(agent, "r-1", data, 1)
        assert first.status == 200, first.raw
        assert (first.json["refund_minor"], first.json["flags"]) == (225, ["other-register"])
        assert first.json["units"][0]["taken_back"] == 2
        assert elsewhere(agent, "r-1", data, 1).json["result"] == "exists"
        # This register knows of its own returns; of the other's central does.
        assert elsewhere(agent, "r-2", data, 4).json["code"] == "quantity_wrong"
        rest = elsewhere(agent, "r-3", data, 3).json
        assert (rest["refund_minor"], rest["units"][0]["taken_back"]) == (675, 7)


def test_data_that_was_changed_or_is_foreign_is_refused(tmp_path: Path) -> None:
    here, _ = two_registers(tmp_path)
    with running_agent(here) as agent:
        agent.sell("s-1", basket())
        data = agent.call("POST", "/v1/sales/s-1/receipt", {}).json["receipt_data"]
        sealed, seal = data.rsplit("*", 1)
        middle = len(sealed) // 2
        other = "A" if sealed[middle] != "A" else "B"
        for wrong in (
            sealed[:middle] + other + sealed[middle + 1 :] + "*" + seal,
            sealed + "*" + "0" * 32,
            sealed,
            "TD1*ü*ü",
        ):
            told = elsewhere(agent, "r-1", wrong, 1)
            assert (told.status, told.json["field"]) == (422, "receipt_data")
        neither = agent.call("POST", "/v1/returns/r-2", {"lines": [{"id": "1", "quantity": "1"}]})
        assert (neither.status, neither.json["field"]) == (422, "original")


def without_receipt(agent: Agent, return_id: str, *, card: str = "") -> Reply:
    given: dict[str, Any] = {"goods": [milk()], **NEXT_DAY}
    if card:
        given["member"] = {"cards": [card]}
    return agent.call("POST", f"/v1/returns/{return_id}", given)


def test_without_a_receipt_the_lowest_price_of_today_is_paid_and_marked(tmp_path: Path) -> None:
    """2 × 2.50 cost members 4.50 today, so nobody gets more; a card gives 4 points back."""
    folder = shop(tmp_path, programme=PROGRAMME)
    with running_agent(folder) as agent:
        told = without_receipt(agent, "r-1").json
        assert (told["refund_minor"], told["flags"]) == (450, ["no-receipt"])
        assert (told["units"], told["original_sale_id"]) == ([], "")
        assert sum(tax["gross_minor"] for tax in told["taxes"]) == 450
        assert without_receipt(agent, "r-1").json["result"] == "exists"
        shown = without_receipt(agent, "r-2", card=CARD).json
        assert (shown["refund_minor"], shown["units"][0]["taken_back"]) == (450, 4)


@pytest.mark.parametrize("rule, paid", [("shelf", 500), ("refuse", None)])
def test_a_shop_may_pay_the_shelf_price_or_nothing(
    tmp_path: Path, rule: str, paid: int | None
) -> None:
    folder = shop(tmp_path, programme=PROGRAMME)
    config = settings_file(folder, top={"returns_without_receipt": rule})
    with running_agent(folder, config) as agent:
        told = without_receipt(agent, "r-1")
        if paid is None:
            assert (told.status, told.json["code"]) == (409, "receipt_needed")
        else:
            assert told.json["refund_minor"] == paid


SPENT = """\
programme: corner-shop
currency: EUR
settings: {spent_short: reduce-refund}
units: {stars: {value: 0.10}}
offers:
  stars: {who: members, give: 1 star for every whole 1.00}
"""


def test_stars_that_are_gone_are_kept_of_the_refund(tmp_path: Path) -> None:
    """2 × 2.50 earned 5 stars at 0.10; other goods took them back, so 0.50 are kept of 5.00."""
    folder = shop(tmp_path, programme=SPENT)
    with running_agent(folder) as agent:
        agent.sell("s-1", basket(milk()))
        assert without_receipt(agent, "r-1", card=CARD).json["units"][0]["taken_back"] == 5
        told = back(agent, "r-2", "s-1", 2)
        assert (told["refund_minor"], told["spent_short_minor"]) == (450, 50)
        assert told["units"] == []
        assert told["receipt"] == ["stars spent already, 5: -0.50"]
