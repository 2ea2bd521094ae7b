"""The pipeline as a whole: halves of numbers, repeats, and that no payment card leaves it."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tessera.devices.decoding.check_digits import luhn_check_digit
from tessera.devices.events import ReaderError, Scan, ScanKind
from tessera.devices.framing.frame import NS_PER_MS as MS
from tessera.devices.framing.keystrokes import EVENT_BYTES
from tessera.devices.framing.layouts import LAYOUTS
from tessera.devices.pipeline import Pipeline
from tessera.devices.profiles import read_card_formats, read_profiles
from tests.unit.devices.test_framing import keys

PROFILES = read_profiles().profiles
FORMATS = read_card_formats().format


def pipeline(profile: str) -> Pipeline:
    return Pipeline(PROFILES[profile], FORMATS, "left")


def scans(events: list[Scan | ReaderError]) -> list[Scan]:
    return [event for event in events if isinstance(event, Scan)]


def test_the_other_half_of_a_number_is_nobodys_card() -> None:
    """The line paused for longer than the profile allows, in the middle of 0001234567."""
    reader = pipeline("generic-cr")
    reader.feed(b"00012", 0)
    assert [getattr(event, "code", "") for event in reader.idle(200 * MS)] == ["timeout"]
    (half,) = scans(reader.feed(b"34567\r", 250 * MS))
    assert (half.card_id, half.warnings) == (None, ("after_timeout",))
    (whole,) = scans(reader.feed(b"7654321\r", 300 * MS))
    assert whole.card_id == "7654321"


def test_a_number_with_its_check_digit_counts_after_a_timeout_too() -> None:
    reader = pipeline("aim-cr")
    reader.feed(b"]E0200", 0)
    reader.idle(200 * MS)
    (scan,) = scans(reader.feed(b"]E02001234567893\r", 250 * MS))
    assert scan.card_id == "2001234567893"


def test_long_after_a_timeout_nothing_is_in_doubt() -> None:
    reader = pipeline("generic-cr")
    reader.feed(b"00012", 0)
    reader.idle(200 * MS)
    (scan,) = scans(reader.feed(b"34567\r", 2300 * MS))
    assert scan.card_id == "34567"


def test_a_repeat_within_the_profiles_time_is_marked_whatever_carried_it() -> None:
    reader = pipeline("msr-cr")
    tracks = (b"%B0001234^A/B^49?\r", b";0001234=49?\r", b";99?\r")
    first, second, third = (scans(reader.feed(track, 0))[0] for track in tracks)
    assert [first.suppressed, second.suppressed, third.suppressed] == [False, True, False]


def test_the_raw_bytes_of_a_stripe_and_the_name_on_it_stay_inside() -> None:
    (scan,) = scans(pipeline("msr-cr").feed(b"%B0001234^DOE/JANE^4912?\r", 0))
    assert scan.raw_hex == ""
    assert "DOE" not in scan.label + scan.payload + str(scan.details)


def test_controls_are_kept_for_diagnosis_and_bounded() -> None:
    reader = pipeline("aim-cr")
    reader.feed(b"$>\r" * 100, 0)
    assert reader.controls == ["menu_reply"] * 16


def test_goods_have_no_card() -> None:
    (scan,) = scans(pipeline("aim-cr").feed(b"]E04006381333931\r", 0))
    assert (scan.kind, scan.card_id) == (ScanKind.PRODUCT, None)


# ---- payment cards


TEXT_PROFILES = sorted(
    name
    for name, profile in PROFILES.items()
    if profile.framing.kind in {"line", "stx-etx", "keystrokes"}
    and not profile.framing.check_byte
    and profile.framing.layout != "ru"  # has no Latin letters to type code ids with
)
SHAPES = (
    "{pan}",
    "]C0{pan}",
    ";{pan}=29121010000012345?",
    ";{pan}=29121010000012345",
    "%B{pan}^DOE/JANE^2912101?;{pan}=2912101?",
    "{spaced}",
    "PAY:{pan};",
    "{pan}\x00",
)


@st.composite
def payment_cards(draw: st.DrawFn) -> str:
    """A Visa, Mastercard, American Express or UnionPay number with its Luhn digit."""
    start, length = draw(st.sampled_from([("4", 16), ("52", 16), ("37", 15), ("62", 19)]))
    free = length - len(start) - 1
    body = start + draw(st.text("0123456789", min_size=free, max_size=free))
    return body + luhn_check_digit(body)


def wire(profile: str, text: str) -> bytes:
    """What the profile's reader sends for a text."""
    framing = PROFILES[profile].framing
    if framing.kind == "stx-etx":
        return b"\x02" + text.encode() + b"\x03"
    if framing.kind == "line":
        return text.encode() + (b"\t" if framing.suffix == "tab" else b"\r")
    layout = LAYOUTS[framing.layout]
    typeable = "".join(c for c in text if c in {*layout.plain.values(), *layout.shifted.values()})
    content = keys(*layout.strokes(typeable))
    assert len(content) % EVENT_BYTES == 0
    return content


@pytest.mark.parametrize("shape", SHAPES)
@settings(max_examples=60)
@given(pan=payment_cards(), profile=st.sampled_from(TEXT_PROFILES))
def test_no_payment_card_leaves_the_pipeline(shape: str, pan: str, profile: str) -> None:
    spaced = " ".join(pan[at : at + 4] for at in range(0, len(pan), 4))
    reader = pipeline(profile)
    events = reader.feed(wire(profile, shape.format(pan=pan, spaced=spaced)), 0)
    events += reader.idle(100_000 * MS)
    for event in events:
        raw = bytes.fromhex(event.raw_hex).decode("latin-1")
        if isinstance(event, Scan):
            said = f"{event.label}|{event.payload}|{event.card_id}|{dict(event.details)}|{raw}"
        else:
            said = f"{event.message}|{event.hint}|{raw}"
        assert pan[:9] not in said.replace(" ", ""), said
