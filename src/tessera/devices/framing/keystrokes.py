"""Scanners that act as a keyboard, read as the kernel's input events.

The device is grabbed, so that keys reach nobody else and the host's Caps Lock has no say: only what
this device presses counts. Auto-repeat is no key press. When the kernel says that events were
dropped, the scan they belonged to is lost whole and reported, since half a number is worse than
none. Characters typed as Alt with digits on the keypad are understood for every layout.
"""

import struct
from dataclasses import dataclass

from tessera.devices.framing.frame import (
    MAX_FRAME_BYTES,
    NS_PER_MS,
    Frame,
    FrameError,
    FrameOutcome,
)
from tessera.devices.framing.layouts import (
    CTRL_KEYS,
    KEY_ALT,
    KEY_ALTGR,
    KEY_CAPS_LOCK,
    KEY_ENTER,
    KEY_KEYPAD_ENTER,
    KEY_TAB,
    KEYPAD_DIGITS,
    QUIET_KEYS,
    SHIFT_KEYS,
    Layout,
)

# struct input_event of 64-bit Linux: seconds, microseconds, type, code, value.
_EVENT = struct.Struct("<qqHHi")
EVENT_BYTES = _EVENT.size
_EV_SYN, _EV_KEY = 0, 1
_SYN_DROPPED = 3
_RELEASED, _PRESSED = 0, 1
# After lost events a pause this long, by the events' own clock, begins a new scan.
_RECOVERY_US = 100_000


@dataclass(frozen=True, slots=True, kw_only=True)
class KeystrokeRules:
    """What the scanner is programmed for; `ends_with_tab` makes TAB end a scan beside Enter."""

    layout: Layout
    ends_with_tab: bool = False
    closes_on_idle: bool = False
    idle_ms: int = 200


class KeystrokeFramer:
    """Turns key events into the text of a scan."""

    def __init__(self, rules: KeystrokeRules) -> None:
        self._rules = rules
        self._partial = bytearray()
        self._text: list[str] = []
        self._down: set[int] = set()
        self._caps = False
        self._alt_digits = ""
        self._fault: FrameError | None = None
        self._dropped = False
        self._last_event_us = 0
        self._last_ns = 0

    def feed(self, chunk: bytes, now_ns: int) -> list[FrameOutcome]:
        """Take events and give the scans that they completed."""
        self._partial += chunk
        if chunk:
            self._last_ns = now_ns
        outcomes: list[FrameOutcome] = []
        whole = len(self._partial) - len(self._partial) % EVENT_BYTES
        events = bytes(self._partial[:whole])
        del self._partial[:whole]
        for seconds, micros, kind, code, value in _EVENT.iter_unpack(events):
            at_us = seconds * 1_000_000 + micros
            if kind == _EV_SYN and code == _SYN_DROPPED:
                self._lose(outcomes)
            elif kind == _EV_KEY:
                if self._dropped and at_us - self._last_event_us > _RECOVERY_US:
                    self._dropped = False
                self._key(code, value, outcomes)
            self._last_event_us = at_us
        return outcomes

    def idle(self, now_ns: int) -> list[FrameOutcome]:
        """Close or drop a scan that waits too long for its end."""
        deadline = self.deadline_ns()
        if deadline is None or now_ns < deadline:
            return []
        outcomes: list[FrameOutcome] = []
        self._partial.clear()
        self._down.clear()
        self._dropped = False
        if self._rules.closes_on_idle or self._fault:
            self._close(outcomes)
        elif self._text:
            left = "".join(self._text).encode()
            self._text.clear()
            outcomes.append(FrameError("timeout", f"{len(left)} bytes came without Enter", left))
        return outcomes

    def deadline_ns(self) -> int | None:
        """Give the time at which an unfinished scan is closed or dropped."""
        if not (self._text or self._partial or self._fault or self._dropped):
            return None
        return self._last_ns + self._rules.idle_ms * NS_PER_MS

    def _lose(self, outcomes: list[FrameOutcome]) -> None:
        if not self._dropped:
            outcomes.append(FrameError("overrun", "the kernel dropped key events of a scan"))
        self._dropped = True
        self._text.clear()
        self._down.clear()
        self._alt_digits = ""
        self._fault = None

    def _key(self, code: int, value: int, outcomes: list[FrameOutcome]) -> None:
        if value == _RELEASED:
            self._down.discard(code)
            if code == KEY_ALT and self._alt_digits:
                self._type(_alt_character(self._alt_digits))
                self._alt_digits = ""
            return
        if value != _PRESSED or code in QUIET_KEYS:
            return
        if self._is_end(code):
            if self._dropped:
                self._dropped = False
            else:
                self._close(outcomes)
            return
        self._down.add(code)
        if self._dropped:
            return
        if code == KEY_CAPS_LOCK:
            self._caps = not self._caps
        elif KEY_ALT in self._down and code in KEYPAD_DIGITS:
            self._alt_digits = (self._alt_digits + KEYPAD_DIGITS[code])[:5]
        elif code not in SHIFT_KEYS | CTRL_KEYS | {KEY_ALT, KEY_ALTGR}:
            self._type(self._character(code))
            if self._text and self._text[-1] == "\0":
                self._text.pop()
                self._fault = FrameError("unmapped_key", f"key {code} carries no character")

    def _is_end(self, code: int) -> bool:
        return code in {KEY_ENTER, KEY_KEYPAD_ENTER} or (
            code == KEY_TAB and self._rules.ends_with_tab
        )

    def _character(self, code: int) -> str:
        """Give the key's character; NUL stands for "none"."""
        layout = self._rules.layout
        shift = bool(self._down & SHIFT_KEYS)
        if code == KEY_TAB:
            return "\t"
        character = layout.character(code, shift=shift, altgr=KEY_ALTGR in self._down)
        if character is None:
            return "\0"
        if self._caps and character.isalpha():
            character = character.swapcase()
        if self._down & CTRL_KEYS:
            # Ctrl with a letter or ] is how scanners type control characters; GS is Ctrl+].
            control = ord(character.upper()) & 0x1F
            return chr(control) if control else "\0"
        return character

    def _type(self, character: str) -> None:
        if len(self._text) >= MAX_FRAME_BYTES:
            self._fault = FrameError("too_long", f"more than {MAX_FRAME_BYTES} keys in a scan")
            return
        self._text.append(character)

    def _close(self, outcomes: list[FrameOutcome]) -> None:
        body = "".join(self._text).encode()
        fault = self._fault
        self._text.clear()
        self._fault = None
        if fault:
            outcomes.append(fault)
        elif body:
            outcomes.append(Frame(body, body))


def _alt_character(digits: str) -> str:
    """Give the character of an Alt code: Windows-1252 with a leading zero, else code page 437."""
    number = int(digits) & 0xFF
    codec = "cp1252" if digits.startswith("0") else "cp437"
    return bytes([number]).decode(codec, errors="replace") if number else "\0"
