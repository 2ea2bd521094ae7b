"""A customer who forgot the card claims the points of a sale by the receipt's code."""

from pathlib import Path
from typing import Any

import pytest

from tessera.core.cards import CardHasher
from tessera.core.receipts import Receipt, receipt_code
from tests.support.agent import (
    BLOCKED_CARD,
    CARD,
    CARD_KEY,
    DAY,
    EVENING,
    Agent,
    Reply,
    basket,
    days_later,
    milk,
    running_agent,
    stocked_till,
)
from tests.support.repriced import sales_that_come_out_again

WHEN = {"store_time": EVENING, "business_day": days_later(1)}
OTHER_SALE = Receipt(register="till-9", uid="01a1fe48-3338-7001-8203-040506070809")


@pytest.fixture(scope="module")
def agent(tmp_path_factory: pytest.TempPathFactory) -> Any:
    folder = tmp_path_factory.mktemp("shop") / "till"
    folder.mkdir()
    stocked_till(folder)
    with running_agent(folder) as agent:
        yield agent


def sold(agent: Agent, sale_id: str, quantity: int = 2) -> str:
    """A sale without a card; its receipt's code."""
    done = agent.sell(sale_id, basket(milk(quantity=quantity), card=""))
    assert done["units"] == []
    code: str = done["receipt_code"]
    return code


def claim(agent: Agent, claim_id: str, code: str, *, card: str = CARD, **changes: Any) -> Reply:
    given = {"member": {"cards": [card]}, "receipt_code": code, **WHEN, **changes}
    return agent.call("POST", f"/v1/claims/{claim_id}", given)


def balance(agent: Agent) -> int:
    known = agent.call("POST", "/v1/members/lookup", {"card": CARD}).json
    points: int = known["units"][0]["balance_after"]
    return points


def test_a_claim_earns_on_what_was_paid_and_once(agent: Agent) -> None:
    """5.00 were paid without a card: 5 points, and no discount after the fact."""
    code, before = sold(agent, "claim-1"), balance(agent)
    told = claim(agent, "c-1", code)
    assert told.status == 200, told.raw
    assert (told.json["result"], told.json["original_sale_id"]) == ("claimed", "claim-1")
    assert told.json["units"][0]["earned"] == 5
    assert balance(agent) == before + 5
    again = claim(agent, "c-1", code)
    assert (again.status, again.json["result"]) == (200, "exists")
    other = claim(agent, "c-2", code)
    assert (other.status, other.json["code"]) == (409, "claimed_already")
    assert balance(agent) == before + 5


def test_goods_that_come_back_take_their_points_along(agent: Agent) -> None:
    """4 × 2.50: 10 points claimed; one back: 2.50 out, round(10/4) = 3 points (2.5) back."""
    code = sold(agent, "claim-2", quantity=4)
    claim(agent, "c-3", code)
    before = balance(agent)
    lines = [{"id": "1", "quantity": "1"}]
    given = {"original": {"sale_id": "claim-2"}, "lines": lines, **WHEN}
    for _repeat in range(2):
        told = agent.call("POST", "/v1/returns/back-1", given).json
        assert (told["refund_minor"], told["units"][0]["taken_back"]) == (250, 3)
        assert balance(agent) == before - 3
    rest = {**given, "lines": [{"id": "1", "quantity": "3"}]}
    told = agent.call("POST", "/v1/returns/back-2", rest).json
    assert (told["refund_minor"], told["units"][0]["taken_back"]) == (750, 7)
    assert balance(agent) == before - 10


def test_what_came_back_before_the_claim_earns_nothing(agent: Agent) -> None:
    """3 × 2.50, one back, then the claim: 5 points for 5.00; void of the rest takes them back."""
    code = sold(agent, "claim-3", quantity=3)
    lines = [{"id": "1", "quantity": "1"}]
    given = {"original": {"sale_id": "claim-3"}, "lines": lines, **WHEN}
    assert agent.call("POST", "/v1/returns/early-1", given).json["units"] == []
    before = balance(agent)
    assert claim(agent, "c-4", code).json["units"][0]["earned"] == 5
    rest = {**given, "lines": [{"id": "1", "quantity": "2"}]}
    assert agent.call("POST", "/v1/returns/early-2", rest).json["units"][0]["taken_back"] == 5
    assert balance(agent) == before


def test_a_sale_that_has_nothing_to_give_is_refused(agent: Agent) -> None:
    earned = agent.sell("claim-4", basket())["receipt_code"]
    refused = claim(agent, "c-5", earned)
    assert (refused.status, refused.json["code"]) == (409, "claim_refused")
    assert "earned" in refused.json["detail"]
    code = sold(agent, "claim-5")
    late = {"store_time": f"{days_later(15)}T10:16:00+01:00", "business_day": days_later(15)}
    assert claim(agent, "c-6", code, **late).json["code"] == "claim_refused"
    agent.call("POST", "/v1/sales/claim-5/void", {"original_business_day": DAY})
    assert claim(agent, "c-7", code).json["code"] == "claim_refused"


@pytest.mark.parametrize("card", [BLOCKED_CARD, "2001111111110"])
def test_only_a_known_member_claims(agent: Agent, card: str) -> None:
    told = claim(agent, "c-8", sold(agent, f"claim-6-{card[-2:]}"), card=card)
    assert (told.status, told.json["code"]) == (404, "member_unknown")


def test_a_code_is_read_as_it_is_typed_and_a_wrong_one_is_refused(agent: Agent) -> None:
    code = sold(agent, "claim-7")
    prefix, register, number, mark = code.split("*")
    wrong = "*".join((prefix, register, number, mark[:-1] + ("0" if mark[-1] != "0" else "1")))
    foreign = receipt_code(OTHER_SALE, CardHasher(key_id=1, key=bytes(32)))
    for text in (wrong, foreign, "TR1*till-1", "x" * 128, "TR1*till-1*ü*ü"):
        told = claim(agent, "c-9", text)
        assert (told.status, told.json["field"]) == (422, "receipt_code"), text
    typed = "*".join((prefix.lower(), register, number.lower().replace("0", "o"), mark.lower()))
    assert claim(agent, "c-9", typed).json["result"] == "claimed"


def test_a_sale_of_another_register_is_left_to_central(agent: Agent) -> None:
    before = balance(agent)
    given = {"store_time": EVENING, "business_day": days_later(1)}
    code = receipt_code(OTHER_SALE, CardHasher(key_id=1, key=CARD_KEY))
    told = claim(agent, "c-10", code, **given)
    assert (told.status, told.json["result"]) == (200, "pending")
    assert "claim_pending" in [said["code"] for said in told.json["notices"]]
    assert balance(agent) == before
    assert claim(agent, "c-11", code).json["code"] == "claimed_already"


def test_a_claim_survives_a_kill(tmp_path: Path) -> None:
    folder = tmp_path / "till"
    folder.mkdir()
    stocked_till(folder)
    with running_agent(folder) as agent:
        code = sold(agent, "claim-8")
        claim(agent, "c-12", code)
        agent.kill()
    with running_agent(folder) as agent:
        assert balance(agent) == 1005
        assert claim(agent, "c-13", code).json["code"] == "claimed_already"
    # What was claimed afterwards changes nothing of how the sale was priced.
    assert sales_that_come_out_again(folder) == 1
