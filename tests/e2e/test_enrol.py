"""A customer becomes a member at the till, with no line to central, and buys as one at once."""

import json
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from tests.support.agent import (
    BLOCKED_CARD,
    CARD,
    Agent,
    Reply,
    basket,
    paid,
    running_agent,
    settings_file,
    stocked_till,
)

NEW_CARD, NEXT_CARD, THIRD_CARD = "2001111111119", "2002222222220", "2003333333331"
PHONE, OTHER_PHONE = "+49 151 5550101", "+49 151 5550202"
PERSON = {
    "name": "Zacharias Vogelsang",
    "phone": PHONE,
    "email": "z.vogelsang@Example.ORG",
    "birthday": "1987-07-31",
    "language": "de",
    "consents": [{"purpose": "mailing", "granted": True, "text": "2026-01"}],
}


def stocked(place: Path) -> Path:
    folder = place / "till"
    folder.mkdir()
    stocked_till(folder)
    return folder


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return stocked(tmp_path)


@pytest.fixture
def agent(folder: Path) -> Any:
    with running_agent(folder) as agent:
        yield agent


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """An agent for the tests that enrol with a card of their own."""
    with running_agent(stocked(tmp_path_factory.mktemp("shop"))) as agent:
        yield agent


def enrol(agent: Agent, enrolment_id: str, **given: Any) -> Reply:
    return agent.call("POST", "/v1/members", {"enrolment_id": enrolment_id, **given})


def look_up(agent: Agent, **by: str) -> Any:
    return agent.call("POST", "/v1/members/lookup", by).json


def read(folder: Path, query: str) -> list[tuple[Any, ...]]:
    connection = sqlite3.connect(f"file:{folder / 'till.db'}?mode=ro", uri=True)
    try:
        return connection.execute(query).fetchall()
    finally:
        connection.close()


def test_a_new_member_joins_the_open_sale_and_earns_on_it(agent: Agent) -> None:
    """Two of milk at 2.50: 10 % off for members leaves 4.50, and 4 points."""
    given = basket(card=NEW_CARD)
    before = agent.put("s-1", given)
    assert (before["member"]["status"], before["totals"]["due_minor"]) == ("unknown", 500)
    told = enrol(agent, "e-1", card=NEW_CARD, sale_id="s-1", **PERSON)
    assert told.status == 200, told.raw
    assert (told.json["result"], told.json["attached_to"]) == ("enrolled", "s-1")
    assert [notice["code"] for notice in told.json["notices"]] == ["enrolled_here"]
    quote = agent.put("s-1", given)
    assert quote["member"] == {
        "status": "known",
        "member_id": told.json["member_id"],
        "display_name": "Z. V.",
        "language": "de",
        "provisional": True,
    }
    assert quote["totals"]["due_minor"] == 450
    done = agent.complete("s-1", paid(given, quote))
    assert (done["units"][0]["earned"], done["units"][0].get("spendable_now", 0)) == (4, 0)
    for by in ({"card": NEW_CARD}, {"phone": PHONE}):
        found = look_up(agent, **by)
        assert found["member"]["member_id"] == told.json["member_id"]
        assert found["units"][0]["balance_after"] == 4


def test_a_repeat_enrols_nobody_twice_and_other_content_is_refused(
    agent: Agent, folder: Path
) -> None:
    first = enrol(agent, "e-1", card=NEW_CARD, **PERSON)
    again = enrol(agent, "e-1", card=NEW_CARD, **PERSON)
    assert (again.status, again.json["result"]) == (200, "exists")
    assert again.json["member_id"] == first.json["member_id"]
    other = enrol(agent, "e-1", card=NEXT_CARD)
    assert (other.status, other.json["code"]) == (409, "sale_conflict")
    assert read(folder, "SELECT count(*) FROM journal WHERE kind = 'member-enrolled'") == [(1,)]
    assert read(folder, "SELECT count(*) FROM profile_outbox") == [(1,)]


def test_a_member_without_a_card_is_known_by_the_id_or_the_phone(shared: Agent) -> None:
    told = enrol(shared, "e-1").json
    given = {**basket(card=""), "member": {"member_id": told["member_id"]}}
    assert shared.put("s-1", given)["member"]["status"] == "known"
    by_phone = enrol(shared, "e-2", phone=PHONE, sale_id="s-1").json
    assert look_up(shared, phone=PHONE)["member"]["member_id"] == by_phone["member_id"]
    shared.call("POST", "/v1/sales/s-1/cancel", {})


def test_a_phone_of_somebody_else_brings_nobody_into_the_sale(shared: Agent) -> None:
    first = enrol(shared, "e-3", phone=OTHER_PHONE).json
    # Without an open sale whoever was enrolled joins the next one, as after a scan.
    assert shared.put("s-1", basket(card=""))["member"]["member_id"] == first["member_id"]
    shared.call("POST", "/v1/sales/s-1/cancel", {})
    shared.put("s-2", basket(card=""))
    told = enrol(shared, "e-4", phone=OTHER_PHONE, sale_id="s-2").json
    assert (told["attached_to"], told["member_id"] != first["member_id"]) == ("", True)
    assert shared.put("s-2", basket(card=""))["member"]["status"] == "none"
    assert look_up(shared, phone=OTHER_PHONE)["member"]["member_id"] == first["member_id"]
    shared.call("POST", "/v1/sales/s-2/cancel", {})


def test_the_person_is_in_no_record_and_no_answer(agent: Agent, folder: Path) -> None:
    told = enrol(agent, "e-1", card=NEW_CARD, **PERSON)
    ((raw,),) = read(folder, "SELECT raw FROM journal WHERE kind = 'member-enrolled'")
    ((answer,),) = read(folder, "SELECT answer FROM sale WHERE pos = 'enrolments'")
    for secret in ("vogelsang", "5550101", "07-31", NEW_CARD, "mailing"):
        for text in (raw, answer, told.raw, "".join(agent.log).encode()):
            assert secret.encode() not in text.lower()
    ((body,),) = read(folder, "SELECT body FROM profile_outbox")
    sent = json.loads(body)
    assert (sent["name"], sent["email"]) == ("Zacharias Vogelsang", "z.vogelsang@example.org")
    assert (sent["birthday"], sent["phone"]) == ("07-31", "+491515550101")


def test_an_enrolment_outlives_a_kill(folder: Path) -> None:
    config = settings_file(folder)
    with running_agent(folder, config) as agent:
        told = enrol(agent, "e-1", card=NEW_CARD, **PERSON).json
        agent.kill()
    with running_agent(folder, config) as agent:
        assert look_up(agent, card=NEW_CARD)["member"]["member_id"] == told["member_id"]
        again = enrol(agent, "e-1", card=NEW_CARD, **PERSON).json
        assert (again["result"], again["member_id"]) == ("exists", told["member_id"])


def test_a_replaced_card_works_no_more_and_the_new_one_does(shared: Agent) -> None:
    done = enrol(shared, "r-1", card=NEXT_CARD, replaces={"card": CARD})
    assert (done.status, done.json["result"]) == (200, "replaced"), done.raw
    assert look_up(shared, card=CARD)["member"]["status"] == "blocked"
    found = look_up(shared, card=NEXT_CARD)
    assert (found["member"]["status"], found["member"]["member_id"]) == ("known", "m-1")
    assert found["units"][0]["balance_after"] == 1000
    again = enrol(shared, "r-1", card=NEXT_CARD, replaces={"card": CARD})
    assert again.json["result"] == "exists"


def test_a_card_of_a_member_enrolled_here_is_replaced_too(shared: Agent) -> None:
    told = enrol(shared, "e-5", card=NEW_CARD).json
    lost = {"member_id": told["member_id"]}
    assert enrol(shared, "r-5", card=THIRD_CARD, replaces=lost).status == 200
    assert look_up(shared, card=NEW_CARD)["member"]["status"] == "blocked"
    assert look_up(shared, card=THIRD_CARD)["member"]["member_id"] == told["member_id"]


REFUSED: list[tuple[dict[str, Any], str, str]] = [
    ({"card": CARD}, "enrolment_refused", "card"),
    ({"card": "4006381333931"}, "enrolment_refused", "card"),
    ({"card": "4111111111111111"}, "enrolment_refused", "card"),
    ({"card": "2001234567890"}, "enrolment_refused", "card"),
    ({"card": NEW_CARD, "replaces": {"card": BLOCKED_CARD}}, "enrolment_refused", "replaces"),
    ({"card": CARD, "replaces": {"member_id": "m-1"}}, "enrolment_refused", "card"),
    ({"card": NEW_CARD, "replaces": {"card": THIRD_CARD}}, "member_unknown", "replaces"),
    ({"card": NEW_CARD, "replaces": {}}, "field_wrong", "replaces"),
    ({"card": NEW_CARD, "replaces": {"card": CARD, "member_id": "m-1"}}, "field_wrong", "replaces"),
    ({"card": NEW_CARD, "name": "A", "replaces": {"card": CARD}}, "field_wrong", "card"),
    ({"replaces": {"card": CARD}}, "field_wrong", "card"),
    ({"phone": "0151 5550101"}, "field_wrong", "phone"),
    ({"email": "nobody"}, "field_wrong", "email"),
    ({"birthday": "02-30"}, "field_wrong", "birthday"),
    ({"birthday": "31.7."}, "field_wrong", "birthday"),
    ({"language": "deutsch, bitte"}, "field_wrong", "language"),
    ({"name": "x" * 121}, "field_wrong", "name"),
    ({"name": "x\u0000"}, "field_wrong", ""),
    ({"consents": [{"purpose": "mailing"}]}, "field_wrong", "consents"),
    ({"adress": "x"}, "field_unknown", "adress"),
]


def test_what_cannot_be_is_refused_and_leaves_nothing(agent: Agent, folder: Path) -> None:
    for given, code, field in REFUSED:
        told = enrol(agent, "e-1", **given)
        assert told.json["code"] == code, (given, told.raw)
        assert told.json.get("field", "").startswith(field), (given, told.raw)
    for table in ("journal", "enrolled_member", "enrolled_card", "profile_outbox"):
        assert read(folder, f"SELECT count(*) FROM {table}") == [(0,)]


def test_in_training_nobody_is_enrolled(folder: Path) -> None:
    with running_agent(folder, settings_file(folder, top={"training": True})) as agent:
        told = enrol(agent, "e-1", card=NEW_CARD)
    assert (told.status, told.json["code"]) == (409, "enrolment_refused")
