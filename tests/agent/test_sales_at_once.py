"""What happens to one sale at the same time.

A long basket is priced in a thread of its own, and a commit waits for a disk.
"""

import asyncio
import json
import threading
from collections.abc import Awaitable, Callable, Coroutine
from pathlib import Path
from typing import Any
from unittest.mock import patch

from tessera.agent.api_shapes import (
    BasketGiven,
    ClaimGiven,
    CompleteGiven,
    Line,
    LineTax,
    MemberGiven,
    OriginalGiven,
    ReturnGiven,
    ReturnLineGiven,
    TenderGiven,
    VoidGiven,
)
from tessera.agent.checkout import Checkout
from tessera.agent.checkout_quote import INLINE_LINES_MAX
from tessera.agent.pairing import PairedPos
from tessera.agent.problems_http import ApiProblem
from tessera.agent.till_state import TillState
from tessera.core.basket import Basket, Place
from tessera.core.identity import SaleKey
from tessera.core.member import MemberState
from tessera.core.quote import Quote
from tessera.core.sale import ReturnBody, ReturnWish
from tessera.store.till import cached_members, committed_sales, open_sale_book
from tessera.sync.records import read_body, read_envelope
from tests.support.agent import CARD, TODAY
from tests.support.checkout import at_a_till
from tests.support.waiting import wait_until

Refunds = tuple[list[int], list[str]]
POS = PairedPos(name="pos-1")
LINES = tuple(
    Line(
        id=str(number),
        sku="4006381333931",
        amount_minor=1_00,
        taxes=(LineTax(code="A", rate="0.19"),),
    )
    for number in range(INLINE_LINES_MAX + 1)
)
LONG = BasketGiven(business_day=TODAY, lines=LINES)


class Held:
    """Pricing, of which the first one waits until it is let go."""

    def __init__(self, state: TillState) -> None:
        self._price = state.programme.price
        self._first = threading.Lock()
        self.begun, self.let_go = threading.Event(), threading.Event()

    def price(self, basket: Basket, place: Place, member: MemberState | None) -> tuple[Quote, str]:
        found = self._price(basket, place, member)
        if self._first.acquire(blocking=False):
            self.begun.set()
            self.let_go.wait(30)
        return found


def while_priced(folder: Path, live: Callable[[Checkout, Held], Awaitable[None]]) -> None:
    """Have a sale lived at a till whose first pricing is held."""

    async def lived(checkout: Checkout) -> None:
        held = Held(checkout.state)
        with patch.object(checkout.state.programme, "price", held.price):
            try:
                await live(checkout, held)
            finally:
                held.let_go.set()

    at_a_till(folder, lived)


async def begun(held: Held) -> None:
    await asyncio.to_thread(lambda: wait_until(held.begun.is_set, what="pricing has begun"))


def kept(checkout: Checkout) -> list[str]:
    with checkout.state.engines.reader.connect() as connection:
        return [row.sale_id for row in open_sale_book.read_all(connection)]


def test_a_sale_that_was_cancelled_while_it_was_priced_is_not_shown_or_kept_again(
    tmp_path: Path,
) -> None:
    async def live(checkout: Checkout, held: Held) -> None:
        quoting = asyncio.create_task(checkout.put_sale(POS, "1", LONG))
        await begun(held)
        await checkout.cancel(POS, "1")
        held.let_go.set()
        assert (await quoting).totals.due_minor == 61_00
        await checkout.kept.flush()
        assert checkout.announced.shown.phase == "cancelled"
        assert kept(checkout) == []

    while_priced(tmp_path, live)


def test_a_sale_that_was_completed_while_it_was_priced_stays_done(tmp_path: Path) -> None:
    async def live(checkout: Checkout, held: Held) -> None:
        quoting = asyncio.create_task(checkout.put_sale(POS, "1", LONG))
        await begun(held)
        paid = CompleteGiven(
            business_day=TODAY,
            lines=LINES,
            tenders=(TenderGiven(kind="cash", amount_minor=61_00),),
            total_taken_minor=61_00,
        )
        await checkout.complete(POS, "1", paid)
        held.let_go.set()
        await quoting
        await checkout.kept.flush()
        assert checkout.announced.shown.phase == "done"
        assert kept(checkout) == []

    while_priced(tmp_path, live)


def test_a_card_that_was_scanned_while_the_basket_was_priced_counts(tmp_path: Path) -> None:
    """61.00 earn 61 points; without the card, none."""

    async def live(checkout: Checkout, held: Held) -> None:
        quoting = asyncio.create_task(checkout.put_sale(POS, "1", LONG))
        await begun(held)
        sale = checkout.sales.find(POS, "1")
        await checkout.take_card(CARD, kind="member_card", reader="counter", sale=sale)
        held.let_go.set()
        answered = await quoting
        shown = checkout.announced.shown.quoted
        assert shown is not None
        assert [(unit.unit, unit.earned) for unit in shown.quote.units] == [("points", 61)]
        # The POS may still complete by the quote that it was answered, and the card earns.
        paid = CompleteGiven(
            business_day=TODAY,
            lines=LINES,
            quote_id=answered.quote_id,
            tenders=(TenderGiven(kind="cash", amount_minor=61_00),),
            total_taken_minor=61_00,
        )
        assert b'"earned":61' in await checkout.complete(POS, "1", paid)

    while_priced(tmp_path, live)


def sold(sale_id: str, *lines: str) -> CompleteGiven:
    """A sale of articles at 1.00, paid in cash."""
    due = 1_00 * len(lines)
    return CompleteGiven(
        business_day=TODAY,
        lines=tuple(Line(id=one, sku=f"{sale_id}-{one}", amount_minor=1_00) for one in lines),
        tenders=(TenderGiven(kind="cash", amount_minor=due),),
        total_taken_minor=due,
    )


def back(sale_id: str, *lines: str) -> ReturnGiven:
    return ReturnGiven(
        business_day=TODAY,
        original=OriginalGiven(sale_id=sale_id),
        lines=tuple(ReturnLineGiven(id=one, quantity="1") for one in lines),
    )


async def at_once(checkout: Checkout, *asked: Coroutine[Any, Any, bytes]) -> Refunds:
    """Have all of them looked at before any is written: what was paid out, and why it was not."""
    may_write = threading.Event()
    writing = checkout.state.writer.run(lambda _connection: may_write.wait(30))
    tasks = [asyncio.ensure_future(one) for one in (writing, *asked)]
    asyncio.get_running_loop().call_soon(may_write.set)  # after the first step of each
    _, *answers = await asyncio.gather(*tasks, return_exceptions=True)
    paid_out = [json.loads(one).get("refund_minor", 0) for one in answers if isinstance(one, bytes)]
    return paid_out, [one.code for one in answers if isinstance(one, ApiProblem)]


def test_what_is_returned_twice_at_the_same_time_is_paid_out_once(tmp_path: Path) -> None:
    async def live(checkout: Checkout) -> None:
        await checkout.complete(POS, "1", sold("1", "a"))
        asked = [checkout.return_lines(POS, name, back("1", "a")) for name in ("r-1", "r-2")]
        assert await at_once(checkout, *asked) == ([1_00], ["quantity_wrong"])

    at_a_till(tmp_path, live)


def test_what_is_returned_and_claimed_at_the_same_time_earns_nothing(tmp_path: Path) -> None:
    async def live(checkout: Checkout) -> None:
        await checkout.complete(POS, "1", sold("1", "a"))
        claim = ClaimGiven(
            business_day=TODAY,
            original=OriginalGiven(sale_id="1"),
            member=MemberGiven(cards=(CARD,)),
        )
        asked = (
            checkout.return_lines(POS, "r-1", back("1", "a")),
            checkout.claim(POS, "c-1", claim),
        )
        assert await at_once(checkout, *asked) == ([1_00], ["claim_refused"])

    at_a_till(tmp_path, live)


def test_points_that_are_claimed_while_the_goods_come_back_go_back_too(tmp_path: Path) -> None:
    """1.00 earns 1 point, which the return takes back: the till's word of 1,000 stays."""

    async def live(checkout: Checkout) -> None:
        await checkout.complete(POS, "1", sold("1", "a"))
        claim = ClaimGiven(
            business_day=TODAY,
            original=OriginalGiven(sale_id="1"),
            member=MemberGiven(cards=(CARD,)),
        )
        asked = (
            checkout.claim(POS, "c-1", claim),
            checkout.return_lines(POS, "r-1", back("1", "a")),
        )
        assert await at_once(checkout, *asked) == ([0, 1_00], [])
        with checkout.state.engines.reader.connect() as connection:
            (points,) = cached_members.accounts(connection, "m-1")
        assert points.balance == 1_000

    at_a_till(tmp_path, live)


def test_two_lines_that_are_returned_at_the_same_time_are_both_paid_out(tmp_path: Path) -> None:
    async def live(checkout: Checkout) -> None:
        await checkout.complete(POS, "1", sold("1", "a", "b", "c"))
        asked = [checkout.return_lines(POS, f"r-{one}", back("1", one)) for one in "ab"]
        assert await at_once(checkout, *asked) == ([1_00, 1_00], [])
        with checkout.state.engines.reader.connect() as connection:
            key = SaleKey(store="shop", pos="pos-1", business_day=TODAY, sale_id="r-b")
            found = committed_sales.find_sale(connection, key)
            assert found is not None
            body = read_body(read_envelope(committed_sales.read_record(connection, found.uid)))
        assert isinstance(body, ReturnBody)
        assert body.returned_before == (ReturnWish(line_id="a", quantity="1"),)

    at_a_till(tmp_path, live)


def test_a_sale_that_is_voided_and_returned_at_the_same_time_is_paid_out_once(
    tmp_path: Path,
) -> None:
    async def live(checkout: Checkout) -> None:
        await checkout.complete(POS, "1", sold("1", "a", "b"))
        told = await at_once(
            checkout,
            checkout.return_lines(POS, "r-1", back("1", "a")),
            checkout.void(POS, "1", VoidGiven(original_business_day=TODAY)),
        )
        assert told == ([1_00], ["sale_already_returned"])

    at_a_till(tmp_path, live)
