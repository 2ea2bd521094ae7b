"""Decodes one recorded case: bytes, silences and where they came from in, scans and errors out.

This is what `tessera devices decode` runs on each line it reads. Pure: time is made up from the
case's own delays.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from tessera.devices.card_formats import CardFormat
from tessera.devices.events import ReaderError, Scan
from tessera.devices.framing.frame import MAX_FRAME_BYTES, NS_PER_MS
from tessera.devices.pipeline import Pipeline
from tessera.devices.profile_schema import ReaderProfile

_MAX_CASE_BYTES = 64 * MAX_FRAME_BYTES
_MAX_IDLE_MS = 3_600_000


def decode_case(
    case: Mapping[str, Any], profile: ReaderProfile, formats: Sequence[CardFormat]
) -> dict[str, object]:
    """Run one case through a fresh pipeline.

    `case` has `hex` or `chunks` (a list of `hex` and `delay_ms`), and optionally `idle_after_ms`,
    `bits` (Wiegand) and `id`; `apdu` and `initial` are taken and change nothing here: the answer is
    decoded as that to GET DATA, and a grabbed keyboard does not follow the host's lock keys.
    ValueError with a sentence where the case is malformed.
    """
    profile = _with_bits(profile, case.get("bits"))
    pipeline = Pipeline(profile, formats, "decode")
    now_ns = 0
    events: list[Scan | ReaderError] = []
    for content, delay_ms in _chunks(case, whole=profile.framing.kind == "answers"):
        now_ns += delay_ms * NS_PER_MS
        events += pipeline.idle(now_ns)
        events += pipeline.feed(content, now_ns)
    idle_ms = _whole_ms(case.get("idle_after_ms") or 0)
    if idle_ms:
        events += pipeline.idle(now_ns + idle_ms * NS_PER_MS)
    answer: dict[str, object] = {}
    if "id" in case:
        answer["id"] = case["id"]
    answer["scans"] = [
        scan_fields(event) for event in events if isinstance(event, Scan) and not event.suppressed
    ]
    answer["errors"] = [event.code for event in events if isinstance(event, ReaderError)]
    repeats = [scan_fields(each) for each in events if isinstance(each, Scan) and each.suppressed]
    if repeats:
        answer["suppressed"] = repeats
    replies = pipeline.take_replies()
    if replies:
        answer["reply"] = replies.hex()
    if pipeline.controls:
        answer["control"] = pipeline.controls[-1]
    return answer


def scan_fields(scan: Scan) -> dict[str, object]:
    """Give a scan as plain fields for JSON; details stand beside the rest."""
    fields: dict[str, object] = {
        **scan.details,
        "symbology": scan.symbology,
        "payload": scan.payload,
        "card_id": scan.card_id,
        "kind": scan.kind.value,
        "card_format": scan.card_format,
    }
    if scan.warnings:
        fields["warnings"] = list(scan.warnings)
    return fields


def _with_bits(profile: ReaderProfile, bits: object) -> ReaderProfile:
    if bits is None or profile.framing.kind != "wiegand":
        return profile
    if not isinstance(bits, int) or not 4 <= bits <= 64:
        raise ValueError("bits is not a whole number from 4 to 64")
    return replace(
        profile,
        framing=replace(profile.framing, bits=bits),
        decode=replace(profile.decode, bits=bits),
    )


def _chunks(case: Mapping[str, Any], *, whole: bool) -> list[tuple[bytes, int]]:
    chunks = case.get("chunks")
    if chunks is None:
        if "hex" not in case:
            raise ValueError("neither hex nor chunks is given")
        return [(_bytes(case["hex"]), 0)]
    if not isinstance(chunks, list) or not all(isinstance(each, dict) for each in chunks):
        raise ValueError("chunks is not a list of objects")
    cut = [(_bytes(each.get("hex")), _whole_ms(each.get("delay_ms") or 0)) for each in chunks]
    return [(b"".join(content for content, _ in cut), 0)] if whole else cut


def _bytes(text: object) -> bytes:
    if not isinstance(text, str) or len(text) > 2 * _MAX_CASE_BYTES:
        raise ValueError(f"hex is not a text of at most {2 * _MAX_CASE_BYTES} digits")
    try:
        return bytes.fromhex(text)
    except ValueError as error:
        raise ValueError(f"hex is malformed: {error}") from error


def _whole_ms(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= _MAX_IDLE_MS:
        raise ValueError(f"a time is not a whole number of milliseconds up to {_MAX_IDLE_MS}")
    return value
