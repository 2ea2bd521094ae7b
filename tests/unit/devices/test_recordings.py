"""Recordings, learning, udev rules, events as fields: what may be handed on and what may not."""

import json
import re
import tomllib
from collections.abc import Callable

import pytest

from tessera.core.errors import TesseraError
from tessera.devices.capture_loop import record, record_scans
from tessera.devices.captures import STRETCH_BYTES_MAX, CaptureWriter, mask_bytes, read_capture
from tessera.devices.decode_lines import decode_case
from tessera.devices.event_fields import event_fields, event_line
from tessera.devices.events import (
    ReaderCondition,
    ReaderError,
    ReaderEvent,
    ReaderState,
    Scan,
    ScanKind,
)
from tessera.devices.learning import CONVINCING, guess_profiles, learnt_profile_text
from tessera.devices.port import PortEnded
from tessera.devices.port_choice import FoundPort
from tessera.devices.profiles import (
    parse_profile,
    read_card_formats,
    read_profiles,
    shipped_profiles_folder,
)
from tessera.devices.udev_rules import rules_for_port, rules_for_profiles

PROFILES = read_profiles().profiles
FORMATS = read_card_formats().format
CARD = b"]E02001234567893\r"


class ScriptedPort:
    """Gives chunks; an empty one is a silence. At the end the input has ended."""

    device = "script"

    def __init__(self, *chunks: bytes) -> None:
        self.chunks = list(chunks)
        self.written = b""

    def read(self, timeout_s: float) -> bytes:
        if not self.chunks:
            raise PortEnded("the script is over")
        return self.chunks.pop(0)

    def write(self, content: bytes) -> None:
        self.written += content

    def cancel(self) -> None:
        pass

    def close(self) -> None:
        pass


def ticking(step_ms: int = 10) -> Callable[[], int]:
    now = 0

    def clock() -> int:
        nonlocal now
        now += step_ms * 1_000_000
        return now

    return clock


def recorded(*chunks: bytes, profile: str = "aim-cr", masked: bool = True) -> list[str]:
    writer = CaptureWriter(profile=profile, masked=masked)
    port = ScriptedPort(*chunks)
    return list(record(port, PROFILES[profile], FORMATS, writer, clock_ns=ticking()))


# ---- captures


def test_a_recording_in_clear_is_read_again_as_it_was() -> None:
    lines = recorded(CARD[:5], CARD[5:], b"", CARD, b"", masked=False)
    profile, cases = read_capture(lines)
    answers = [decode_case(case, PROFILES[profile], FORMATS) for case in cases]
    assert [len(answer["scans"]) for answer in answers] == [1, 1]  # type: ignore[arg-type]


def test_a_masked_recording_keeps_framing_and_length_and_no_number() -> None:
    header, line = recorded(CARD, b"")
    assert json.loads(header) == {"capture": 1, "profile": "aim-cr", "masked": True}
    content = b"".join(bytes.fromhex(chunk["hex"]) for chunk in json.loads(line)["chunks"])
    assert content == b"]E02000000000000\r"
    assert len(content) == len(CARD)


def test_the_mask_leaves_code_ids_and_short_words() -> None:
    assert mask_bytes(b"]C1ABC\r;12345?\rAbcDEF9\r") == b"]C1ABC\r;12345?\rAbcAAA0\r"


@pytest.mark.parametrize(
    "profile, content",
    [
        ("aim-cr", b"]C04111111111111111\r"),
        ("generic-cr", b"xx4111111111111111yy\r"),
        ("msr-cr", b";4111111111111111=2912?\r"),
        ("msr-cr", b";4111111111111112=2912?\r"),
        ("msr-cr", b";4111111111111111=2912\r"),
        ("generic-cr", b"4111111111111111"),
        ("generic-cr", bytes(b | 0x80 if b.bit_count() % 2 else b for b in b"4111111111111111\r")),
    ],
)
def test_a_payment_card_is_never_recorded(profile: str, content: bytes) -> None:
    (_, line) = recorded(content, b"", profile=profile, masked=False)
    assert "chunks" not in json.loads(line)
    assert json.loads(line)["bytes"] == len(content)


def test_a_payment_card_that_was_cut_off_is_not_recorded_in_clear() -> None:
    _, line = recorded(b"41111111111111", b"", masked=False)
    assert json.loads(line) == {"at_ms": 0, "withheld": "timeout", "bytes": 14}


def test_a_stretch_without_end_is_withheld_and_not_kept_in_memory() -> None:
    pieces = [b"A" * 4096] * (STRETCH_BYTES_MAX // 4096 + 1)
    (_, line) = recorded(*pieces, b"", masked=False)
    assert json.loads(line)["withheld"] == "too_long"


def test_a_recording_ends_after_so_many_stretches_and_answers_the_device() -> None:
    packet = bytes.fromhex("12f300000b34303036333831333333393331fc54")
    port = ScriptedPort(packet, b"", packet, b"")
    writer = CaptureWriter(profile="zebra-ssi")
    lines = record(port, PROFILES["zebra-ssi"], FORMATS, writer, clock_ns=ticking(), count=1)
    assert len(list(lines)) == 2
    assert port.written == bytes.fromhex("04d00400ff28")


@pytest.mark.parametrize("lines", [[], ["{"], ["[]"], ['{"capture": 2}']])
def test_a_file_that_is_no_recording_is_refused(lines: list[str]) -> None:
    with pytest.raises(ValueError, match="not a recording"):
        read_capture(lines)


@pytest.mark.parametrize("line", ["{", "[]"])
def test_a_malformed_line_of_a_recording_is_named(line: str) -> None:
    _, cases = read_capture(['{"capture": 1}', "", line])
    with pytest.raises(ValueError, match="line 3 is not"):
        list(cases)


@pytest.mark.parametrize(
    "case, words",
    [
        ({}, "neither hex nor chunks"),
        ({"hex": "0g"}, "hex is malformed"),
        ({"hex": 5}, "hex is not a text"),
        ({"chunks": "00"}, "chunks is not a list"),
        ({"hex": "00", "idle_after_ms": -1}, "not a whole number of milliseconds"),
        ({"hex": "00", "idle_after_ms": True}, "not a whole number of milliseconds"),
    ],
)
def test_a_malformed_case_says_what_is_wrong(case: dict[str, object], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        decode_case(case, PROFILES["aim-cr"], FORMATS)


def test_wiegand_bits_of_a_case_replace_the_profiles() -> None:
    """34 bits: facility 1, number 2; the odd lower half needs its parity bit at 0."""
    data = (1 << 16 | 2) << 1
    whole = (1 << 33 | data) << 6
    case = {"hex": whole.to_bytes(5, "big").hex(), "bits": 34}
    answer = decode_case(case, PROFILES["w26-bits"], FORMATS)
    assert [scan["card_id"] for scan in answer["scans"]] == ["1-2"]  # type: ignore[attr-defined]
    with pytest.raises(ValueError, match="bits is not"):
        decode_case({"hex": "00", "bits": 3}, PROFILES["w26-bits"], FORMATS)


def test_repeats_and_controls_stand_beside_the_scans() -> None:
    answer = decode_case({"hex": (CARD * 2).hex()}, PROFILES["aim-cr"], FORMATS)
    assert len(answer["suppressed"]) == 1  # type: ignore[arg-type]
    unknown = decode_case({"hex": b"40063\r".hex()}, PROFILES["aim-cr"], FORMATS)
    assert unknown["scans"][0]["warnings"] == ["code_id_missing"]  # type: ignore[index]


# ---- learning


@pytest.mark.parametrize(
    "contents, profile",
    [
        ([CARD, CARD], "aim-cr"),
        ([CARD[:-1] + b"\r\n"] * 2, "aim-crlf"),
        ([b"2001234567893\r", b"2001234567893\r"], "generic-cr"),
        ([b"2001234567893\n"] * 2, "generic-lf"),
        ([b"2001234567893"] * 2, "generic-idle50"),
        ([b"2001234567893\t"] * 2, "generic-tab"),
        ([b"\x022001234567893\x03"] * 2, "stx-etx"),
        ([b"d2001234567893\r", b"D96385074\r"], "honeywell-codeid-cr"),
        ([b"B2001234567893\r", b"A96385074\r"], "datalogic-eu-cr"),
        ([b"F2001234567893\r", b"FF96385074\r"], "datalogic-us-cr"),
        ([bytes.fromhex("12f300000b34303036333831333333393331fc54")] * 2, "zebra-ssi"),
        ([b"\x02000414CD7EA3\x03" * 3] * 2, "rdm6300"),
        ([b";0001234=4912?\r"] * 2, "msr-cr"),
    ],
)
def test_two_scans_tell_the_profile(contents: list[bytes], profile: str) -> None:
    best = guess_profiles(contents, PROFILES.values(), FORMATS)[0]
    assert best.profile.name == profile
    assert best.score >= CONVINCING


def test_gibberish_convinces_nobody() -> None:
    best = guess_profiles([b"\xff\x01\x07abc"] * 2, PROFILES.values(), FORMATS)[0]
    assert best.score < CONVINCING


@pytest.mark.parametrize("name", ["aim-cr", "zebra-ds2208-ssi", "rdm6300"])
def test_a_learnt_profile_is_one_and_keeps_what_matters(name: str) -> None:
    source = (shipped_profiles_folder() / f"{name}.toml").read_text()
    text = learnt_profile_text(source, name="mine", title="my own", usb="1a86:7523", baud=19200)
    profile, problems = parse_profile(text, file="mine.toml")
    assert problems == []
    assert profile
    assert (profile.usb, profile.serial.baud) == (("1a86:7523",), 19200)
    assert profile.framing == PROFILES[name].framing
    assert profile.serial.flow == PROFILES[name].serial.flow
    assert tomllib.loads(text)["verified"] == "device"


def test_a_scan_is_recorded_until_silence_and_a_silent_scanner_named() -> None:
    port = ScriptedPort(b"", CARD[:4], CARD[4:], b"")
    assert record_scans(port, wait_s=10, clock_ns=ticking()) == CARD
    with pytest.raises(TesseraError, match="nothing came within 1 s"):
        record_scans(ScriptedPort(*[b""] * 300), wait_s=1, clock_ns=ticking())


# ---- udev


def test_the_shipped_rules_are_those_of_the_shipped_profiles() -> None:
    folder = shipped_profiles_folder().parent / "udev"
    shipped = (folder / "60-tessera-readers.rules").read_text()
    assert shipped == rules_for_profiles(PROFILES.values()), "run tessera devices udev"


def test_a_device_gets_a_lasting_name_by_its_serial_number() -> None:
    port = FoundPort(device="/dev/ttyACM0", vendor_product="05e0:1701", serial_number="S1")
    rules = rules_for_port(port, name="left")
    assert 'ATTRS{idVendor}=="05e0", ATTRS{idProduct}=="1701", ATTRS{serial}=="S1"' in rules
    assert 'SYMLINK+="tessera/left"' in rules
    assert "ID_MM_PORT_IGNORE" in rules


# ---- events for programs and people


def scan(**changes: object) -> Scan:
    fields: dict[str, object] = {
        "raw_hex": "00",
        "label": "]E02001234567893",
        "symbology": "ean13",
        "payload": "2001234567893",
        "kind": ScanKind.MEMBER_CARD,
        "card_id": "2001234567893",
        "card_format": "own",
        "reader_id": "left",
        "monotonic_ns": 1,
    }
    return Scan(**(fields | changes))  # type: ignore[arg-type]


EVENTS: list[ReaderEvent] = [
    scan(),
    scan(suppressed=True, warnings=("layout?",)),
    ReaderError(code="timeout", message="late", reader_id="left", monotonic_ns=1, repeats=3),
    ReaderState(
        reader_id="left",
        condition=ReaderCondition.DISCONNECTED,
        message="gone",
        hint="look",
        monotonic_ns=1,
    ),
]


@pytest.mark.parametrize("event", EVENTS, ids=repr)
def test_no_card_number_is_shown_unless_asked(event: ReaderEvent) -> None:
    shown = [repr(event), event_line(event), str(event_fields(event))]
    assert not any(re.search(r"\d{5}", text) for text in shown)


def test_in_clear_everything_is_there() -> None:
    fields = event_fields(scan(details={"gtin14": "02001234567893"}), in_clear=True)
    assert (fields["card_id"], fields["raw_hex"]) == ("2001234567893", "00")
    assert fields["gtin14"] == "02001234567893"
    assert "2001234567893" in event_line(scan(), in_clear=True)
    error = ReaderError(code="timeout", message="m", reader_id="r", monotonic_ns=1, raw_hex="41")
    assert event_fields(error, in_clear=True)["raw_hex"] == "41"


def test_goods_are_nobodys_secret() -> None:
    goods = scan(kind=ScanKind.PRODUCT, card_id=None, payload="4006381333931", card_format=None)
    assert "4006381333931" in event_line(goods)
    assert event_fields(goods)["payload"] == "4006381333931"


def test_lines_for_people_say_what_to_do() -> None:
    assert event_line(EVENTS[2]) == "error timeout (3 times): late"
    assert event_line(EVENTS[3]) == "disconnected: gone — look"
    assert event_fields(EVENTS[3])["hint"] == "look"
    assert "(repeat)" in event_line(EVENTS[1])
