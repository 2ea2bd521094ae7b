"""Real pseudo-terminals read by pyserial: bursts, pulled cables, held ports."""

import time
from pathlib import Path
from typing import Self, TypeVar

import pytest
import serial

from tessera.devices.event_queue import EventQueue
from tessera.devices.events import ReaderCondition, ReaderError, ReaderEvent, ReaderState, Scan
from tessera.devices.readers import ReaderSettings, open_reader
from tessera.devices.simulated import SimulatedScanner

PATIENCE_S = 10
Kind = TypeVar("Kind", Scan, ReaderError, ReaderState)


class Listener:
    """Starts a reader and waits for what it says."""

    def __init__(self, port: str, profile: str = "aim-cr") -> None:
        self.queue = EventQueue()
        settings = ReaderSettings(id="left", profile=profile, port=port)
        self.reader = open_reader(settings, on_event=self.queue.put, clock_ns=time.monotonic_ns)
        self.seen: list[ReaderEvent] = []

    def __enter__(self) -> Self:
        self.reader.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.reader.stop()

    def next(self, kind: type[Kind]) -> Kind:
        """Give the next event of a kind, noting the others."""
        end = time.monotonic() + PATIENCE_S
        while time.monotonic() < end:
            event = self.queue.get(0.2)
            if event is not None:
                self.seen.append(event)
                if isinstance(event, kind):
                    return event
        raise AssertionError(f"no {kind} within {PATIENCE_S} s, only {self.seen}")

    def until(self, condition: ReaderCondition) -> None:
        while self.next(ReaderState).condition != condition:
            pass


def ean13(number: int) -> str:
    """A member card of the shop: 20, ten digits, check digit."""
    body = f"20{number:010d}"
    total = sum(int(digit) * (3 if place % 2 else 1) for place, digit in enumerate(body))
    return body + str(-total % 10)


def test_a_burst_of_forty_scans_arrives_whole_and_in_order() -> None:
    with SimulatedScanner() as scanner, Listener(scanner.port) as listener:
        listener.until(ReaderCondition.CONNECTED)
        wanted = [ean13(number) for number in range(40)]
        for number in wanted:
            scanner.type_scan("]E0" + number)
        assert [listener.next(Scan).card_id for _ in wanted] == wanted
        assert listener.reader.state().scans == 40
        assert listener.reader.state().errors == 0


def test_a_cable_pulled_in_the_middle_of_a_scan_gives_an_error_and_never_half_a_number(
    tmp_path: Path,
) -> None:
    with (
        SimulatedScanner(link=tmp_path / "scanner") as scanner,
        Listener(scanner.port) as listener,
    ):
        listener.until(ReaderCondition.CONNECTED)
        scanner.type_bytes(b"]E020012345")
        assert listener.next(ReaderError).code == "timeout"
        scanner.type_bytes(b"]E020012345")
        scanner.unplug()
        listener.until(ReaderCondition.DISCONNECTED)
        scanner.plug_in()
        listener.until(ReaderCondition.CONNECTED)
        scanner.type_scan("]E0" + ean13(7))
        assert listener.next(Scan).card_id == ean13(7)
        assert [event.card_id for event in listener.seen if isinstance(event, Scan)] == [ean13(7)]


def test_a_reader_that_is_not_there_is_reported_once_and_found_when_it_comes(
    tmp_path: Path,
) -> None:
    link = tmp_path / "scanner"
    with Listener(str(link)) as listener:
        state = listener.next(ReaderState)
        assert state.condition == ReaderCondition.DISCONNECTED
        assert state.message == f"{link} is not there"
        assert "tessera devices list" in state.hint
        with SimulatedScanner(link=link) as scanner:
            listener.until(ReaderCondition.CONNECTED)
            scanner.type_scan("]E0" + ean13(1))
            assert listener.next(Scan).card_id == ean13(1)
        states = [event.condition for event in listener.seen if isinstance(event, ReaderState)]
        assert states == [ReaderCondition.DISCONNECTED, ReaderCondition.CONNECTED]


def test_a_port_that_another_program_holds_is_named_as_busy() -> None:
    with SimulatedScanner() as scanner, serial.Serial(scanner.port, exclusive=True):
        with Listener(scanner.port) as listener:
            state = listener.next(ReaderState)
        assert state.condition == ReaderCondition.DISCONNECTED
        assert "in use" in state.message


def test_two_readers_do_not_mix() -> None:
    with (
        SimulatedScanner() as left,
        SimulatedScanner() as right,
        Listener(left.port) as at_left,
        Listener(right.port) as at_right,
    ):
        at_left.until(ReaderCondition.CONNECTED)
        at_right.until(ReaderCondition.CONNECTED)
        left.type_bytes(b"]E02001")
        right.type_scan("]E0" + ean13(2))
        left.type_bytes(b"234567893\r")
        assert at_left.next(Scan).card_id == "2001234567893"
        assert at_right.next(Scan).card_id == ean13(2)


def test_an_ssi_scanner_gets_its_acknowledgement() -> None:
    packet = bytes.fromhex("12f300000b34303036333831333333393331fc54")
    with SimulatedScanner() as scanner, Listener(scanner.port, "zebra-ssi") as listener:
        listener.until(ReaderCondition.CONNECTED)
        scanner.type_bytes(packet)
        assert listener.next(Scan).payload == "4006381333931"
        assert scanner.replies() == bytes.fromhex("04d00400ff28")


def test_a_payment_card_leaves_no_trace_in_any_event() -> None:
    number = "4111111111111111"
    with SimulatedScanner() as scanner, Listener(scanner.port, "msr-cr") as listener:
        listener.until(ReaderCondition.CONNECTED)
        scanner.type_bytes(f";{number}=29121010000012345?\r".encode())
        error = listener.next(ReaderError)
        assert error.code == "payment_card"
        fields = [error.message, error.hint, bytes.fromhex(error.raw_hex).decode("latin-1")]
        assert not any(number[:9] in field for field in fields)


@pytest.mark.parametrize("port", ["usb:colour=red", "usb:"])
def test_a_malformed_port_name_is_refused_before_anything_is_opened(port: str) -> None:
    with pytest.raises(Exception, match="is none of"):
        Listener(port)
