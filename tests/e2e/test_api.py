"""A POS and a real agent process: quotes, sales, returns, and all that a POS can get wrong."""

import http.client
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from tests.support.agent import (
    BLOCKED_CARD,
    CARD,
    DAY,
    STORE_TIME,
    Agent,
    basket,
    milk,
    paid,
    running_agent,
    settings_file,
    start,
    stocked_till,
)


@pytest.fixture(scope="module")
def agent(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Agent]:
    folder = tmp_path_factory.mktemp("shop") / "till"
    folder.mkdir()
    stocked_till(folder)
    with running_agent(folder) as agent:
        yield agent


@pytest.fixture
def till(tmp_path: Path) -> Path:
    folder = tmp_path / "till"
    folder.mkdir()
    stocked_till(folder)
    return folder


def problem(agent: Agent, method: str, path: str, body: Any, **headers: str) -> tuple[int, str]:
    """Status and code of a refusal, once it is certain that it is one with what to do next."""
    reply = agent.call(method, path, body, headers=headers)
    assert reply.headers["content-type"] == "application/problem+json", reply.raw
    told = reply.json
    assert told["status"] == reply.status
    assert told["title"]
    assert told["detail"]
    return reply.status, told["code"]


# ---- a sale --------------------------------------------------------------------------------


def test_a_member_gets_the_discount_and_the_points(agent: Agent) -> None:
    """2 × 2.50 of dairy at 10 % off: 4.50 to pay, 4 points for 4.50."""
    quote = agent.put("member-1", basket())
    assert quote["totals"]["due_minor"] == 450
    assert quote["lines"][0]["offers"] == [{"offer": "dairy-10", "discount_minor": 50}]
    assert quote["member"]["display_name"] == "A. M."
    assert quote["units"][0]["earned"] == 4
    done = agent.complete("member-1", paid(basket(), quote))
    assert done["result"] == "completed"
    assert done["quote_id"] == quote["quote_id"]
    assert "4" in done["receipt"][-1]


def test_without_a_card_nothing_is_taken_off(agent: Agent) -> None:
    quote = agent.put("nobody-1", basket(card=""))
    assert (quote["totals"]["due_minor"], quote["member"]["status"]) == (500, "none")
    assert agent.complete("nobody-1", paid(basket(card=""), quote))["units"] == []


def test_an_unknown_card_is_told_and_the_sale_goes_on(agent: Agent) -> None:
    given = basket(card="2001111111110")
    quote = agent.put("unknown-1", given)
    assert quote["member"] == {"status": "unknown"}
    assert [(said["code"], bool(said["hint"])) for said in quote["notices"]] == [
        ("card_unknown", True)
    ]
    assert agent.complete("unknown-1", paid(given, quote))["totals"]["due_minor"] == 500


def test_a_blocked_member_gets_nothing_and_the_cashier_is_told(agent: Agent) -> None:
    quote = agent.put("blocked-1", basket(card=BLOCKED_CARD))
    assert quote["member"]["status"] == "blocked"
    assert quote["notices"][0]["code"] == "member_blocked"
    assert quote["totals"]["discount_minor"] == 0


def test_points_are_spent_up_to_the_lease_and_no_further(till: Path) -> None:
    """500 of 1,000 points are leased here; 800 are wished for 20.00 less 10 %."""
    with running_agent(till) as agent:
        given = basket(milk(quantity=8), points=800)
        quote = agent.put("spend-1", given)
        assert quote["totals"]["tendered_units_minor"] == 500
        assert quote["totals"]["due_minor"] == 2000 - 200 - 500
        assert "redemption_reduced" in [said["code"] for said in quote["notices"]]
        done = agent.complete("spend-1", paid(given, quote))
        assert done["units"][0]["spendable_now"] == 0
        assert agent.put("spend-2", given)["totals"]["tendered_units_minor"] == 0


def test_the_same_completion_twice_gets_the_first_answer(agent: Agent) -> None:
    given = basket()
    completion = paid(given, agent.put("twice-1", given))
    first = agent.call("POST", "/v1/sales/twice-1/complete", completion)
    again = agent.call("POST", "/v1/sales/twice-1/complete", completion)
    assert first.raw.replace(b'"result":"completed"', b'"result":"exists"') == again.raw
    assert agent.call("GET", "/v1/status").json["queue"]["waiting"] > 0


def test_other_content_under_a_completed_id_is_refused(agent: Agent) -> None:
    agent.sell("other-1", basket())
    more = basket(milk(quantity=3))
    completion = paid(more, agent.call("POST", "/v1/quote", more).json)
    path = "/v1/sales/other-1/complete"
    assert problem(agent, "POST", path, completion) == (409, "sale_conflict")
    assert problem(agent, "PUT", "/v1/sales/other-1", more) == (409, "sale_completed")


def test_a_wrong_total_before_money_commits_nothing(agent: Agent) -> None:
    given = basket()
    quote = agent.put("wrong-1", given)
    asked = paid(given, quote, total_taken_minor=500, tenders=[])
    path = "/v1/sales/wrong-1/complete"
    assert problem(agent, "POST", path, asked) == (409, "quote_mismatch")
    assert agent.complete("wrong-1", paid(given, quote))["flags"] == []


def test_a_wrong_total_after_money_is_recorded_and_flagged(agent: Agent) -> None:
    given = basket()
    quote = agent.put("wrong-2", given)
    done = agent.complete("wrong-2", paid(given, quote, total_taken_minor=500))
    assert done["flags"] == ["total-mismatch"]
    assert "total_mismatch" in [said["code"] for said in done["notices"]]


def test_an_overtaken_revision_is_refused(agent: Agent) -> None:
    agent.put("revision-1", {**basket(milk(quantity=3)), "revision": 3})
    late = {**basket(), "revision": 2}
    assert problem(agent, "PUT", "/v1/sales/revision-1", late) == (409, "revision_overtaken")


def test_a_late_sale_earns_and_changes_no_price(agent: Agent) -> None:
    """Finished at 5.00 without an answer: 5 points for 5.00."""
    given = {**basket(), "tenders": [], "total_taken_minor": 500}
    done = agent.call("POST", "/v1/sales/late-1/late", given).json
    assert done["flags"] == ["late"]
    assert (done["totals"]["due_minor"], done["units"][0]["earned"]) == (500, 5)


def test_a_reused_id_reported_late_is_kept_without_effect(agent: Agent) -> None:
    agent.sell("reused-1", basket())
    other = {**basket(milk(quantity=4)), "tenders": [], "total_taken_minor": 1000}
    first = agent.call("POST", "/v1/sales/reused-1/late", other).json
    assert first["flags"] == ["late", "key-reused"]
    again = agent.call("POST", "/v1/sales/reused-1/late", other).json
    assert (again["result"], again["uid"]) == ("exists", first["uid"])


# ---- back again ----------------------------------------------------------------------------


def returning(sale_id: str, quantity: str = "1") -> dict[str, Any]:
    return {
        "store_time": STORE_TIME,
        "business_day": DAY,
        "original": {"sale_id": sale_id, "business_day": DAY},
        "lines": [{"id": "1", "quantity": quantity}],
    }


def test_a_return_pays_back_what_was_paid(agent: Agent) -> None:
    """One of two at 4.50 together: 2.25, and 2 of 4 points."""
    agent.sell("back-1", basket())
    back = agent.call("POST", "/v1/returns/back-1-r", returning("back-1")).json
    assert back["refund_minor"] == 225
    assert back["units"][0]["taken_back"] == 2
    again = agent.call("POST", "/v1/returns/back-1-r", returning("back-1")).json
    assert (again["result"], again["uid"]) == ("exists", back["uid"])


def test_no_more_comes_back_than_was_sold(agent: Agent) -> None:
    agent.sell("back-2", basket())
    agent.call("POST", "/v1/returns/back-2-r1", returning("back-2"))
    refused = problem(agent, "POST", "/v1/returns/back-2-r2", returning("back-2", "2"))
    assert refused == (422, "quantity_wrong")


def test_a_sale_of_another_register_is_not_returned_here(agent: Agent) -> None:
    refused = problem(agent, "POST", "/v1/returns/r-9", returning("never-sold"))
    assert refused == (404, "sale_unknown")


def test_a_void_reverses_the_sale_once(agent: Agent) -> None:
    agent.sell("void-1", basket())
    first = agent.call("POST", "/v1/sales/void-1/void", {}).json
    assert (first["result"], first["refund_minor"]) == ("voided", 450)
    assert agent.call("POST", "/v1/sales/void-1/void", {}).json["result"] == "exists"
    refused = problem(agent, "POST", "/v1/returns/void-1-r", returning("void-1"))
    assert refused == (422, "quantity_wrong")


def test_a_parked_sale_goes_on_where_it_was(agent: Agent) -> None:
    quote = agent.put("parked-1", basket())
    assert agent.call("POST", "/v1/sales/parked-1/suspend", {}).json["result"] == "suspended"
    resumed = agent.call("POST", "/v1/sales/parked-1/resume", {}).json
    assert (resumed["result"], resumed["quote_id"]) == ("resumed", quote["quote_id"])
    assert agent.call("POST", "/v1/sales/parked-1/cancel", {}).json["result"] == "cancelled"
    refused = problem(agent, "POST", "/v1/sales/parked-1/resume", {})
    assert refused == (404, "sale_unknown")


# ---- recognising ---------------------------------------------------------------------------


def test_a_look_up_tells_the_member_and_no_more(agent: Agent) -> None:
    known = agent.call("POST", "/v1/members/lookup", {"card": CARD}).json
    assert known["member"]["display_name"] == "A. M."
    assert known["units"][0]["unit"] == "points"
    nobody = agent.call("POST", "/v1/members/lookup", {"phone": "+491701234567"}).json
    assert nobody["member"]["status"] == "unknown"


def test_a_look_up_needs_one_thing_to_look_up(agent: Agent) -> None:
    both = {"card": CARD, "phone": "+491701234567"}
    assert problem(agent, "POST", "/v1/members/lookup", both) == (422, "field_wrong")
    assert problem(agent, "POST", "/v1/members/lookup", {}) == (422, "field_wrong")


def test_a_scanned_card_joins_the_open_sale(agent: Agent) -> None:
    assert agent.put("scan-1", basket(card=""))["totals"]["due_minor"] == 500
    scanned = agent.call("POST", "/v1/scans", {"code": CARD, "sale_id": "scan-1"}).json
    assert (scanned["kind"], scanned["attached_to"]) == ("member_card", "scan-1")
    assert agent.put("scan-1", basket(card=""))["totals"]["due_minor"] == 450


def test_a_product_code_is_told_as_one(agent: Agent) -> None:
    scanned = agent.call("POST", "/v1/scans", {"code": "4006381333931", "symbology": "ean13"})
    assert scanned.json["kind"] == "product"


def test_a_payment_card_is_refused_and_not_repeated(agent: Agent) -> None:
    reply = agent.call("POST", "/v1/scans", {"code": "4111111111111111"})
    assert reply.json["kind"] == "refused"
    assert b"4111111111111111" not in reply.raw


def test_a_visit_is_recorded_once(agent: Agent) -> None:
    visit = {"kind": "visit", "member": {"cards": [CARD]}, "store_time": STORE_TIME}
    first = agent.call("POST", "/v1/events/visit-1", visit).json
    assert (first["result"], first["member"]["member_id"]) == ("recorded", "m-1")
    assert agent.call("POST", "/v1/events/visit-1", visit).json["result"] == "exists"


# ---- killed in the middle ------------------------------------------------------------------


def test_an_agent_killed_between_quote_and_completion_keeps_its_promise(till: Path) -> None:
    config = settings_file(till)
    with running_agent(till, config) as agent:
        given = basket(milk(quantity=8), points=500)
        quote = agent.put("killed-1", given)
        agent.kill()
    with running_agent(till, config) as agent:
        done = agent.complete("killed-1", paid(given, quote))
        assert done["quote_id"] == quote["quote_id"]
        assert done["totals"]["due_minor"] == 2000 - 200 - 500
        assert done["flags"] == []


def test_what_was_confirmed_survives_a_kill(till: Path) -> None:
    config = settings_file(till)
    with running_agent(till, config) as agent:
        done = agent.sell("kept-1", basket())
        agent.kill()
    with running_agent(till, config) as agent:
        quote = agent.call("POST", "/v1/quote", basket()).json
        again = agent.complete("kept-1", paid(basket(), quote))
        assert (again["result"], again["uid"]) == ("exists", done["uid"])


def test_it_stops_at_once_when_asked_even_with_an_open_stream(till: Path) -> None:
    agent = start(till, settings_file(till))
    stream = http.client.HTTPConnection("127.0.0.1", agent.port, timeout=10)
    stream.request("GET", "/v1/events", headers={"Authorization": f"Bearer {agent.token}"})
    opened = stream.getresponse()
    assert opened.readline().startswith(b"retry:")
    assert agent.stop() == 0
    stream.close()


def test_a_card_scanned_after_the_last_quote_earns_and_changes_no_price(agent: Agent) -> None:
    """5.00 were asked and taken; the POS never saw the cheaper quote. 5 points for 5.00."""
    quote = agent.put("after-1", basket(card=""))
    agent.call("POST", "/v1/scans", {"code": CARD, "sale_id": "after-1"})
    done = agent.complete("after-1", paid(basket(card=""), quote))
    assert (done["totals"]["due_minor"], done["flags"]) == (500, [])
    assert (done["member"]["member_id"], done["units"][0]["earned"]) == ("m-1", 5)


def test_a_quote_that_another_overtook_still_holds(agent: Agent) -> None:
    first = agent.put("before-1", basket())
    agent.put("before-1", basket(milk(quantity=3)))
    agent.put("before-1", basket())
    done = agent.complete("before-1", paid(basket(), first))
    assert (done["quote_id"], done["flags"]) == (first["quote_id"], [])


def test_the_same_completion_eight_times_at_once_is_one_sale(till: Path) -> None:
    with running_agent(till) as agent:
        completion = paid(basket(), agent.put("race-1", basket()))
        path = "/v1/sales/race-1/complete"
        with ThreadPoolExecutor(8) as pool:
            replies = list(pool.map(lambda _: agent.call("POST", path, completion), range(8)))
        assert sorted(reply.json["result"] for reply in replies) == ["completed"] + ["exists"] * 7
        assert len({reply.json["uid"] for reply in replies}) == 1
        assert agent.call("GET", "/v1/status").json["queue"]["waiting"] == 1


def test_points_promised_twice_are_spent_once(till: Path) -> None:
    """500 are leased; two baskets of 20.00 less 10 % were both quoted with them."""
    given = basket(milk(quantity=8), points=500)
    with running_agent(till) as agent:
        quotes = [agent.put(f"spend-{n}", given) for n in range(3)]
        assert agent.complete("spend-0", paid(given, quotes[0]))["units"][0]["spent"] == 500
        before_money = paid(given, quotes[1], tenders=[])
        path = "/v1/sales/spend-1/complete"
        assert problem(agent, "POST", path, before_money) == (409, "lease_short")
        # After money the shop bears it: nothing is spent, and the sale says so.
        taken = agent.complete("spend-2", paid(given, quotes[2]))
        assert taken["flags"] == ["redemption-unbacked", "total-mismatch"]
        assert taken["units"][0]["spent"] == 0
        assert taken["totals"]["due_minor"] == 1800
        looked_up = agent.call("POST", "/v1/members/lookup", {"card": CARD}).json["units"][0]
        # 1000 - 500, and one point for each whole 1.00 after the discount less what points paid.
        assert looked_up["balance_after"] == 1000 - 500 + 13 + 18
        assert looked_up["spendable_now"] == 0


def test_a_card_that_the_till_scanned_keeps_earning_when_its_points_do_not_reach(
    till: Path,
) -> None:
    """As above, but the POS names nobody: 18 points for the 18.00 that nothing was taken off."""
    given = basket(milk(quantity=8), card="", points=500)
    with running_agent(till) as agent:
        quotes = []
        for name in ("scanned-0", "scanned-1"):
            agent.put(name, given)
            agent.call("POST", "/v1/scans", {"code": CARD, "sale_id": name})
            quotes.append(agent.put(name, given))
        assert agent.complete("scanned-0", paid(given, quotes[0]))["units"][0]["spent"] == 500
        taken = agent.complete("scanned-1", paid(given, quotes[1]))
        assert taken["flags"] == ["redemption-unbacked", "total-mismatch"]
        assert (taken["member"]["member_id"], taken["units"][0]["earned"]) == ("m-1", 18)
