"""Events of the readers on their way from the readers' threads to the event loop.

Owns: their order, and how many of one reader may wait.
Must never: grow with what a reader sends, or let one reader's flood cost another one's scans.
"""

import threading
from collections import Counter, deque
from collections.abc import Callable

from tessera.devices.events import ReaderError, ReaderEvent, ReaderState

EVENTS_OF_A_READER_MAX = 256
"""Six bursts of forty scans; what comes beyond it is lost, and the loss is told."""


class WaitingEvents:
    """A bounded queue; `put` may be called from any thread, `take` from one."""

    def __init__(self, wake: Callable[[], None]) -> None:
        """`wake` is called from the reader's thread when the first event waits."""
        self._wake = wake
        self._lock = threading.Lock()
        self._events: deque[ReaderEvent] = deque()
        self._waiting: Counter[str] = Counter()
        self._lost: Counter[str] = Counter()
        self._state: dict[str, ReaderState] = {}

    def put(self, event: ReaderEvent) -> None:
        """Let an event wait; of a reader that has too many waiting it is counted alone.

        Of its states, which are no codes, the newest is kept all the same.
        """
        reader = event.reader_id
        with self._lock:
            was_empty = not self._events
            if self._waiting[reader] < EVENTS_OF_A_READER_MAX and not self._lost[reader]:
                self._append(event)
            else:
                self._lost[reader] += 1
                if isinstance(event, ReaderState):
                    self._state[reader] = event
        if was_empty:  # Else whoever takes is at it; a word for each event would pile up, too.
            self._wake()

    def take(self) -> ReaderEvent | None:
        """The next event, or None. After a reader's last one: how many of it were lost."""
        with self._lock:
            if not self._events:
                return None
            event = self._events.popleft()
            reader = event.reader_id
            self._waiting[reader] -= 1
            if not self._waiting[reader] and (lost := self._lost.pop(reader, 0)):
                self._append(_overrun(event, lost))
                if (state := self._state.pop(reader, None)) is not None:
                    self._append(state)
            return event

    def _append(self, event: ReaderEvent) -> None:
        self._events.append(event)
        self._waiting[event.reader_id] += 1


def _overrun(last: ReaderEvent, lost: int) -> ReaderError:
    return ReaderError(
        code="overrun",
        message=f"{lost} events of this reader were lost: it sends faster than they can be taken",
        reader_id=last.reader_id,
        monotonic_ns=last.monotonic_ns,
        hint="scan again what is missing; a reader that goes on like this is damaged, or its"
        " cable or profile is not the right one",
        repeats=lost,
    )
