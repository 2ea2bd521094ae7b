"""What a reader tells the rest of the agent: a scan, an error, or a change of its state.

Every value here is frozen and may be passed between threads. Card numbers are masked in `repr`, so
that an event may be logged as it is; the clear text is only in the named fields. Nothing here reads
a device, a file or a clock.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType

from tessera.core.cards import masked


def no_details() -> Mapping[str, object]:
    """Give an empty mapping that nobody can fill."""
    return MappingProxyType({})


class ScanKind(StrEnum):
    """What the scanned thing is, by the shop's card-format rules."""

    MEMBER_CARD = "member_card"
    STAFF_CARD = "staff_card"
    COUPON = "coupon"
    PRODUCT = "product"
    ENROLMENT = "enrolment"
    RECEIPT = "receipt"
    REFUND_RECEIPT = "refund_receipt"
    UNKNOWN = "unknown"


class ReaderCondition(StrEnum):
    """Where a reader stands; `disconnected` readers are looked for again for ever."""

    STARTING = "starting"
    CONNECTED = "connected"
    DISCONNECTED = "disconnected"
    STOPPED = "stopped"


@dataclass(frozen=True, slots=True, kw_only=True)
class Scan:
    """One thing that was scanned, swiped or tapped.

    `raw_hex` is what came over the wire, framing included, and is empty where the bytes hold
    something that must not be kept (a cardholder's name, a payment card). `label` is the text with
    the reader's code id, `payload` without it. `details` holds what a kind adds: `ai` (GS1
    application identifiers), `gtin14`, `value_minor`, `decimal10`. `monotonic_ns` is the reader's
    clock at the last byte. A `suppressed` scan repeats an earlier one and is reported for
    diagnosis only.
    """

    raw_hex: str
    label: str
    symbology: str
    payload: str
    kind: ScanKind
    card_id: str | None
    card_format: str | None
    reader_id: str
    monotonic_ns: int
    details: Mapping[str, object] = field(default_factory=no_details)
    warnings: tuple[str, ...] = ()
    suppressed: bool = False

    def __repr__(self) -> str:
        tail = " suppressed" if self.suppressed else ""
        return (
            f"<Scan {self.kind} {self.symbology} {masked(self.payload)}"
            f" reader={self.reader_id}{tail}>"
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ReaderError:
    """Something arrived that is no scan, or the reader failed; never a reason to stop reading.

    `code` is stable and listed in docs/readers.md. `raw_hex` is what arrived, empty where it could
    hold a payment card. `repeats` counts equal errors that were folded into this one.
    """

    code: str
    message: str
    reader_id: str
    monotonic_ns: int
    raw_hex: str = ""
    hint: str = ""
    repeats: int = 1

    def __repr__(self) -> str:
        return f"<ReaderError {self.code} reader={self.reader_id}: {self.message}>"


@dataclass(frozen=True, slots=True, kw_only=True)
class ReaderState:
    """A reader's condition and its counts since it was started."""

    reader_id: str
    condition: ReaderCondition
    message: str
    monotonic_ns: int
    hint: str = ""
    device: str = ""
    scans: int = 0
    errors: int = 0
    last_scan_ns: int | None = None


ReaderEvent = Scan | ReaderError | ReaderState
