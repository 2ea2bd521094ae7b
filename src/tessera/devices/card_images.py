"""Single cards and single codes as files: SVG for print shops, PNG for screens.

Draws what `card_face` laid out; nothing here decides what a number means.
"""

from html import escape
from io import BytesIO
from pathlib import Path
from typing import Any

from tessera.core.errors import TesseraError
from tessera.devices.card_face import (
    DOT_MM,
    Box,
    CardFace,
    CardSize,
    Line,
    runs,
)
from tessera.devices.card_symbols import Symbol

BAR_HEIGHT_MM = 15.0
_TEXT_MM = 3.2
_MM_PER_INCH = 25.4


def code_face(symbol: Symbol, *, height_mm: float = BAR_HEIGHT_MM) -> CardFace:
    """Lay out a code alone: its quiet zone around it, the number under it."""
    module = symbol.dots[1] * DOT_MM
    quiet = symbol.quiet * module
    row_mm = height_mm if symbol.is_linear else module
    width = symbol.width * module + 2 * quiet
    bottom = quiet + row_mm * len(symbol.rows)
    height = bottom + (1.6 * _TEXT_MM if symbol.text else quiet)
    boxes = [Box(0, 0, width, height, "#ffffff")]
    for number, row in enumerate(symbol.rows):
        boxes += [
            Box(quiet + start * module, quiet + number * row_mm, length * module, row_mm)
            for start, length in runs(row)
        ]
    text = Line(
        x_mm=width / 2,
        y_mm=bottom + 1.1 * _TEXT_MM,
        size_mm=_TEXT_MM,
        text=symbol.text,
        room_mm=width,
        middle=True,
    )
    size = CardSize(name="code", width_mm=width, height_mm=height, band_mm=0, margin_mm=0)
    return CardFace(size=size, boxes=tuple(boxes), lines=(text,) if symbol.text else ())


def svg_of(face: CardFace, *, bleed_mm: float = 0.0) -> str:
    """Draw a face as SVG in true size; with `bleed_mm` the bleed around it is kept."""
    width, height = face.size.width_mm + 2 * bleed_mm, face.size.height_mm + 2 * bleed_mm
    parts = [
        (
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:.3f}mm" height="{height:.3f}mm"'
            f' viewBox="{-bleed_mm:.3f} {-bleed_mm:.3f} {width:.3f} {height:.3f}">'
        ),
        '<g shape-rendering="crispEdges">',
    ]
    parts += [
        f'<rect x="{box.x_mm:.4f}" y="{box.y_mm:.4f}" width="{box.width_mm:.4f}"'
        f' height="{box.height_mm:.4f}" fill="{box.colour}"/>'
        for box in face.boxes
    ]
    parts.append("</g>")
    parts += [
        f'<text x="{line.x_mm:.3f}" y="{line.y_mm:.3f}" font-size="{line.size_mm:.2f}"'
        f' font-family="Helvetica, Arial, sans-serif" fill="{line.colour}"'
        f' text-anchor="{_anchor(line)}">{escape(line.text)}</text>'
        for line in face.lines
    ]
    return "".join([*parts, "</svg>\n"])


def png_of(
    face: CardFace, *, dpi: int = 600, bleed_mm: float = 0.0, font: Path | None = None
) -> bytes:
    """Draw a face as PNG. Needs Pillow; its own font has Latin letters only."""
    image_module, draw_module, font_module = _pillow()
    scale = dpi / _MM_PER_INCH

    def dots(length_mm: float) -> int:
        return round(length_mm * scale)

    width = dots(face.size.width_mm + 2 * bleed_mm)
    height = dots(face.size.height_mm + 2 * bleed_mm)
    image = image_module.new("RGB", (width, height), "#ffffff")
    draw = draw_module.Draw(image)
    for box in face.boxes:
        left, top = dots(box.x_mm + bleed_mm), dots(box.y_mm + bleed_mm)
        right = dots(box.x_mm + box.width_mm + bleed_mm) - 1
        bottom = dots(box.y_mm + box.height_mm + bleed_mm) - 1
        if right >= left and bottom >= top:
            draw.rectangle((left, top, right, bottom), fill=box.colour)
    for line in face.lines:
        size = line.size_mm * scale
        letters = _letters(font_module, size, font)
        wide = draw.textlength(line.text, font=letters)
        if wide > line.room_mm * scale:
            letters = _letters(font_module, size * line.room_mm * scale / wide, font)
        anchor = "ms" if line.middle else "ls"
        at = (dots(line.x_mm + bleed_mm), dots(line.y_mm + bleed_mm))
        draw.text(at, line.text, fill=line.colour, font=letters, anchor=anchor)
    content = BytesIO()
    image.save(content, "PNG", dpi=(dpi, dpi))
    return content.getvalue()


def _anchor(line: Line) -> str:
    return "middle" if line.middle else "start"


def _letters(font_module: Any, size: float, font: Path | None) -> Any:  # noqa: ANN401 - Pillow's
    if font is None:
        return font_module.load_default(size)
    try:
        return font_module.truetype(str(font), size)
    except OSError as error:
        raise TesseraError(
            f"{font} is no usable TrueType font", hint="name another .ttf file"
        ) from error


def _pillow() -> tuple[Any, Any, Any]:
    try:
        from PIL import Image, ImageDraw, ImageFont  # noqa: PLC0415 - an optional part
    except ImportError as error:
        raise TesseraError(
            "PNG images need Pillow, which is not installed",
            hint="install tessera-pos[cards], or draw SVG",
        ) from error
    return Image, ImageDraw, ImageFont
