"""What stands where on a printed card: a list of rectangles and texts in millimetres.

Owns the sizes that are offered and the fitting of a code into them; knows no file format. Bars are
whole dots of 1/600 inch wide, so that a 300 or 600 dpi printer draws every bar alike.
"""

from dataclasses import dataclass

from tessera.core.errors import TesseraError
from tessera.devices.card_symbols import Symbol

DOT_MM = 25.4 / 600
BLEED_MM = 3.0
_WHITE, _BLACK, _GREY = "#ffffff", "#000000", "#555555"


@dataclass(frozen=True, slots=True, kw_only=True)
class CardSize:
    """A size of card. `band_mm` is the coloured band at the top, `hole_mm` the room for a hole."""

    name: str
    width_mm: float
    height_mm: float
    band_mm: float
    margin_mm: float
    hole_mm: float = 0.0


SIZES = {
    # ISO/IEC 7810 ID-1, as a payment card.
    "card": CardSize(name="card", width_mm=85.6, height_mm=53.98, band_mm=14, margin_mm=4),
    "key-tag": CardSize(
        name="key-tag", width_mm=54, height_mm=28.5, band_mm=5, margin_mm=2, hole_mm=6
    ),
}


@dataclass(frozen=True, slots=True)
class Box:
    """A filled rectangle; x and y are its upper left corner."""

    x_mm: float
    y_mm: float
    width_mm: float
    height_mm: float
    colour: str = _BLACK


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A line of text; y is its base line, `middle` centres it on x. Squeezed into `room_mm`."""

    x_mm: float
    y_mm: float
    size_mm: float
    text: str
    room_mm: float
    colour: str = _BLACK
    middle: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class CardFace:
    """One side of a card; coordinates begin at the upper left corner of the trimmed card."""

    size: CardSize
    boxes: tuple[Box, ...]
    lines: tuple[Line, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class CardTexts:
    """What is printed beside the code."""

    title: str = ""
    name: str = ""
    tier: str = ""
    number: str = ""


def compose_face(
    size: CardSize, symbol: Symbol, texts: CardTexts, *, colour: str = "#1f4e79"
) -> CardFace:
    """Lay out a card. TesseraError where the code does not fit the size at a width that reads."""
    boxes = [
        Box(
            -BLEED_MM,
            -BLEED_MM,
            size.width_mm + 2 * BLEED_MM,
            size.height_mm + 2 * BLEED_MM,
            _WHITE,
        ),
        Box(-BLEED_MM, -BLEED_MM, size.width_mm + 2 * BLEED_MM, size.band_mm + BLEED_MM, colour),
    ]
    left = size.margin_mm + size.hole_mm
    room = size.width_mm - left - size.margin_mm
    title_mm = min(size.band_mm * 0.5, 5.5)
    lines = [
        Line(
            x_mm=left,
            y_mm=size.band_mm / 2 + title_mm * 0.36,
            size_mm=title_mm,
            text=texts.title,
            room_mm=room,
            colour=_WHITE,
        )
    ]
    fill = _linear if symbol.is_linear else _square
    fill(size, symbol, texts, boxes, lines)
    shown = tuple(line for line in lines if line.text)
    return CardFace(size=size, boxes=tuple(boxes), lines=shown)


def _linear(
    size: CardSize, symbol: Symbol, texts: CardTexts, boxes: list[Box], lines: list[Line]
) -> None:
    left = size.margin_mm + size.hole_mm
    room = size.width_mm - left - size.margin_mm
    module = _module_mm(symbol, room, size)
    number_mm = 2.6 if size.hole_mm else 3.2
    bottom = size.height_mm - size.margin_mm - number_mm
    top_min = size.band_mm + 1.5 + (0 if size.hole_mm else 11)
    height = min(bottom - top_min - 0.8, 16.0)
    top = bottom - 0.8 - height
    start = left + (room - symbol.width * module) / 2
    boxes += _bars(symbol, start, top, module, height)
    middle = left + room / 2
    lines.append(
        Line(
            x_mm=middle,
            y_mm=size.height_mm - size.margin_mm,
            size_mm=number_mm,
            text=texts.number or symbol.text,
            room_mm=room,
            middle=True,
        )
    )
    if not size.hole_mm:
        _who(size, texts, lines, room)


def _square(
    size: CardSize, symbol: Symbol, texts: CardTexts, boxes: list[Box], lines: list[Line]
) -> None:
    left = size.margin_mm + size.hole_mm
    room = size.height_mm - size.band_mm - 2.0
    module = _module_mm(symbol, min(room, 28.0), size)
    side = symbol.width * module
    quiet = symbol.quiet * module
    start_x = size.width_mm - max(quiet, size.margin_mm) - side
    start_y = size.band_mm + (size.height_mm - size.band_mm - side) / 2
    for number, row in enumerate(symbol.rows):
        boxes += _row(row, start_x, start_y + number * module, module, module)
    beside = start_x - quiet - left
    if not size.hole_mm:
        _who(size, texts, lines, beside)
    lines.append(
        Line(
            x_mm=left,
            y_mm=size.height_mm - size.margin_mm,
            size_mm=2.6,
            text=texts.number,
            room_mm=beside,
        )
    )


def _who(size: CardSize, texts: CardTexts, lines: list[Line], room: float) -> None:
    left = size.margin_mm + size.hole_mm
    lines += [
        Line(x_mm=left, y_mm=size.band_mm + 6.0, size_mm=4.2, text=texts.name, room_mm=room),
        Line(
            x_mm=left,
            y_mm=size.band_mm + 10.5,
            size_mm=3.2,
            text=texts.tier,
            room_mm=room,
            colour=_GREY,
        ),
    ]


def _module_mm(symbol: Symbol, room_mm: float, size: CardSize) -> float:
    """Choose the width of a module: as wide as fits up to the usual, in whole dots."""
    needed = symbol.width + 2 * symbol.quiet
    least, most = symbol.dots
    dots = min(most, int(room_mm / (needed * DOT_MM)))
    if dots < least:
        raise TesseraError(
            f"the code needs {needed * least * DOT_MM:.1f} mm, a {size.name} has {room_mm:.1f} mm",
            hint="choose another size, a shorter number or another symbology",
        )
    return dots * DOT_MM


def _bars(symbol: Symbol, x: float, y: float, module: float, height: float) -> list[Box]:
    return _row(symbol.rows[0], x, y, module, height)


def _row(row: tuple[bool, ...], x: float, y: float, module: float, height: float) -> list[Box]:
    return [Box(x + start * module, y, length * module, height) for start, length in runs(row)]


def runs(row: tuple[bool, ...]) -> list[tuple[int, int]]:
    """Give the dark stretches of a row as (start, length)."""
    found: list[tuple[int, int]] = []
    start: int | None = None
    for place, dark in enumerate((*row, False)):
        if dark and start is None:
            start = place
        elif not dark and start is not None:
            found.append((start, place - start))
            start = None
    return found
