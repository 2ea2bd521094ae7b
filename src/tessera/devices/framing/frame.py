"""What every framer gives: whole frames, errors, and messages that are no scan.

A framer owns no port and no clock. `feed(chunk, now_ns)` takes whatever arrived, in pieces of any
size, and returns what became complete; `idle(now_ns)` is called when nothing arrived for a while
and closes or drops what is left. Bad input is a `FrameError` value and never an exception.
"""

from dataclasses import dataclass
from typing import Protocol

MAX_FRAME_BYTES = 4096
NS_PER_MS = 1_000_000


@dataclass(frozen=True, slots=True)
class Frame:
    """One message of the device. `body` is without framing, `raw` with it.

    `aim` is the symbology identifier and `symbology` the symbology's own name, where the protocol
    carries them beside the data. `reply` is what the protocol wants sent back. `warnings` say why
    the frame may be less than what the device meant.
    """

    body: bytes
    raw: bytes
    aim: str = ""
    symbology: str = ""
    reply: bytes = b""
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class FrameError:
    """Bytes that are no frame. `code` is stable and listed in docs/readers.md."""

    code: str
    message: str
    raw: bytes = b""
    reply: bytes = b""


@dataclass(frozen=True, slots=True)
class Control:
    """A message of the device that is no scan: an acknowledgement, a reply to a menu command."""

    name: str
    raw: bytes = b""
    reply: bytes = b""


FrameOutcome = Frame | FrameError | Control


class Framer(Protocol):
    """Cuts a stream of bytes into frames."""

    def feed(self, chunk: bytes, now_ns: int) -> list[FrameOutcome]:
        """Take what arrived at `now_ns` and give what became complete."""
        ...

    def idle(self, now_ns: int) -> list[FrameOutcome]:
        """Say that nothing arrived up to `now_ns`; closes or drops a frame that waits too long."""
        ...

    def deadline_ns(self) -> int | None:
        """Give the time at which `idle` has something to do, or None."""
        ...
