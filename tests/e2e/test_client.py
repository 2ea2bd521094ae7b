"""The Python client against a real agent, and against one that dies."""

import itertools
from pathlib import Path

import pytest

from tessera.client import AgentClient, NoAnswer, Refused
from tests.support.agent import CARD, basket, running_agent, stocked_till

CASH = [{"kind": "cash", "amount_minor": 450}]


@pytest.fixture
def till(tmp_path: Path) -> Path:
    folder = tmp_path / "till"
    folder.mkdir()
    stocked_till(folder)
    return folder


def test_a_whole_sale_and_its_return(till: Path) -> None:
    with (
        running_agent(till) as agent,
        AgentClient(f"http://127.0.0.1:{agent.port}", agent.token, quote_s_max=10) as pos,
    ):
        assert pos.look_up(card=CARD)["member"]["display_name"] == "A. M."
        quote = pos.put_sale("1/a", basket())
        done = pos.complete("1/a", basket(), quote, tenders=CASH)
        assert done["result"] == "completed"
        assert pos.complete("1/a", basket(), quote, tenders=CASH)["result"] == "exists"
        back = pos.return_lines(
            "1/a-r", original={"sale_id": "1/a"}, lines=[{"id": "1", "quantity": "1"}]
        )
        assert back["refund_minor"] == 225
        bare = {**basket(), "member": None}
        sold = pos.complete("2/a", bare, pos.put_sale("2/a", bare), tenders=CASH)
        member = {"cards": [CARD]}
        claimed = pos.claim("2/a-c", member=member, receipt_code=sold["receipt_code"])
        assert (claimed["result"], claimed["units"][0]["earned"]) == ("claimed", 5)
        again = pos.claim("2/a-c", member=member, original={"sale_id": "2/a"})
        assert again["result"] == "exists"
        states = [event["state"] for event in itertools.islice(pos.events(last_id=0), 3)]
        assert states == ["open", "done", "returned"]
        new = pos.enrol("e-1", card="2001111111119", person={"name": "Anna Meier"})
        replaced = pos.enrol("e-2", card="2002222222220", replaces={"member_id": new["member_id"]})
        assert (new["result"], replaced["member_id"]) == ("enrolled", new["member_id"])
        with pytest.raises(Refused) as refused:
            pos.put_sale("2", {"linse": []})
        assert (refused.value.status, refused.value.code) == (422, "field_unknown")
        assert refused.value.hint == "did you mean lines?"


def test_an_agent_that_is_gone_is_no_answer_and_the_sale_comes_late(till: Path) -> None:
    with running_agent(till) as agent:
        gone = AgentClient(f"http://127.0.0.1:{agent.port}", agent.token)
        agent.kill()
        with gone as pos, pytest.raises(NoAnswer):
            pos.put_sale("1", basket())
    with (
        running_agent(till) as agent,
        AgentClient(f"http://127.0.0.1:{agent.port}", agent.token) as pos,
    ):
        late = pos.late("1", basket(), tenders=[], total_taken_minor=500)
        assert late["flags"] == ["late"]
