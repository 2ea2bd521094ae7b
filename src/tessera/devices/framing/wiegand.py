"""Wiegand bits, packed most significant bit first into whole bytes, the rest of the last one zero.

A wire reader collects the bits between two pauses; what arrives here is one such collection, or
several glued together. The number of bits is the profile's; padding that is not zero means that
bits were lost or added.
"""

from tessera.devices.framing.frame import NS_PER_MS, Frame, FrameError, FrameOutcome

_IDLE_MS = 50


class WiegandFramer:
    """Cuts collections of a fixed number of bits."""

    def __init__(self, bits: int) -> None:
        self._bits = bits
        self._bytes = -(-bits // 8)
        self._buffer = bytearray()
        self._last_ns = 0

    def feed(self, chunk: bytes, now_ns: int) -> list[FrameOutcome]:
        """Take what arrived and give the collections that it completed."""
        self._buffer += chunk
        if chunk:
            self._last_ns = now_ns
        outcomes: list[FrameOutcome] = []
        while len(self._buffer) >= self._bytes:
            raw = bytes(self._buffer[: self._bytes])
            del self._buffer[: self._bytes]
            padding = self._bytes * 8 - self._bits
            if int.from_bytes(raw, "big") & ((1 << padding) - 1):
                outcomes.append(FrameError("bad_frame", f"more than {self._bits} bits", raw))
            else:
                outcomes.append(Frame(raw, raw))
        return outcomes

    def idle(self, now_ns: int) -> list[FrameOutcome]:
        """Drop bits that are too few."""
        deadline = self.deadline_ns()
        if deadline is None or now_ns < deadline:
            return []
        left = bytes(self._buffer)
        self._buffer.clear()
        return [FrameError("bad_frame", f"fewer than {self._bits} bits", left)]

    def deadline_ns(self) -> int | None:
        """Give the time at which too few bits are dropped."""
        return self._last_ns + _IDLE_MS * NS_PER_MS if self._buffer else None
