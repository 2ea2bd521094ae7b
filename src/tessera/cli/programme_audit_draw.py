"""Draw instant wins again from their published seed and say which differ.

Each win is drawn from the seed, the register's incarnation and the number of its record, so anybody
who has the published seed can draw again. The seed itself is checked against the hash that the
programme published beforehand (seed_hash). What the records leave out can't be told from them.
"""

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tessera.rules.draw_audit import Audit

SEED_DIGITS = range(32, 257)
"""How many hexadecimal digits a seed may have: 16 to 128 bytes."""

EXAMPLES = """\
examples:
  tessera programme audit-draw --programme released.yaml --seed 00112233445566778899aabbccddeeff \\
      --records draws.jsonl

a line of the records (offer and won may be left out; won is the prize, true or false):
  {"incarnation": "till-7a", "seq": 2, "offer": "scratch", "won": "coffee"}

exit codes: 0 all as drawn · 1 something differs, or the seed is not proven · 3 could not read
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of this command."""
    parser.add_argument(
        "--programme",
        required=True,
        metavar="FILE",
        type=Path,
        help="programme (YAML file or folder)",
    )
    parser.add_argument("--seed", required=True, metavar="HEX", help="published seed, hexadecimal")
    parser.add_argument(
        "--records", required=True, metavar="FILE", type=Path, help="JSON lines, - for stdin"
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object for programs")


def run(arguments: argparse.Namespace) -> int:
    """Check the seed, draw again, compare."""
    from dataclasses import asdict

    from tessera.cli.programme_files import sound_programme
    from tessera.cli.programme_show import draw_text
    from tessera.core.errors import TesseraError
    from tessera.rules.draw import seed_hash
    from tessera.rules.draw_audit import Audit, audit_draws, instant_wins
    from tessera.rules.draw_terms import terms_of

    programme = sound_programme(arguments.programme)
    wins = instant_wins(programme)
    if not wins:
        raise TesseraError(
            f"{arguments.programme} has no instant win",
            hint="name the programme that the prizes were drawn by",
        )
    seed = _seed_of(arguments.seed)
    own, published = seed_hash(seed), programme.seed_hash
    # Another seed draws other wins: comparing by it would accuse every till.
    wrong_seed = bool(published) and own != published
    audit = Audit() if wrong_seed else audit_draws(programme, seed, _lines(arguments.records))
    drawn_by = [draw for name, draw in programme.draws.items() if name in wins]
    if arguments.json:
        terms = [asdict(terms_of(programme, draw)) for draw in drawn_by]
        _print_json(audit, own, published, terms)
    else:
        for draw in drawn_by:
            print(draw_text(programme, draw, "en"))
        if wrong_seed:
            print(f"this is not the seed: its hash is {own}, published was {published}")
        elif published:
            print(f"the seed is the one that was announced: its hash is {published}")
        else:
            print(f"the seed is not proven: the programme published no seed_hash (it is {own})")
        if not wrong_seed:
            _print_audit(audit, arguments.records)
    return 1 if own != published or audit.differing or audit.faults else 0


def _seed_of(text: str) -> bytes:
    from tessera.core.errors import TesseraError

    try:
        seed = bytes.fromhex(text) if len(text) in SEED_DIGITS and text.isalnum() else b""
    except ValueError:
        seed = b""
    if not seed:
        raise TesseraError(
            f"the seed of {len(text)} characters is no hexadecimal number of 16 to 128 bytes",
            hint="write its digits without spaces: 00112233445566778899aabbccddeeff",
        )
    return seed


def _lines(path: Path) -> Iterator[str]:
    """Give the lines one after another: a year's draws need not fit into memory as text."""
    import sys

    from tessera.core.errors import TesseraError

    try:
        if str(path) == "-":
            yield from _bounded(sys.stdin)
            return
        with path.open(encoding="utf-8") as file:
            yield from _bounded(file)
    except UnicodeDecodeError as error:
        raise TesseraError(
            f"{path} is no UTF-8 text (byte {error.start})", hint="save it as UTF-8"
        ) from None
    except OSError as error:
        reason = (error.strerror or "can't be read").lower()
        raise TesseraError(f"{path}: {reason}", hint="look at the path and its rights") from None


def _bounded(file: TextIO) -> Iterator[str]:
    """Give each line, of one that is too long only its beginning."""
    from tessera.rules.draw_audit import LINE_MAX

    while line := file.readline(LINE_MAX + 1):
        rest = line
        while len(rest) > LINE_MAX and not rest.endswith("\n"):
            rest = file.readline(LINE_MAX + 1)
        yield line


def _print_audit(audit: "Audit", path: Path) -> None:
    for fault in audit.faults:
        print(f"{path}:{fault.line}: {fault.message}")
    for one in audit.differing:
        place = f"{path}:{one.line}: {one.incarnation} {one.seq} {one.offer}"
        print(f"{place}: recorded {_said(one.recorded)}, drawn {one.prize or 'nothing'}")
    for one in audit.shown:
        print(f"{path}:{one.line}: {one.incarnation} {one.seq} {one.offer}: drawn {one.prize}")
    print(
        f"{audit.draws} draws, {audit.wins} won; {audit.compared} compared, "
        f"{len(audit.differing)} differ, {len(audit.faults)} lines with a fault"
    )


def _said(recorded: str | bool | None) -> str:  # noqa: FBT001 — a recorded value, no switch
    if isinstance(recorded, bool):
        return "a win" if recorded else "nothing"
    return recorded or "nothing"


def _print_json(
    audit: "Audit", own: str, published: str, terms: "Sequence[dict[str, str]]"
) -> None:
    import json
    from dataclasses import asdict

    report = {"seed_hash": own, "published": published, "seed_proven": own == published}
    print(json.dumps({**report, "terms": terms, **asdict(audit)}, ensure_ascii=False))
