"""Frames that end with a character (CR, LF, TAB, ETX) or with silence.

One buffer, one pass over the bytes. A character from the profile's end set closes the frame; an
empty frame is swallowed, which is how CR LF and doubled CRs become one. Silence closes the frame
where the profile says so (`closes_on_idle`) and is a `timeout` otherwise; what comes soon after a
time-out may be the other half of a number and is marked so. With a start character
(STX) everything before it is noise; a check byte, where the reader sends one, follows the end
character and is the XOR of all between. Replies to menu commands are cut out before anything else
looks at the frame, since they carry no end character of their own.
"""

import re
from dataclasses import dataclass

from tessera.devices.framing.frame import (
    MAX_FRAME_BYTES,
    NS_PER_MS,
    Control,
    Frame,
    FrameError,
    FrameOutcome,
)

CR, LF, TAB, STX, ETX, DLE = 0x0D, 0x0A, 0x09, 0x02, 0x03, 0x10

# GS, RS, US, FS and EOT separate elements inside a symbol; ESC opens a MagTek frame.
_ALLOWED_CONTROLS = frozenset({0x04, TAB, 0x1B, 0x1C, 0x1D, 0x1E, 0x1F})

# Honeywell's devices echo a command (three letters of tag, three of sub-tag, the value) with ACK,
# ENQ or NAK before each of its punctuation marks; Datalogic's answer with "$>" (done) or "$%", "$!"
# (refused). The pattern is narrow, so that a damaged byte never makes half a code out of a whole.
_HONEYWELL_REPLY = re.compile(
    rb"[A-Z]{3}[A-Z0-9]{0,3}[A-Z0-9|?*^ -]{0,64}[\x05\x06\x15][.!,;]"
    rb"(?:[A-Z0-9|?*^ -]{1,64}[\x05\x06\x15][.!,;])*"
)
_DATALOGIC_REPLY = re.compile(rb"\$[>%!]")


@dataclass(frozen=True, slots=True, kw_only=True)
class LineRules:
    """How lines end: `ends` are byte values, `start` opens a frame where it is set."""

    ends: frozenset[int]
    start: int | None = None
    check_byte: bool = False
    closes_on_idle: bool = False
    idle_ms: int = 200


# How long after a time-out the rest of the message may still come.
_REST_MS = 2000
AFTER_TIMEOUT = "after_timeout"


class LineFramer:
    """Cuts at end characters or at silence."""

    def __init__(self, rules: LineRules) -> None:
        self._rules = rules
        self._buffer = bytearray()
        self._last_ns = 0
        self._open = rules.start is None
        self._overlong = False
        self._awaits_check: int | None = None
        self._timed_out_ns: int | None = None

    def feed(self, chunk: bytes, now_ns: int) -> list[FrameOutcome]:
        """Take what arrived and give the frames that it completed."""
        outcomes: list[FrameOutcome] = []
        if self._timed_out_ns is not None and now_ns - self._timed_out_ns > _REST_MS * NS_PER_MS:
            self._timed_out_ns = None
        for byte in chunk:
            self._take(byte, outcomes)
        if chunk:
            self._last_ns = now_ns
        return outcomes

    def idle(self, now_ns: int) -> list[FrameOutcome]:
        """Close the frame, or drop it as timed out, once silence has lasted long enough."""
        deadline = self.deadline_ns()
        if deadline is None or now_ns < deadline:
            return []
        if self._overlong:
            self._reset()
            return []
        if self._awaits_check is not None:
            self._reset()
            return [FrameError("bad_checksum", "the check byte did not come")]
        if self._rules.closes_on_idle:
            return self._close()
        body, replies = _without_menu_replies(bytes(self._buffer))
        self._reset()
        outcomes: list[FrameOutcome] = list(replies)
        if body:
            self._timed_out_ns = now_ns
            outcomes.append(
                FrameError("timeout", f"{len(body)} bytes came without their end", body)
            )
        return outcomes

    def deadline_ns(self) -> int | None:
        """Give the time at which what is buffered has waited long enough."""
        if not self._buffer and not self._overlong and self._awaits_check is None:
            return None
        return self._last_ns + self._rules.idle_ms * NS_PER_MS

    def _take(self, byte: int, outcomes: list[FrameOutcome]) -> None:
        if self._awaits_check is not None:
            outcomes.extend(self._check(byte))
            return
        if not self._open:
            if byte == self._rules.start:
                self._open = True
            return
        if byte in self._rules.ends:
            self._end(byte, outcomes)
        elif not self._overlong:
            self._keep(byte, outcomes)

    def _end(self, byte: int, outcomes: list[FrameOutcome]) -> None:
        if self._overlong:
            self._reset()
        elif self._rules.check_byte:
            self._awaits_check = byte
        else:
            outcomes.extend(self._close(byte))

    def _keep(self, byte: int, outcomes: list[FrameOutcome]) -> None:
        if byte == self._rules.start:
            if self._buffer:
                lost = bytes(self._buffer)
                outcomes.append(FrameError("bad_frame", "a new frame began inside another", lost))
                self._buffer.clear()
            return
        if byte > 0x7F and byte & 0x7F in self._rules.ends:
            if not self._buffer:
                # The second half of CR LF with a parity bit; no text begins with such a byte.
                return
            mismatch = _parity_mismatch(bytes(self._buffer) + bytes([byte]))
            if mismatch:
                self._reset()
                outcomes.append(mismatch)
                return
        if len(self._buffer) >= MAX_FRAME_BYTES:
            outcomes.append(FrameError("too_long", f"more than {MAX_FRAME_BYTES} bytes in a frame"))
            self._buffer.clear()
            self._overlong = True
            return
        self._buffer.append(byte)

    def _check(self, byte: int) -> list[FrameOutcome]:
        end, self._awaits_check = self._awaits_check, None
        expected = end or 0
        for each in self._buffer:
            expected ^= each
        if byte == expected:
            return self._close(end)
        raw = bytes(self._buffer)
        self._reset()
        return [FrameError("bad_checksum", "the check byte is wrong", raw)]

    def _close(self, end: int | None = None) -> list[FrameOutcome]:
        raw = bytes(self._buffer)
        self._reset()
        body, replies = _without_menu_replies(raw)
        outcomes: list[FrameOutcome] = list(replies)
        if not body:
            return outcomes
        tail = b"" if end is None else bytes([end])
        head = b"" if self._rules.start is None else bytes([self._rules.start])
        whole = head + body + tail
        if self._rules.start is not None:
            # ID-12LA and MagTek send CR (LF) before their ETX.
            body = body.rstrip(b"\r\n")
        mismatch = _parity_mismatch(body)
        if mismatch:
            outcomes.append(mismatch)
        elif any(byte < 0x20 and byte not in _ALLOWED_CONTROLS for byte in body) or 0x7F in body:
            outcomes.append(
                FrameError("illegal_byte", "a byte arrived that no code contains", body)
            )
        elif body:
            doubt = () if self._timed_out_ns is None else (AFTER_TIMEOUT,)
            outcomes.append(Frame(body, whole, warnings=doubt))
        self._timed_out_ns = None
        return outcomes

    def _reset(self) -> None:
        self._buffer.clear()
        self._open = self._rules.start is None
        self._overlong = False
        self._awaits_check = None


def _without_menu_replies(body: bytes) -> tuple[bytes, list[Control]]:
    """Cut replies to menu commands off the front; none of them is ever a scan."""
    replies: list[Control] = []
    if _DATALOGIC_REPLY.fullmatch(body):
        return b"", [Control("menu_reply", body)]
    rest = body
    while found := _HONEYWELL_REPLY.match(rest):
        replies.append(Control("menu_reply", found.group()))
        rest = rest[found.end() :]
    return rest, replies


def _parity_mismatch(body: bytes) -> FrameError | None:
    """Recognise a device that sends seven bits and parity on a port that reads eight bits.

    Every byte then has the same parity (or, with mark parity, its top bit set), and the text is no
    UTF-8, since bytes from 0x80 to 0xBF stand there without a lead byte.
    """
    if not any(byte > 0x7F for byte in body):
        return None
    ones = {byte.bit_count() % 2 for byte in body}
    if len(ones) > 1 and not all(byte > 0x7F for byte in body):
        return None
    if not any((byte & 0x7F) < 0x40 for byte in body if byte > 0x7F):
        return None
    try:
        body.decode("utf-8")
    except UnicodeDecodeError:
        return FrameError(
            "framing_mismatch",
            "the device sends seven bits and parity, the port reads eight bits",
            body,
        )
    return None
