"""What a reader profile may say: one TOML file for each kind of reader in `hardware/profiles/`.

A profile describes how a model is wired, how it marks its messages and what is in them. It holds no
setting of one till (which port, which card formats): those belong to the agent's settings.
"""

from dataclasses import dataclass
from typing import Literal

from tessera.core.settings_schema import setting
from tessera.devices.framing.layouts import LAYOUTS

LabelScheme = Literal["none", "aim", "zebra", "honeywell", "datalogic-us", "datalogic-eu", "ncr"]
Transport = Literal["serial", "evdev", "hid-pos", "pcsc", "wiegand", "hid-kbd-text"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Framing:
    """How the reader marks where a message begins and ends."""

    kind: Literal[
        "line", "stx-etx", "length", "ssi", "hid-pos", "keystrokes", "wiegand", "answers"
    ] = setting("the way in which messages are marked")
    suffix: Literal["cr", "lf", "crlf", "tab", "none"] = setting(
        "what ends a line; CR and LF are both accepted for either", default="cr"
    )
    idle_ms: int = setting(
        "silence after which an unfinished message is dropped, or closed where there is no suffix",
        default=200,
        least=5,
        most=5000,
    )
    check_byte: bool = setting(
        "an XOR check byte follows the end of a STX/ETX message", default=False
    )
    length_bytes: Literal["1", "2"] = setting("size of the length before the data", default="1")
    length_order: Literal["big", "little"] = setting("byte order of the length", default="big")
    length_counts_itself: bool = setting("the length includes its own bytes", default=False)
    report_id: int = setting("HID report with decoded data", default=2, least=0, most=255)
    report_bytes: int = setting("size of a HID report with its id", default=64, least=8, most=1024)
    report_aim_at: int = setting(
        "place of the AIM identifier in the report, the report id being 0", default=2, most=1000
    )
    report_data_at: int = setting("place of the data in the report", default=5, most=1000)
    report_data_bytes: int = setting("room for data in one report", default=56, most=1000)
    layout: Literal["us", "uk", "de", "fr", "es", "it", "ru"] = setting(
        "the keyboard country for which the scanner is programmed", default="us"
    )
    bits: int = setting("bits of a Wiegand number", default=26, least=4, most=64)

    def __post_init__(self) -> None:
        """Hold the layouts and this list to each other."""
        assert self.layout in LAYOUTS


@dataclass(frozen=True, slots=True, kw_only=True)
class Decoding:
    """What is inside a message."""

    kind: Literal["barcode", "stripe", "em4100", "hex-uid", "pcsc-uid", "wiegand"] = setting(
        "what the message holds"
    )
    ids: LabelScheme = setting("the code ids that stand before a barcode's data", default="none")
    lrc: bool = setting("each stripe track is followed by its LRC", default=False)
    bits: int = setting("bits of a Wiegand number: 26, 34 or 37", default=26, least=4, most=64)
    confirm_reads: int = setting(
        "equal readings needed before a number counts", default=1, least=1, most=5
    )
    confirm_within_ms: int = setting(
        "the longest pause between equal readings", default=250, least=50, most=2000
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class SerialLine:
    """How the port is opened. A USB serial device ignores speed and bits."""

    baud: int = setting("speed", default=9600, least=300, most=1_000_000)
    data_bits: Literal["7", "8"] = setting("data bits", default="8")
    parity: Literal["none", "even", "odd", "mark", "space"] = setting("parity", default="none")
    stop_bits: Literal["1", "2"] = setting("stop bits", default="1")
    flow: Literal["none", "rts-cts", "xon-xoff"] = setting("flow control", default="none")
    dtr: bool = setting("raise DTR, from which some readers draw their power", default=True)
    rts: bool = setting("raise RTS", default=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReaderProfile:
    """One kind of reader."""

    name: str = setting("the file's name without .toml", least=1, most=60)
    title: str = setting("maker, models and mode, for people")
    transport: Transport = setting("how the bytes reach the computer")
    models: tuple[str, ...] = setting("models that this profile is for", default=())
    usb: tuple[str, ...] = setting(
        "USB identities as vendor:product in hexadecimal; * for any product", default=()
    )
    sources: tuple[str, ...] = setting("where the facts are from", default=())
    wiring: str = setting("plug, cable, power", default="")
    programming: str = setting("what to scan or set on the reader for this profile", default="")
    verified: Literal["device", "vectors", "manual"] = setting(
        "how far it was tried: on a device, on recorded bytes, or by the manual alone",
        default="manual",
    )
    repeat_ms: int = setting(
        "the same payload again within this time is marked as a repeat",
        default=700,
        least=0,
        most=10_000,
    )
    framing: Framing = setting("marks of a message")
    decode: Decoding = setting("content of a message")
    serial: SerialLine = setting("the port", default_factory=SerialLine)

    def __post_init__(self) -> None:
        """Refuse parts that contradict each other."""
        for identity in self.usb:
            vendor, _, product = identity.partition(":")
            if not _is_hex4(vendor) or not (product == "*" or _is_hex4(product)):
                raise ValueError(f"usb '{identity}' is not vendor:product such as 05e0:1701")
        if self.transport == "evdev" and self.framing.kind != "keystrokes":
            raise ValueError('an evdev reader has framing.kind = "keystrokes"')
        if self.framing.kind == "wiegand" and self.framing.bits != self.decode.bits:
            raise ValueError("framing.bits and decode.bits differ")


def _is_hex4(text: str) -> bool:
    return len(text) == 4 and all(character in "0123456789abcdef" for character in text)
