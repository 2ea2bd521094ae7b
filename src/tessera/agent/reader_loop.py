"""From the readers' threads to the checkout: scans in order, states for the page.

Owns: the readers of this register, and the task that takes their events one after the other.
Must never: let one bad reader stop the others or the agent.
"""

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

from tessera.agent.api_answers import ReaderStatus
from tessera.agent.checkout import Checkout
from tessera.agent.checkout_recognise import CARD_KINDS, as_coupon
from tessera.agent.passing_on import PassingOn
from tessera.agent.settings import AgentSettings
from tessera.agent.waiting_events import WaitingEvents
from tessera.core.errors import TesseraError
from tessera.devices.card_formats import CardFormat
from tessera.devices.events import ReaderError, ReaderEvent, ReaderState, Scan
from tessera.devices.readers import Reader, ReaderSettings, open_reader

_LOG = logging.getLogger("tessera.agent.readers")


@dataclass(slots=True)
class _Known:
    """A reader of the settings; without `reader` it could not be prepared, and `trouble` is why."""

    settings: ReaderSettings
    reader: Reader | None = None
    trouble: TesseraError | None = None


class ReaderLoop:
    """All readers of this register."""

    def __init__(
        self,
        checkout: Checkout,
        settings: AgentSettings,
        formats: tuple[CardFormat, ...],
        *,
        passing_on: PassingOn,
        clock_ns: Callable[[], int],
    ) -> None:
        self._checkout = checkout
        self._hub = checkout.state.hub
        self._settings = settings
        self._formats = formats
        self.passing_on = passing_on
        self._clock_ns = clock_ns
        self._known: list[_Known] = []
        self._arrived = asyncio.Event()
        self._worker: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Open every reader; each reads in a thread of its own."""
        loop = asyncio.get_running_loop()
        self.passing_on.start()

        def wake() -> None:
            with suppress(RuntimeError):  # The loop is closed: nobody is there to hear it.
                loop.call_soon_threadsafe(self._arrived.set)

        events = WaitingEvents(wake)
        self._worker = asyncio.create_task(self._work(events))
        for settings in self._settings.readers:
            known = _Known(settings)
            self._known.append(known)
            try:
                folder = self._settings.profiles_dir
                known.reader = open_reader(
                    settings,
                    on_event=events.put,
                    clock_ns=self._clock_ns,
                    card_formats=self._formats,
                    profile_folders=(folder,) if folder else (),
                )
            except TesseraError as error:
                known.trouble = error
                _LOG.error("reader %s cannot be used: %s", settings.id, error.message)
                self._tell_state(settings.id, "failed", error.message, error.hint)
            else:
                known.reader.start()

    async def stop(self) -> None:
        """Let every device go."""
        readers = [known.reader for known in self._known if known.reader is not None]
        await asyncio.gather(*(asyncio.to_thread(reader.stop) for reader in readers))
        if self._worker is not None:
            self._worker.cancel()
            with suppress(asyncio.CancelledError):
                await self._worker
        self.passing_on.close()

    def states(self) -> tuple[ReaderStatus, ...]:
        """How each reader is now."""
        return (*(_status(known) for known in self._known), *self.passing_on.state())

    async def _work(self, events: WaitingEvents) -> None:
        while True:
            event = events.take()
            if event is None:
                await self._arrived.wait()
                self._arrived.clear()
                continue
            # A flood of what is taken at once must not keep the POS waiting.
            await asyncio.sleep(0)
            try:
                await self._take(event)
            except Exception:  # noqa: BLE001 - whatever the bug is, scanning goes on
                # One scan that meets a bug of ours must not end scanning for the day.
                _LOG.exception("an event of a reader met a bug")

    async def _take(self, event: ReaderEvent) -> None:
        match event:
            case Scan():
                await self._take_scan(event)
            case ReaderState():
                self._tell_state(event.reader_id, str(event.condition), event.message, event.hint)
            case ReaderError():
                self._hub.publish(
                    "reader",
                    reader=event.reader_id,
                    condition="error",
                    code=event.code,
                    message=event.message,
                    hint=event.hint,
                )

    async def _take_scan(self, scan: Scan) -> None:
        if scan.suppressed:
            return
        scan = as_coupon(scan, self._formats, self._checkout.state.programme)
        if scan.kind in CARD_KINDS and scan.card_id:
            await self._checkout.take_card(
                scan.card_id,
                kind=str(scan.kind),
                reader=scan.reader_id,
                sale=self._checkout.sales.for_reader(),
            )
            return
        self._hub.publish(
            "scan",
            kind=str(scan.kind),
            code=scan.payload,
            symbology=scan.symbology,
            reader=scan.reader_id,
            warnings=list(scan.warnings),
        )
        self.passing_on.take(scan)

    def _tell_state(self, reader_id: str, condition: str, message: str, hint: str) -> None:
        self._hub.publish(
            "reader", reader=reader_id, condition=condition, message=message, hint=hint
        )


def _status(known: _Known) -> ReaderStatus:
    if known.reader is None:
        trouble = known.trouble
        return ReaderStatus(
            id=known.settings.id,
            condition="failed",
            message=trouble.message if trouble else "",
            hint=trouble.hint if trouble else "",
        )
    state = known.reader.state()
    return ReaderStatus(
        id=state.reader_id,
        condition=str(state.condition),
        message=state.message,
        hint=state.hint,
        scans=state.scans,
        errors=state.errors,
    )
