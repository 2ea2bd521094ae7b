"""Which profile fits what an unknown reader sent, and the udev rule that goes with a device.

Every serial profile is tried on the recorded scans; the one that explains them best wins: each scan
whole, no error, a declared symbology, a known card, and the very suffix that came. Pure.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from tessera.devices.card_formats import CardFormat
from tessera.devices.events import ReaderError, Scan, ScanKind
from tessera.devices.framing.frame import NS_PER_MS
from tessera.devices.pipeline import Pipeline
from tessera.devices.profile_schema import ReaderProfile

_LONG_SILENCE_NS = 60_000 * NS_PER_MS
_SUFFIXES = {"cr": b"\r", "lf": b"\n", "crlf": b"\r\n", "tab": b"\t", "none": b""}
# A hint at how sure a guess is: below this the reader sends something no profile knows.
CONVINCING = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Guess:
    """A profile and what it makes of the recorded scans; a higher score fits better."""

    profile: ReaderProfile
    score: int
    scans: tuple[Scan, ...]
    errors: tuple[str, ...]


def guess_profiles(
    recorded: Sequence[bytes], profiles: Iterable[ReaderProfile], formats: Sequence[CardFormat]
) -> list[Guess]:
    """Rank the serial profiles by how well they explain the scans; the best first.

    `recorded` holds one item for each scan: all its bytes.
    """
    guesses = [
        _guess(recorded, profile, formats) for profile in profiles if profile.transport == "serial"
    ]
    return sorted(guesses, key=lambda guess: (-guess.score, guess.profile.name))


def _guess(
    recorded: Sequence[bytes], profile: ReaderProfile, formats: Sequence[CardFormat]
) -> Guess:
    scans: list[Scan] = []
    errors: list[str] = []
    score = 0
    for content in recorded:
        pipeline = Pipeline(replace(profile, repeat_ms=0), formats, "learn")
        events = [*pipeline.feed(content, 0), *pipeline.idle(_LONG_SILENCE_NS)]
        found = [event for event in events if isinstance(event, Scan)]
        scans += found
        errors += [event.code for event in events if isinstance(event, ReaderError)]
        score += _worth(found)
    score -= 5 * len(errors)
    if profile.framing.kind == "line" and _ends_with(recorded, _SUFFIXES[profile.framing.suffix]):
        score += 2
    # The bytes were read with eight bits and no parity, and made sense.
    if (profile.serial.data_bits, profile.serial.parity) != ("8", "none"):
        score -= 1
    # Among equals the general profile is the honest answer; a model is only known by its USB id.
    score = 2 * score + (not profile.models)
    return Guess(profile=profile, score=score, scans=tuple(scans), errors=tuple(errors))


def _worth(scans: Sequence[Scan]) -> int:
    if len(scans) != 1:
        return -2
    (scan,) = scans
    declared = 3 if scan.symbology not in {"unknown", "generic"} else 0
    known = 2 if scan.kind is not ScanKind.UNKNOWN else 0
    # "Any word" as a card is what a wrong profile makes of a code id it does not know.
    vague = -2 if (scan.card_format or "").startswith("plain-") else 0
    return 2 + declared + known + vague - 2 * len(scan.warnings)


def _ends_with(recorded: Sequence[bytes], suffix: bytes) -> bool:
    if not suffix:
        return not any(content.endswith((b"\r", b"\n", b"\t", b"\x03")) for content in recorded)
    if suffix == b"\r":
        return all(content.endswith(b"\r") for content in recorded)
    if suffix == b"\n":
        return all(content.endswith(b"\n") and b"\r" not in content for content in recorded)
    return all(content.endswith(suffix) for content in recorded)


def learnt_profile_text(source: str, *, name: str, title: str, usb: str, baud: int) -> str:
    """Make a new profile's text out of the text of the one that fits.

    `usb` is the device's vendor:product, "" where it has none; `baud` the speed that worked.
    """
    text = re.sub(r'(?m)^name = ".*"$', f'name = "{name}"', source, count=1)
    text = re.sub(r'(?m)^title = ".*"$', f'title = "{title}"', text, count=1)
    text = re.sub(r'(?m)^verified = ".*"$', 'verified = "device"', text, count=1)
    text = re.sub(r"(?ms)^(models|usb) = \[.*?\]\n", "", text)
    text = re.sub(r'(?ms)^(wiring|programming) = """.*?"""\n', "", text)
    text = re.sub(r"(?m)^baud = \d+\n", "", text)
    if usb:
        text = text.replace("\n\n[framing]", f'\nusb = ["{usb}"]\n\n[framing]', 1)
    if "\n[serial]\n" in text:
        return text.replace("\n[serial]\n", f"\n[serial]\nbaud = {baud}\n", 1)
    return f"{text}\n[serial]\nbaud = {baud}\n"
