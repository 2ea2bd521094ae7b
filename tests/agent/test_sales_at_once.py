"""What happens to one sale at the same time: a long basket is priced in a thread of its own."""

import asyncio
import os
import threading
from collections.abc import Awaitable, Callable
from pathlib import Path
from unittest.mock import patch

from tessera.agent.api_shapes import BasketGiven, CompleteGiven, Line, LineTax, TenderGiven
from tessera.agent.checkout import Checkout
from tessera.agent.checkout_quote import INLINE_LINES_MAX
from tessera.agent.clock import SystemClock
from tessera.agent.events import EventHub
from tessera.agent.pairing import PairedPos
from tessera.agent.settings import AgentSettings, DiskSettings
from tessera.agent.till_state import TillState
from tessera.agent.writer import Writer
from tessera.core.basket import Basket, Place
from tessera.core.member import MemberState
from tessera.core.quote import Quote
from tessera.store.till import open_sale_book
from tessera.store.till.opening import open_till
from tests.support.agent import CARD, TODAY, stocked_till
from tests.support.waiting import wait_until

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


def at_a_till(folder: Path, live: Callable[[Checkout, Held], Awaitable[None]]) -> None:
    """Have a sale lived at a till whose first pricing is held."""
    stocked_till(folder)
    settings = AgentSettings(
        data_dir=folder,
        quote_deadline_ms=30_000,
        disk=DiskSettings(reserve_mb=0, benefits_stop_mb=0),
    )
    clock = SystemClock()
    till, _ = open_till(folder, random=os.urandom, wall_ms=clock.wall_ms(), reserve_bytes=0)
    writer = Writer(till)
    state = TillState(
        settings=settings,
        till=till,
        writer=writer,
        clock=clock,
        random=os.urandom,
        hub=EventHub(first_id=1),
    )
    bundle = state.refresh()
    assert bundle is not None
    assert state.programme.take(bundle, currency="EUR")
    held = Held(state)
    checkout = Checkout(state, ())

    async def lived() -> None:
        await live(checkout, held)

    try:
        with patch.object(state.programme, "price", held.price):
            asyncio.run(lived())
    finally:
        held.let_go.set()
        checkout.close()
        writer.close()
        till.close()


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

    at_a_till(tmp_path, live)


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

    at_a_till(tmp_path, live)


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

    at_a_till(tmp_path, live)
