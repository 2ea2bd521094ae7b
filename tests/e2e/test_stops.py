"""An offer that is stopped by a command at central, seen from real registers while they sell."""

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tessera.core.sale import SaleBody
from tessera.fleet.shop import run_json
from tessera.store.till.opening import DATABASE
from tessera.sync.records import read_body, read_envelope
from tests.support.agent import Agent, paid, running_agent
from tests.support.real_shop import WAIT_S, RealShop, of, real_shop
from tests.support.waiting import wait_until

PROGRAMME = """\
programme: corner-shop
currency: EUR
languages: [en]
offers:
  dairy-10: {name: {en: 10 % off dairy}, what: category dairy, give: 10 % off}
  bread-1: {name: {en: bread}, what: category bread, give: 1.00 off}
"""

# A shop is several processes; a slow machine takes its time to start them.
pytestmark = pytest.mark.timeout(600)


def central(shop: RealShop, *words: str) -> Any:
    return run_json("central", "programme", *words, "--config", str(shop.config))


def reason(agent: Agent, sale_id: str = "look") -> tuple[str, str]:
    """Why dairy is not cheaper on a fresh basket, as code and as the cashier reads it."""
    offers = agent.put(sale_id, of("m-1"))["offers"]
    found = next(offer for offer in offers if offer["offer"] == "dairy-10")
    return found.get("reason", ""), found.get("text", "")


def wait_for(agent: Agent, code: str) -> None:
    wait_until(
        lambda: reason(agent)[0] == code, what=f"dairy-10 is {code or 'given'}", timeout_s=WAIT_S
    )


def bodies(folder: Path) -> dict[str, SaleBody]:
    """Sales of a till's journal by the POS's id."""
    with closing(sqlite3.connect(folder / DATABASE)) as connection:
        raws = [row[0] for row in connection.execute("SELECT raw FROM journal")]
    found = [read_body(read_envelope(raw)) for raw in raws]
    return {body.key.sale_id: body for body in found if isinstance(body, SaleBody)}


def test_a_stop_reaches_a_selling_till_and_stays_until_it_ends(tmp_path: Path) -> None:
    """Two of milk cost 5.00, or 4.50 with 10 % off."""
    with real_shop(tmp_path, PROGRAMME, registers=1) as shop:
        register = shop.registers[0]
        given = of("m-1")
        promised = register.agent.put("promised", given)
        assert promised["totals"]["due_minor"] == 450

        done = central(shop, "stop", "dairy-10", "--reason", "wrong price", "--by", "anna")
        assert [(one["offer"], one["store"], one["by"]) for one in done] == [
            ("dairy-10", "", "anna")
        ]
        wait_for(register.agent, "stopped")
        assert reason(register.agent)[1] == "10 % off dairy has been stopped"

        # What was promised before is kept, what is quoted now is not discounted.
        assert register.agent.complete("promised", paid(given, promised)).get("flags", []) == []
        assert register.agent.sell("after", given)["totals"]["due_minor"] == 500
        sales = bodies(tmp_path / "till-1")
        assert (sales["promised"].quote.due_minor, sales["promised"].place.stopped) == (450, ())
        assert (sales["after"].quote.due_minor, sales["after"].place.stopped) == (
            500,
            ("dairy-10",),
        )

        # A till that starts anew without a line still knows.
        register.cut()
        register.agent.kill()
        with running_agent(tmp_path / "till-1", tmp_path / "till-1.toml") as again:
            assert reason(again, "restarted")[0] == "stopped"
            listed = central(shop, "stops")
            assert [one["reason"] for one in listed] == ["wrong price"]
            central(shop, "start", "dairy-10")
            register.line.mend()
            wait_for(again, "")
            assert again.sell("started", given)["totals"]["due_minor"] == 450
        assert central(shop, "stops") == []
