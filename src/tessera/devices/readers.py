"""The door to all of this package: settings in, a running reader out.

    reader = open_reader(settings, on_event=put, clock_ns=time.monotonic_ns)
    reader.start()
    ...
    reader.stop()

`on_event` gets every `Scan`, `ReaderError` and `ReaderState` in the reader's own thread; an asyncio
program hands them on with `loop.call_soon_threadsafe`.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from tessera.core.errors import TesseraError
from tessera.core.settings_schema import setting
from tessera.devices.card_formats import CardFormat
from tessera.devices.events import ReaderEvent, ReaderState
from tessera.devices.pipeline import Pipeline
from tessera.devices.port import PortOpener
from tessera.devices.profile_schema import ReaderProfile
from tessera.devices.profiles import (
    read_card_formats,
    read_profile,
)
from tessera.devices.reading_loop import ReadingLoop
from tessera.devices.stream_port import SimulatedPortOpener, StandardInputOpener


@dataclass(frozen=True, slots=True, kw_only=True)
class ReaderSettings:
    """One reader of a register; a table `[[readers]]` of the agent's settings."""

    id: str = setting("the reader's name in events, such as left or handheld", least=1, most=40)
    profile: str = setting("a reader profile: see tessera devices list --profiles")
    port: str = setting(
        "where it is: /dev/ttyACM0, usb:serial=NUMBER, usb:path=1-1.2, usb:id=05e0:1701,"
        " socket://host:port, rfc2217://host:port, /dev/input/… for a keyboard, stdin: or sim://name"
    )


class Reader(Protocol):
    """A reader that can be started and stopped; all methods may be called from any thread."""

    reader_id: str

    def start(self) -> None:
        """Begin to read in a thread of its own."""
        ...

    def stop(self, timeout_s: float = 5.0) -> None:
        """Stop and let the device go."""
        ...

    def state(self) -> ReaderState:
        """Give the condition and counts."""
        ...


def open_reader(
    settings: ReaderSettings,
    *,
    on_event: Callable[[ReaderEvent], None],
    clock_ns: Callable[[], int],
    card_formats: Sequence[CardFormat] | None = None,
    profile_folders: Sequence[Path] = (),
) -> Reader:
    """Prepare a reader; nothing is opened before `start`.

    Without `card_formats` the shipped ones are read; `profile_folders` hold the shop's own profiles
    beside the shipped. TesseraError where the profile, the formats or the port's name are wrong.
    """
    profile = read_profile(settings.profile, *profile_folders)
    formats = read_card_formats().format if card_formats is None else tuple(card_formats)
    return ReadingLoop(
        reader_id=settings.id,
        opener=opener_of(settings, profile),
        new_pipeline=lambda: Pipeline(profile, formats, settings.id),
        on_event=on_event,
        clock_ns=clock_ns,
    )


def opener_of(settings: ReaderSettings, profile: ReaderProfile) -> PortOpener:
    """Choose the transport by port and profile. TesseraError where they contradict each other."""
    # The transports are imported here: a register with a keyboard scanner needs no pyserial, and
    # one with a serial scanner no evdev.
    port = settings.port
    if port == "stdin:":
        return StandardInputOpener()
    if port.startswith("sim://"):
        return SimulatedPortOpener(port)
    try:
        if profile.transport == "evdev":
            from tessera.devices.evdev_port import EvdevPortOpener  # noqa: PLC0415

            return EvdevPortOpener(port)
        if profile.transport in {"serial", "hid-kbd-text"}:
            from tessera.devices.serial_port import SerialPortOpener  # noqa: PLC0415

            return SerialPortOpener(port, profile.serial)
    except ValueError as error:
        raise TesseraError(
            f"reader '{settings.id}': {error}", hint="see 'tessera devices list'"
        ) from error
    raise TesseraError(
        f"profile '{profile.name}' is for {profile.transport}, which cannot be read live yet",
        hint="choose a serial or keyboard profile, or let the POS hand the codes over",
    )
