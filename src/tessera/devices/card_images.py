"""One code as a file: SVG for print shops, PNG for screens.

Sizes are millimetres; the module width is chosen by the caller (GS1 asks for 0.264 mm and more for
EAN). Nothing here decides what a number means.
"""

from html import escape
from io import BytesIO

from tessera.core.errors import TesseraError
from tessera.devices.card_symbols import Symbol

MODULE_MM = 0.33
BAR_HEIGHT_MM = 15.0
_TEXT_MM = 3.2


def svg_of(
    symbol: Symbol, *, module_mm: float = MODULE_MM, height_mm: float = BAR_HEIGHT_MM
) -> str:
    """Draw a code with its quiet zone and the number under it."""
    row_mm = height_mm if symbol.is_linear else module_mm
    width = (symbol.width + 2 * symbol.quiet) * module_mm
    edge = 1.0 if symbol.is_linear else symbol.quiet * module_mm
    bars_end = edge + row_mm * len(symbol.rows)
    height = bars_end + (1.5 * _TEXT_MM if symbol.text else edge)
    parts = [
        (
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:.3f}mm"'
            f' height="{height:.3f}mm" viewBox="0 0 {width:.3f} {height:.3f}">'
        ),
        '<rect width="100%" height="100%" fill="#fff"/>',
        '<g fill="#000" shape-rendering="crispEdges">',
    ]
    for number, row in enumerate(symbol.rows):
        for start, length in runs(row):
            x = (symbol.quiet + start) * module_mm
            parts.append(
                f'<rect x="{x:.3f}" y="{edge + number * row_mm:.3f}"'
                f' width="{length * module_mm:.3f}" height="{row_mm:.3f}"/>'
            )
    parts.append("</g>")
    if symbol.text:
        parts.append(
            f'<text x="{width / 2:.3f}" y="{bars_end + _TEXT_MM:.3f}" font-size="{_TEXT_MM}"'
            f' font-family="monospace" text-anchor="middle">{escape(symbol.text)}</text>'
        )
    return "".join([*parts, "</svg>\n"])


def png_of(symbol: Symbol, *, dots_per_module: int = 4, height_dots: int = 180) -> bytes:
    """Draw a code with its quiet zone as a PNG of whole dots a module. Needs Pillow."""
    try:
        from PIL import Image, ImageDraw  # noqa: PLC0415 - an optional part
    except ImportError as error:
        raise TesseraError(
            "PNG images need Pillow", hint="install tessera-pos[cards], or draw SVG"
        ) from error
    row_dots = height_dots if symbol.is_linear else dots_per_module
    edge = symbol.quiet * dots_per_module
    size = (symbol.width * dots_per_module + 2 * edge, row_dots * len(symbol.rows) + 2 * edge)
    image = Image.new("L", size, 255)
    draw = ImageDraw.Draw(image)
    for number, row in enumerate(symbol.rows):
        for start, length in runs(row):
            left, top = edge + start * dots_per_module, edge + number * row_dots
            right, bottom = left + length * dots_per_module - 1, top + row_dots - 1
            draw.rectangle((left, top, right, bottom), fill=0)
    content = BytesIO()
    image.save(content, "PNG")
    return content.getvalue()


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
