"""Frames that open with their own length.

One or two bytes of length (big- or little-endian, counting the data or itself as well), then the
data. There is no checksum, so a wrong length can only be noticed by its range or by silence in the
middle of a frame; either drops what is buffered.
"""

from dataclasses import dataclass
from typing import Literal

from tessera.devices.framing.frame import (
    MAX_FRAME_BYTES,
    NS_PER_MS,
    Frame,
    FrameError,
    FrameOutcome,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class LengthRules:
    """Where the length stands. `counts_itself` says that it includes its own bytes."""

    size: Literal[1, 2] = 1
    byteorder: Literal["big", "little"] = "big"
    counts_itself: bool = False
    longest: int = MAX_FRAME_BYTES
    idle_ms: int = 200


class LengthPrefixedFramer:
    """Cuts by a length that stands before the data."""

    def __init__(self, rules: LengthRules) -> None:
        self._rules = rules
        self._buffer = bytearray()
        self._last_ns = 0

    def feed(self, chunk: bytes, now_ns: int) -> list[FrameOutcome]:
        """Take what arrived and give the frames that it completed."""
        self._buffer += chunk
        if chunk:
            self._last_ns = now_ns
        outcomes: list[FrameOutcome] = []
        rules = self._rules
        while len(self._buffer) >= rules.size:
            length = int.from_bytes(self._buffer[: rules.size], rules.byteorder)
            if rules.counts_itself:
                length -= rules.size
            if not 0 <= length <= min(rules.longest, MAX_FRAME_BYTES):
                outcomes.append(
                    FrameError("bad_frame", "the length is impossible", bytes(self._buffer))
                )
                self._buffer.clear()
                break
            whole = rules.size + length
            if len(self._buffer) < whole:
                break
            raw = bytes(self._buffer[:whole])
            del self._buffer[:whole]
            if length:
                outcomes.append(Frame(raw[rules.size :], raw))
        return outcomes

    def idle(self, now_ns: int) -> list[FrameOutcome]:
        """Drop a frame that stopped in the middle."""
        deadline = self.deadline_ns()
        if deadline is None or now_ns < deadline:
            return []
        left = bytes(self._buffer)
        self._buffer.clear()
        return [FrameError("timeout", f"a frame stopped after {len(left)} bytes", left)]

    def deadline_ns(self) -> int | None:
        """Give the time at which an unfinished frame is dropped."""
        if not self._buffer:
            return None
        return self._last_ns + self._rules.idle_ms * NS_PER_MS
