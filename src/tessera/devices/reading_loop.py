"""One thread for one reader: opens it, feeds the pipeline, reports, and tries again for ever.

The loop owns the port from open to close. A reader that is gone is reported within a second and
looked for again after 0.5 s, then less and less often up to every 10 s. Whatever goes wrong with
the device becomes an event; nothing stops the loop but `stop`, or an input that has ended.
"""

import threading
from collections.abc import Callable
from dataclasses import replace

from tessera.core.errors import TesseraError
from tessera.devices.dedupe import ErrorFolding
from tessera.devices.events import (
    ReaderCondition,
    ReaderError,
    ReaderEvent,
    ReaderState,
    Scan,
)
from tessera.devices.framing.frame import NS_PER_MS
from tessera.devices.pipeline import Pipeline
from tessera.devices.port import Port, PortEnded, PortLost, PortOpener

RETRY_DELAY_S_FIRST = 0.5
RETRY_DELAY_S_MAX = 10.0
# The longest wait for a byte: a port that cannot be woken up stops within this time.
_READ_WAIT_S = 0.5
_LONG_SILENCE_NS = 3_600 * 1_000 * NS_PER_MS
_NS_PER_S = 1_000_000_000

OnEvent = Callable[[ReaderEvent], None]


class ReadingLoop:
    """A reader that runs in a thread of its own; all methods may be called from any thread.

    `on_event` is called in the reader's thread and must not block for long. `wait` sleeps between
    attempts and gives True when the loop shall stop; it is an argument so that tests need no time.
    """

    def __init__(
        self,
        *,
        reader_id: str,
        opener: PortOpener,
        new_pipeline: Callable[[], Pipeline],
        on_event: OnEvent,
        clock_ns: Callable[[], int],
        wait: Callable[[float], bool] | None = None,
    ) -> None:
        self.reader_id = reader_id
        self._opener = opener
        self._new_pipeline = new_pipeline
        self._on_event = on_event
        self._clock_ns = clock_ns
        self._stopping = threading.Event()
        self._wait = wait or self._stopping.wait
        self._thread: threading.Thread | None = None
        self._port: Port | None = None
        self._lock = threading.Lock()
        self._folding = ErrorFolding(within_ms=1000)
        self._state = ReaderState(
            reader_id=reader_id,
            condition=ReaderCondition.STARTING,
            message="not opened yet",
            monotonic_ns=clock_ns(),
        )

    def start(self) -> None:
        """Begin to read; a second call is a mistake of the caller."""
        assert self._thread is None, "a reader is started once"
        self._thread = threading.Thread(
            target=self._run, name=f"reader-{self.reader_id}", daemon=True
        )
        self._thread.start()

    def stop(self, timeout_s: float = 5.0) -> None:
        """Stop reading and let the device go. TesseraError where it does not come to rest."""
        self._stopping.set()
        with self._lock:
            port = self._port
            if port:
                port.cancel()
        if self._thread and self._thread is not threading.current_thread():
            self._thread.join(timeout_s)
            if self._thread.is_alive():
                raise TesseraError(
                    f"reader {self.reader_id} did not stop within {timeout_s:g} s",
                    hint="unplug it",
                )

    def state(self) -> ReaderState:
        """Give the reader's condition and counts."""
        with self._lock:
            return self._state

    def _run(self) -> None:
        try:
            self._read_for_ever()
            self._enter(ReaderCondition.STOPPED, "stopped")
        finally:
            # A fault of our own ends the thread with a traceback; nobody shall read "connected".
            with self._lock:
                if self._state.condition is not ReaderCondition.STOPPED:
                    self._state = replace(
                        self._state,
                        condition=ReaderCondition.STOPPED,
                        message="stopped by a fault of the agent",
                        hint="see the agent's log, and restart it",
                    )

    def _read_for_ever(self) -> None:
        delay_s = RETRY_DELAY_S_FIRST
        while not self._stopping.is_set():
            try:
                port = self._opener.open()
            except TesseraError as trouble:
                self._disconnected(trouble)
                if self._wait(delay_s):
                    break
                delay_s = min(delay_s * 2, RETRY_DELAY_S_MAX)
                continue
            delay_s = RETRY_DELAY_S_FIRST
            with self._lock:
                self._port = port
            ended = self._read_until_lost(port)
            if ended or self._wait(delay_s):
                break

    def _read_until_lost(self, port: Port) -> bool:
        """Read until the device is gone; gives True when it will not come back."""
        pipeline = self._new_pipeline()
        trouble: TesseraError | None = None
        ended = False
        self._enter(ReaderCondition.CONNECTED, f"reading {port.device}", device=port.device)
        try:
            while not self._stopping.is_set():
                self._read_once(port, pipeline)
        except PortLost as lost:
            trouble = lost
        except PortEnded as end:
            trouble, ended = end, True
        finally:
            with self._lock:
                self._port = None
            port.close()
        # What was cut off in the middle is reported and never joined to what comes next.
        self._report(pipeline.idle(self._clock_ns() + _LONG_SILENCE_NS))
        self._report_folded()
        if trouble and not ended:
            self._disconnected(trouble)
        return ended

    def _read_once(self, port: Port, pipeline: Pipeline) -> None:
        deadline_ns = pipeline.deadline_ns()
        wait_s = _READ_WAIT_S
        if deadline_ns is not None:
            wait_s = min(max((deadline_ns - self._clock_ns()) / _NS_PER_S, 0.001), _READ_WAIT_S)
        chunk = port.read(wait_s)
        now_ns = self._clock_ns()
        events = pipeline.idle(now_ns)
        if chunk:
            events += pipeline.feed(chunk, now_ns)
        replies = pipeline.take_replies()
        if replies:
            port.write(replies)
        self._report(events)
        self._report_folded()

    def _report(self, events: list[Scan | ReaderError]) -> None:
        for event in events:
            if isinstance(event, Scan):
                with self._lock:
                    self._state = replace(
                        self._state,
                        scans=self._state.scans + 1,
                        last_scan_ns=event.monotonic_ns,
                    )
                self._on_event(event)
            else:
                with self._lock:
                    self._state = replace(self._state, errors=self._state.errors + 1)
                for error in self._folding.offer(event):
                    self._on_event(error)

    def _report_folded(self) -> None:
        for error in self._folding.due(self._clock_ns()):
            self._on_event(error)

    def _disconnected(self, trouble: TesseraError) -> None:
        before = self.state()
        if (before.condition, before.message) == (ReaderCondition.DISCONNECTED, trouble.message):
            return
        self._enter(ReaderCondition.DISCONNECTED, trouble.message, hint=trouble.hint)

    def _enter(
        self, condition: ReaderCondition, message: str, *, hint: str = "", device: str = ""
    ) -> None:
        with self._lock:
            self._state = replace(
                self._state,
                condition=condition,
                message=message,
                hint=hint,
                device=device,
                monotonic_ns=self._clock_ns(),
            )
            state = self._state
        self._on_event(state)
