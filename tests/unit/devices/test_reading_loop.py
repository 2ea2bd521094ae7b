"""The reading loop with a made-up port: retries, folding, endings."""

import threading
from collections.abc import Callable, Sequence

import pytest

from tessera.core.errors import TesseraError
from tessera.devices.events import ReaderCondition, ReaderError, ReaderEvent, ReaderState, Scan
from tessera.devices.pipeline import Pipeline
from tessera.devices.port import Port, PortEnded, PortLost, PortUnavailable
from tessera.devices.profiles import read_card_formats, read_profiles
from tessera.devices.reading_loop import ReadingLoop

PROFILES = read_profiles().profiles
FORMATS = read_card_formats().format
SCAN = b"]E02001234567893\r"

Step = bytes | Exception | Callable[[], None]


class ScriptedPort:
    """Gives what its script says, one step a read; time passes as the reads ask for."""

    device = "script"

    def __init__(self, script: Sequence[Step], clock: "Clock") -> None:
        self.script = list(script)
        self.clock = clock
        self.waits: list[float] = []
        self.written = b""
        self.closed = 0

    def read(self, timeout_s: float) -> bytes:
        self.waits.append(timeout_s)
        step = self.script.pop(0) if self.script else PortEnded("the script is over")
        if isinstance(step, Exception):
            raise step
        if callable(step):
            step()
            return b""
        if not step:
            self.clock.now_ns += round(timeout_s * 1e9)
        return step

    def write(self, content: bytes) -> None:
        self.written += content

    def cancel(self) -> None:
        pass

    def close(self) -> None:
        self.closed += 1


class ScriptedOpener:
    """Opens the next port of a list, or fails as the list says."""

    def __init__(self, steps: list[ScriptedPort | Exception]) -> None:
        self.steps = steps

    def open(self) -> Port:
        step = self.steps.pop(0)
        if isinstance(step, Exception):
            raise step
        return step


class Clock:
    now_ns = 0

    def __call__(self) -> int:
        return self.now_ns


def run(
    steps: list[ScriptedPort | Exception], clock: Clock, profile: str = "aim-cr"
) -> tuple[list[ReaderEvent], list[float]]:
    """Run a loop to its end; gives its events and the pauses between its attempts."""
    events: list[ReaderEvent] = []
    pauses: list[float] = []

    def wait(delay_s: float) -> bool:
        pauses.append(delay_s)
        return False

    loop = ReadingLoop(
        reader_id="r",
        opener=ScriptedOpener(steps),
        new_pipeline=lambda: Pipeline(PROFILES[profile], FORMATS, "r"),
        on_event=events.append,
        clock_ns=clock,
        wait=wait,
    )
    assert loop.state().condition is ReaderCondition.STARTING
    loop.start()
    assert loop._thread is not None
    loop._thread.join(10)
    loop.stop()
    return events, pauses


def conditions(events: list[ReaderEvent]) -> list[str]:
    return [event.condition.value for event in events if isinstance(event, ReaderState)]


def gone(number: int = 0) -> PortUnavailable:
    return PortUnavailable(f"no device {number}", hint="plug it in")


def test_a_missing_device_is_looked_for_less_and_less_often_and_reported_once() -> None:
    clock = Clock()
    port = ScriptedPort([SCAN], clock)
    events, pauses = run([*(gone() for _ in range(7)), port], clock)
    assert pauses == [0.5, 1, 2, 4, 8, 10, 10]
    assert conditions(events) == ["disconnected", "connected", "stopped"]
    assert [event.card_id for event in events if isinstance(event, Scan)] == ["2001234567893"]


def test_another_reason_is_another_report() -> None:
    clock = Clock()
    events, _ = run([gone(1), gone(2), gone(2), ScriptedPort([], clock)], clock)
    assert conditions(events) == ["disconnected", "disconnected", "connected", "stopped"]


def test_a_device_that_vanishes_in_the_middle_of_a_scan_loses_that_scan_alone() -> None:
    clock = Clock()
    first = ScriptedPort([SCAN[:9], PortLost("gone", hint="check the cable")], clock)
    second = ScriptedPort([SCAN[9:], SCAN], clock)
    events, pauses = run([first, second], clock)
    assert conditions(events) == ["connected", "disconnected", "connected", "stopped"]
    assert [event.code for event in events if isinstance(event, ReaderError)] == ["timeout"]
    found = [event for event in events if isinstance(event, Scan)]
    assert [(event.kind.value, event.card_id) for event in found] == [
        ("unknown", None),
        ("member_card", "2001234567893"),
    ]
    assert pauses == [0.5]
    assert (first.closed, second.closed) == (1, 1)


def test_while_nothing_comes_the_loop_waits_long_and_does_nothing() -> None:
    clock = Clock()
    port = ScriptedPort([b""] * 20, clock)
    events, _ = run([port], clock)
    assert port.waits == [0.5] * 21
    assert conditions(events) == ["connected", "stopped"]


def test_an_unfinished_scan_is_waited_for_just_as_long_as_its_profile_says() -> None:
    clock = Clock()
    port = ScriptedPort([b"]E0200", b"", b""], clock)
    events, _ = run([port], clock)
    assert port.waits == [0.5, 0.2, 0.5, 0.5]
    assert [event.code for event in events if isinstance(event, ReaderError)] == ["timeout"]


def test_noise_is_folded_and_counted() -> None:
    clock = Clock()

    def later() -> None:
        clock.now_ns += 2_000_000_000

    port = ScriptedPort([b"\x01\r"] * 500 + [later], clock)
    events, _ = run([port], clock)
    errors = [event for event in events if isinstance(event, ReaderError)]
    assert [error.repeats for error in errors] == [1, 499]
    last = [event for event in events if isinstance(event, ReaderState)][-1]
    assert (last.scans, last.errors) == (0, 500)


def test_answers_of_the_protocol_are_sent() -> None:
    clock = Clock()
    port = ScriptedPort([bytes.fromhex("12f300000b34303036333831333333393331fc54")], clock)
    run([port], clock, "zebra-ssi")
    assert port.written == bytes.fromhex("04d00400ff28")


def test_a_transport_that_is_not_installed_is_reported_like_a_missing_device() -> None:
    clock = Clock()
    missing = TesseraError("evdev is not installed", hint="install it")
    events, _ = run([missing, missing, ScriptedPort([], clock)], clock)
    assert conditions(events) == ["disconnected", "connected", "stopped"]
    first = events[0]
    assert isinstance(first, ReaderState)
    assert first.hint == "install it"


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_listener_that_fails_does_not_leave_a_reader_that_looks_alive() -> None:
    clock = Clock()
    port = ScriptedPort([SCAN], clock)

    def fail(event: ReaderEvent) -> None:
        assert not isinstance(event, Scan), "a fault of ours"

    loop = ReadingLoop(
        reader_id="r",
        opener=ScriptedOpener([port]),
        new_pipeline=lambda: Pipeline(PROFILES["aim-cr"], FORMATS, "r"),
        on_event=fail,
        clock_ns=clock,
    )
    loop.start()
    assert loop._thread is not None
    loop._thread.join(10)
    assert loop.state().condition is ReaderCondition.STOPPED
    assert "fault" in loop.state().message
    assert port.closed == 1


def test_a_reader_that_does_not_come_to_rest_is_named() -> None:
    release = threading.Event()
    clock = Clock()

    def hang() -> None:
        release.wait(10)

    port = ScriptedPort([hang], clock)
    loop = ReadingLoop(
        reader_id="left",
        opener=ScriptedOpener([port]),
        new_pipeline=lambda: Pipeline(PROFILES["aim-cr"], FORMATS, "r"),
        on_event=lambda event: None,
        clock_ns=clock,
    )
    loop.start()
    with pytest.raises(TesseraError, match="left did not stop within 0 s"):
        loop.stop(0.0)
    release.set()
    loop.stop()
