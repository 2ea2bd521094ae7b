"""Reads printed cards back: what a scanner would make of an image. Needs zxing-cpp and Pillow.

The codes found go through the same decoding and card formats as those of a reader.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tessera.core.errors import TesseraError, reason_of
from tessera.devices.card_formats import CardFormat
from tessera.devices.codes import classify_code
from tessera.devices.events import ReaderError, Scan

_PDF_DPI = 300
_IMAGE_PIXELS_MAX = 200_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadBack:
    """One code that was found in an image: on which page, and what it is."""

    page: int
    outcome: Scan | ReaderError


def read_cards(path: Path, formats: Sequence[CardFormat]) -> Iterator[ReadBack]:
    """Give every code in an image or in the pages of a PDF."""
    for page, image in _images(path):
        for aim, payload in _codes(image):
            outcome = classify_code(
                aim + payload, formats, reader_id="print", monotonic_ns=0, scheme="aim"
            )
            yield ReadBack(page=page, outcome=outcome)


def _codes(image: Any) -> list[tuple[str, str]]:  # noqa: ANN401 - Pillow's image
    try:
        import zxingcpp  # noqa: PLC0415 - an optional part
    except ImportError as error:
        raise TesseraError(
            "reading cards back needs zxing-cpp, which is not installed",
            hint="install tessera-pos[cards]",
        ) from error
    found = zxingcpp.read_barcodes(image)
    # The bytes, not the text: the text of a GS1 code is made readable with brackets.
    return [
        (code.symbology_identifier, code.bytes.decode("utf-8", errors="replace")) for code in found
    ]


def _images(path: Path) -> Iterator[tuple[int, Any]]:
    if path.suffix.lower() == ".pdf":
        yield from _pdf_pages(path)
        return
    try:
        from PIL import Image  # noqa: PLC0415 - an optional part
    except ImportError as error:
        raise TesseraError(
            "reading images needs Pillow, which is not installed",
            hint="install tessera-pos[cards]",
        ) from error
    try:
        with Image.open(path) as image:
            if image.width * image.height > _IMAGE_PIXELS_MAX:
                raise TesseraError(f"{path} is too large", hint="scan it at 300 dpi")
            yield 1, image.convert("L")
    except (OSError, ValueError) as error:
        raise TesseraError(
            f"{path} cannot be read as an image: {reason_of(error)}", hint="give a PNG, JPEG or PDF"
        ) from error


def _pdf_pages(path: Path) -> Iterator[tuple[int, Any]]:
    try:
        import pypdfium2  # noqa: PLC0415 - an optional part
    except ImportError as error:
        raise TesseraError(
            "reading a PDF back needs pypdfium2, which is not installed",
            hint="install tessera-pos[cards], or give images of the pages",
        ) from error
    try:
        document = pypdfium2.PdfDocument(path)
    except (OSError, pypdfium2.PdfiumError) as error:
        raise TesseraError(
            f"{path} cannot be read as a PDF: {error}", hint="give a PNG, JPEG or PDF"
        ) from error
    try:
        for number in range(len(document)):
            page = document[number]
            bitmap = page.render(scale=_PDF_DPI / 72, grayscale=True)
            yield number + 1, bitmap.to_pil()
            bitmap.close()
            page.close()
    finally:
        document.close()
