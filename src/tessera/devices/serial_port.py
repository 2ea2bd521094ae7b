"""Serial ports, USB serial devices, and serial ports reached over a network: all of pyserial.

This is the only module that imports pyserial. It opens a port for itself alone, names who holds it
otherwise, finds a USB device again after it was plugged in elsewhere, and turns every way in which
a port can fail into `PortUnavailable` or `PortLost`. It decodes nothing.
"""

import errno
import os
import termios
from collections.abc import Callable, Sequence
from pathlib import Path

from tessera.core.errors import TesseraError
from tessera.devices.port import Port, PortLost, PortUnavailable
from tessera.devices.port_choice import (
    FoundPort,
    PortIdentity,
    choose_port,
    identity_of,
    parse_identity,
)
from tessera.devices.profile_schema import SerialLine

try:
    import serial
    import serial.tools.list_ports
except ImportError as missing:
    raise TesseraError(
        "serial readers need pyserial, which is not installed", hint="install tessera-pos[agent]"
    ) from missing

_PARITY = {
    "none": serial.PARITY_NONE,
    "even": serial.PARITY_EVEN,
    "odd": serial.PARITY_ODD,
    "mark": serial.PARITY_MARK,
    "space": serial.PARITY_SPACE,
}
_READ_MAX_BYTES = 4096
_WRITE_TIMEOUT_S = 1.0
_LOCKED = (errno.EAGAIN, errno.EBUSY, errno.EWOULDBLOCK)
# What pyserial and the system raise when a port fails: in_waiting after an unplug gives a plain
# OSError, a mode that a pseudo-terminal cannot do gives termios.error, and what a kind of port
# lacks gives NotImplementedError.
_FAILURES = (serial.SerialException, OSError, termios.error, ValueError, NotImplementedError)


class SerialPort:
    """An open serial port."""

    def __init__(self, port: serial.Serial, device: str) -> None:
        self._port = port
        self._device = device

    @property
    def device(self) -> str:
        """The port's present name."""
        return self._device

    def read(self, timeout_s: float) -> bytes:
        """Wait for the first byte, then take all that is there."""
        try:
            if self._port.timeout != timeout_s:
                self._port.timeout = timeout_s
            first = self._port.read(1)
            if not first:
                return b""
            waiting = min(self._port.in_waiting, _READ_MAX_BYTES)
            return bytes(first + (self._port.read(waiting) if waiting else b""))
        except _FAILURES as error:
            raise self._lost(error) from error

    def write(self, content: bytes) -> None:
        """Send an answer to the device."""
        try:
            self._port.write(content)
        except _FAILURES as error:
            raise self._lost(error) from error

    def cancel(self) -> None:
        """Wake the reading thread, where the kind of port can do that."""
        wake = getattr(self._port, "cancel_read", None)
        if wake:
            wake()

    def close(self) -> None:
        """Close the port; a port that is gone already closes without complaint."""
        try:
            self._port.close()
        except _FAILURES:
            # The descriptor is closed either way; nothing is left to do for a device that is gone.
            return

    def _lost(self, error: Exception) -> PortLost:
        return PortLost(
            f"{self._device} went away: {_reason(error)}",
            hint="check the cable; the reader is used again as soon as it is back",
        )


class SerialPortOpener:
    """Opens a port by name, by address (`socket://`, `rfc2217://`) or by USB identity.

    Once a USB device was opened it is only ever found by its identity, whatever its name is then.
    """

    def __init__(
        self,
        locator: str,
        line: SerialLine,
        *,
        list_ports: Callable[[], Sequence[FoundPort]] | None = None,
    ) -> None:
        self._locator = locator
        self._line = line
        self._list_ports = list_ports or list_serial_ports
        self._identity = parse_identity(locator) if locator.startswith("usb:") else None

    def open(self) -> Port:
        """Open the port for this process alone."""
        is_address = "://" in self._locator
        device = self._locator if is_address else self._find()
        port = _closed_port(device, self._line)
        try:
            port.open()
        except _FAILURES as error:
            raise _unavailable(device, error) from error
        if not is_address and self._identity is None:
            try:
                self._identity = self._identity_at(device)
            except PortUnavailable:
                port.close()
                raise
        return SerialPort(port, device)

    def _identity_at(self, device: str) -> PortIdentity | None:
        names = {device, str(Path(device).resolve())}
        there = (identity_of(found) for found in self._list_ports() if found.device in names)
        return next(there, None)

    def _find(self) -> str:
        if self._identity is None:
            return self._locator
        return choose_port(self._identity, self._list_ports())


def list_serial_ports() -> list[FoundPort]:
    """List the serial ports that are there now, USB identities included.

    PortUnavailable where a device was pulled out just then.
    """
    try:
        there = serial.tools.list_ports.comports()
    except (OSError, TypeError, ValueError) as error:
        # pyserial reads a device's files one after the other and trips over one that is gone.
        raise PortUnavailable(
            "a device went away while the ports were listed", hint="try again"
        ) from error
    return [
        FoundPort(
            device=port.device,
            description=port.description or "",
            vendor_product=f"{port.vid:04x}:{port.pid:04x}" if port.vid is not None else "",
            serial_number=port.serial_number or "",
            # The interface's number behind the colon changes nothing about the socket.
            usb_path=(port.location or "").partition(":")[0],
            maker=port.manufacturer or "",
        )
        for port in there
        # Boards announce serial chips that are not there; such ports have no hardware id.
        if port.hwid != "n/a"
    ]


def _closed_port(device: str, line: SerialLine) -> serial.Serial:
    try:
        port = serial.serial_for_url(
            device,
            do_not_open=True,
            baudrate=line.baud,
            bytesize=int(line.data_bits),
            parity=_PARITY[line.parity],
            stopbits=int(line.stop_bits),
            rtscts=line.flow == "rts-cts",
            xonxoff=line.flow == "xon-xoff",
        )
        if not device.startswith("rfc2217:"):
            # pyserial has no write time-out there and says so only when the port is opened.
            port.write_timeout = _WRITE_TIMEOUT_S
        port.dtr, port.rts = line.dtr, line.rts
        if "://" not in device:
            port.exclusive = True
    except _FAILURES as error:
        raise _unavailable(device, error) from error
    return port


def _unavailable(device: str, error: Exception) -> PortUnavailable:
    number = error.errno if isinstance(error, OSError) else None
    if number in _LOCKED or "exclusively lock" in str(error):
        holder = holder_of(device)
        return PortUnavailable(
            f"{device} is in use{f' by {holder}' if holder else ''}",
            hint="stop that program; if it is ModemManager, install the udev rules",
            code="port_busy",
        )
    if number in {errno.EACCES, errno.EPERM}:
        return PortUnavailable(
            f"{device} may not be opened by this user",
            hint="install the udev rules ('tessera devices udev') and plug the reader in again",
            code="port_forbidden",
        )
    if number in {errno.ENOENT, errno.ENXIO, errno.ENODEV}:
        return PortUnavailable(
            f"{device} is not there",
            hint="plug the reader in, or see what is there with 'tessera devices list'",
        )
    return PortUnavailable(
        f"{device} cannot be opened: {_reason(error)}",
        hint="check the port's name and the profile's [serial] settings",
    )


def holder_of(device: str) -> str:
    """Name the process that has a device open, as `name (pid n)`; empty where it cannot be seen."""
    try:
        target = Path(device).stat().st_rdev
    except OSError:
        return ""
    for process in Path("/proc").glob("[0-9]*"):
        if process.name == str(os.getpid()):
            continue
        try:
            descriptors = list((process / "fd").iterdir())
            if any(_rdev(descriptor) == target for descriptor in descriptors):
                name = (process / "comm").read_text(encoding="utf-8").strip()
                return f"{name} (pid {process.name})"
        except OSError:
            # The process ended meanwhile, or belongs to somebody else.
            continue
    return ""


def _rdev(descriptor: Path) -> int | None:
    try:
        return descriptor.stat().st_rdev
    except OSError:
        return None


def _reason(error: Exception) -> str:
    if isinstance(error, OSError) and error.errno:
        return os.strerror(error.errno).lower()
    return str(error) or type(error).__name__
