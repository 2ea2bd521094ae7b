"""What decoding a frame gives: labels that were read, and refusals that say why one was not."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from tessera.devices.events import no_details


class LabelTrust(StrEnum):
    """How a label's symbology is known."""

    DECLARED = "declared"  # by a code id or by the protocol
    UNLABELLED = "unlabelled"  # the profile says that the reader sends no id
    MISSING = "missing"  # an id was due and is not there


@dataclass(frozen=True, slots=True, kw_only=True)
class Label:
    """One thing that was read. `text` is the whole label, `payload` without the code id.

    `number` is the part that could be a card number; it is the payload except on a magnetic stripe
    and for number formats that are written differently (`212-7041`).
    """

    text: str
    symbology: str
    payload: str
    number: str = ""
    trust: LabelTrust = LabelTrust.DECLARED
    details: Mapping[str, object] = field(default_factory=no_details)
    warnings: tuple[str, ...] = ()
    keep_raw: bool = True


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a frame, or a part of it, gives no scan. `code` is listed in docs/readers.md."""

    code: str
    message: str
    keep_raw: bool = True


Decoded = Label | Refusal
