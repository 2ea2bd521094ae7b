"""A reader that sends faster than the register can take."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from unittest.mock import patch

import pytest

from tessera.agent import reader_loop
from tessera.agent.checkout import Checkout
from tessera.agent.passing_on import PassingOn
from tessera.agent.reader_loop import ReaderLoop
from tessera.agent.waiting_events import EVENTS_OF_A_READER_MAX
from tessera.devices.events import ReaderError, ReaderEvent
from tessera.devices.profiles import read_card_formats
from tessera.devices.readers import ReaderSettings
from tests.support.checkout import at_a_till

SENT = 5_000


class Flooding:
    """A reader whose garbage has come before the event loop could take any of it."""

    def __init__(self, on_event: Callable[[ReaderEvent], None]) -> None:
        self._on_event = on_event

    def start(self) -> None:
        for number in range(SENT):
            self._on_event(
                ReaderError(
                    code="illegal_byte", message="", reader_id="counter", monotonic_ns=number
                )
            )

    def stop(self) -> None:
        """Nothing to let go."""


def test_what_a_reader_sends_while_nobody_takes_it_is_bounded_and_told(tmp_path: Path) -> None:
    async def live(checkout: Checkout) -> None:
        settings = checkout.state.settings
        reader = ReaderSettings(id="counter", port="sim://counter", profile="any")
        flooded = replace(settings, readers=(reader,))
        hub = checkout.state.hub
        loop = ReaderLoop(
            checkout,
            flooded,
            read_card_formats().format,
            passing_on=PassingOn(settings, hub, mono_ms=checkout.state.clock.mono_ms),
            clock_ns=lambda: 0,
        )

        def opened(*_: object, on_event: Callable[[ReaderEvent], None], **__: object) -> Flooding:
            return Flooding(on_event)

        seen: list[dict[str, object]] = []
        listening = asyncio.ensure_future(told(seen, checkout))
        await asyncio.sleep(0)
        with patch.object(reader_loop, "open_reader", opened):
            loop.start()
        await asyncio.wait_for(listening, 30)
        await loop.stop()
        assert len(seen) == EVENTS_OF_A_READER_MAX + 1
        assert "4744 events of this reader were lost" in str(seen[-1]["message"])

    assert SENT - EVENTS_OF_A_READER_MAX == 4_744
    at_a_till(tmp_path, live)


async def told(seen: list[dict[str, object]], checkout: Checkout) -> None:
    """What is published of the reader, up to the word that something was lost."""
    async for event in checkout.state.hub.subscribe(None):
        seen.append(event.content)
        if event.content.get("code") == "overrun":
            return
    pytest.fail("the hub was closed before")
