"""Every transport with something real at its other end: ports, sockets, pipes, keyboards."""

import errno
import io
import os
import socket
import struct
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
import serial
import serial.rfc2217

from tessera.cli.main import main
from tessera.core.errors import TesseraError
from tessera.devices.evdev_port import (
    EvdevPort,
    EvdevPortOpener,
    TypedKeyboard,
    list_keyboards_there,
)
from tessera.devices.event_queue import EventQueue
from tessera.devices.events import ReaderCondition, ReaderEvent, ReaderState, Scan
from tessera.devices.framing.keystrokes import KeystrokeFramer, KeystrokeRules
from tessera.devices.framing.layouts import LAYOUTS
from tessera.devices.port import PortEnded, PortLost, PortUnavailable
from tessera.devices.port_choice import (
    FoundPort,
    PortIdentity,
    choose_port,
    identity_of,
    parse_identity,
)
from tessera.devices.profile_schema import SerialLine
from tessera.devices.readers import ReaderSettings, open_reader
from tessera.devices.serial_port import SerialPortOpener, holder_of
from tessera.devices.simulated import SimulatedScanner
from tessera.devices.stream_port import DescriptorPort, StandardInputOpener, simulated_wire
from tests.support.waiting import wait_until

SCAN = b"]E02001234567893\r"
EVENT = struct.Struct("<qqHHi")


def listening(port: str, profile: str = "aim-cr") -> tuple[Any, EventQueue]:
    events = EventQueue()
    reader = open_reader(
        ReaderSettings(id="r", profile=profile, port=port),
        on_event=events.put,
        clock_ns=time.monotonic_ns,
    )
    return reader, events


def next_event(events: EventQueue, wanted: Callable[[ReaderEvent], bool]) -> ReaderEvent:
    def look() -> ReaderEvent | None:
        event = events.get(0.05)
        return event if event is not None and wanted(event) else None

    found = wait_until(look, what="the event")
    assert found
    return found


def is_scan(event: ReaderEvent) -> bool:
    return isinstance(event, Scan)


def is_in(condition: ReaderCondition) -> Callable[[ReaderEvent], bool]:
    return lambda event: isinstance(event, ReaderState) and event.condition == condition


# ---- over a network


def test_a_scanner_behind_a_socket_is_read_and_its_end_noticed() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        reader, events = listening(f"socket://127.0.0.1:{server.getsockname()[1]}")
        reader.start()
        connection, _ = server.accept()
        with connection:
            # pyserial drops what comes before it has opened the connection.
            next_event(events, is_in(ReaderCondition.CONNECTED))
            connection.sendall(SCAN)
            scan = next_event(events, is_scan)
        assert isinstance(scan, Scan)
        assert scan.card_id == "2001234567893"
        next_event(events, is_in(ReaderCondition.DISCONNECTED))
        reader.stop()


class PortServer:
    """Serves a port by RFC 2217, with pyserial's own server side; what is written to it loops."""

    def __init__(self) -> None:
        self.port = serial.serial_for_url("loop://", timeout=0.05)
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.running = True
        self.thread = threading.Thread(target=self.serve, daemon=True)
        self.thread.start()

    @property
    def address(self) -> str:
        return f"rfc2217://127.0.0.1:{self.listener.getsockname()[1]}"

    def serve(self) -> None:
        connection, _ = self.listener.accept()
        connection.settimeout(0.02)
        stream = connection.makefile("wb", buffering=0)
        # The types of pyserial's own server say less than it takes.
        port, sink = cast("Any", self.port), cast("Any", stream)
        manager = serial.rfc2217.PortManager(port, sink)
        while self.running:
            content = self.port.read(self.port.in_waiting or 1)
            if content:
                stream.write(b"".join(manager.escape(content)))
            try:
                asked = connection.recv(1024)
                self.port.write(b"".join(manager.filter(asked)))
            except TimeoutError:
                continue
        stream.close()
        connection.close()

    def close(self) -> None:
        self.running = False
        self.thread.join(5)
        self.listener.close()
        self.port.close()


@pytest.fixture
def port_server() -> Iterator[PortServer]:
    server = PortServer()
    yield server
    server.close()


# pyserial starts its thread in a way that Python has since renamed.
@pytest.mark.filterwarnings("ignore:set(Daemon|Name):DeprecationWarning")
def test_a_scanner_behind_an_rfc_2217_server_is_read(port_server: PortServer) -> None:
    reader, events = listening(port_server.address)
    reader.start()
    next_event(events, is_in(ReaderCondition.CONNECTED))
    port_server.port.write(SCAN)
    scan = next_event(events, is_scan)
    assert isinstance(scan, Scan)
    assert scan.card_id == "2001234567893"
    reader.stop()


# ---- which port is meant


def usb(
    device: str, *, serial_number: str = "", path: str = "", kind: str = "05e0:1701"
) -> FoundPort:
    return FoundPort(device=device, vendor_product=kind, serial_number=serial_number, usb_path=path)


def test_a_replugged_scanner_is_found_by_its_serial_number_under_another_name() -> None:
    """The name it had now belongs to another scanner of the same model."""
    with SimulatedScanner() as left, SimulatedScanner() as right:
        there = [usb(left.port, serial_number="L1"), usb(right.port, serial_number="R1")]
        opener = SerialPortOpener(left.port, SerialLine(), list_ports=lambda: there)
        opener.open().close()
        there[:] = [usb(left.port, serial_number="R1"), usb(right.port, serial_number="L1")]
        port = opener.open()
        assert port.device == right.port
        port.close()
        there[:] = [usb(left.port, serial_number="R1")]
        with pytest.raises(PortUnavailable, match="serial=L1 is plugged in"):
            opener.open()


def test_a_device_that_is_pulled_out_while_ports_are_listed_ends_no_reader(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """pyserial reads a device's files one after the other and trips over one that is gone."""

    def pulled_out() -> list[Any]:
        return [int(cast("str", None))]

    monkeypatch.setattr("serial.tools.list_ports.comports", pulled_out)
    with pytest.raises(PortUnavailable, match="went away"):
        SerialPortOpener("usb:serial=L1", SerialLine()).open()
    with SimulatedScanner() as scanner:
        opener = SerialPortOpener(scanner.port, SerialLine())
        with pytest.raises(PortUnavailable, match="went away"):
            opener.open()
        monkeypatch.setattr("serial.tools.list_ports.comports", list)
        opener.open().close()


def test_two_equal_scanners_without_serial_numbers_are_told_apart_by_their_sockets() -> None:
    found = [usb("/dev/ttyACM0", path="1-1.1"), usb("/dev/ttyACM1", path="1-1.2")]
    assert choose_port(parse_identity("usb:path=1-1.2"), found) == "/dev/ttyACM1"
    assert identity_of(found[0]) == PortIdentity(vendor_product="05e0:1701", usb_path="1-1.1")
    with pytest.raises(PortUnavailable, match="2 devices are usb:id=05e0:1701") as caught:
        choose_port(parse_identity("usb:id=05E0:1701"), found)
    assert "usb:path=" in caught.value.hint
    assert identity_of(FoundPort(device="/dev/ttyS0")) is None


def test_the_process_that_holds_a_port_is_named(tmp_path: Path) -> None:
    with SimulatedScanner() as scanner:
        child = os.fork()
        if child == 0:
            os.open(scanner.port, os.O_RDWR | os.O_NOCTTY)
            (tmp_path / "open").touch()
            threading.Event().wait(30)
            os._exit(0)
        wait_until((tmp_path / "open").exists, what="the other process holds the port")
        named = holder_of(scanner.port)
        os.kill(child, 9)
        os.waitpid(child, 0)
        assert named.endswith(f"(pid {child})")
    assert holder_of("/dev/no-such-port") == ""


@pytest.mark.parametrize(
    "port, profile, words",
    [
        ("/dev/ttyACM0", "acs-acr1252u", "pcsc, which cannot be read live yet"),
        ("/dev/ttyACM0", "nobody", "no reader profile"),
        ("usb:colour=red", "wedge-us", "is none of id="),
    ],
)
def test_settings_that_cannot_work_are_refused_at_once(port: str, profile: str, words: str) -> None:
    with pytest.raises(TesseraError, match=words):
        listening(port, profile)


def test_an_address_that_is_none_is_reported_as_such() -> None:
    reader, events = listening("no-such-scheme://x")
    reader.start()
    state = next_event(events, is_in(ReaderCondition.DISCONNECTED))
    assert isinstance(state, ReaderState)
    assert "cannot be opened" in state.message
    reader.stop()


# ---- keyboards


class MadeUpKeyboard:
    """A keyboard whose events come out of a pipe."""

    path = "/dev/input/event7"

    def __init__(self, grab_error: int = 0) -> None:
        self.fd, self.typing = os.pipe()
        self.grab_error = grab_error
        self.grabbed = False

    def grab(self) -> None:
        if self.grab_error:
            raise OSError(self.grab_error, os.strerror(self.grab_error))
        self.grabbed = True

    def ungrab(self) -> None:
        self.grabbed = False

    def is_grabbed(self) -> bool:
        return self.grabbed

    def close(self) -> None:
        os.close(self.fd)

    def press(self, *codes: int) -> None:
        for code in codes:
            os.write(self.typing, EVENT.pack(0, 0, 1, code, 1) + EVENT.pack(0, 0, 1, code, 0))


def grabbed(keyboard: MadeUpKeyboard) -> Any:
    opener = EvdevPortOpener(
        keyboard.path, list_keyboards=list, open_keyboard=lambda path: keyboard
    )
    return opener.open()


def test_a_keyboard_is_grabbed_read_and_given_back() -> None:
    keyboard = MadeUpKeyboard()
    port = grabbed(keyboard)
    assert keyboard.is_grabbed()
    keyboard.press(10, 28)
    framer = KeystrokeFramer(KeystrokeRules(layout=LAYOUTS["us"]))
    (frame,) = framer.feed(port.read(1), 0)
    assert getattr(frame, "body", None) == b"9"
    assert port.read(0) == b""
    port.cancel()
    assert port.read(10) == b""
    port.close()
    assert not keyboard.is_grabbed()
    os.close(keyboard.typing)


def test_escape_five_times_sets_a_keyboard_free() -> None:
    keyboard = MadeUpKeyboard()
    port = grabbed(keyboard)
    keyboard.press(1, 1, 1, 1, 2)
    port.read(1)
    keyboard.press(1, 1, 1, 1, 1)
    with pytest.raises(PortEnded, match="set free"):
        port.read(1)
    port.close()
    os.close(keyboard.typing)


def test_an_unplugged_keyboard_is_lost() -> None:
    keyboard = MadeUpKeyboard()
    port = grabbed(keyboard)
    os.close(keyboard.typing)
    with pytest.raises(PortLost, match="went away"):
        port.read(1)
    port.close()


@pytest.mark.parametrize(
    "number, words",
    [
        (errno.EBUSY, "taken by another program"),
        (errno.EACCES, "may not be opened"),
        (errno.ENODEV, "no such device"),
    ],
)
def test_a_keyboard_that_cannot_be_grabbed_says_why(number: int, words: str) -> None:
    keyboard = MadeUpKeyboard(grab_error=number)
    with pytest.raises(PortUnavailable, match=words):
        grabbed(keyboard)
    os.close(keyboard.typing)


def test_a_keyboard_is_found_again_by_its_identity() -> None:
    opened: list[str] = []
    there = [usb("/dev/input/event7", path="usb-1")]

    def open_keyboard(path: str) -> MadeUpKeyboard:
        opened.append(path)
        return MadeUpKeyboard()

    opener = EvdevPortOpener(
        "/dev/input/event7", list_keyboards=lambda: there, open_keyboard=open_keyboard
    )
    opener.open()
    there[:] = [usb("/dev/input/event9", path="usb-1")]
    opener.open()
    assert opened == ["/dev/input/event7", "/dev/input/event9"]

    def absent(path: str) -> MadeUpKeyboard:
        raise FileNotFoundError(errno.ENOENT, "no such file", path)

    with pytest.raises(PortUnavailable, match="cannot be opened"):
        EvdevPortOpener("/dev/input/event0", list_keyboards=list, open_keyboard=absent).open()


class MadeUpInput:
    """One device of a made-up evdev: a scanner by Zebra that acts as a keyboard."""

    def __init__(self, path: str) -> None:
        if path.endswith("9"):
            raise OSError(errno.ENODEV, "gone", path)
        self.name = "Symbol Bar Code Scanner"
        self.info = SimpleNamespace(vendor=0x05E0, product=0x1200)
        self.uniq, self.phys = "", "usb-0000:00:14.0-2/input0"

    def close(self) -> None:
        pass


class MadeUpUinputError(Exception):
    """What evdev raises where it cannot simulate a keyboard; no OSError."""


def no_uinput(name: str) -> None:
    raise MadeUpUinputError(f"{name}: Cannot Be Opened For Writing")


@pytest.fixture
def made_up_evdev(monkeypatch: pytest.MonkeyPatch) -> None:
    module = SimpleNamespace(
        list_devices=lambda: ["/dev/input/event7", "/dev/input/event9"],
        InputDevice=MadeUpInput,
        UInput=no_uinput,
        UInputError=MadeUpUinputError,
    )
    monkeypatch.setitem(sys.modules, "evdev", module)


@pytest.mark.usefixtures("made_up_evdev")
def test_a_keyboard_scanner_is_listed_with_its_profile(capsys: pytest.CaptureFixture[str]) -> None:
    (found,) = list_keyboards_there()
    assert (found.vendor_product, found.usb_path) == ("05e0:1200", "usb-0000:00:14.0-2")
    assert main(["devices", "list"]) == 0
    shown = capsys.readouterr().out
    assert 'port = "usb:id=05e0:1200,path=usb-0000:00:14.0-2"' in shown
    assert "profiles that fit: zebra-wedge" in shown


@pytest.mark.usefixtures("made_up_evdev")
@pytest.mark.parametrize(
    "exists, is_allowed, reason, hint",
    [
        (False, False, "there is no", "modprobe uinput"),
        (True, False, "may not be written by this user", "tessera devices udev"),
        (True, True, "cannot be opened for writing", "dmesg"),
    ],
    ids=["no-module", "not-permitted", "other"],
)
def test_a_keyboard_that_cannot_be_simulated_says_what_is_missing(
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    *,
    exists: bool,
    is_allowed: bool,
    reason: str,
    hint: str,
) -> None:
    node = tmp_path / "uinput"
    if exists:
        node.touch()
    monkeypatch.setattr("tessera.devices.evdev_port._UINPUT", str(node))
    monkeypatch.setattr("os.access", lambda *_: is_allowed)
    with pytest.raises(TesseraError, match="no keyboard can be simulated") as caught:
        TypedKeyboard(LAYOUTS["us"])
    assert reason in caught.value.message
    assert hint in caught.value.hint


def test_without_evdev_the_list_says_so(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "evdev", None)
    assert main(["devices", "list"]) == 0
    assert "evdev, which is not installed" in capsys.readouterr().out


class NotedKeys:
    """Notes what is typed on a keyboard that does not exist."""

    def __init__(self) -> None:
        self.content = b""
        self.closed = False

    def write(self, kind: int, code: int, value: int) -> None:
        self.content += EVENT.pack(0, 0, kind, code, value)

    def syn(self) -> None:
        self.content += EVENT.pack(0, 0, 0, 0, 0)

    def close(self) -> None:
        self.closed = True


def test_a_code_typed_on_is_the_code_that_was_scanned() -> None:
    keys = NotedKeys()
    keyboard = TypedKeyboard(LAYOUTS["fr"], device=keys)
    keyboard.type_text("https://id.example.org/01/4006381333931")
    keyboard.close()
    framer = KeystrokeFramer(KeystrokeRules(layout=LAYOUTS["fr"]))
    (frame,) = framer.feed(keys.content, 0)
    assert getattr(frame, "body", None) == b"https://id.example.org/01/4006381333931"
    assert keys.closed


# ---- streams


def test_standard_input_is_read_to_its_end(monkeypatch: pytest.MonkeyPatch) -> None:
    read_end, write_end = os.pipe()
    os.write(write_end, SCAN * 2)
    os.close(write_end)
    with io.FileIO(read_end) as standard_input:
        monkeypatch.setattr("sys.stdin", standard_input)
        assert StandardInputOpener().open().device == "standard input"
        reader, events = listening("stdin:")
        reader.start()
        next_event(events, is_scan)
        next_event(events, is_in(ReaderCondition.STOPPED))
        reader.stop()
    assert reader.state().scans == 2


def test_a_waiting_stream_can_be_woken() -> None:
    read_end, write_end = os.pipe()
    port = DescriptorPort(read_end, "a pipe")
    port.cancel()
    assert port.read(30) == b""
    port.write(b"nobody hears this")
    port.close()
    os.close(read_end)
    os.close(write_end)


def test_a_simulated_wire_is_read_unplugged_and_plugged_in_again() -> None:
    wire = simulated_wire("till-1")
    reader, events = listening("sim://till-1")
    reader.start()
    next_event(events, is_in(ReaderCondition.CONNECTED))
    wire.type_scan("]E02001234567893")
    next_event(events, is_scan)
    wire.unplug()
    next_event(events, is_in(ReaderCondition.DISCONNECTED))
    wire.plugged_in = True
    next_event(events, is_in(ReaderCondition.CONNECTED))
    reader.stop()


def test_a_simulated_scanner_behind_ssi_hears_its_acknowledgement() -> None:
    wire = simulated_wire("till-2")
    wire.type_bytes(bytes.fromhex("12f300000b34303036333831333333393331fc54"))
    reader, events = listening("sim://till-2", "zebra-ssi")
    reader.start()
    next_event(events, is_scan)
    reader.stop()
    assert bytes(wire.answers) == bytes.fromhex("04d00400ff28")


def test_an_evdev_port_takes_no_answers() -> None:
    keyboard = MadeUpKeyboard()
    port = EvdevPort(keyboard)
    port.write(b"")
    assert port.device == keyboard.path
    port.close()
    os.close(keyboard.typing)
