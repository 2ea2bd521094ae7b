"""Recordings of what a reader sent: JSON lines, safe to hand on.

The first line names format and profile; each other line is one stretch of bytes between two
silences: `at_ms` since the beginning, `chunks` as in the vectors that `tessera devices decode`
reads. Payment cards never get in. Unless asked otherwise the digits and letters of longer runs are
masked, so that framing, code ids and lengths can be judged while no card number is in the file.
Pure: time and bytes come in as arguments.
"""

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from tessera.devices.decoding.payment_cards import (
    holds_payment_card,
    may_hold_part_of_card,
)
from tessera.devices.events import ReaderError, Scan
from tessera.devices.framing.frame import NS_PER_MS

FORMAT = 1
STRETCH_BYTES_MAX = 65_536
# Runs shorter than this are code ids and control sequences; the first characters of a longer one
# are kept, since they tell prefix and code id.
_MASKED_RUN = re.compile(rb"[0-9A-Za-z]{6,}")
_KEPT = 3
# A payment card is reported as one of these, or hides in a stripe that could not be read.
_STRIPE_ERRORS = re.compile(r"payment_card|track|bad_lrc|sentinel|bad_check_digit")


@dataclass(slots=True)
class CaptureWriter:
    """Collects a stretch of bytes and gives its line when silence has come."""

    profile: str
    masked: bool = True
    _started_ns: int | None = None
    _at_ns: int = 0
    _last_ns: int = 0
    _chunks: list[tuple[bytes, int]] = field(default_factory=list)
    _withheld: str = ""
    _fault: str = ""

    def header(self) -> str:
        """Give the first line of the file."""
        return json.dumps({"capture": FORMAT, "profile": self.profile, "masked": self.masked})

    def take(self, chunk: bytes, now_ns: int, events: Sequence[Scan | ReaderError]) -> None:
        """Note bytes that arrived and what they led to."""
        if self._started_ns is None:
            self._started_ns = now_ns
        if chunk:
            if not self._chunks:
                self._at_ns = self._last_ns = now_ns
            self._chunks.append((chunk, (now_ns - self._last_ns) // NS_PER_MS))
            self._last_ns = now_ns
        for event in events:
            if isinstance(event, ReaderError):
                self._fault = event.code
                if _STRIPE_ERRORS.search(event.code):
                    self._withheld = event.code
        if sum(len(content) for content, _ in self._chunks) > STRETCH_BYTES_MAX:
            self._chunks, self._withheld = [(b"", 0)], "too_long"

    def silence(self) -> str | None:
        """Give the line of the stretch that has ended; None where nothing came."""
        if not self._chunks:
            return None
        chunks, withheld, fault = self._chunks, self._withheld, self._fault
        self._chunks, self._withheld, self._fault = [], "", ""
        whole = b"".join(content for content, _ in chunks)
        text = bytes(byte & 0x7F for byte in whole).decode("ascii")
        if not withheld and holds_payment_card(text):
            withheld = "payment_card"
        elif not (withheld or self.masked) and fault and may_hold_part_of_card(text):
            # A card that was swiped too slowly, or a cable that was pulled: half a number.
            withheld = fault
        line: dict[str, object] = {"at_ms": (self._at_ns - (self._started_ns or 0)) // NS_PER_MS}
        if withheld:
            line |= {"withheld": withheld, "bytes": len(whole)}
        elif self.masked:
            line["chunks"] = [{"hex": mask_bytes(whole).hex(), "delay_ms": 0}]
        else:
            line["chunks"] = [{"hex": content.hex(), "delay_ms": ms} for content, ms in chunks]
        return json.dumps(line)


def mask_bytes(content: bytes) -> bytes:
    """Replace digits by 0 and letters by A in longer runs, but for their first characters."""

    def masked(run: re.Match[bytes]) -> bytes:
        text = run.group()
        hidden = re.sub(rb"[A-Z]", b"A", re.sub(rb"[a-z]", b"a", text[_KEPT:]))
        return text[:_KEPT] + re.sub(rb"[0-9]", b"0", hidden)

    return _MASKED_RUN.sub(masked, content)


def read_capture(lines: Sequence[str]) -> tuple[str, Iterator[dict[str, Any]]]:
    """Give the profile and the cases of a recording; ValueError where it is none."""
    try:
        header = json.loads(lines[0]) if lines else None
    except ValueError:
        header = None
    if not isinstance(header, dict) or header.get("capture") != FORMAT:
        raise ValueError(f"not a recording of format {FORMAT}")
    return str(header.get("profile", "")), _cases(lines[1:])


def _cases(lines: Sequence[str]) -> Iterator[dict[str, Any]]:
    for number, line in enumerate(lines, 2):
        if not line.strip():
            continue
        try:
            case = json.loads(line)
        except ValueError as error:
            raise ValueError(f"line {number} is not JSON: {error}") from error
        if not isinstance(case, dict):
            raise ValueError(f"line {number} is not a JSON object")  # noqa: TRY004 - as above
        yield {"id": number, "idle_after_ms": 1000, **case}
