"""Decoding: code ids, check digits, GS1, stripes, tags."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tessera.devices.decoding.check_digits import (
    code39_check_character,
    gs1_check_digit,
    has_gs1_check,
    has_luhn_check,
    luhn_check_digit,
    upc_e_to_upc_a,
)
from tessera.devices.decoding.gs1 import digital_link_details, element_string_details
from tessera.devices.decoding.label import Label, LabelTrust, Refusal
from tessera.devices.decoding.magstripe import read_stripe
from tessera.devices.decoding.payment_cards import (
    holds_payment_card,
    in_payment_range,
    is_payment_card,
    may_hold_part_of_card,
    payment_card_run,
    range_overlaps_network,
)
from tessera.devices.decoding.proximity import (
    read_em4100,
    read_hex_uid,
    read_pcsc_answer,
    read_wiegand,
)
from tessera.devices.decoding.symbology import read_label

DIGITS = st.text("0123456789", min_size=1, max_size=24)


def read(text: str, scheme: str = "aim", **known: str) -> Any:
    """Give what a text is read as: its label, or the refusal's code."""
    first = read_label(text.encode(), scheme, **known)[0]
    return first if isinstance(first, Label) else first.code


# ---- check digits


def test_known_check_digits() -> None:
    """GS1's own example 629104150021-3; Luhn's 7992739871-3; Code 39's CODE39-W."""
    assert gs1_check_digit("629104150021") == "3"
    assert luhn_check_digit("7992739871") == "3"
    assert code39_check_character("CODE39") == "W"
    assert code39_check_character("code39") == ""


@given(body=DIGITS, place=st.integers(0, 24), step=st.integers(1, 9))
def test_every_single_wrong_digit_is_noticed(body: str, place: int, step: int) -> None:
    for whole, holds in (
        (body + gs1_check_digit(body), has_gs1_check),
        (body + luhn_check_digit(body), has_luhn_check),
    ):
        assert holds(whole)
        at = place % len(whole)
        damaged = whole[:at] + str((int(whole[at]) + step) % 10) + whole[at + 1 :]
        assert not holds(damaged)


@pytest.mark.parametrize(
    "short, long",
    [
        ("01234505", "012000003455"),
        ("04252614", "042100005264"),
        ("01234565", "012345000065"),
        ("01234531", "012300000451"),
        ("01234543", "012340000053"),
        ("21234565", None),
        ("0123456", None),
    ],
)
def test_upc_e_is_written_out(short: str, long: str | None) -> None:
    assert upc_e_to_upc_a(short) == long


# ---- code ids


@pytest.mark.parametrize(
    "text, symbology, payload",
    [
        ("]E0412345678903", "upca", "412345678903"),
        ("]E00012345678905", "ean13", "0012345678905"),
        ("]E496385074", "ean8", "96385074"),
        ("]E3400638133393112", "ean13", "4006381333931"),
        ("]X04006381333931", "ean13", "4006381333931"),
        ("]X0123456789X", "isbn", "123456789X"),
        ("]F0A123-4B", "codabar", "A123-4B"),
        ("]G0AB", "code93", "AB"),
        ("]C2x", "code128", "x"),
        ("]C4x", "isbt128", "x"),
        ("]L2ABCD", "pdf417", "ABCD"),
        ("]A4a+b", "code39", "a+b"),
        ("]I1123457", "itf", "123457"),
        ("]I312345", "itf", "12345"),
        ("]I014006381333938", "itf", "14006381333938"),
        ("]z0x", "aztec", "x"),
        ("]Q9x", "generic", "x"),
        ("]A-x", "generic", "x"),
    ],
)
def test_an_aim_identifier_names_the_symbology(text: str, symbology: str, payload: str) -> None:
    label = read(text)
    assert (label.symbology, label.payload) == (symbology, payload)


@pytest.mark.parametrize(
    "text, code",
    [
        ("]E04006381333932", "bad_check_digit"),
        ("]E040063813339", "bad_length"),
        ("]E0400638133393X", "illegal_character"),
        ("]E34006381333931123", "bad_length"),
        ("]E0", "bad_length"),
        ("]A1TESS123K", "bad_check_digit"),
        ("]A1J", "bad_check_digit"),
        ("]A0tess", "illegal_character"),
        ("]I0123", "bad_length"),
        ("]I012X4", "illegal_character"),
        ("]I1123456", "bad_check_digit"),
        ("]F0A1_2B", "illegal_character"),
        ("]C1014006", "bad_gs1"),
        ("]Q1https://id.example.org/8018/400638133393100005", "bad_check_digit"),
    ],
)
def test_content_that_its_symbology_cannot_have_is_refused(text: str, code: str) -> None:
    assert read(text) == code


def test_a_label_without_the_identifier_that_was_due_is_marked() -> None:
    assert read("4006381333931").trust is LabelTrust.MISSING
    assert read("Q123", "datalogic-us").trust is LabelTrust.MISSING
    assert read("4006381333931", "none").trust is LabelTrust.UNLABELLED


@pytest.mark.parametrize(
    "scheme, text, symbology, payload",
    [
        ("zebra", "A96385074", "ean8", "96385074"),
        ("zebra", "A04252614", "upce", "04252614"),
        ("zebra", "A012345678905", "upca", "012345678905"),
        ("zebra", "A400638133393112", "ean13", "4006381333931"),
        ("zebra", "K8018400638133393100004", "gs1-128", "8018400638133393100004"),
        ("honeywell", "E01234565", "upce", "01234565"),
        ("honeywell", "E0012345000065", "ean13", "0012345000065"),
        ("datalogic-us", "FF96385074", "ean8", "96385074"),
        ("datalogic-eu", "B4006381333931", "ean13", "4006381333931"),
        ("datalogic-eu", "k8018400638133393100004", "gs1-128", "8018400638133393100004"),
        ("ncr", "B3ABC", "code128", "ABC"),
        ("ncr", "F4006381333931", "ean13", "4006381333931"),
        ("ncr", "]Q0ABC", "qr", "ABC"),
    ],
)
def test_makers_letters_are_read_longest_first(
    scheme: str, text: str, symbology: str, payload: str
) -> None:
    label = read(text, scheme)
    assert (label.symbology, label.payload) == (symbology, payload)


@pytest.mark.parametrize(
    "text, code",
    [("A123", "bad_length"), ("A14006381333938", "bad_length"), ("A01234566", "bad_check_digit")],
)
def test_a_letter_for_the_whole_family_still_needs_a_number_of_it(text: str, code: str) -> None:
    assert read(text, "zebra") == code


@pytest.mark.parametrize(
    "text, code", [("E012345", "bad_length"), ("E01X34565", "illegal_character")]
)
def test_upc_e_that_is_none_is_refused(text: str, code: str) -> None:
    assert read(text, "honeywell") == code


def test_upc_a_in_all_its_forms_is_one_gtin() -> None:
    forms = [
        read("]E0012345678905"),
        read("]E00012345678905"),
        read("c012345678905", "honeywell"),
        read("012345678905", "none"),
    ]
    assert {label.details["gtin14"] for label in forms} == {"00012345678905"}


def test_a_protocol_that_names_the_symbology_needs_no_letters() -> None:
    assert read("4006381333931", "none", symbology="ean13").details["gtin14"] == "04006381333931"
    assert read("4006381333931", "none", aim="]E0").symbology == "ean13"


def test_eci_escapes_are_taken_out_where_the_reader_announces_them() -> None:
    assert read("]Q2\\000026caf\\\\é").payload == "caf\\é"
    assert read("]Q1\\000026x").payload == "\\000026x"


def test_an_unlabelled_number_is_guessed_by_length_and_check_digit() -> None:
    assert read("4006381333931", "none").details["guess"] == "ean13"
    assert read("14006381333938", "none").details["guess"] == "gtin14"
    assert read("4006381333932", "none").details == {}


def test_control_characters_are_refused_and_separators_kept() -> None:
    assert read("]d1[)>\x1e06\x1dA\x1e\x04").symbology == "datamatrix"
    assert read("]d1A\x07") == "illegal_byte"
    assert read("]d1A\x85") == "illegal_byte"


# ---- GS1


def elements(payload: str) -> Any:
    details = element_string_details(payload)
    return details.code if isinstance(details, Refusal) else details.get("ai")


@pytest.mark.parametrize(
    "payload, found",
    [
        ("0104006381333931", {"01": "04006381333931"}),
        ("01040063813339313103000125", {"01": "04006381333931", "3103": "000125"}),
        ("10AB\x1d17261231", {"10": "AB", "17": "261231"}),
        ("\x1d17261231", {"17": "261231"}),
        ("2554006381333931123", {"255": "4006381333931123"}),
        ("2554006381333931", {"255": "4006381333931"}),
        ("8110" + "1" * 30, {"8110": "1" * 30}),
        ("3922" + "150", {"3922": "150"}),
        ("8018400638133393100005", "bad_check_digit"),
        ("0104006381333932", "bad_check_digit"),
        ("010400638133393", "bad_gs1"),
        ("21A B", "bad_gs1"),
        ("4221234", "bad_gs1"),
        ("01040063813339310104006381333948", "bad_gs1"),
        ("10A\x1d10B", "bad_gs1"),
        ("10A\x1d6612", "bad_gs1"),
        ("310", None),
        ("66123", None),
        ("\x1d".join("10A" for _ in range(60)), "bad_gs1"),
    ],
)
def test_an_element_string_is_read_or_refused(payload: str, found: object) -> None:
    assert elements(payload) == found


@pytest.mark.parametrize(
    "link, found",
    [
        ("https://id.example.org/8018/400638133393100004", {"8018": "400638133393100004"}),
        ("HTTP://example.org/x/01/4006381333931/21/A%2F1", {"01": "04006381333931", "21": "A/1"}),
        (
            "https://example.org/01/96385074?17=261231&linkType=all",
            {"01": "00000096385074", "17": "261231"},
        ),
        ("https://example.org/414/4006381333931", {"414": "4006381333931"}),
        ("https://example.org/01/4006381333932", "bad_check_digit"),
        ("https://example.org/01/40063", "bad_check_digit"),
        ("https://example.org/8018/12", "bad_gs1"),
        ("https://example.org/01/4006381333931/66/1", "bad_gs1"),
        ("https://example.org/welcome", None),
        ("https:///01/4006381333931", None),
        ("https://[bad/01/4006381333931", None),
        ("urn:8018:400638133393100004", None),
        ("https://example.org/" + "x" * 3000, None),
    ],
)
def test_a_digital_link_is_read_or_refused(link: str, found: object) -> None:
    details = digital_link_details(link)
    if isinstance(details, Refusal):
        assert details.code == found
    else:
        assert (details and details["ai"]) == found


# ---- stripes


def stripe(text: str, *, with_lrc: bool = False) -> tuple[list[tuple[str, str]], list[str]]:
    """Give (symbology, number) of the labels, and the refusals' codes."""
    decoded = read_stripe(text.encode("latin-1"), with_lrc=with_lrc)
    labels = [(each.symbology, each.number) for each in decoded if isinstance(each, Label)]
    return labels, [each.code for each in decoded if isinstance(each, Refusal)]


def test_tracks_are_judged_alone() -> None:
    assert stripe("%E?;0001234=4912?") == ([("msr-t2", "0001234")], ["track1_error"])
    assert stripe("%B0001234^X^4912?;E?") == ([("msr-t1", "0001234")], ["track2_error"])
    assert stripe(";0001234=1?;99887766?") == ([("msr", "0001234")], [])
    assert stripe(";0001234=1?+991=2?") == ([("msr", "0001234")], [])


def test_the_name_on_track_one_is_dropped() -> None:
    (label,) = read_stripe(b"%B0001234^DOE/JANE^4912101?", with_lrc=False)
    assert isinstance(label, Label)
    assert label.payload == "B0001234^^4912101"
    assert not label.keep_raw
    (plain,) = read_stripe(b"%B0001234?", with_lrc=False)
    assert isinstance(plain, Label)
    assert plain.payload == "B0001234"


@pytest.mark.parametrize(
    "text, code",
    [
        ("0001234", "missing_start_sentinel"),
        (";0001234", "missing_end_sentinel"),
        (";00A1234?", "track2_error"),
        (";?", "track2_error"),
        (";0001234?0junk", "bad_frame"),
        ("%B0001234^X^1?;0009999?", "track_mismatch"),
        (";1?+2?+3?", "track_mismatch"),
        (";00\xe91?", "illegal_byte"),
    ],
)
def test_a_stripe_that_cannot_be_is_refused(text: str, code: str) -> None:
    assert stripe(text) == ([], [code])


def test_an_lrc_may_look_like_a_sentinel() -> None:
    """;3? has 11 ^ 3 ^ 15 = 7, ;0? has 4, and ;78? has 11 ^ 7 ^ 8 ^ 15 = 11, which is written ;."""
    assert stripe(";3?7", with_lrc=True) == ([("msr-t2", "3")], [])
    assert stripe(";0?4;1?5", with_lrc=True) == ([("msr", "0")], [])
    assert stripe(";78?;", with_lrc=True) == ([("msr-t2", "78")], [])
    assert stripe(";4?", with_lrc=True) == ([], ["bad_lrc"])
    assert stripe(";E?", with_lrc=True) == ([], ["track2_error"])


def test_the_lrc_of_track_one_has_six_bits() -> None:
    """%B1^A^? from blank: 5 ^ 34 ^ 17 ^ 62 ^ 33 ^ 62 ^ 31 = 8, written as "("."""
    assert stripe("%B1^A^?(", with_lrc=True) == ([("msr-t1", "1")], [])


# ---- payment cards


@pytest.mark.parametrize(
    "number",
    [
        "4111111111111111", "5555555555554444", "2223003122003222", "378282246310005",
        "30569309025904", "6011111111111117", "3530111333300000", "6200000000000005",
        "2200000000000004", "6759649826438453", "4222222222222",
    ],
)  # fmt: skip
def test_published_test_numbers_of_the_networks_are_recognised(number: str) -> None:
    assert is_payment_card(number)
    spaced = f"card {number[:4]} {number[4:]} end"
    assert payment_card_run(spaced)
    assert holds_payment_card(spaced)


def test_a_number_glued_to_others_still_hides_one() -> None:
    assert holds_payment_card("0004111111111111111999")
    assert not payment_card_run("0004111111111111111999")


def test_other_numbers_are_none() -> None:
    assert not is_payment_card("4111111111111112")
    assert in_payment_range("4111111111111112")
    assert not in_payment_range("2001234567893")
    assert not holds_payment_card("2001234567893")


def test_a_cut_off_number_counts_as_one_from_nine_digits_on() -> None:
    assert may_hold_part_of_card("411111111")
    assert not may_hold_part_of_card("41111111")
    assert not may_hold_part_of_card("200123456")


def test_a_short_prefix_inside_a_network_is_named() -> None:
    assert range_overlaps_network("6") is not None
    assert range_overlaps_network("4") == "4"
    assert range_overlaps_network("603456") is None
    assert range_overlaps_network("20") is None


# ---- tags


def code_of(decoded: Label | Refusal) -> str:
    return decoded.code if isinstance(decoded, Refusal) else decoded.number


@pytest.mark.parametrize(
    "body, outcome",
    [
        (b"000414CD7EA3", "000414CD7E"),
        (b"000414cd7ea3", "bad_frame"),
        (b"000414CD7E", "bad_frame"),
        (b"000414CD7EA4", "bad_checksum"),
    ],
)
def test_em4100(body: bytes, outcome: str) -> None:
    assert code_of(read_em4100(body)) == outcome


@pytest.mark.parametrize(
    "body, outcome",
    [
        (b"04A1B2C3D4E580", "04A1B2C3D4E580"),
        (b"04a1b2c3d4e580 ", "04A1B2C3D4E580"),
        (b"04A1b2C3", "bad_frame"),
        (b"04A1B2", "bad_length"),
        (b"hello", "bad_frame"),
        (b"08A1B2C3", "random_uid"),
        (b"88A1B2C3", "bad_frame"),
        (b"00000000", "bad_frame"),
    ],
)
def test_identifiers_as_text(body: bytes, outcome: str) -> None:
    assert code_of(read_hex_uid(body)) == outcome


@pytest.mark.parametrize(
    "body, outcome",
    [
        ("9000", "bad_length"),
        ("6300", "failed"),
        ("6982", "failed"),
        ("90", "bad_frame"),
        ("a1b2c3d49000", "A1B2C3D4"),
        ("04a1b2c3d4e5809000", "04A1B2C3D4E580"),
    ],
)
def test_pcsc_answers(body: str, outcome: str) -> None:
    assert code_of(read_pcsc_answer(bytes.fromhex(body))) == outcome


def wiegand(bits: int, facility: int, number: int) -> bytes:
    """Build a Wiegand number: even parity over the first half, odd over the second."""
    number_bits = {26: 16, 34: 16, 37: 19}[bits]
    data = facility << number_bits | number
    half = (bits - 1) // 2
    upper, lower = data >> (bits - 2 - half), data & ((1 << half) - 1)
    whole = (upper.bit_count() % 2) << (bits - 1) | data << 1 | (lower.bit_count() % 2 == 0)
    size = -(-bits // 8)
    return (whole << (size * 8 - bits)).to_bytes(size, "big")


@pytest.mark.parametrize("bits", [26, 34, 37])
@given(facility=st.integers(0, 255), number=st.integers(0, 65535), bit=st.integers(0, 25))
def test_wiegand_numbers_and_their_parity(bits: int, facility: int, number: int, bit: int) -> None:
    content = wiegand(bits, facility, number)
    assert code_of(read_wiegand(content, bits)) == f"{facility}-{number}"
    damaged = bytearray(content)
    damaged[bit // 8] ^= 0x80 >> bit % 8
    if bits != 37 or bit != 18:  # on 37 bits the halves share the middle bit
        assert code_of(read_wiegand(bytes(damaged), bits)) == "bad_parity"


def test_an_unknown_wiegand_length_is_refused() -> None:
    assert code_of(read_wiegand(bytes(4), 30)) == "bad_length"
