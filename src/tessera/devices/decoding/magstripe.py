"""Magnetic stripes: up to three tracks in one message, each judged alone.

    % track 1 ?   ; track 2 ?   + (or ;) track 3 ?

A bad track never loses a good one. `E` alone between the sentinels is the reader's word for a track
that it could not read. An LRC, where the reader sends it, stands after the end sentinel and is
verified. The cardholder's name on track 1 is dropped here, before anything is kept.

Sources: ISO/IEC 7811-2 and 7811-6 (coding, LRC), ISO/IEC 7813 (structure); MagTek insertion reader
manual, message format; UIC MSR112 manual, page 13.
"""

import re
from dataclasses import dataclass

from tessera.devices.decoding.label import Decoded, Label, LabelTrust, Refusal

_START = {"%": 1, ";": 2, "+": 3}
# After the end sentinel a reader may add one status character; MagTek sends "0". An LRC can be any
# character, a sentinel's too, so that it is cut off by its place.
_STATUS, _LRC = "[^%;+?]?", ".?"
_PATTERN = (
    r"(?P<start>[%;+])(?:(?P<error>E)\?|(?P<content>[^?%;+]*)(?:(?P<end>\?)(?P<after>AFTER))?)"
)
_PATTERN += r"(?P<rest>[^%;+]*)"
_TRACK = re.compile(_PATTERN.replace("AFTER", _STATUS))
_TRACK_WITH_LRC = re.compile(_PATTERN.replace("AFTER", _LRC))
_TRACK_1_CHARACTERS = re.compile(r"[ -_]*")
_TRACK_23_CHARACTERS = re.compile(r"[0-9:<=>]*")


@dataclass(frozen=True, slots=True)
class _Track:
    number: int
    content: str

    @property
    def symbology(self) -> str:
        return f"msr-t{self.number}"

    @property
    def card_number(self) -> str:
        if self.number == 1:
            # Format code, number, "^", name, "^", expiry and the rest.
            return self.content[1:].partition("^")[0].replace(" ", "")
        number, separator, _ = self.content.partition("=")
        # Track 3 with fields (ISO 4909) begins with a format code, not with a number.
        return "" if self.number == 3 and separator else number


def read_stripe(body: bytes, *, with_lrc: bool) -> list[Decoded]:
    """Read one message of a stripe reader; one label for all good tracks, refusals for the bad."""
    try:
        text = body.decode("ascii").lstrip("\x1b").rstrip("\r\n")
    except UnicodeDecodeError:
        return [Refusal("illegal_byte", "a stripe carries ASCII only", keep_raw=False)]
    first = re.search(r"[%;+]", text)
    if not first:
        return [Refusal("missing_start_sentinel", "no track begins", keep_raw=False)]
    tracks: list[_Track] = []
    refusals: list[Decoded] = []
    pattern = _TRACK_WITH_LRC if with_lrc else _TRACK
    seen: set[int] = set()
    for match in pattern.finditer(text, first.start()):
        number = _START[match["start"]]
        # Track 3 begins like track 2 on the stripe; some readers pass that on as it is.
        number = 3 if number == 2 and 2 in seen else number
        seen.add(number)
        outcome = _track(match, number, with_lrc=with_lrc)
        if isinstance(outcome, Refusal):
            refusals.append(outcome)
        else:
            tracks.append(outcome)
    return [*_label(tracks), *refusals]


def _track(match: re.Match[str], number: int, *, with_lrc: bool) -> _Track | Refusal:
    content = match["content"] or ""
    if match["error"]:
        return Refusal(
            f"track{number}_error", f"the reader could not read track {number}", keep_raw=False
        )
    if not match["end"]:
        return Refusal("missing_end_sentinel", f"track {number} has no end", keep_raw=False)
    allowed = _TRACK_1_CHARACTERS if number == 1 else _TRACK_23_CHARACTERS
    if not content or not allowed.fullmatch(content):
        return Refusal(
            f"track{number}_error", f"track {number} holds impossible characters", keep_raw=False
        )
    if with_lrc:
        expected = _lrc(match["start"] + content + "?", track=number)
        if match["after"] != expected:
            return Refusal("bad_lrc", f"the LRC of track {number} is wrong", keep_raw=False)
    if match["rest"].strip("\r\n"):
        return Refusal("bad_frame", f"something follows track {number}", keep_raw=False)
    return _Track(number, content)


def _lrc(characters: str, *, track: int) -> str:
    """Give the LRC as the reader writes it: even parity by column over the data bits.

    Tracks 2 and 3 have four data bits a character, written from "0"; track 1 has six, from blank.
    """
    base, mask = (0x20, 0x3F) if track == 1 else (0x30, 0x0F)
    total = 0
    for character in characters:
        total ^= (ord(character) - base) & mask
    return chr(base + total)


def _label(tracks: list[_Track]) -> list[Decoded]:
    if not tracks:
        return []
    by_number = {track.number: track for track in tracks}
    if len(by_number) != len(tracks):
        return [Refusal("track_mismatch", "a track came twice", keep_raw=False)]
    numbers = {by_number[track].card_number for track in (1, 2) if track in by_number}
    if len(numbers) > 1:
        return [Refusal("track_mismatch", "two tracks name different cards", keep_raw=False)]
    # Track 2 holds digits only and has fewer characters to misread; track 3 is the last resort.
    best = by_number.get(2) or by_number.get(1) or by_number[3]
    if len(tracks) == 1:
        symbology, payload = best.symbology, _without_name(best)
    else:
        symbology, payload = "msr", "+".join(f"T{number}" for number in sorted(by_number))
    details: dict[str, object] = {"drop": ["name"]} if 1 in by_number else {}
    return [
        Label(
            text=payload,
            symbology=symbology,
            payload=payload,
            number=best.card_number,
            trust=LabelTrust.DECLARED,
            details=details,
            keep_raw=False,
        )
    ]


def _without_name(track: _Track) -> str:
    if track.number != 1:
        return track.content
    number, caret, rest = track.content.partition("^")
    return f"{number}^^{rest.partition('^')[2]}" if caret else number
