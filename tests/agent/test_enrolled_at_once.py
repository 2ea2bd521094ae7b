"""One new card, scanned at two POSs at the same moment, is one member's."""

import asyncio
import json
import threading
from pathlib import Path

from tessera.agent.api_shapes import EnrolGiven, ReplacedGiven
from tessera.agent.checkout import Checkout
from tessera.agent.pairing import PairedPos
from tessera.agent.problems_http import ApiProblem
from tessera.store.till import cached_members
from tests.support.agent import CARD
from tests.support.checkout import at_a_till

POS = PairedPos(name="pos-1")
NEW_CARD = "2001111111119"


async def at_once(checkout: Checkout, *asked: EnrolGiven) -> tuple[list[str], list[str]]:
    """Have all of them looked at before any is written: who has joined, and what was refused."""
    may_write = threading.Event()
    writing = checkout.state.writer.run(lambda _connection: may_write.wait(30))
    enrolling = [checkout.enrol(POS, one) for one in asked]
    tasks = [asyncio.ensure_future(one) for one in (writing, *enrolling)]
    asyncio.get_running_loop().call_soon(may_write.set)  # after the first step of each
    _, *answers = await asyncio.gather(*tasks, return_exceptions=True)
    joined = [json.loads(one)["member_id"] for one in answers if isinstance(one, bytes)]
    return joined, [one.code for one in answers if isinstance(one, ApiProblem)]


def whose(checkout: Checkout) -> str:
    hasher = checkout.state.hasher
    assert hasher is not None
    with checkout.state.engines.reader.connect() as connection:
        found = cached_members.find_by_card(connection, hasher.card(NEW_CARD))
    assert found is not None
    return found.member_id


def test_a_new_card_is_given_to_one_of_two(tmp_path: Path) -> None:
    async def live(checkout: Checkout) -> None:
        asked = [EnrolGiven(enrolment_id=name, card=NEW_CARD) for name in ("e-1", "e-2")]
        joined, refused = await at_once(checkout, *asked)
        assert (joined, refused) == ([whose(checkout)], ["enrolment_refused"])

    at_a_till(tmp_path, live)


def test_a_card_that_somebody_just_joined_with_replaces_nobody_s(tmp_path: Path) -> None:
    async def live(checkout: Checkout) -> None:
        asked = (
            EnrolGiven(enrolment_id="e-1", card=NEW_CARD),
            EnrolGiven(enrolment_id="e-2", card=NEW_CARD, replaces=ReplacedGiven(card=CARD)),
        )
        joined, refused = await at_once(checkout, *asked)
        assert (joined, refused) == ([whose(checkout)], ["enrolment_refused"])

    at_a_till(tmp_path, live)
