"""Cards as they are printed: numbered, drawn, put on sheets, and read back."""

import csv
import itertools
from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image

from tessera.core.errors import TesseraError
from tessera.devices.card_check import read_cards
from tessera.devices.card_face import SIZES, CardTexts, compose_face, runs
from tessera.devices.card_images import code_face, png_of, svg_of
from tessera.devices.card_issue import issue_cards, plan_issue
from tessera.devices.card_pdf import plan_sheet, write_pdf
from tessera.devices.card_symbols import QUIET_ZONE, draw_symbol
from tessera.devices.decoding.check_digits import has_gs1_check, has_luhn_check
from tessera.devices.events import Scan
from tessera.devices.profiles import read_card_formats

FORMATS = read_card_formats().format
BY_NAME = {rule.name: rule for rule in FORMATS}
# One payload of every symbology that can be drawn, and the card that it is.
PAYLOADS = {
    "ean13": ("2001234567893", "2001234567893"),
    "ean8": ("96385074", None),
    "upca": ("412345678903", "0412345678903"),  # a camera cannot tell UPC-A from EAN-13
    "code128": ("9826300001234567890", "01234567890"),
    "gs1-128": ("8018400638133393100004", "400638133393100004"),
    "code39": ("TESS123", "TESS123"),
    "itf": ("59851400000010", "851400000010"),
    "codabar": ("A123456B", None),
    "qr": ("https://id.example.org/8018/400638133393100004", "400638133393100004"),
}
TEXTS = CardTexts(title="Corner Shop", name="A. Müller", tier="gold", number="4711")


def read_back(path: Path) -> list[tuple[str, str | None]]:
    return [
        (code.outcome.payload, code.outcome.card_id)
        for code in read_cards(path, FORMATS)
        if isinstance(code.outcome, Scan)
    ]


def expected(symbology: str) -> tuple[str, str | None]:
    payload, card = PAYLOADS[symbology]
    return ("0" + payload if symbology == "upca" else payload), card


def test_every_symbology_that_can_be_drawn_is_tried_here() -> None:
    assert set(PAYLOADS) == set(QUIET_ZONE)


@pytest.mark.parametrize("symbology", sorted(PAYLOADS))
def test_a_code_drawn_alone_is_read_back(symbology: str, tmp_path: Path) -> None:
    symbol = draw_symbol(symbology, PAYLOADS[symbology][0])
    path = tmp_path / "code.png"
    path.write_bytes(png_of(code_face(symbol), dpi=300))
    assert read_back(path) == [expected(symbology)]


@pytest.mark.parametrize("size", sorted(SIZES))
@pytest.mark.parametrize("symbology", sorted(PAYLOADS))
def test_a_printed_card_is_read_back_at_every_size(
    symbology: str, size: str, tmp_path: Path
) -> None:
    """From the PDF, rendered as a flat-bed scanner would see it, at 300 dpi."""
    face = compose_face(SIZES[size], draw_symbol(symbology, PAYLOADS[symbology][0]), TEXTS)
    out = tmp_path / "card.pdf"
    assert list(write_pdf([face], out, SIZES[size], page="card")) == [1]
    assert read_back(out) == [expected(symbology)]


@pytest.mark.parametrize("size", sorted(SIZES))
def test_a_sheet_holds_each_card_once_and_all_are_read_back(size: str, tmp_path: Path) -> None:
    plan = plan_issue(BY_NAME["ean13-in-store"], prefix="2001", length=0, symbology="ean13")
    numbers = itertools.count(100)
    cards = list(issue_cards(plan, 30, randbelow=lambda room: next(numbers) * 7919 % room))
    faces = [compose_face(SIZES[size], draw_symbol("ean13", card.payload), TEXTS) for card in cards]
    out = tmp_path / "sheet.pdf"
    list(write_pdf(faces, out, SIZES[size]))
    assert sorted(card for _, card in read_back(out) if card) == sorted(
        card.card_id for card in cards
    )


@pytest.mark.parametrize("page", ["a4", "letter"])
@pytest.mark.parametrize("size, least", [("card", 8), ("key-tag", 18)])
def test_a_sheet_is_filled_and_stays_on_the_page(page: str, size: str, least: int) -> None:
    plan = plan_sheet(SIZES[size], page)
    assert plan.cards_a_page >= least
    right = plan.left_mm + plan.columns * (SIZES[size].width_mm + 6)
    below = plan.top_mm + plan.rows * (SIZES[size].height_mm + 6)
    assert plan.left_mm >= 8
    assert plan.top_mm >= 8
    assert right <= plan.page_width_mm - 8 + 1e-9
    assert below <= plan.page_height_mm - 8 + 1e-9


@pytest.mark.parametrize(
    "symbology, payload",
    [("ean13", "2001234567894"), ("ean8", "96385075"), ("upca", "412345678904"),
     ("gs1-128", "8018400638133393100005"),
     ("qr", "https://id.example.org/8018/400638133393100005")],
)  # fmt: skip
def test_a_wrong_check_digit_is_refused_and_never_corrected(symbology: str, payload: str) -> None:
    with pytest.raises(TesseraError, match="check digit") as caught:
        draw_symbol(symbology, payload)
    assert "never corrected" in caught.value.hint


@pytest.mark.parametrize(
    "symbology, payload, words",
    [("aztec", "1", "cannot be drawn"), ("code128", "", "1 to 200"), ("code39", "tess", "code39")],
)
def test_what_cannot_be_drawn_is_refused(symbology: str, payload: str, words: str) -> None:
    with pytest.raises(TesseraError, match=words):
        draw_symbol(symbology, payload)


def test_code_39_gets_no_check_character_of_its_own() -> None:
    """With one, TESS123 would be as wide as TESS1234."""
    eight_characters = draw_symbol("code39", "TESS1234")
    assert draw_symbol("code39", "TESS123").width < eight_characters.width


def test_codabar_gets_its_start_and_stop_letters_where_they_are_missing() -> None:
    assert draw_symbol("codabar", "123456").width == draw_symbol("codabar", "A123456B").width


def test_the_last_number_of_a_range_is_as_good_as_any_other() -> None:
    plan = plan_issue(BY_NAME["ean13-in-store"], prefix="2001", length=0, symbology="ean13")
    draws = iter([10**8 - 1, 10**8 - 1, 5])
    first, second = issue_cards(plan, 2, randbelow=lambda room: next(draws))
    assert (first.payload[:-1], second.payload[:-1]) == ("200199999999", "200100000005")


def test_a_code_that_is_too_wide_for_a_size_is_refused_with_its_width() -> None:
    symbol = draw_symbol("code39", "TESS1234567890")
    with pytest.raises(TesseraError, match=r"a key-tag has 44\.0 mm"):
        compose_face(SIZES["key-tag"], symbol, TEXTS)


def test_a_long_name_is_squeezed_and_a_strange_letter_refused(tmp_path: Path) -> None:
    symbol = draw_symbol("ean13", "2001234567893")
    size = SIZES["card"]
    long_name = compose_face(size, symbol, CardTexts(name="Wolfeschlegelsteinhausen " * 3))
    assert list(write_pdf([long_name], tmp_path / "long.pdf", size)) == [1]
    png_of(long_name, dpi=100)
    strange = compose_face(size, symbol, CardTexts(name="Юлия"))
    with pytest.raises(TesseraError, match="built-in font has no 'Ю'") as caught:
        list(write_pdf([strange], tmp_path / "strange.pdf", size))
    assert "--font" in caught.value.hint


def test_a_font_that_is_none_is_refused(tmp_path: Path) -> None:
    font = tmp_path / "font.ttf"
    font.write_bytes(b"no font")
    face = compose_face(SIZES["card"], draw_symbol("ean13", "2001234567893"), TEXTS)
    with pytest.raises(TesseraError, match="no usable TrueType font"):
        list(write_pdf([face], tmp_path / "x.pdf", SIZES["card"], font=font))
    with pytest.raises(TesseraError, match="no usable TrueType font"):
        png_of(face, font=font)


def test_an_svg_has_its_true_size_and_one_rectangle_a_bar() -> None:
    face = compose_face(SIZES["card"], draw_symbol("ean13", "2001234567893"), TEXTS)
    drawing = svg_of(face, bleed_mm=3)
    assert 'width="91.600mm" height="59.980mm"' in drawing
    # 30 bars of an EAN-13, white ground and band.
    assert drawing.count("<rect") == 32
    assert "A. Müller" in drawing
    plain = svg_of(code_face(draw_symbol("qr", "<&>")))
    assert "<text" not in plain


def test_a_png_has_whole_dots_for_every_bar() -> None:
    symbol = draw_symbol("ean13", "2001234567893")
    image = Image.open(BytesIO(png_of(code_face(symbol), dpi=600))).convert("L")
    middle = image.height // 2
    row = [image.getpixel((x, middle)) for x in range(image.width)]
    dark = tuple(value == 0 for value in row)
    assert {length % 8 for _, length in runs(dark)} == {0}


# ---- numbers


def test_issued_numbers_fit_their_format_and_none_comes_twice() -> None:
    plan = plan_issue(BY_NAME["ean13-in-store"], prefix="20", length=0, symbology="ean13")
    numbers = iter([5, 5, 6, 7])
    taken = {plan.payload(plan.number(6))}
    cards = list(issue_cards(plan, 2, randbelow=lambda room: next(numbers), taken=taken))
    assert [card.payload[:-1] for card in cards] == ["200000000005", "200000000007"]
    assert all(has_gs1_check(card.payload) for card in cards)


def test_counting_up_passes_over_what_is_taken() -> None:
    plan = plan_issue(BY_NAME["ean13-in-store"], prefix="20012345678", length=0, symbology="ean13")
    first, second, third = issue_cards(plan, 3, randbelow=None)
    again = issue_cards(plan, 2, randbelow=None, taken={first.payload, third.payload})
    assert next(again).payload == second.payload


def test_luhn_numbers_and_numbers_without_check_are_made_too() -> None:
    luhn = plan_issue(BY_NAME["iso7812-luhn"], prefix="", length=16, symbology="code128")
    (card,) = issue_cards(luhn, 1, randbelow=None, start=42)
    assert card.payload.startswith("603456")
    assert has_luhn_check(card.payload)
    own = plan_issue(BY_NAME["prefix98263000+11"], prefix="", length=0, symbology="code128")
    (card,) = issue_cards(own, 1, randbelow=None, start=42)
    assert (card.payload, card.card_id) == ("9826300000000000042", "00000000042")


def test_gs1_cards_carry_their_application_identifier_or_their_link() -> None:
    gsrn = plan_issue(BY_NAME["gsrn"], prefix="4006381", length=0, symbology="gs1-128")
    (card,) = issue_cards(gsrn, 1, randbelow=None)
    assert card.payload == "8018" + card.card_id
    linked = plan_issue(
        BY_NAME["gs1-digital-link"],
        prefix="4006381",
        length=0,
        symbology="qr",
        link="https://id.example.org/",
    )
    (card,) = issue_cards(linked, 1, randbelow=None)
    assert card.payload == f"https://id.example.org/8018/{card.card_id}"


@pytest.mark.parametrize(
    "name, wish, words",
    [
        ("ean13-in-store", {"prefix": "40"}, "prefix '40' is not of format"),
        ("ean13-in-store", {"length": 12}, "length 12 is not of format"),
        ("ean13-in-store", {"prefix": "200123456789"}, "leaves 0 digits"),
        ("wiegand", {}, "length 0"),
        ("em4100", {}, "a chip carries the number"),
        ("staff", {"prefix": "STAFF-é", "length": 12}, "printable ASCII"),
        ("gsrn", {"link": "https://x.example"}, "has no link"),
        ("gs1-digital-link", {}, "needs the address"),
    ],
)
def test_a_wish_outside_of_the_format_is_refused(
    name: str, wish: dict[str, str | int], words: str
) -> None:
    asked = {"prefix": "", "length": 0, "symbology": "ean13"} | wish
    with pytest.raises(TesseraError, match=words):
        plan_issue(BY_NAME[name], **asked)  # type: ignore[arg-type]


def test_so_many_cards_that_guessing_would_succeed_are_refused() -> None:
    """Eight free digits have room for 100,000 random cards: one in a thousand."""
    plan = plan_issue(BY_NAME["ean13-in-store"], prefix="2001", length=0, symbology="ean13")
    with pytest.raises(TesseraError, match="room for 100000"):
        list(issue_cards(plan, 100_001, randbelow=lambda room: 0))


def test_no_cards_at_all_are_refused() -> None:
    plan = plan_issue(BY_NAME["ean13-in-store"], prefix="2001", length=0, symbology="ean13")
    with pytest.raises(TesseraError, match="0 cards cannot be made"):
        list(issue_cards(plan, 0, randbelow=None))


def test_a_range_that_is_full_says_so() -> None:
    plan = plan_issue(BY_NAME["ean13-in-store"], prefix="20012345678", length=0, symbology="ean13")
    with pytest.raises(TesseraError, match="room for 10"):
        list(issue_cards(plan, 11, randbelow=None))


def test_a_list_of_issued_cards_is_a_csv(tmp_path: Path) -> None:
    from tessera.cli.main import main

    out = tmp_path / "cards.csv"
    asked = ["cards", "issue", "--format", "ean13-in-store", "--prefix", "2001", "--count", "3"]
    assert main([*asked, "--out", str(out), "--draw", str(tmp_path / "codes")]) == 0
    with out.open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [set(row) for row in rows] == [{"card_id", "payload", "symbology"}] * 3
    assert len(list((tmp_path / "codes").glob("*.svg"))) == 3
    assert main([*asked, "--out", str(out)]) == 3
    assert main([*asked, "--taken", str(out)]) == 0
