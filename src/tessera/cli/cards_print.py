"""Draw member cards for printing: a PDF with bleed and cut marks, or single SVG or PNG files.

Reads a list as 'tessera cards issue' writes it; the columns `name` and `tier` are printed where
they are given. A number whose check digit is wrong is refused, never corrected. Afterwards
'tessera cards check' reads the result back.
"""

import argparse
import csv
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tessera.devices.card_face import CardFace

EXAMPLES = """\
examples:
  tessera cards print cards.csv --out cards.pdf --title "Corner Shop"
  tessera cards print cards.csv --out tags.pdf --size key-tag --page letter
  tessera cards print cards.csv --out cards/ --as svg
"""

LIST_BYTES_MAX = 256 * 1024 * 1024
FONT_BYTES_MAX = 64 * 1024 * 1024


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of this command."""
    parser.add_argument("list", type=Path, help="CSV with payload, symbology, card_id, name, tier")
    parser.add_argument("--out", type=Path, required=True, help="the PDF, or a folder for images")
    parser.add_argument(
        "--as", dest="kind", choices=["pdf", "svg", "png"], default="pdf", help="kind of file"
    )
    parser.add_argument(
        "--size", choices=["card", "key-tag"], default="card", help="card (ID-1) or key-tag"
    )
    parser.add_argument(
        "--page",
        choices=["a4", "letter", "card"],
        default="a4",
        help="the sheet; card gives each card a page of its own",
    )
    parser.add_argument("--title", default="", help="the shop's name on the band")
    parser.add_argument("--colour", default="#1f4e79", help="colour of the band as #rrggbb")
    parser.add_argument("--font", type=Path, help="a TrueType font for letters beyond Latin")


def run(arguments: argparse.Namespace) -> int:
    """Draw the cards."""
    from tessera.core.errors import TesseraError

    if arguments.out.exists() and (arguments.kind == "pdf" or not arguments.out.is_dir()):
        raise TesseraError(f"{arguments.out} exists already", hint="name another place")
    _check_font(arguments.font)
    total = sum(1 for _ in _rows(arguments.list))
    faces = _faces(arguments)
    try:
        if arguments.kind == "pdf":
            _progress(_pdf(arguments, faces), total)
        else:
            _progress(_files(arguments, faces), total)
    except OSError as error:
        raise TesseraError(
            f"{arguments.out} cannot be written: {error.strerror}", hint="check the folder"
        ) from error
    print(f"{total} cards: {arguments.out}")
    return 0


def _check_font(font: Path | None) -> None:
    """A font is read whole by whoever draws with it, so what is no font's size is refused first."""
    from tessera.core.errors import TesseraError

    if font is None or not font.exists():
        return
    if not font.is_file() or font.stat().st_size > FONT_BYTES_MAX:
        raise TesseraError(
            f"{font} is no font: not a file of at most {FONT_BYTES_MAX} bytes",
            hint="name a TrueType font: --font /usr/share/fonts/…/DejaVuSans.ttf",
        )


def _pdf(arguments: argparse.Namespace, faces: "Iterator[tuple[str, CardFace]]") -> Iterator[int]:
    from tessera.devices.card_face import SIZES
    from tessera.devices.card_pdf import write_pdf

    # Written beside and moved when whole, so that a broken list leaves no half sheet.
    unfinished = arguments.out.with_name(arguments.out.name + ".part")
    try:
        yield from write_pdf(
            (face for _, face in faces),
            unfinished,
            SIZES[arguments.size],
            page=arguments.page,
            font=arguments.font,
        )
        unfinished.replace(arguments.out)
    finally:
        unfinished.unlink(missing_ok=True)


def _files(arguments: argparse.Namespace, faces: "Iterator[tuple[str, CardFace]]") -> Iterator[int]:
    from tessera.devices.card_face import BLEED_MM
    from tessera.devices.card_images import png_of, svg_of

    arguments.out.mkdir(parents=True, exist_ok=True)
    for number, (name, face) in enumerate(faces, 1):
        path = arguments.out / f"{name}.{arguments.kind}"
        if arguments.kind == "svg":
            path.write_text(svg_of(face, bleed_mm=BLEED_MM), encoding="utf-8")
        else:
            path.write_bytes(png_of(face, font=arguments.font))
        yield number


def _faces(arguments: argparse.Namespace) -> "Iterator[tuple[str, CardFace]]":
    from tessera.core.errors import TesseraError
    from tessera.devices.card_face import SIZES, CardTexts, compose_face
    from tessera.devices.card_symbols import draw_symbol

    colour = arguments.colour.lower()
    if len(colour) != 7 or colour[0] != "#" or set(colour[1:]) - set("0123456789abcdef"):
        raise TesseraError(f"'{arguments.colour}' is no colour", hint="write it as #1f4e79")
    for line, row in _rows(arguments.list):
        try:
            symbol = draw_symbol(row["symbology"], row["payload"])
        except TesseraError as error:
            raise TesseraError(
                f"{arguments.list}, line {line}: {error.message}", hint=error.hint
            ) from error
        number = row.get("card_id") or row["payload"]
        texts = CardTexts(
            title=arguments.title[:80],
            name=(row.get("name") or "")[:80],
            tier=(row.get("tier") or "")[:40],
            number=number,
        )
        face = compose_face(SIZES[arguments.size], symbol, texts, colour=colour)
        yield "".join(c if c.isalnum() else "-" for c in number), face


def _rows(path: Path) -> Iterator[tuple[int, dict[str, str]]]:
    from tessera.core.errors import TesseraError, reason_of

    try:
        if path.stat().st_size > LIST_BYTES_MAX:
            raise TesseraError(f"{path} is larger than {LIST_BYTES_MAX} bytes", hint="split it")
        with path.open(encoding="utf-8", newline="") as file:
            table = csv.DictReader(file)
            missing = {"payload", "symbology"} - set(table.fieldnames or ())
            if missing:
                raise TesseraError(
                    f"{path} has no column {' and '.join(sorted(missing))}",
                    hint="make the list with 'tessera cards issue'",
                )
            for row in table:
                yield table.line_num, row
    except (OSError, UnicodeDecodeError) as error:
        raise TesseraError(
            f"{path} cannot be read: {reason_of(error)}", hint="give a CSV in UTF-8"
        ) from error


def _progress(steps: Iterable[int], total: int) -> None:
    shown = sys.stderr.isatty() and total > 200
    for done in steps:
        if shown and (done % 100 == 0 or done == total):
            bar = "#" * (30 * done // total)
            print(f"\r[{bar:<30}] {done} of {total}", end="", file=sys.stderr, flush=True)
    if shown:
        print(file=sys.stderr)
