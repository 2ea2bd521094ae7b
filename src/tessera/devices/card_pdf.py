"""Sheets of cards as PDF, with bleed and cut marks, or a page for each card. Needs reportlab.

Draws faces as they are laid out; decides only where on the page each of them goes.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

from tessera.core.errors import TesseraError
from tessera.devices.card_face import BLEED_MM, CardFace, CardSize

_POINTS_PER_MM = 72 / 25.4
_MARK_MM = 4.0
_PAGE_MARGIN_MM = 8.0
PAGES_MM = {"a4": (210.0, 297.0), "letter": (215.9, 279.4)}


@dataclass(frozen=True, slots=True, kw_only=True)
class SheetPlan:
    """How cards stand on a page: columns, rows, and where the first one's bleed begins."""

    page_width_mm: float
    page_height_mm: float
    columns: int
    rows: int
    left_mm: float
    top_mm: float

    @property
    def cards_a_page(self) -> int:
        """How many cards one page holds."""
        return self.columns * self.rows


def plan_sheet(size: CardSize, page: str) -> SheetPlan:
    """Fit as many cards as possible on a page; `card` gives each card a page of its own size."""
    cell_width, cell_height = size.width_mm + 2 * BLEED_MM, size.height_mm + 2 * BLEED_MM
    if page == "card":
        return SheetPlan(
            page_width_mm=cell_width + 2 * _MARK_MM,
            page_height_mm=cell_height + 2 * _MARK_MM,
            columns=1,
            rows=1,
            left_mm=_MARK_MM,
            top_mm=_MARK_MM,
        )
    width, height = PAGES_MM[page]
    columns = int((width - 2 * _PAGE_MARGIN_MM) / cell_width)
    rows = int((height - 2 * _PAGE_MARGIN_MM) / cell_height)
    return SheetPlan(
        page_width_mm=width,
        page_height_mm=height,
        columns=columns,
        rows=rows,
        left_mm=(width - columns * cell_width) / 2,
        top_mm=(height - rows * cell_height) / 2,
    )


def write_pdf(
    faces: Iterable[CardFace],
    out: Path,
    size: CardSize,
    *,
    page: str = "a4",
    font: Path | None = None,
) -> Iterator[int]:
    """Write the cards to a PDF; gives the number of cards done after each, for a progress bar.

    The file is whole only when the iterator has ended. TesseraError where a font lacks a character.
    """
    canvas_module = _reportlab()
    plan = plan_sheet(size, page)
    page_size = (plan.page_width_mm * _POINTS_PER_MM, plan.page_height_mm * _POINTS_PER_MM)
    canvas = canvas_module.Canvas(str(out), pagesize=page_size, pageCompression=1)
    canvas.setTitle("Cards")
    pen = _Pen(canvas, plan.page_height_mm, _font_name(font), is_core_font=font is None)
    for done, face in enumerate(faces):
        place = done % plan.cards_a_page
        if done and place == 0:
            canvas.showPage()
        column, row = place % plan.columns, place // plan.columns
        x = plan.left_mm + column * (size.width_mm + 2 * BLEED_MM) + BLEED_MM
        y = plan.top_mm + row * (size.height_mm + 2 * BLEED_MM) + BLEED_MM
        pen.draw(face, x, y)
        yield done + 1
    canvas.save()


class _Pen:
    """Draws on a canvas whose origin is the lower left corner, in points."""

    def __init__(
        self,
        canvas: Any,  # noqa: ANN401 - reportlab has no types
        page_height_mm: float,
        font: str,
        *,
        is_core_font: bool,
    ) -> None:
        self._canvas = canvas
        self._page_height_mm = page_height_mm
        self._font = font
        self._is_core_font = is_core_font

    def draw(self, face: CardFace, x: float, y: float) -> None:
        canvas = self._canvas
        # One path for all neighbours of one colour: a card has some thirty bars.
        for colour, boxes in groupby(face.boxes, key=lambda box: box.colour):
            path = canvas.beginPath()
            for box in boxes:
                path.rect(
                    *self._point(x + box.x_mm, y + box.y_mm + box.height_mm),
                    box.width_mm * _POINTS_PER_MM,
                    box.height_mm * _POINTS_PER_MM,
                )
            canvas.setFillColor(colour)
            canvas.drawPath(path, stroke=0, fill=1)
        for line in face.lines:
            self._check(line.text)
            size = line.size_mm * _POINTS_PER_MM
            room = line.room_mm * _POINTS_PER_MM
            width = canvas.stringWidth(line.text, self._font, size)
            size = size if width <= room else size * room / width
            canvas.setFillColor(line.colour)
            canvas.setFont(self._font, size)
            write = canvas.drawCentredString if line.middle else canvas.drawString
            write(*self._point(x + line.x_mm, y + line.y_mm), line.text)
        self._cut_marks(x, y, face.size)

    def _point(self, x_mm: float, y_mm: float) -> tuple[float, float]:
        return x_mm * _POINTS_PER_MM, (self._page_height_mm - y_mm) * _POINTS_PER_MM

    def _cut_marks(self, x: float, y: float, size: CardSize) -> None:
        """Short lines at the corners, outside of the card and over its bleed."""
        self._canvas.setStrokeColor("#000000")
        self._canvas.setLineWidth(0.25)
        for edge_x, outward_x in ((x, -1), (x + size.width_mm, 1)):
            for edge_y, outward_y in ((y, -1), (y + size.height_mm, 1)):
                # A millimetre of air, so that no mark is left on a card cut a little wide.
                for begin, end in (
                    ((edge_x + outward_x, edge_y), (edge_x + outward_x * BLEED_MM, edge_y)),
                    ((edge_x, edge_y + outward_y), (edge_x, edge_y + outward_y * BLEED_MM)),
                ):
                    self._canvas.line(*self._point(*begin), *self._point(*end))

    def _check(self, text: str) -> None:
        if not self._is_core_font:
            return
        try:
            text.encode("cp1252")
        except UnicodeEncodeError as error:
            raise TesseraError(
                f"the built-in font has no {text[error.start]!r}",
                hint="name a TrueType font that has it: --font /usr/share/fonts/…/DejaVuSans.ttf",
            ) from error


def _font_name(font: Path | None) -> str:
    if font is None:
        return "Helvetica"
    from reportlab.pdfbase import pdfmetrics, ttfonts  # noqa: PLC0415 - an optional part

    try:
        pdfmetrics.registerFont(ttfonts.TTFont("card", str(font)))
    except (OSError, ttfonts.TTFError) as error:
        raise TesseraError(
            f"{font} is no usable TrueType font: {error}", hint="name another .ttf file"
        ) from error
    return "card"


def _reportlab() -> Any:  # noqa: ANN401 - reportlab has no types
    try:
        from reportlab.pdfgen import canvas  # noqa: PLC0415 - an optional part
    except ImportError as error:
        raise TesseraError(
            "sheets of cards need reportlab, which is not installed",
            hint="install tessera-pos[cards], or draw single cards as SVG",
        ) from error
    return canvas
