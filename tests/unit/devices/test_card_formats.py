"""Card formats: what the shop says a number is, and what is never taken for a card."""

import pytest

from tessera.core.errors import Problem
from tessera.devices.card_formats import CardFormat, parse_card_formats
from tessera.devices.codes import classify_code
from tessera.devices.events import ReaderError, Scan, ScanKind
from tessera.devices.profiles import read_card_formats

SHIPPED = read_card_formats().format


def judged(text: str, symbology: str = "", formats: tuple[CardFormat, ...] = SHIPPED) -> str:
    """Give kind, number and format of a code, or the error's code."""
    event = classify_code(
        text,
        formats,
        reader_id="r",
        monotonic_ns=0,
        scheme="none" if symbology else "aim",
        symbology=symbology,
    )
    if isinstance(event, ReaderError):
        return event.code
    return " ".join(str(each) for each in (event.kind, event.card_id, event.card_format))


@pytest.mark.parametrize(
    "text, what",
    [
        ("]E02001234567893", "member_card 2001234567893 ean13-in-store"),
        ("]E00412345678903", "member_card 0412345678903 ean13-in-store"),
        ("]E0412345678903", "member_card 412345678903 upca-in-store"),
        ("]E04006381333931", "product None None"),
        ("]E496385074", "product None None"),
        ("]I014006381333938", "product None None"),
        ("]E09801234567892", "refund_receipt None refund-980"),
        ("]E09912345678909", "coupon None coupon-99"),
        ("]E0512345678900", "coupon None coupon-upc-5"),
        ("]C12554006381333931123", "coupon None coupon-gcn"),
        ("]C18110106141416543213150110120", "coupon None coupon-8110"),
        ("]C181120012345", "coupon None coupon-8112"),
        ("]C18017400638133393100004", "staff_card 400638133393100004 gsrn-provider"),
        ("]C0STAFF-0815", "staff_card 0815 staff"),
        ("]Q1TESSERA-ENROL:K7QF-22", "enrolment None enrolment"),
        ("]Q1TESSERA-SALE:1:abc", "receipt None receipt"),
        ("]C0HELLO", "unknown None None"),
        ("]C04111111111111111", "payment_card"),
        ("]Q1pay 4111 1111 1111 1111", "payment_card"),
        ("]C06034561234567897", "member_card 6034561234567897 iso7812-luhn"),
        ("]C06034561234567898", "bad_check_digit"),
        ("]A0TESS 123-4", "member_card TESS 123-4 plain-code39"),
        ("]A04006381333932", "unknown None None"),
    ],
)
def test_what_the_shipped_formats_make_of_a_code(text: str, what: str) -> None:
    assert judged(text) == what


def test_a_coupon_tells_its_value() -> None:
    scan = classify_code("]E09821234010501", SHIPPED, reader_id="r", monotonic_ns=0, scheme="aim")
    assert isinstance(scan, Scan)
    assert scan.details["value_minor"] == 50
    assert (scan.details["issuer"], scan.details["reference"]) == ("1234", "01")


def test_an_unlabelled_code_is_judged_by_what_its_check_digit_suggests() -> None:
    assert judged("2001234567893", "unknown") == "member_card 2001234567893 ean13-in-store"
    assert judged("2001234567894", "unknown") == "unknown None None"


def test_a_code_whose_id_is_missing_is_nobodys_card() -> None:
    """An AIM reader whose first byte was lost must not make a card of what is left."""
    assert judged("E04006381333931") == "unknown None None"


@pytest.mark.parametrize(
    "text, what",
    [
        ("0001234", "member_card 0001234 plain-number"),
        ("4111111111111112", "bad_check_digit"),
        ("645020000123", "member_card 45020000123 6+bin5+acct6"),
    ],
)
def test_a_stripe_number_in_a_payment_range_is_never_a_card(text: str, what: str) -> None:
    assert judged(text, "msr-t2") == what


def test_a_code_that_is_empty_or_endless_is_refused() -> None:
    assert judged(" \r\n") == "bad_length"
    assert judged("]C0" + "1" * 5000) == "bad_length"


def test_a_link_that_is_a_card_is_one_whatever_reader_gave_it() -> None:
    link = "https://id.example.org/8018/400638133393100004"
    assert judged("]Q1" + link) == "member_card 400638133393100004 gs1-digital-link"
    assert judged(link, "unknown") == "member_card 400638133393100004 gs1-digital-link"


def test_text_in_another_alphabet_is_a_hint_at_the_keyboard_country() -> None:
    scan = classify_code("йцукен", SHIPPED, reader_id="r", monotonic_ns=0)
    assert isinstance(scan, Scan)
    assert scan.kind is ScanKind.UNKNOWN
    assert scan.warnings == ("layout?",)


# ---- the file


HEAD = '[[format]]\nname = "own"\nkind = "member_card"\n'


def problems(text: str) -> list[Problem]:
    formats, found = parse_card_formats(text, file="cards.toml")
    assert (formats is None) == bool(found)
    return found


@pytest.mark.parametrize(
    "body, words",
    [
        ('symbologies = ["ean13"]\nprefix = "20"\n', "there is no such setting"),
        ('symbologies = ["ean13"]\nlengths = [13]\nskip = 13\n', "leaves nothing"),
        ('symbologies = ["ean13"]\nlengths = [3]\nprefixes = ["2001"]\n', "longer than the number"),
        ('symbologies = ["ean13"]\nfields = ["value 1-3"]\n', "not name:first-last"),
        ('symbologies = ["ean13"]\nfields = ["value:5-3"]\n', "not name:first-last"),
        ('symbologies = ["msr-t2"]\nprefixes = ["4"]\n', "would take payment cards (4…)"),
        ('symbologies = ["msr-t2"]\nprefixes = ["51"]\nlengths = [16]\n', "(51-55…)"),
        ("symbologies = []\n", "symbologies"),
    ],
)
def test_a_mistake_is_named_with_its_line(body: str, words: str) -> None:
    (problem,) = problems(HEAD + body)
    assert words in problem.render()
    assert problem.line in {1, 4, 5}
    assert problem.file == "cards.toml"


def test_two_formats_of_one_name_are_a_mistake() -> None:
    (problem,) = problems((HEAD + 'symbologies = ["ean13"]\n') * 2)
    assert "two formats are called 'own'" in problem.message


def test_a_stripe_format_of_few_digits_is_fine_where_no_payment_card_has_its_length() -> None:
    assert problems(HEAD + 'symbologies = ["msr-t2"]\nprefixes = ["6"]\nlengths = [12]\n') == []
