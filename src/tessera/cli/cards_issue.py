"""Make new member card numbers by a card format, and draw them if wished.

Numbers get the format's check digit, none comes twice, and none is in the files named with
--taken. They are random, so that one card does not tell the next; --sequential counts up instead.
The list goes to standard output as CSV (card_id, payload, symbology), or to --out.
"""

import argparse
import csv
import secrets
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from tessera.cli.reader_options import add_cards_option

if TYPE_CHECKING:
    from tessera.devices.card_issue import IssuedCard

EXAMPLES = """\
examples:
  tessera cards issue --format ean13-in-store --prefix 2001 --count 100 --out cards.csv
  tessera cards issue --format gsrn --prefix 4006381 --count 20 --draw cards/ --as png
  tessera cards issue --format ean13-in-store --prefix 29 --count 500 --taken cards.csv
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of this command."""
    parser.add_argument("--format", required=True, help="a format of config/cards.toml")
    parser.add_argument("--count", type=int, default=1, help="how many cards (default: 1)")
    parser.add_argument("--prefix", default="", help="first digits, within those of the format")
    parser.add_argument("--length", type=int, default=0, help="digits of the whole number")
    parser.add_argument(
        "--symbology", default="", help="the code to draw, if the format has several"
    )
    parser.add_argument("--link", default="", help="address before a GS1 Digital Link's path")
    parser.add_argument("--sequential", action="store_true", help="count up instead of random")
    parser.add_argument("--start", type=int, default=0, help="first number with --sequential")
    parser.add_argument(
        "--taken", metavar="CSV", type=Path, action="append", default=[], help="earlier lists"
    )
    add_cards_option(parser)
    parser.add_argument("--out", metavar="CSV", type=Path, help="write the list here")
    parser.add_argument("--draw", metavar="FOLDER", type=Path, help="draw each card's code there")
    parser.add_argument(
        "--as", dest="image", choices=["svg", "png"], default="svg", help="kind of image"
    )


def run(arguments: argparse.Namespace) -> int:
    """Issue the numbers and write them."""
    from tessera.core.errors import TesseraError
    from tessera.devices.card_issue import issue_cards, plan_issue
    from tessera.devices.profiles import read_card_formats

    formats = {rule.name: rule for rule in read_card_formats(arguments.cards).format}
    if arguments.format not in formats:
        raise TesseraError(
            f"there is no card format '{arguments.format}'",
            hint=f"known formats: {', '.join(formats)}",
        )
    rule = formats[arguments.format]
    plan = plan_issue(
        rule,
        prefix=arguments.prefix,
        length=arguments.length,
        symbology=_symbology(arguments.symbology, rule.symbologies),
        link=arguments.link,
    )
    cards = issue_cards(
        plan,
        arguments.count,
        randbelow=None if arguments.sequential else secrets.randbelow,
        taken=_taken(arguments.taken),
        start=arguments.start,
    )
    with _listing(arguments.out) as out:
        table = csv.writer(out, lineterminator="\n")
        table.writerow(["card_id", "payload", "symbology"])
        for number, card in enumerate(cards, 1):
            table.writerow([card.card_id, card.payload, card.symbology])
            if arguments.draw:
                _draw(arguments.draw, arguments.image, card)
            if arguments.draw and number % 100 == 0:
                print(f"\r{number} of {arguments.count}", end="", file=sys.stderr, flush=True)
    if arguments.draw and arguments.count >= 100:
        print(file=sys.stderr)
    return 0


def _symbology(wished: str, offered: tuple[str, ...]) -> str:
    from tessera.core.errors import TesseraError
    from tessera.devices.card_symbols import QUIET_ZONE

    drawable = [name for name in offered if name in QUIET_ZONE]
    if not drawable or (wished and wished not in drawable):
        raise TesseraError(
            f"this format cannot be printed as {wished or 'a code'}",
            hint=f"it can be: {', '.join(drawable) or 'nothing that is drawn here'}",
        )
    return wished or drawable[0]


def _taken(lists: list[Path]) -> set[str]:
    from tessera.core.errors import TesseraError

    taken: set[str] = set()
    for path in lists:
        try:
            with path.open(encoding="utf-8", newline="") as file:
                taken |= {row["payload"] for row in csv.DictReader(file)}
        except (OSError, KeyError, UnicodeDecodeError) as error:
            raise TesseraError(
                f"{path} is no list of cards: {error}",
                hint="it needs the columns that 'tessera cards issue' writes",
            ) from error
    return taken


@contextmanager
def _listing(out: Path | None) -> Iterator[TextIO]:
    from tessera.core.errors import TesseraError

    if out is None:
        yield sys.stdout
        return
    try:
        with out.open("x", encoding="utf-8", newline="") as file:
            yield file
    except FileExistsError as error:
        raise TesseraError(
            f"{out} exists already", hint="name another file; card lists are not overwritten"
        ) from error
    except OSError as error:
        raise TesseraError(f"{out} cannot be written: {error}", hint="check the folder") from error


def _draw(folder: Path, image: str, card: "IssuedCard") -> None:
    from tessera.devices.card_images import code_face, png_of, svg_of
    from tessera.devices.card_symbols import draw_symbol

    folder.mkdir(parents=True, exist_ok=True)
    face = code_face(draw_symbol(card.symbology, card.payload))
    path = folder / f"{card.card_id}.{image}"
    path.write_bytes(svg_of(face).encode() if image == "svg" else png_of(face))
