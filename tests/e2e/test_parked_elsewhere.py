"""A sale that was parked at one register is finished at another one of the store, under its key."""

from pathlib import Path
from typing import Any

import pytest

from tessera.store.engine import open_sqlite
from tessera.store.till import open_sale_book
from tests.support.agent import (
    CARD,
    DAY,
    EVENING,
    PROGRAMME,
    Agent,
    Reply,
    basket,
    days_later,
    paid,
    running_agent,
    stocked_till,
)
from tests.support.repriced import sales_that_come_out_again

OFFERED = """\
  take-one-off:
    name: {en: 1.00 off}
    trigger: chosen
    give: 1.00 off the basket
"""
NEXT_DAY = {"store_time": EVENING, "business_day": days_later(1)}
FRONT, BACK = "front", "back"


@pytest.fixture
def registers(tmp_path: Path) -> tuple[Path, Path]:
    return _till(tmp_path / "till-1"), _till(tmp_path / "till-2", register="till-2")


def _till(folder: Path, **identity: object) -> Path:
    folder.mkdir()
    stocked_till(folder, programme=PROGRAMME + OFFERED, **identity)
    return folder


def park(agent: Agent, sale_id: str) -> str:
    reply = agent.call("POST", f"/v1/sales/{sale_id}/suspend", {})
    assert (reply.status, reply.json["result"]) == (200, "suspended")
    data: str = reply.json["resume_data"]
    return data


def resume(agent: Agent, sale_id: str, data: str) -> Reply:
    return agent.call("POST", f"/v1/sales/{sale_id}/resume", {"resume_data": data})


def sale_keys(till: Path) -> list[tuple[str, str, str]]:
    """Point of sale, business day and id of what stands in a till's journal."""
    engines = open_sqlite(till / "till.db")
    try:
        with engines.reader.connect() as connection:
            found = connection.exec_driver_sql("SELECT pos, business_day, sale_id FROM sale")
            assert open_sale_book.read_all(connection) == []
            return [(row[0], row[1], row[2]) for row in found]
    finally:
        engines.dispose()


def test_it_goes_on_with_customer_and_rewards_and_keeps_its_key(
    registers: tuple[Path, Path],
) -> None:
    """The card was scanned by the first register, and 1.00 off accepted there.

    A bottle of 2.50 serves one offer: 10 % off one is 0.25, 1.00 off the other: 5.00 less 1.25.
    """
    given = {**basket(card=""), "chosen": ["take-one-off"]}
    with running_agent(registers[0], pos=FRONT) as agent:
        agent.put("walk-1", given)
        agent.call("POST", "/v1/scans", {"code": CARD, "sale_id": "walk-1"})
        data = park(agent, "walk-1")
        assert CARD not in data
    with running_agent(registers[1], pos=BACK) as agent:
        quote = resume(agent, "walk-1", data).json
        assert (quote["result"], quote["totals"]["due_minor"]) == ("resumed", 375)
        assert quote["member"]["member_id"] == "m-1"
        now = {**given, **NEXT_DAY}
        done = agent.complete("walk-1", paid(now, agent.put("walk-1", now)))
        assert (done["result"], done["totals"]["due_minor"]) == ("completed", 375)
    assert sale_keys(registers[1]) == [(FRONT, DAY, "walk-1")]
    assert sales_that_come_out_again(registers[1]) == 1


def test_after_a_kill_it_is_open_still_and_is_completed_under_its_key(
    registers: tuple[Path, Path],
) -> None:
    with running_agent(registers[0], pos=FRONT) as agent:
        agent.put("walk-2", basket())
        data = park(agent, "walk-2")
    with running_agent(registers[1], pos=BACK) as agent:
        assert resume(agent, "walk-2", data).status == 200
        park(agent, "walk-2")
        agent.kill()
    with running_agent(registers[1], pos=BACK) as agent:
        quote = resume(agent, "walk-2", data).json
        assert agent.complete("walk-2", paid(basket(), quote))["result"] == "completed"
        again = resume(agent, "walk-2", data)
        assert (again.status, again.json["code"]) == (409, "sale_completed")
    assert sale_keys(registers[1]) == [(FRONT, DAY, "walk-2")]
    assert sales_that_come_out_again(registers[1]) == 1


def test_a_pos_names_where_it_was_begun_when_the_agent_has_forgotten(
    registers: tuple[Path, Path],
) -> None:
    begun = {"pos": FRONT, "business_day": DAY}
    given = {**basket(), **NEXT_DAY, "begun": begun}
    with running_agent(registers[1], pos=BACK) as agent:
        late = {**paid(given, {"quote_id": "0" * 32, "totals": {"due_minor": 450}})}
        del late["quote_id"]
        first = agent.call("POST", "/v1/sales/walk-3/late", late).json
        assert first["result"] == "completed"
        assert agent.complete("walk-3", late)["result"] == "exists"
        voided = agent.call("POST", "/v1/sales/walk-3/void", {"begun": begun, **NEXT_DAY})
        assert voided.json["result"] == "voided"
    assert (FRONT, DAY, "walk-3") in sale_keys(registers[1])


def test_what_was_changed_or_is_of_another_shop_store_or_sale_is_refused(
    tmp_path: Path, registers: tuple[Path, Path]
) -> None:
    other_store = _till(tmp_path / "till-3", register="till-3", store="elsewhere")
    with running_agent(registers[0], pos=FRONT) as agent:
        agent.put("walk-4", basket())
        data = park(agent, "walk-4")
    sealed, seal = data.rsplit("*", 1)
    with running_agent(registers[1], pos=BACK) as agent:
        for wrong in (
            sealed,
            sealed + "*" + "0" * 32,
            "TD1" + data[3:],
            data[:40] + "A" + data[41:],
        ):
            assert refused(resume(agent, "walk-4", wrong)) == (422, "resume_data_wrong")
        assert refused(resume(agent, "walk-5", data)) == (422, "resume_data_wrong")
        agent.put("walk-4", basket(card=""))
        assert refused(resume(agent, "walk-4", data)) == (409, "sale_open")
        assert seal
    with running_agent(other_store, pos=BACK) as agent:
        assert refused(resume(agent, "walk-4", data)) == (422, "resume_data_wrong")


def refused(reply: Reply) -> tuple[int, Any]:
    return reply.status, reply.json["code"]


def test_the_first_pos_of_two_registers_have_names_of_their_own(
    registers: tuple[Path, Path],
) -> None:
    """Both agents paired a first POS by themselves, and both POSs begin at receipt 0001."""
    for till in registers:
        with running_agent(till) as agent:
            agent.token = (till / "pairing.token").read_text().strip()
            agent.sell("0001", basket())
    assert [sale_keys(till) for till in registers] == [
        [("till-1", DAY, "0001")],
        [("till-2", DAY, "0001")],
    ]
