"""Codes on their way to the POS: none lost, none doubled, no card among them."""

import asyncio
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any, get_args, get_type_hints

import pytest

from tessera.agent.events import EventHub
from tessera.agent.passing_on import CODE_WAITS_MS, CODES_MAX, CodeQueue, Keyboard, PassingOn
from tessera.agent.settings import AgentSettings
from tessera.core.errors import TesseraError
from tessera.devices.events import Scan, ScanKind
from tessera.devices.framing.layouts import LAYOUTS

Story = Callable[["Till"], Coroutine[Any, Any, None]]


class Till:
    """A queue with a clock that the test moves, and what it dropped."""

    def __init__(self) -> None:
        self.now_ms = 0
        self.dropped = 0
        self.queue = CodeQueue(mono_ms=lambda: self.now_ms, on_dropped=self._drop)

    def _drop(self, count: int) -> None:
        self.dropped += count

    def next(self) -> str:
        """What a poll gets that does not wait."""
        return self.queue.settle(self.queue.ask(), is_there=True)


def told(story: Story) -> Till:
    till = Till()
    asyncio.run(story(till))
    return till


def scan(kind: ScanKind, payload: str = "4006381333931") -> Scan:
    return Scan(
        raw_hex="",
        label=payload,
        symbology="ean13",
        payload=payload,
        kind=kind,
        card_id=None,
        card_format=None,
        reader_id="counter",
        monotonic_ns=0,
    )


def test_codes_between_two_polls_are_kept_in_order() -> None:
    async def story(till: Till) -> None:
        till.queue.put("a")
        till.queue.put("b")
        assert [till.next(), till.next(), till.next()] == ["a", "b", ""]

    told(story)


def test_of_several_pollers_the_one_who_waited_longest_gets_the_code() -> None:
    async def story(till: Till) -> None:
        first, second = till.queue.ask(), till.queue.ask()
        till.queue.put("a")
        assert till.queue.settle(second, is_there=True) == ""
        assert till.queue.settle(first, is_there=True) == "a"
        assert till.queue.pollers == 0

    told(story)


def test_the_code_of_a_poller_that_hung_up_goes_to_the_next_before_later_ones() -> None:
    async def story(till: Till) -> None:
        gone = till.queue.ask()
        till.queue.put("a")
        till.queue.put("b")
        assert till.queue.settle(gone, is_there=False) == ""
        assert [till.next(), till.next()] == ["a", "b"]

    told(story)


def test_the_code_of_a_poller_that_hung_up_goes_to_one_who_waits() -> None:
    async def story(till: Till) -> None:
        gone, waits = till.queue.ask(), till.queue.ask()
        till.queue.put("a")
        till.queue.settle(gone, is_there=False)
        assert till.queue.settle(waits, is_there=True) == "a"

    told(story)


def test_a_full_queue_drops_its_oldest_code_and_says_so() -> None:
    async def story(till: Till) -> None:
        for number in range(CODES_MAX + 2):
            till.queue.put(str(number))
        assert till.next() == "2"

    assert told(story).dropped == 2


def test_a_code_of_a_customer_who_has_gone_is_dropped_and_told() -> None:
    async def story(till: Till) -> None:
        till.queue.put("old")
        till.now_ms = 1
        till.queue.put("new")
        till.now_ms = CODE_WAITS_MS + 1
        assert till.next() == "new"

    assert told(story).dropped == 1


# ---- what is passed on, and how


class Noted:
    """A keyboard that notes what is typed on it."""

    def __init__(self) -> None:
        self.typed: list[str] = []
        self.is_closed = False

    def type_text(self, text: str) -> None:
        LAYOUTS["us"].strokes(text)
        self.typed.append(text)

    def close(self) -> None:
        self.is_closed = True


def passing_on(way: str, open_keyboard: Callable[[str], Keyboard]) -> tuple[PassingOn, EventHub]:
    settings = AgentSettings(
        data_dir=Path("till"),
        codes_to=way,  # type: ignore[arg-type]
    )
    hub = EventHub(first_id=1)
    found = PassingOn(settings, hub, mono_ms=lambda: 0, open_keyboard=open_keyboard)
    found.start()
    return found, hub


@pytest.mark.parametrize("way", ["hw_proxy", "keyboard"])
def test_goods_and_coupons_are_passed_on_and_cards_are_not(way: str) -> None:
    keyboard = Noted()
    passing, _ = passing_on(way, lambda _: keyboard)
    for kind in ScanKind:
        passing.take(scan(kind, kind.value))

    async def polled() -> list[str]:
        queue = passing.queue
        return [queue.settle(queue.ask(), is_there=True) for _ in ScanKind]

    heard = keyboard.typed if way == "keyboard" else asyncio.run(polled())
    assert [code for code in heard if code] == [
        "coupon",
        "product",
        "receipt",
        "refund_receipt",
        "unknown",
    ]
    passing.close()
    assert keyboard.is_closed == (way == "keyboard")


def test_events_alone_keep_nothing_and_type_nothing() -> None:
    keyboard = Noted()
    passing, _ = passing_on("events", lambda _: keyboard)
    passing.take(scan(ScanKind.PRODUCT))

    async def polled() -> str:
        return passing.queue.settle(passing.queue.ask(), is_there=True)

    assert asyncio.run(polled()) == ""
    assert keyboard.typed == []
    assert passing.state() == ()


def test_a_code_that_the_keyboard_cannot_type_is_an_error_of_its_reader() -> None:
    passing, hub = passing_on("keyboard", lambda _: Noted())
    passing.take(scan(ScanKind.UNKNOWN, "\u4e2d"))
    assert hub.last_id == 1


def test_without_uinput_the_agent_sells_and_says_what_to_do(
    caplog: pytest.LogCaptureFixture,
) -> None:
    def missing(_: str) -> Keyboard:
        raise TesseraError("there is no /dev/uinput", hint="modprobe uinput")

    passing, _ = passing_on("keyboard", missing)
    passing.take(scan(ScanKind.PRODUCT))
    (state,) = passing.state()
    assert (state.condition, state.hint) == ("failed", "modprobe uinput")
    assert "there is no /dev/uinput; modprobe uinput" in caplog.text
    passing.close()


def test_the_setting_offers_every_keyboard_layout_that_there_is() -> None:
    offered = get_args(get_type_hints(AgentSettings)["keyboard_layout"])
    assert set(offered) == set(LAYOUTS)
