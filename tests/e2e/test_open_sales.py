"""A sale that is begun or parked outlives the agent's process, with its customer and its prices."""

import json
from pathlib import Path
from typing import Any

import pytest

from tessera.core.cards import CardHasher
from tessera.store.engine import open_sqlite
from tessera.store.till import kept_bundles, open_sale_book
from tessera.store.till.values import KeptBundle
from tessera.sync.wire import content_hash
from tests.support.agent import (
    CARD,
    CARD_KEY,
    EVENING,
    PROGRAMME,
    Agent,
    basket,
    days_later,
    milk,
    paid,
    running_agent,
    settings_file,
    stocked_till,
)
from tests.support.waiting import wait_until

OFFERED = """\
  take-one-off:
    name: {en: 1.00 off}
    trigger: chosen
    give: 1.00 off the basket
"""


@pytest.fixture
def till(tmp_path: Path) -> Path:
    folder = tmp_path / "till"
    folder.mkdir()
    stocked_till(folder)
    return folder


def rows(till: Path) -> dict[str, bytes]:
    """The bodies of the kept sales by their ids."""
    engines = open_sqlite(till / "till.db")
    try:
        with engines.reader.connect() as connection:
            return {row.sale_id: row.body for row in open_sale_book.read_all(connection)}
    finally:
        engines.dispose()


def kept(till: Path, sale_id: str) -> dict[str, Any]:
    """The kept sale, once it is written."""
    return wait_until(
        lambda: json.loads(rows(till).get(sale_id, b"{}")), what=f"sale {sale_id} is kept"
    )


def suspend(agent: Agent, sale_id: str) -> None:
    reply = agent.call("POST", f"/v1/sales/{sale_id}/suspend", {})
    assert (reply.status, reply.json["result"]) == (200, "suspended")


def resume(agent: Agent, sale_id: str) -> Any:
    reply = agent.call("POST", f"/v1/sales/{sale_id}/resume", {})
    assert reply.status == 200, reply.raw
    return reply.json


def test_a_parked_sale_is_there_after_a_kill_the_moment_that_it_was_parked(till: Path) -> None:
    with running_agent(till) as agent:
        quote = agent.put("park-1", basket())
        suspend(agent, "park-1")
        agent.kill()
    with running_agent(till) as agent:
        back = resume(agent, "park-1")
        assert (back["result"], back["quote_id"]) == ("resumed", quote["quote_id"])
        assert (back["totals"]["due_minor"], back["member"]["member_id"]) == (450, "m-1")
        done = agent.complete("park-1", paid(basket(), back))
        assert (done["result"], done["flags"]) == ("completed", [])
    assert rows(till) == {}


def test_a_card_that_only_this_register_scanned_survives_with_its_price(till: Path) -> None:
    """The POS never names the customer: 10 % of 5.00 off, and 4 points for 4.50, after a kill."""
    given = basket(card="")
    with running_agent(till) as agent:
        agent.put("scan-1", given)
        told = agent.call("POST", "/v1/scans", {"code": CARD, "sale_id": "scan-1"})
        assert told.json["attached_to"] == "scan-1"
        agent.kill()
    with running_agent(till) as agent:
        quote = agent.put("scan-1", given)
        assert quote["totals"]["due_minor"] == 450
        assert agent.complete("scan-1", paid(given, quote))["units"][0]["earned"] == 4


def test_a_promise_survives_a_kill_and_a_new_programme(till: Path) -> None:
    """4.50 were promised; the programme that comes in between knows no discount."""
    given = basket(card="")
    with running_agent(till) as agent:
        agent.put("price-1", given)
        agent.call("POST", "/v1/scans", {"code": CARD, "sale_id": "price-1"})
        quote = agent.put("price-1", given)
        wait_until(
            lambda: kept(till, "price-1")["quoted"]["quote_id"] == quote["quote_id"],
            what="the quote is kept",
        )
        agent.kill()
    other = PROGRAMME.replace("10 % off\n", "1 % off\n", 1)
    engines = open_sqlite(till / "till.db")
    with engines.writer.begin() as tx:
        bundle = content_hash(other.encode())
        kept_bundles.keep(tx, KeptBundle(hash=bundle, text=other, number=2))
        kept_bundles.activate(tx, bundle)
    engines.dispose()
    with running_agent(till) as agent:
        done = agent.complete("price-1", paid(given, quote, tenders=[], money_taken=False))
        assert (done["totals"]["due_minor"], done["flags"]) == (450, [])
        assert done["member"]["member_id"] == "m-1"
        assert agent.put("price-2", basket())["totals"]["due_minor"] == 495


def test_a_reward_that_was_chosen_survives_a_kill(tmp_path: Path) -> None:
    folder = tmp_path / "till"
    folder.mkdir()
    stocked_till(folder, programme=PROGRAMME + OFFERED)
    given = {**basket(card=""), "chosen": ["take-one-off"]}
    with running_agent(folder) as agent:
        assert agent.put("reward-1", given)["totals"]["due_minor"] == 400
        suspend(agent, "reward-1")
        agent.kill()
    with running_agent(folder) as agent:
        assert resume(agent, "reward-1")["totals"]["due_minor"] == 400


def test_no_number_or_name_is_kept(till: Path) -> None:
    given = {**basket(), "member": {"cards": [CARD], "phone": "+49 170 1234567"}}
    with running_agent(till) as agent:
        agent.put("secret-1", given)
        suspend(agent, "secret-1")
        agent.put("secret-2", basket(card="2001111111110"))
        suspend(agent, "secret-2")
    text = b"".join(rows(till).values()).decode()
    assert "m-1" in text
    for secret in (CARD, "2001111111110", "1234567", "A. M."):
        assert secret not in text
    unknown = CardHasher(key_id=1, key=CARD_KEY).card("2001111111110").hex()
    assert unknown in text


def test_cancelling_forgets_it_for_good(till: Path) -> None:
    with running_agent(till) as agent:
        agent.put("gone-1", basket())
        suspend(agent, "gone-1")
        agent.call("POST", "/v1/sales/gone-1/cancel", {})
        assert rows(till) == {}


def test_a_parked_sale_is_forgotten_by_age(till: Path) -> None:
    with running_agent(till) as agent:
        agent.put("old-1", basket())
        suspend(agent, "old-1")
        agent.put("young-1", basket())
        suspend(agent, "young-1")
    engines = open_sqlite(till / "till.db")
    with engines.writer.begin() as tx:
        tx.exec_driver_sql(
            "UPDATE open_sale SET changed_ms = changed_ms - 3 * 86400000 WHERE sale_id = 'old-1'"
        )
    engines.dispose()
    with running_agent(till, settings_file(till, top={"suspended_days": 2})) as agent:
        assert agent.call("POST", "/v1/sales/old-1/resume", {}).status == 404
        assert resume(agent, "young-1")["totals"]["due_minor"] == 450


def test_the_same_number_on_another_day_is_another_sale(till: Path) -> None:
    """Yesterday's sale 1 was never finished; its customer has no part in today's."""
    with running_agent(till) as agent:
        agent.put("1", {**basket(card=""), "revision": 7})
        agent.call("POST", "/v1/scans", {"code": CARD, "sale_id": "1"})
        agent.kill()
    today = {"store_time": EVENING, "business_day": days_later(1)}
    with running_agent(till) as agent:
        quote = agent.put("1", {**basket(card=""), **today, "revision": 1})
        assert (quote["member"]["status"], quote["totals"]["due_minor"]) == ("none", 500)


def test_a_row_that_cannot_be_read_keeps_nothing_from_starting(till: Path) -> None:
    with running_agent(till) as agent:
        agent.put("torn-1", basket())
        suspend(agent, "torn-1")
        agent.put("whole-1", basket(milk(quantity=4)))
        suspend(agent, "whole-1")
    engines = open_sqlite(till / "till.db")
    with engines.writer.begin() as tx:
        tx.exec_driver_sql("UPDATE open_sale SET body = x'7b' WHERE sale_id = 'torn-1'")
    engines.dispose()
    with running_agent(till) as agent:
        assert resume(agent, "whole-1")["totals"]["due_minor"] == 900
        assert agent.call("POST", "/v1/sales/torn-1/resume", {}).status == 404
