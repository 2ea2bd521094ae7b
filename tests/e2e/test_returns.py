"""Goods come back: by the sale's own policy, with a receipt of another register, without any."""

from pathlib import Path
from typing import Any

from tessera.store.engine import open_sqlite
from tests.support.agent import Agent, basket, milk, running_agent, stocked_till

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
NEXT_DAY = {"store_time": "2026-11-22T09:00:00+01:00", "business_day": "2026-11-22"}


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
