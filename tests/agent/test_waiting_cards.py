"""Cards that are scanned when no sale can take them: the next one that may has them."""

import asyncio
import json
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

import pytest

from tessera.agent.api_shapes import BasketGiven, CompleteGiven, Line, ScanGiven, TenderGiven
from tessera.agent.checkout import Checkout
from tessera.agent.pairing import PairedPos
from tessera.agent.problems_http import ApiProblem
from tests.support.agent import CARD, TODAY
from tests.support.checkout import at_a_till

POS = PairedPos(name="pos-1")
OWNER = PairedPos(name="pos-2", owns_scanner=True)
LINES = (Line(id="a", sku="article", amount_minor=5_00),)
BASKET = BasketGiven(business_day=TODAY, lines=LINES)


def paid(taken_minor: int = 5_00, *, tenders: bool = True) -> CompleteGiven:
    return CompleteGiven(
        business_day=TODAY,
        lines=LINES,
        tenders=(TenderGiven(kind="cash", amount_minor=taken_minor),) if tenders else (),
        total_taken_minor=taken_minor,
    )


async def member_of(checkout: Checkout, pos: PairedPos, sale_id: str) -> str:
    answer = await checkout.put_sale(pos, sale_id, BASKET)
    return answer.member.member_id


async def read(checkout: Checkout) -> None:
    """One of the agent's own readers has read the member's card."""
    sale = checkout.sales.for_reader()
    await checkout.take_card(CARD, kind="member_card", reader="counter", sale=sale)


async def while_written(
    checkout: Checkout, completing: Coroutine[Any, Any, bytes], meanwhile: Coroutine[Any, Any, Any]
) -> tuple[bytes, Any]:
    """Have something happen while the record of a completion waits for the disk."""
    held, may_write = asyncio.Event(), asyncio.Event()
    commit = checkout.state.writer.commit

    async def waits(*given: Any, **named: Any) -> Any:
        held.set()
        await may_write.wait()
        return await commit(*given, **named)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(checkout.state.writer, "commit", waits)
        task = asyncio.create_task(completing)
        await asyncio.wait_for(held.wait(), 30)
        told = await meanwhile
        may_write.set()
        return await task, told


def test_a_card_that_is_read_during_a_commit_belongs_to_the_next_sale(tmp_path: Path) -> None:
    async def live(checkout: Checkout) -> None:
        await checkout.put_sale(POS, "1", BASKET)
        answer, _ = await while_written(
            checkout, checkout.complete(POS, "1", paid()), read(checkout)
        )
        assert json.loads(answer)["member"]["status"] == "none"
        buyer = checkout.announced.shown.buyer
        assert buyer is not None
        assert buyer.known is not None
        assert await member_of(checkout, POS, "2") == "m-1"
        assert await member_of(checkout, POS, "3") == ""

    at_a_till(tmp_path, live)


def test_the_basket_that_is_sent_again_during_its_commit_does_not_take_the_next_ones_card(
    tmp_path: Path,
) -> None:
    async def live(checkout: Checkout) -> None:
        async def read_and_send() -> str:
            await read(checkout)
            return await member_of(checkout, POS, "1")

        await checkout.put_sale(POS, "1", BASKET)
        completing = checkout.complete(POS, "1", paid())
        assert (await while_written(checkout, completing, read_and_send()))[1] == ""
        assert await member_of(checkout, POS, "2") == "m-1"

    at_a_till(tmp_path, live)


def test_a_pos_hears_that_its_card_did_not_join_the_sale_that_is_being_recorded(
    tmp_path: Path,
) -> None:
    async def live(checkout: Checkout) -> None:
        await checkout.put_sale(OWNER, "1", BASKET)
        scan = checkout.scan(OWNER, ScanGiven(code=CARD, sale_id="1"))
        _, told = await while_written(checkout, checkout.complete(OWNER, "1", paid()), scan)
        assert told.attached_to == ""
        assert told.member.member_id == "m-1"
        assert await member_of(checkout, OWNER, "2") == "m-1"

    at_a_till(tmp_path, live)


def test_a_card_that_is_read_while_a_completion_is_refused_joins_its_sale(tmp_path: Path) -> None:
    """The sale goes on, and the card was scanned for it: 5.00 earn 5 points."""

    async def live(checkout: Checkout) -> None:
        await checkout.put_sale(POS, "1", BASKET)

        async def fails(*_given: object, **_named: object) -> None:
            await read(checkout)
            raise ApiProblem("database_failing", "the sale could not be recorded")

        with pytest.MonkeyPatch.context() as patched:
            patched.setattr("tessera.agent.checkout_complete.commit_sale", fails)
            with pytest.raises(ApiProblem, match="could not be recorded"):
                await checkout.complete(POS, "1", paid())
        sale = checkout.sales.find(POS, "1")
        assert sale is not None
        assert sale.quoted is not None
        assert [(unit.unit, unit.earned) for unit in sale.quoted.quote.units] == [("points", 5)]
        assert b'"earned":5' in await checkout.complete(POS, "1", paid())
        assert await member_of(checkout, POS, "2") == ""

    at_a_till(tmp_path, live)


def test_a_pos_with_its_own_scanner_gets_no_card_of_another_reader(tmp_path: Path) -> None:
    async def live(checkout: Checkout) -> None:
        await read(checkout)
        assert await member_of(checkout, OWNER, "1") == ""
        assert await member_of(checkout, POS, "1") == "m-1"

    at_a_till(tmp_path, live)


def test_what_a_pos_scanned_waits_for_its_own_next_sale(tmp_path: Path) -> None:
    async def live(checkout: Checkout) -> None:
        told = await checkout.scan(OWNER, ScanGiven(code=CARD))
        assert told.attached_to == ""
        assert await member_of(checkout, POS, "1") == ""
        assert await member_of(checkout, OWNER, "1") == "m-1"

    at_a_till(tmp_path, live)
