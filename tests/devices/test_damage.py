"""Damaged frames: every single bit flip and every truncation, of everything that carries a check.

What is promised: an error, nothing, or the very same card. Never another card, and never a scan
whose number is not the one that was sent.
"""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tessera.devices.events import ReaderError, Scan
from tessera.devices.framing.frame import NS_PER_MS
from tessera.devices.pipeline import Pipeline
from tessera.devices.profiles import read_card_formats, read_profiles

PROFILES = read_profiles().profiles
FORMATS = read_card_formats().format
VECTORS = {
    case["id"]: case
    for line in (Path(__file__).parent / "device_vectors.jsonl").read_text().splitlines()
    for case in [json.loads(line)]
}
LONG_MS = 60_000

# Frames whose content is covered by a check: sum, parity, LRC or check digit.
CHECKED = (
    "ssi-ean13",
    "ssi-qr",
    "em4100-rdm6300-x2",
    "em4100-id12la-crlf",
    "msr-t2-lrc-ok",
    "wiegand26",
    "aim-ean13",
    "aim-gs1-gsrn-srin",
    "aim-qr-digital-link-gsrn",
    "euro-coupon-982",
    "hidpos-ean13",
    "zebra-A-ean13",
    "honeywell-c-upca",
    "datalogic-us-F-ean13",
    "datalogic-eu-A-ean8",
)


def read(profile: str, content: bytes) -> list[Scan | ReaderError]:
    """Feed the bytes, then a long silence."""
    pipeline = Pipeline(PROFILES[profile], FORMATS, "test")
    return [*pipeline.feed(content, 0), *pipeline.idle(LONG_MS * NS_PER_MS)]


def cards(events: list[Scan | ReaderError]) -> set[str | None]:
    return {event.card_id for event in events if isinstance(event, Scan) and event.card_id}


def flipped(content: bytes) -> list[bytes]:
    """Every way to flip one bit."""
    return [
        bytes([*content[:at], content[at] ^ (1 << bit), *content[at + 1 :]])
        for at in range(len(content))
        for bit in range(8)
    ]


@pytest.mark.parametrize("name", CHECKED)
def test_no_flipped_bit_makes_another_card(name: str) -> None:
    case = VECTORS[name]
    content = bytes.fromhex(case["hex"])
    right = cards(read(case["profile"], content))
    for damaged in flipped(content):
        assert cards(read(case["profile"], damaged)) <= right, damaged.hex()


@pytest.mark.parametrize("name", CHECKED)
def test_no_truncation_makes_another_card(name: str) -> None:
    case = VECTORS[name]
    content = bytes.fromhex(case["hex"])
    right = cards(read(case["profile"], content))
    end = content[-1:]
    for length in range(len(content)):
        assert cards(read(case["profile"], content[:length])) <= right
        # The end of the frame came, what stands before it did not.
        assert cards(read(case["profile"], content[:length] + end)) <= right


@pytest.mark.parametrize(
    "name", ["ssi-ean13", "em4100-id12la-crlf", "msr-t2-lrc-ok", "wiegand26", "hidpos-ean13"]
)
def test_a_frame_with_a_transmission_check_never_yields_a_wrong_number(name: str) -> None:
    case = VECTORS[name]
    content = bytes.fromhex(case["hex"])
    (right,) = (event for event in read(case["profile"], content) if isinstance(event, Scan))
    for damaged in flipped(content):
        for event in read(case["profile"], damaged):
            if isinstance(event, Scan) and event.payload != right.payload:
                assert event.card_id is None, damaged.hex()


def glued_cases() -> list[dict[str, Any]]:
    return [
        case
        for case in VECTORS.values()
        if not case.get("malformed")
        and case["expect"]["scans"]
        and case["transport"] != "pcsc"
        and "idle_after_ms" not in case
    ]


@pytest.mark.parametrize("case", glued_cases(), ids=lambda case: case["id"])
def test_the_next_message_may_be_glued_on(case: dict[str, Any]) -> None:
    content = bytes.fromhex(case["hex"])
    once = [event for event in read(case["profile"], content) if isinstance(event, Scan)]
    twice = [event for event in read(case["profile"], content * 2) if isinstance(event, Scan)]
    assert [event.payload for event in twice if not event.suppressed] == [
        event.payload for event in once
    ]


@pytest.mark.parametrize("case", glued_cases(), ids=lambda case: case["id"])
@settings(max_examples=30)
@given(noise=st.binary(min_size=1, max_size=40))
def test_a_good_message_is_read_after_noise_and_a_pause(case: dict[str, Any], noise: bytes) -> None:
    content = bytes.fromhex(case["hex"])
    wanted = [event.payload for event in read(case["profile"], content) if isinstance(event, Scan)]
    pipeline = Pipeline(PROFILES[case["profile"]], FORMATS, "test")
    pipeline.feed(noise, 0)
    pipeline.idle(LONG_MS * NS_PER_MS)
    later = 2 * LONG_MS * NS_PER_MS
    events = [*pipeline.feed(content, later), *pipeline.idle(later + LONG_MS * NS_PER_MS)]
    assert [event.payload for event in events if isinstance(event, Scan)] == wanted


@pytest.mark.parametrize("profile", sorted(PROFILES))
@settings(max_examples=30)
@given(chunks=st.lists(st.tuples(st.binary(max_size=64), st.integers(0, 400)), max_size=12))
def test_no_input_breaks_a_reader(profile: str, chunks: list[tuple[bytes, int]]) -> None:
    pipeline = Pipeline(PROFILES[profile], FORMATS, "test")
    now_ns = 0
    for content, delay_ms in chunks:
        now_ns += delay_ms * NS_PER_MS
        events = [*pipeline.idle(now_ns), *pipeline.feed(content, now_ns)]
        assert all(isinstance(event, Scan | ReaderError) for event in events)
    pipeline.idle(now_ns + LONG_MS * NS_PER_MS)
    assert pipeline.deadline_ns() is None


@pytest.mark.parametrize("name", ["ssi-ean13", "ssi-qr", "em4100-id12la-crlf"])
@settings(max_examples=30)
@given(noise=st.binary(min_size=1, max_size=30))
def test_a_packet_survives_noise_right_before_it(name: str, noise: bytes) -> None:
    case = VECTORS[name]
    content = bytes.fromhex(case["hex"])
    wanted = {event.payload for event in read(case["profile"], content) if isinstance(event, Scan)}
    found = read(case["profile"], noise + content)
    # Noise can hold the beginning of a longer frame; then the packet is lost with an error.
    got = {event.payload for event in found if isinstance(event, Scan)}
    assert got <= wanted
    assert got or any(isinstance(event, ReaderError) for event in found)
