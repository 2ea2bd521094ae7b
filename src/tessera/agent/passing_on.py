"""Codes that the register's own readers read and that are not Tessera's: on to the POS.

Owns: which scans are the agent's own, the bounded queue that a polling POS empties, and the
keyboard on which codes are typed. Must never: pass on a card, or give one code to two callers.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Callable
from typing import Protocol

from tessera.agent.api_answers import ReaderStatus
from tessera.agent.checkout_recognise import CARD_KINDS
from tessera.agent.events import EventHub
from tessera.agent.notices import notice, worded
from tessera.agent.settings import AgentSettings
from tessera.core.errors import TesseraError
from tessera.devices.evdev_port import TypedKeyboard
from tessera.devices.events import Scan, ScanKind
from tessera.devices.framing.layouts import LAYOUTS

_LOG = logging.getLogger("tessera.agent.readers")

OWN_KINDS = CARD_KINDS | {ScanKind.ENROLMENT}
"""What stays with the agent, whatever is set; everything else is the POS's business."""
CODES_MAX = 100
CODE_WAITS_MS = 30_000
"""A code that no one fetched for so long belongs to a customer who has gone."""


class Keyboard(Protocol):
    """What is needed of `TypedKeyboard`."""

    def type_text(self, text: str) -> None:
        """Type a text and Enter."""
        ...

    def close(self) -> None:
        """Remove the keyboard."""
        ...


class CodeQueue:
    """Codes on their way to whoever polls: in order, each to one poller. One event loop only.

    `on_dropped` is told how many codes nobody fetched in time or for which there was no room.
    """

    def __init__(self, *, mono_ms: Callable[[], int], on_dropped: Callable[[int], None]) -> None:
        self._mono_ms = mono_ms
        self._on_dropped = on_dropped
        self._codes: deque[tuple[int, str]] = deque()
        self._pollers: deque[asyncio.Future[tuple[int, str]]] = deque()

    @property
    def pollers(self) -> int:
        """How many wait now."""
        return len(self._pollers)

    def put(self, code: str) -> None:
        """A code was scanned: to whoever has waited longest, or kept for the next to ask."""
        self._drop_stale()
        self._place((self._mono_ms(), code), first=False)
        if len(self._codes) > CODES_MAX:
            self._codes.popleft()
            self._on_dropped(1)

    def ask(self) -> asyncio.Future[tuple[int, str]]:
        """Wait for the next code; `settle` must follow, whatever happens in between."""
        self._drop_stale()
        poller = asyncio.get_running_loop().create_future()
        if self._codes:
            poller.set_result(self._codes.popleft())
        else:
            self._pollers.append(poller)
        return poller

    def settle(self, poller: asyncio.Future[tuple[int, str]], *, is_there: bool) -> str:
        """The code that came, or nothing. A poller that has gone leaves its code to the next."""
        if not poller.done():
            self._pollers.remove(poller)
            poller.cancel()
            return ""
        kept = poller.result()
        if is_there:
            return kept[1]
        self._place(kept, first=True)
        return ""

    def _place(self, kept: tuple[int, str], *, first: bool) -> None:
        if self._pollers:
            self._pollers.popleft().set_result(kept)
        elif first:
            self._codes.appendleft(kept)
        else:
            self._codes.append(kept)

    def _drop_stale(self) -> None:
        stale = 0
        while self._codes and self._mono_ms() - self._codes[0][0] > CODE_WAITS_MS:
            self._codes.popleft()
            stale += 1
        if stale:
            self._on_dropped(stale)


class PassingOn:
    """What is done with a scan that is not Tessera's, beside the event that always tells of it."""

    def __init__(
        self,
        settings: AgentSettings,
        hub: EventHub,
        *,
        mono_ms: Callable[[], int],
        open_keyboard: Callable[[str], Keyboard] | None = None,
    ) -> None:
        self._settings = settings
        self._hub = hub
        self._open_keyboard = open_keyboard or (lambda name: TypedKeyboard(LAYOUTS[name]))
        self._keyboard: Keyboard | None = None
        self._trouble: TesseraError | None = None
        self.queue = CodeQueue(mono_ms=mono_ms, on_dropped=self._tell_dropped)

    @property
    def is_polled(self) -> bool:
        """Whether a POS fetches the codes by `POST /hw_proxy/scanner`."""
        return self._settings.codes_to == "hw_proxy"

    def start(self) -> None:
        """Make the keyboard, where one is wanted. Without it the agent sells all the same."""
        if self._settings.codes_to != "keyboard":
            return
        try:
            self._keyboard = self._open_keyboard(self._settings.keyboard_layout)
        except TesseraError as error:
            self._trouble = error
            _LOG.error("codes cannot be typed on: %s; %s", error.message, error.hint)

    def take(self, scan: Scan) -> None:
        """Pass a scan on if it is not the agent's own."""
        if scan.kind in OWN_KINDS:
            return
        if self.is_polled:
            self.queue.put(scan.payload)
        elif self._keyboard is not None:
            self._type(self._keyboard, scan)

    def state(self) -> tuple[ReaderStatus, ...]:
        """The keyboard, among the readers: only where one is wanted."""
        if self._settings.codes_to != "keyboard":
            return ()
        trouble = self._trouble
        return (
            ReaderStatus(
                id="keyboard",
                condition="failed" if trouble else "connected",
                message=trouble.message if trouble else "",
                hint=trouble.hint if trouble else "",
            ),
        )

    def close(self) -> None:
        """Remove the keyboard."""
        if self._keyboard is not None:
            self._keyboard.close()
            self._keyboard = None

    def _type(self, keyboard: Keyboard, scan: Scan) -> None:
        try:
            keyboard.type_text(scan.payload)
        except (TesseraError, OSError) as error:
            message = error.message if isinstance(error, TesseraError) else str(error)
            hint = error.hint if isinstance(error, TesseraError) else ""
            _LOG.error("a code of reader %s could not be typed on", scan.reader_id)
            self._hub.publish(
                "reader",
                reader=scan.reader_id,
                condition="error",
                code="not_typed",
                message=message,
                hint=hint,
            )

    def _tell_dropped(self, count: int) -> None:
        (told,) = worded([notice("codes_dropped")], self._settings.language)
        _LOG.warning("%d scanned codes were dropped: no POS fetched them", count)
        self._hub.publish("notice", code=told.code, text=told.text, hint=told.hint, count=count)
