"""A bounded queue between a reader's thread and a slow listener.

A listener that does not keep up loses scans at some point; it never loses them silently. The gap is
reported as an `overrun` error in the place where the scans are missing.
"""

import threading
from collections import deque
from dataclasses import dataclass, replace

from tessera.devices.events import ReaderError, ReaderEvent

DEFAULT_LIMIT = 1000


@dataclass(slots=True)
class _Gap:
    error: ReaderError


class EventQueue:
    """Takes events from any thread (`put` fits `on_event`) and gives them in order."""

    def __init__(self, limit: int = DEFAULT_LIMIT) -> None:
        self._limit = limit
        self._events: deque[ReaderEvent] = deque()
        self._gap: _Gap | None = None
        self._changed = threading.Condition()

    def put(self, event: ReaderEvent) -> None:
        """Take an event; never blocks. Above the limit it is counted into one `overrun`."""
        with self._changed:
            if len(self._events) >= self._limit:
                self._widen_gap(event)
            else:
                self._close_gap()
                self._events.append(event)
            self._changed.notify()

    def get(self, timeout_s: float) -> ReaderEvent | None:
        """Give the next event, None where none came in time."""
        with self._changed:
            if not self._events and self._gap is None:
                self._changed.wait(timeout_s)
            if not self._events:
                self._close_gap()
            return self._events.popleft() if self._events else None

    def _widen_gap(self, event: ReaderEvent) -> None:
        if self._gap:
            error = self._gap.error
            self._gap.error = replace(error, repeats=error.repeats + 1)
            return
        self._gap = _Gap(
            ReaderError(
                code="overrun",
                message=f"events were lost: the listener is more than {self._limit} behind",
                reader_id=event.reader_id,
                monotonic_ns=event.monotonic_ns,
                hint="find out why the agent is slow: tessera doctor",
            )
        )

    def _close_gap(self) -> None:
        if self._gap:
            self._events.append(self._gap.error)
            self._gap = None
