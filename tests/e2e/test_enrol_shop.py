"""Enrolments on their way: tills without a line, central that decides, tills that hear of it."""

import json
import sqlite3
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tessera.central.inspection import member_state
from tessera.central.member_waiting import waiting_members
from tessera.core.identity import bucket_of
from tessera.store.central import member_book
from tests.support.agent import basket, milk
from tests.support.real_shop import RealShop, Register, real_shop
from tests.support.waiting import wait_until

pytestmark = pytest.mark.timeout(600)
WAIT_S = 90.0
PROGRAMME = """\
programme: corner-shop
currency: EUR
units: {points: {value: 0.01, redeem: tender}}
offers:
  points: {who: members, give: 1 point for every whole 1.00}
  welcome:
    who: visit 1 and new 30 days
    give: 100 points
    limits: 1 ever
    offline: pending
"""
CARD, OTHER_CARD = "2001111111119", "2002222222220"
PHONE = "+4915155501010"


def enrol(register: Register, enrolment_id: str, **given: Any) -> Any:
    told = register.agent.call("POST", "/v1/members", {"enrolment_id": enrolment_id, **given})
    assert told.status == 200, told.raw
    return told.json


def look_up(register: Register, card: str) -> Any:
    return register.agent.call("POST", "/v1/members/lookup", {"card": card}).json


def kept(folder: Path, till: str, table: str) -> int:
    connection = sqlite3.connect(f"file:{folder / till / 'till.db'}?mode=ro", uri=True)
    try:
        count: int = connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0]
        return count
    finally:
        connection.close()


def knows(register: Register, card: str, member_id: str, display_name: str) -> bool:
    """Whether a till knows a card as central has described it."""
    found = look_up(register, card)["member"]
    return (found.get("member_id"), found.get("display_name"), found.get("provisional")) == (
        member_id,
        display_name,
        None,
    )


def is_empty(folder: Path, till: str) -> bool:
    """Whether a till keeps nothing of an enrolment by its own word any more."""
    tables = ("profile_outbox", "enrolled_member", "enrolled_card")
    return [kept(folder, till, table) for table in tables] == [0, 0, 0]


def full_name(shop: RealShop, member_id: str) -> str:
    key = (bucket_of(member_id), member_id)
    with shop.central.engines.reader.begin() as tx:
        found = member_book.read_profiles(tx, [key]).get(key)
    return found.full_name if found else ""


def test_two_tills_without_a_line_enrol_the_same_card_and_nobody_is_doubled(tmp_path: Path) -> None:
    """Each sells 5.00 to its own new member: 5 points and 100 of welcome, given once."""
    with real_shop(tmp_path, PROGRAMME) as shop:
        for register in shop.registers:
            register.cut()
        told = []
        for number, register in enumerate(shop.registers, start=1):
            person = {"name": f"Person{number} Planted", "phone": PHONE, "language": "de"}
            told.append(enrol(register, "e-1", card=CARD, **person))
            done = register.agent.sell(f"s-{number}", basket(milk(), card=CARD))
            assert done["member"]["member_id"] == told[-1]["member_id"]
            assert done["units"][0]["earned"] == 105
        first, second = (answer["member_id"] for answer in told)
        shop.registers[0].mend()
        wait_until(
            lambda: full_name(shop, first) == "Person1 Planted",
            what="central has the first member and person",
            timeout_s=WAIT_S,
        )
        shop.registers[1].mend()
        wait_until(
            lambda: full_name(shop, second) == "Person2 Planted",
            what="central has the second",
            timeout_s=WAIT_S,
        )
        for register in shop.registers:
            wait_until(
                partial(knows, register, CARD, first, "P. P."),
                what="both tills know the card as the first one's",
                timeout_s=WAIT_S,
            )
            register.settled()
        for till in ("till-1", "till-2"):
            wait_until(
                partial(is_empty, tmp_path, till),
                what="nothing is left on the till of its own",
                timeout_s=WAIT_S,
            )
        (waiting,) = waiting_members(shop.central)
        assert (waiting.member_id, waiting.waits_for) == (second, "card phone")
        assert waiting.others == (first,)
        assert (shop.points(first), shop.points(second)) == (105, 5)
        leased = {one: bool(member_state(shop.central, one).leases) for one in (first, second)}
        assert leased == {first: True, second: False}
        shop.agree()


def test_a_card_is_replaced_without_a_line_and_every_till_hears_of_it(tmp_path: Path) -> None:
    with real_shop(tmp_path, PROGRAMME) as shop:
        here, there = shop.registers
        told = enrol(here, "e-1", card=CARD)
        wait_until(
            lambda: look_up(there, CARD)["member"]["status"] == "known",
            what="the other till knows the new member",
            timeout_s=WAIT_S,
        )
        here.cut()
        done = enrol(here, "r-1", card=OTHER_CARD, replaces={"card": CARD})
        assert done["member_id"] == told["member_id"]
        assert look_up(here, CARD)["member"]["status"] == "blocked"
        assert look_up(there, CARD)["member"]["status"] == "known"
        here.agent.sell("s-1", basket(milk(), card=OTHER_CARD))
        here.mend()
        wait_until(
            lambda: (
                (
                    look_up(there, CARD)["member"]["status"],
                    look_up(there, OTHER_CARD)["member"].get("member_id"),
                )
                == ("blocked", told["member_id"])
            ),
            what="the other till knows the new card alone",
            timeout_s=WAIT_S,
        )
        assert look_up(here, CARD)["member"]["status"] == "blocked"
        assert shop.points(told["member_id"]) == 105
        assert json.dumps(look_up(here, OTHER_CARD)).count("provisional") == 0
        shop.agree()
