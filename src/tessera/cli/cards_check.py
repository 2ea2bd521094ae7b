"""Read printed cards back: every code in a PNG, JPEG or PDF, as a scanner would.

With --list every card of the list must be found, and nothing else. Exit code 1 says that something
is missing, unreadable or no card of the shop. Card numbers are masked unless --in-clear is given.
"""

import argparse
import csv
import json
from pathlib import Path

from tessera.cli.reader_options import add_cards_option

EXAMPLES = """\
examples:
  tessera cards check cards.pdf --list cards.csv
  tessera cards check photo.jpg --json
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of this command."""
    parser.add_argument("files", type=Path, nargs="+", help="PNG, JPEG or PDF files")
    parser.add_argument("--list", type=Path, help="the list that was printed")
    add_cards_option(parser)
    parser.add_argument("--in-clear", action="store_true", help="show card numbers")
    parser.add_argument("--json", action="store_true", help="print one JSON object a code")


def run(arguments: argparse.Namespace) -> int:
    """Read the files and compare."""
    from tessera.devices.card_check import read_cards
    from tessera.devices.event_fields import event_fields, event_line
    from tessera.devices.events import Scan, ScanKind
    from tessera.devices.profiles import read_card_formats

    formats = read_card_formats(arguments.cards).format
    expected = _expected(arguments.list) if arguments.list else None
    found: list[str] = []
    wrong = 0
    for path in arguments.files:
        before = len(found) + wrong
        for code in read_cards(path, formats):
            outcome = code.outcome
            is_card = isinstance(outcome, Scan) and outcome.kind in {
                ScanKind.MEMBER_CARD,
                ScanKind.STAFF_CARD,
            }
            if isinstance(outcome, Scan) and is_card and outcome.card_id:
                found.append(outcome.card_id)
            else:
                wrong += 1
            if arguments.json:
                fields = event_fields(outcome, in_clear=arguments.in_clear)
                print(json.dumps({"file": str(path), "page": code.page, **fields}))
            elif expected is None:
                line = event_line(outcome, in_clear=arguments.in_clear)
                print(f"{path}, page {code.page}: {line}")
        if len(found) + wrong == before:
            wrong += 1
            print(f"{path}: no code could be read")
    if expected is not None:
        wrong += _compare(expected, found, quiet=arguments.json)
    return 1 if wrong else 0


def _compare(expected: set[str], found: list[str], *, quiet: bool) -> int:
    missing = expected - set(found)
    strange = [number for number in found if number not in expected]
    doubled = len(found) - len(set(found))
    if not quiet:
        print(f"{len(expected)} cards on the list, {len(set(found) & expected)} read back")
        if missing:
            print(f"{len(missing)} cannot be read")
        if strange:
            print(f"{len(strange)} are not on the list")
        if doubled:
            print(f"{doubled} stand there twice")
    return len(missing) + len(strange) + doubled


def _expected(path: Path) -> set[str]:
    from tessera.core.errors import TesseraError

    try:
        with path.open(encoding="utf-8", newline="") as file:
            return {row["card_id"] for row in csv.DictReader(file)}
    except (OSError, KeyError, UnicodeDecodeError) as error:
        raise TesseraError(
            f"{path} is no list of cards: {error}",
            hint="give the list that 'tessera cards issue' wrote",
        ) from error
