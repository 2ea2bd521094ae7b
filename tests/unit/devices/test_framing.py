"""Framers: what ends a message, what is noise, what is given up after silence."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tessera.core.errors import TesseraError
from tessera.devices.framing.answers import AnswerFramer
from tessera.devices.framing.frame import (
    MAX_FRAME_BYTES,
    NS_PER_MS,
    Control,
    Frame,
    FrameError,
    FrameOutcome,
    Framer,
)
from tessera.devices.framing.hid_pos import HidPosFramer, HidPosRules
from tessera.devices.framing.keystrokes import KeystrokeFramer, KeystrokeRules
from tessera.devices.framing.layouts import LAYOUTS
from tessera.devices.framing.length_prefixed import LengthPrefixedFramer, LengthRules
from tessera.devices.framing.line import CR, ETX, LF, STX, TAB, LineFramer, LineRules
from tessera.devices.framing.ssi import HOST_ACK, HOST_NAK_RESEND, SsiFramer, ssi_packet
from tessera.devices.framing.wiegand import WiegandFramer

MS = NS_PER_MS
LATE = 100_000 * MS


def line(**rules: object) -> LineFramer:
    return LineFramer(LineRules(ends=frozenset({CR, LF}), **rules))  # type: ignore[arg-type]


def bodies(outcomes: list[FrameOutcome]) -> list[bytes]:
    return [outcome.body for outcome in outcomes if isinstance(outcome, Frame)]


def codes(outcomes: list[FrameOutcome]) -> list[str]:
    return [outcome.code for outcome in outcomes if isinstance(outcome, FrameError)]


def names(outcomes: list[FrameOutcome]) -> list[str]:
    return [outcome.name for outcome in outcomes if isinstance(outcome, Control)]


# ---- lines


def test_either_line_end_closes_a_frame_and_empty_frames_vanish() -> None:
    assert bodies(line().feed(b"\r\nA\rB\nC\r\n\r\r", 0)) == [b"A", b"B", b"C"]


def test_tab_ends_a_frame_only_where_the_profile_says_so() -> None:
    assert bodies(line().feed(b"A\tB\r", 0)) == [b"A\tB"]
    with_tab = LineFramer(LineRules(ends=frozenset({TAB})))
    assert bodies(with_tab.feed(b"A\tB\t", 0)) == [b"A", b"B"]


def test_silence_closes_a_frame_without_suffix_no_sooner_than_set() -> None:
    framer = LineFramer(LineRules(ends=frozenset(), closes_on_idle=True, idle_ms=50))
    assert framer.deadline_ns() is None
    assert framer.feed(b"ABC", 10 * MS) == []
    assert framer.deadline_ns() == 60 * MS
    assert framer.idle(59 * MS) == []
    assert bodies(framer.idle(60 * MS)) == [b"ABC"]
    assert framer.idle(LATE) == []


def test_silence_drops_an_unfinished_line() -> None:
    framer = line(idle_ms=200)
    framer.feed(b"ABC", 0)
    assert codes(framer.idle(200 * MS)) == ["timeout"]
    assert bodies(framer.feed(b"D\r", 300 * MS)) == [b"D"]


def test_a_line_of_more_than_the_limit_is_dropped_whole() -> None:
    framer = line()
    assert codes(framer.feed(b"A" * (MAX_FRAME_BYTES + 9), 0)) == ["too_long"]
    assert bodies(framer.feed(b"AAA\rB\r", 0)) == [b"B"]


def test_an_overlong_line_ends_with_silence_too() -> None:
    framer = line()
    framer.feed(b"A" * (MAX_FRAME_BYTES + 1), 0)
    assert framer.idle(LATE) == []
    assert bodies(framer.feed(b"B\r", LATE)) == [b"B"]


@pytest.mark.parametrize(
    "reply", [b"$>", b"$%", b"$!", b"CBRENA1\x06.", b"CBRENA1\x06,SSX0\x06!", b"XYZABC\x05."]
)
def test_a_reply_to_a_menu_command_is_no_scan(reply: bytes) -> None:
    outcomes = line().feed(reply + b"\r", 0)
    assert bodies(outcomes) == []
    assert codes(outcomes) == []
    assert names(outcomes) == ["menu_reply"]


def test_a_menu_reply_without_line_end_leaves_the_next_scan_alone() -> None:
    assert bodies(line().feed(b"CBRENA1\x06.4006381333931\r", 0)) == [b"4006381333931"]
    framer = line()
    framer.feed(b"CBRENA1\x06.", 0)
    outcomes = framer.idle(LATE)
    assert (names(outcomes), codes(outcomes)) == (["menu_reply"], [])


def test_a_damaged_digit_is_no_menu_reply() -> None:
    """0x15 is the digit 5 with one bit lost."""
    assert codes(line().feed(b"]E040063813\x1533931\r", 0)) == ["illegal_byte"]


@pytest.mark.parametrize("text", ["café", "Übung 5", "naïve", "эра", "ж1"])
def test_accented_text_is_no_parity_mismatch(text: str) -> None:
    assert codes(line().feed(text.encode() + b"\r", 0)) == []
    assert codes(line().feed(text.encode("utf-8") + b"\r\n", 0)) == []


def parity_7(text: bytes, *, odd: bool) -> bytes:
    """What an eight-bit port reads of seven bits and parity."""
    return bytes(byte | (0x80 if byte.bit_count() % 2 != odd else 0) for byte in text)


@pytest.mark.parametrize("odd", [False, True])
@pytest.mark.parametrize("end", [b"\r", b"\n", b"\r\n"])
def test_seven_bits_with_parity_on_an_eight_bit_port_is_named(odd: bool, end: bytes) -> None:
    framer = line()
    outcomes = framer.feed(parity_7(b"4006381333931" + end, odd=odd), 0) + framer.idle(LATE)
    assert codes(outcomes) == ["framing_mismatch"]
    assert bodies(outcomes) == []


def test_mark_parity_is_named_too() -> None:
    assert codes(line().feed(bytes(byte | 0x80 for byte in b"4006\r"), 0)) == ["framing_mismatch"]


# ---- STX and ETX


def stx(*, check_byte: bool = False) -> LineFramer:
    return LineFramer(LineRules(ends=frozenset({ETX}), start=STX, check_byte=check_byte))


def test_what_stands_outside_of_a_frame_is_noise() -> None:
    assert bodies(stx().feed(b"xx\x02A\x03yy\x03\x02B\r\n\x03", 0)) == [b"A", b"B"]


def test_a_frame_inside_a_frame_costs_the_first_one() -> None:
    outcomes = stx().feed(b"\x02AB\x02CD\x03", 0)
    assert (codes(outcomes), bodies(outcomes)) == (["bad_frame"], [b"CD"])
    assert bodies(stx().feed(b"\x02\x02CD\x03", 0)) == [b"CD"]


def test_a_frame_of_nothing_is_swallowed() -> None:
    assert stx().feed(b"\x02\x03\x02\r\n\x03", 0) == []


def test_a_check_byte_is_verified() -> None:
    """F4 and ETX: 0x46 ^ 0x34 ^ 0x03 = 0x71."""
    assert bodies(stx(check_byte=True).feed(b"\x02F4\x03\x71\x02F4\x03\x71", 0)) == [b"F4", b"F4"]
    assert codes(stx(check_byte=True).feed(b"\x02F4\x03\x70", 0)) == ["bad_checksum"]
    framer = stx(check_byte=True)
    framer.feed(b"\x02F4\x03", 0)
    assert codes(framer.idle(LATE)) == ["bad_checksum"]


# ---- length prefixed


@pytest.mark.parametrize(
    "rules, content",
    [
        (LengthRules(), b"\x03ABC\x00\x01D"),
        (LengthRules(size=2), b"\x00\x03ABC\x00\x01D"),
        (LengthRules(size=2, byteorder="little"), b"\x03\x00ABC\x01\x00D"),
        (LengthRules(counts_itself=True), b"\x04ABC\x02D"),
    ],
)
def test_a_length_cuts_frames(rules: LengthRules, content: bytes) -> None:
    whole = LengthPrefixedFramer(rules)
    assert bodies(whole.feed(content, 0)) == [b"ABC", b"D"]
    slow = LengthPrefixedFramer(rules)
    outcomes = [each for byte in content for each in slow.feed(bytes([byte]), 0)]
    assert bodies(outcomes) == [b"ABC", b"D"]
    assert slow.deadline_ns() is None


def test_an_impossible_length_drops_what_came() -> None:
    framer = LengthPrefixedFramer(LengthRules(size=2))
    assert codes(framer.feed(b"\xff\xffABC", 0)) == ["bad_frame"]
    assert bodies(framer.feed(b"\x00\x01A", 0)) == [b"A"]


def test_a_length_whose_data_stays_away_is_given_up() -> None:
    framer = LengthPrefixedFramer(LengthRules(idle_ms=100))
    framer.feed(b"\x05AB", 0)
    assert framer.idle(99 * MS) == []
    assert codes(framer.idle(100 * MS)) == ["timeout"]


# ---- SSI


def decoded(text: bytes, *, kind: int = 0x0B, status: int = 0) -> bytes:
    return ssi_packet(0xF3, source=0, status=status, content=bytes([kind]) + text)


def test_a_resent_packet_is_acknowledged_and_not_scanned_twice() -> None:
    framer = SsiFramer()
    assert bodies(framer.feed(decoded(b"4006381333931"), 0)) == [b"4006381333931"]
    (again,) = framer.feed(decoded(b"4006381333931", status=1), 0)
    assert again == Control("resent", decoded(b"4006381333931", status=1), HOST_ACK)


def test_a_first_packet_marked_as_resent_counts() -> None:
    assert bodies(SsiFramer().feed(decoded(b"X", status=1), 0)) == [b"X"]


def test_the_packets_of_a_long_message_are_joined() -> None:
    framer = SsiFramer()
    first = decoded(b"A" * 200, kind=0x1C, status=2)
    second = ssi_packet(0xF3, source=0, content=b"B" * 100)
    assert names(framer.feed(first, 0)) == ["part"]
    (frame,) = framer.feed(second, 0)
    assert isinstance(frame, Frame)
    assert (frame.body, frame.symbology) == (b"A" * 200 + b"B" * 100, "qr")


def test_a_message_without_end_is_bounded_and_forgotten_after_silence() -> None:
    framer = SsiFramer()
    outcomes = framer.feed(b"".join(decoded(b"A" * 240, status=2) for _ in range(20)), 0)
    assert "too_long" in codes(outcomes)
    assert framer.idle(LATE) == []
    assert framer.deadline_ns() is None


def test_the_rest_of_a_message_that_is_too_long_is_no_scan() -> None:
    framer = SsiFramer()
    parts = [decoded(b"A" * 240, status=2) for _ in range(20)]
    outcomes = framer.feed(b"".join([*parts, decoded(b"123456")]), 0)
    assert codes(outcomes) == ["too_long"]
    assert bodies(outcomes) == []
    assert bodies(framer.feed(decoded(b"4006381333931"), 0)) == [b"4006381333931"]


def test_packets_without_content_that_announce_more_for_ever_are_bounded() -> None:
    empty = ssi_packet(0xF3, source=0, status=2)
    outcomes = SsiFramer().feed(empty * (4 * MAX_FRAME_BYTES // len(empty)), 0)
    assert codes(outcomes) == ["too_long"]


def test_commands_and_naks_of_the_scanner_are_no_scans() -> None:
    framer = SsiFramer()
    outcomes = framer.feed(
        ssi_packet(0xD1, source=0, content=b"\x01") + ssi_packet(0xF6, source=0), 0
    )
    assert names(outcomes) == ["nak", "opcode_f6"]
    assert codes(framer.feed(ssi_packet(0xF3, source=0), 0)) == ["bad_frame"]


def test_a_good_packet_is_found_behind_a_damaged_one() -> None:
    damaged = bytearray(decoded(b"4006381333931"))
    damaged[6] ^= 1
    framer = SsiFramer()
    outcomes = framer.feed(bytes(damaged) + decoded(b"OK", kind=0x03), 0) + framer.idle(LATE)
    assert bodies(outcomes) == [b"OK"]
    assert codes(outcomes)[0] == "bad_checksum"
    replies = [each.reply for each in outcomes if isinstance(each, FrameError)]
    assert replies[:1] == [HOST_NAK_RESEND]


def test_an_unknown_kind_of_code_is_generic() -> None:
    (frame,) = SsiFramer().feed(decoded(b"X", kind=0xEE), 0)
    assert isinstance(frame, Frame)
    assert frame.symbology == "generic"


def test_a_packet_that_stops_in_the_middle_is_given_up() -> None:
    framer = SsiFramer()
    framer.feed(decoded(b"4006381333931")[:9], 0)
    assert framer.idle(99 * MS) == []
    assert codes(framer.idle(100 * MS))[0] == "timeout"


# ---- HID POS


def report(text: bytes, *, aim: bytes = b"]E0", more: int = 0, length: int | None = None) -> bytes:
    size = len(text) if length is None else length
    return bytes([2, size]) + aim + text.ljust(58, b"\0") + bytes([more])


def test_reports_are_joined_while_more_follows() -> None:
    framer = HidPosFramer(HidPosRules())
    assert framer.feed(report(b"A" * 56, aim=b"]Q1", more=1), 0) == []
    (frame,) = framer.feed(report(b"B", aim=b"]Q1"), 0)
    assert isinstance(frame, Frame)
    assert (frame.body, frame.aim) == (b"A" * 56 + b"B", "]Q1")


@pytest.mark.parametrize(
    "content",
    [
        report(b"123", length=57),
        report(b"123", length=2),
        report(b"123", more=2),
        report(b"1" * 56, more=1) + report(b"2", aim=b"]Q1"),
        report(b"1" * 56, more=1) * 80,
    ],
)
def test_a_report_that_cannot_be_is_refused(content: bytes) -> None:
    assert codes(HidPosFramer(HidPosRules()).feed(content, 0))[0] == "bad_frame"


def test_other_reports_and_empty_ones_are_no_scans() -> None:
    framer = HidPosFramer(HidPosRules())
    assert names(framer.feed(bytes([3]) + bytes(63), 0)) == ["report_03"]
    assert framer.feed(report(b""), 0) == []


def test_half_a_report_is_given_up() -> None:
    framer = HidPosFramer(HidPosRules())
    framer.feed(report(b"123")[:20], 0)
    assert framer.idle(199 * MS) == []
    assert codes(framer.idle(200 * MS)) == ["timeout"]


# ---- Wiegand and whole answers


def test_wiegand_bits_that_are_too_few_or_too_many_are_refused() -> None:
    framer = WiegandFramer(26)
    assert codes(framer.feed(bytes.fromhex("ea0dc081"), 0)) == ["bad_frame"]
    framer.feed(bytes.fromhex("ea0d"), 0)
    assert framer.idle(49 * MS) == []
    assert codes(framer.idle(50 * MS)) == ["bad_frame"]
    assert framer.deadline_ns() is None


def test_an_answer_is_taken_whole() -> None:
    framer: Framer = AnswerFramer()
    assert bodies(framer.feed(b"\x90\x00", 0)) == [b"\x90\x00"]
    assert framer.feed(b"", 0) == []
    assert codes(framer.feed(bytes(MAX_FRAME_BYTES + 1), 0)) == ["too_long"]
    assert framer.idle(LATE) == []
    assert framer.deadline_ns() is None


# ---- keyboards


EVENT = struct.Struct("<qqHHi")
ENTER, LEFT_CTRL, LEFT_ALT, CAPS, TAB_KEY, F1 = 28, 29, 56, 58, 15, 59


def keys(*strokes: tuple[int, int], at_us: int = 0) -> bytes:
    content = b""
    for number, (code, value) in enumerate(strokes):
        when = at_us + number * 4000
        content += EVENT.pack(when // 1_000_000, when % 1_000_000, 1, code, value)
        content += EVENT.pack(when // 1_000_000, when % 1_000_000, 0, 0, 0)
    return content


def press(*codes_: int) -> list[tuple[int, int]]:
    return [stroke for code in codes_ for stroke in ((code, 1), (code, 0))]


def keyboard(layout: str = "us", **rules: object) -> KeystrokeFramer:
    return KeystrokeFramer(KeystrokeRules(layout=LAYOUTS[layout], **rules))  # type: ignore[arg-type]


PRINTABLE = {
    name: sorted(
        set(layout.plain.values()) | set(layout.shifted.values()) | set(layout.altgr.values())
    )
    for name, layout in LAYOUTS.items()
}


@pytest.mark.parametrize("name", sorted(LAYOUTS))
@given(data=st.data())
def test_what_is_typed_on_a_layout_is_read_with_it(name: str, data: st.DataObject) -> None:
    characters = [each for each in PRINTABLE[name] if each not in "¨£`´^~¬·½"]
    text = data.draw(st.text(st.sampled_from(characters), min_size=1, max_size=30))
    try:
        strokes = LAYOUTS[name].strokes(text)
    except TesseraError:  # a sign that only the keypad has
        return
    assert bodies(keyboard(name).feed(keys(*strokes), 0)) == [text.encode()]


def test_a_layout_says_which_character_it_lacks() -> None:
    with pytest.raises(TesseraError, match="no key for 'ж'"):
        LAYOUTS["us"].strokes("ж")


def test_shift_altgr_and_caps_lock_of_the_scanner_itself_count() -> None:
    typed = [(42, 1), *press(30), (42, 0), (CAPS, 1), (CAPS, 0), *press(30, 2), *press(CAPS, 30)]
    assert bodies(keyboard().feed(keys(*typed, *press(ENTER)), 0)) == [b"AA1a"]
    assert bodies(keyboard("de").feed(keys((100, 1), *press(16), (100, 0), *press(96)), 0)) == [
        b"@"
    ]


def test_control_keys_type_separators() -> None:
    """GS, which ends a GS1 element, is Ctrl and ]."""
    typed = [*press(2), (LEFT_CTRL, 1), *press(27), (LEFT_CTRL, 0), *press(3, ENTER)]
    assert bodies(keyboard().feed(keys(*typed), 0)) == [b"1\x1d2"]


def test_alt_and_keypad_digits_are_a_character_on_every_layout() -> None:
    """Alt+0228 is ä in Windows-1252, Alt+65 is A, Alt+132 is ä in code page 437."""
    for digits, text in (((82, 80, 80, 72), "ä"), ((77, 76), "A"), ((79, 81, 80), "ä")):
        typed = [(LEFT_ALT, 1), *press(*digits), (LEFT_ALT, 0), *press(ENTER)]
        assert bodies(keyboard("ru").feed(keys(*typed), 0)) == [text.encode()]


def test_a_key_without_a_character_spoils_its_scan_and_no_other() -> None:
    framer = keyboard()
    outcomes = framer.feed(keys(*press(2, F1, 3, ENTER), *press(4, ENTER)), 0)
    assert (codes(outcomes), bodies(outcomes)) == (["unmapped_key"], [b"3"])


def test_a_spoilt_scan_without_enter_is_reported_after_silence() -> None:
    framer = keyboard()
    framer.feed(keys(*press(F1)), 0)
    assert codes(framer.idle(LATE)) == ["unmapped_key"]


def test_a_scan_without_enter_times_out_or_is_closed_by_silence() -> None:
    framer = keyboard()
    framer.feed(keys(*press(2, 3)), 0)
    assert framer.idle(199 * MS) == []
    assert codes(framer.idle(200 * MS)) == ["timeout"]
    framer = keyboard(closes_on_idle=True)
    framer.feed(keys(*press(2, 3)), 0)
    assert bodies(framer.idle(LATE)) == [b"12"]


def test_tab_ends_a_scan_where_the_profile_says_so() -> None:
    assert bodies(keyboard(ends_with_tab=True).feed(keys(*press(2, TAB_KEY)), 0)) == [b"1"]
    assert bodies(keyboard().feed(keys(*press(2, TAB_KEY, 3, ENTER)), 0)) == [b"1\t2"]


def test_after_lost_events_a_pause_begins_a_new_scan() -> None:
    dropped = EVENT.pack(0, 5000, 0, 3, 0)
    framer = keyboard()
    first = framer.feed(keys(*press(2)) + dropped * 2 + keys(*press(3), at_us=20_000), 0)
    assert codes(first) == ["overrun"]
    assert bodies(framer.feed(keys(*press(4, ENTER), at_us=200_000), 0)) == [b"3"]


def test_after_lost_events_silence_begins_a_new_scan() -> None:
    framer = keyboard()
    framer.feed(EVENT.pack(0, 0, 0, 3, 0), 0)
    assert framer.idle(LATE) == []
    assert framer.deadline_ns() is None


def test_a_scan_of_endless_keys_is_bounded() -> None:
    framer = keyboard()
    outcomes = framer.feed(keys(*press(2) * (MAX_FRAME_BYTES + 1), *press(ENTER)), 0)
    assert codes(outcomes) == ["too_long"]


def test_keys_that_mean_nothing_are_passed_over() -> None:
    alone = [(42, 1), (42, 0), *press(69), (2, 2), *press(ENTER)]
    assert keyboard().feed(keys(*alone), 0) == []
