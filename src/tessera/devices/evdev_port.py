"""Scanners that act as a keyboard: the only module that imports evdev.

The device is grabbed, so that what is scanned reaches no other window and no other program. A
keyboard grabbed by mistake is set free by pressing Esc five times on it. The other direction is
here, too: codes that are not Tessera's can be typed on as if the scanner had done it. Events are
passed on as the kernel's bytes; what they mean is decided in `framing.keystrokes`.
"""

import errno
import os
import select
import struct
from collections.abc import Callable, Sequence
from typing import Any, Protocol

from tessera.core.errors import TesseraError
from tessera.devices.framing.keystrokes import EVENT_BYTES
from tessera.devices.framing.layouts import Layout
from tessera.devices.port import Port, PortEnded, PortLost, PortUnavailable
from tessera.devices.port_choice import FoundPort, choose_port, identity_of, parse_identity

_EVENT = struct.Struct("<qqHHi")
_READ_BYTES = 64 * EVENT_BYTES
_EV_KEY, _PRESSED, _KEY_ESC = 1, 1, 1
_PANIC_PRESSES = 5
_UINPUT = "/dev/uinput"


class KeyboardDevice(Protocol):
    """What is needed of `evdev.InputDevice`."""

    fd: int
    path: str

    def grab(self) -> None:
        """Take the device for this process alone."""
        ...

    def ungrab(self) -> None:
        """Give it back."""
        ...

    def close(self) -> None:
        """Close it."""
        ...


class EvdevPort:
    """A grabbed keyboard."""

    def __init__(self, keyboard: KeyboardDevice) -> None:
        self._keyboard = keyboard
        self._wake_read, self._wake_write = os.pipe()
        self._escapes = 0

    @property
    def device(self) -> str:
        """The device's present path."""
        return self._keyboard.path

    def read(self, timeout_s: float) -> bytes:
        """Give the events that came, as the kernel wrote them."""
        ready, _, _ = select.select([self._keyboard.fd, self._wake_read], [], [], timeout_s)
        if self._keyboard.fd not in ready:
            return b""
        try:
            events = os.read(self._keyboard.fd, _READ_BYTES)
        except BlockingIOError:
            return b""
        except OSError as error:
            raise self._lost(error) from error
        if not events:
            raise self._lost(OSError(errno.ENODEV, os.strerror(errno.ENODEV)))
        self._watch_for_panic(events)
        return events

    def write(self, content: bytes) -> None:
        """Nothing is ever sent to a keyboard."""
        assert not content, "a keyboard takes no answers"

    def cancel(self) -> None:
        """Wake the reading thread."""
        os.write(self._wake_write, b"x")

    def close(self) -> None:
        """Give the keyboard back; one that is gone is given back already."""
        try:
            self._keyboard.ungrab()
        except OSError as error:
            if error.errno not in {errno.ENODEV, errno.EINVAL, errno.EBADF}:
                raise
        self._keyboard.close()
        os.close(self._wake_read)
        os.close(self._wake_write)

    def _watch_for_panic(self, events: bytes) -> None:
        whole = len(events) - len(events) % EVENT_BYTES
        for _, _, kind, code, value in _EVENT.iter_unpack(events[:whole]):
            if kind != _EV_KEY or value != _PRESSED:
                continue
            self._escapes = self._escapes + 1 if code == _KEY_ESC else 0
            if self._escapes >= _PANIC_PRESSES:
                raise PortEnded(
                    f"{self.device} was set free: Esc was pressed {_PANIC_PRESSES} times",
                    hint="name another device in the settings, then restart the agent",
                )

    def _lost(self, error: OSError) -> PortLost:
        return PortLost(
            f"{self.device} went away: {os.strerror(error.errno or errno.EIO).lower()}",
            hint="check the cable; the reader is used again as soon as it is back",
        )


class EvdevPortOpener:
    """Finds a keyboard by path or USB identity, opens and grabs it."""

    def __init__(
        self,
        locator: str,
        *,
        list_keyboards: Callable[[], Sequence[FoundPort]] | None = None,
        open_keyboard: Callable[[str], KeyboardDevice] | None = None,
    ) -> None:
        self._locator = locator
        self._list = list_keyboards or list_keyboards_there
        self._open = open_keyboard or _open_keyboard
        self._identity = parse_identity(locator) if locator.startswith("usb:") else None

    def open(self) -> Port:
        """Open and grab the device."""
        path = choose_port(self._identity, self._list()) if self._identity else self._locator
        try:
            keyboard = self._open(path)
        except OSError as error:
            raise _unavailable(path, error) from error
        try:
            keyboard.grab()
        except OSError as error:
            keyboard.close()
            raise _unavailable(path, error) from error
        if self._identity is None:
            real = os.path.realpath(path)
            for found in self._list():
                if found.device == real:
                    self._identity = identity_of(found)
        return EvdevPort(keyboard)


def list_keyboards_there() -> list[FoundPort]:
    """List the input devices that are there and may be opened by this user."""
    evdev = _evdev()
    found: list[FoundPort] = []
    for path in evdev.list_devices():
        try:
            device = evdev.InputDevice(path)
        except OSError:
            # It was unplugged while the list was made.
            continue
        found.append(
            FoundPort(
                device=path,
                description=device.name,
                vendor_product=f"{device.info.vendor:04x}:{device.info.product:04x}",
                serial_number=device.uniq or "",
                usb_path=(device.phys or "").partition("/")[0],
            )
        )
        device.close()
    return found


class TypedKeyboard:
    """A keyboard that does not exist, on which codes are typed for other programs."""

    def __init__(self, layout: Layout, *, device: Any = None) -> None:  # noqa: ANN401 - evdev's
        self._layout = layout
        self._device = device or _simulated_keyboard()

    def type_text(self, text: str) -> None:
        """Type a text and Enter. TesseraError where the layout has no key for a character."""
        for key, value in self._layout.strokes(text):
            self._device.write(_EV_KEY, key, value)
            self._device.syn()

    def close(self) -> None:
        """Remove the keyboard."""
        self._device.close()


def _simulated_keyboard() -> Any:  # noqa: ANN401 - evdev's
    evdev = _evdev()
    try:
        return evdev.UInput(name="tessera scanner")
    except (OSError, evdev.UInputError) as error:
        # evdev's own error has no number: which of the two it is shows in the file system.
        if not os.path.exists(_UINPUT):  # noqa: PTH110 - a device, no path to work with
            reason = f"there is no {_UINPUT}"
            hint = (
                "run modprobe uinput, and put the word uinput into /etc/modules-load.d/uinput.conf"
            )
        elif not os.access(_UINPUT, os.W_OK):
            reason = f"{_UINPUT} may not be written by this user"
            hint = (
                "install the udev rules ('tessera devices udev'), and add the user to their group"
            )
        else:
            reason = str(error).lower()
            hint = "see what the kernel says: dmesg | grep -i uinput"
        raise TesseraError(
            f"no keyboard can be simulated: {reason}", hint=hint, code="no_uinput"
        ) from error


def _open_keyboard(path: str) -> KeyboardDevice:
    keyboard: KeyboardDevice = _evdev().InputDevice(path)
    return keyboard


def _evdev() -> Any:  # noqa: ANN401 - evdev has no types
    try:
        import evdev  # noqa: PLC0415 - an optional part
    except ImportError as error:
        raise TesseraError(
            "keyboard scanners need evdev, which is not installed",
            hint="install tessera-pos[evdev], or program the scanner for USB serial",
        ) from error
    return evdev


def _unavailable(path: str, error: OSError) -> PortUnavailable:
    if error.errno == errno.EBUSY:
        return PortUnavailable(
            f"{path} is taken by another program",
            hint="stop the other program that reads this keyboard",
            code="port_busy",
        )
    if error.errno in {errno.EACCES, errno.EPERM}:
        return PortUnavailable(
            f"{path} may not be opened by this user",
            hint="install the udev rules ('tessera devices udev') and plug the reader in again",
            code="port_forbidden",
        )
    return PortUnavailable(
        f"{path} cannot be opened: {os.strerror(error.errno or errno.EIO).lower()}",
        hint="plug the reader in, or see what is there with 'tessera devices list'",
    )
