"""A checkout on a stocked till, in this process: for what happens at the same time."""

import asyncio
import os
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from tessera.agent.checkout import Checkout
from tessera.agent.clock import SystemClock
from tessera.agent.events import EventHub
from tessera.agent.settings import AgentSettings, DiskSettings
from tessera.agent.till_state import TillState
from tessera.agent.writer import Writer
from tessera.devices.profiles import read_card_formats
from tessera.store.till.opening import open_till
from tests.support.agent import stocked_till


@contextmanager
def till_of_a_shop(folder: Path, *, quote_deadline_ms: int = 30_000) -> Iterator[TillState]:
    """A till that knows a member and a programme."""
    stocked_till(folder)
    settings = AgentSettings(
        data_dir=folder,
        quote_deadline_ms=quote_deadline_ms,
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
    try:
        yield state
    finally:
        writer.close()
        till.close()


def at_a_till(folder: Path, live: Callable[[Checkout], Awaitable[None]]) -> None:
    """Have something lived at such a till."""
    with till_of_a_shop(folder) as state:
        checkout = Checkout(state, read_card_formats().format)

        async def lived() -> None:
            await live(checkout)

        try:
            asyncio.run(lived())
        finally:
            checkout.close()
