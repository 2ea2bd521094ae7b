"""Check a programme and say everything that is wrong with it.

Reads each file as a till would, and prints every problem with its line, its column, the field and
what to write instead. Warnings do not make a programme unusable, problems do: a till refuses such a
file and goes on with its last good one. A warning tells, among others, where offers compete so that
their best price is tried out rather than proven.
"""

import argparse
import json
from dataclasses import asdict
from pathlib import Path

from tessera.core.errors import has_errors

EXAMPLES = """\
examples:
  tessera programme check config/programmes/corner-shop.yaml
  tessera programme check --json my-shop.yaml
  tessera programme check my-store/            the folder with programme.yaml in it

exit codes: 0 every file is sound · 1 problems were found · 3 a file can't be read
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of this command."""
    parser.add_argument(
        "files", nargs="+", metavar="FILE", type=Path, help="programme (YAML file or folder)"
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object for programs")


def run(arguments: argparse.Namespace) -> int:
    """Check all files; 1 when any of them has a problem."""
    from tessera.cli.programme_files import counted, read_source
    from tessera.rules.unprovable import unprovable

    wrong = False
    reports = []
    for path in arguments.files:
        source, problems = read_source(path)
        programme = None
        if source is not None:
            programme, problems = source.parse()
        wrong = wrong or has_errors(problems) or programme is None
        if source is not None and programme is not None:
            tried = unprovable(programme, file=source.file)
            problems = [*problems, *source.located(tried)]
        if arguments.json:
            reports.append(
                {
                    "file": str(path),
                    "programme": programme.programme_id if programme else None,
                    "offers": len(programme.offers) if programme else None,
                    "problems": [asdict(problem) for problem in problems],
                }
            )
            continue
        for problem in problems:
            print(problem.render())
        if programme is not None:
            offers = counted(len(programme.offers), "offer")
            print(f"{path}: sound — programme {programme.programme_id}, {offers}")
        else:
            count = sum(problem.severity == "error" for problem in problems)
            print(f"{path}: {counted(count, 'problem')}")
    if arguments.json:
        print(json.dumps({"files": reports}, ensure_ascii=False))
    return 1 if wrong else 0
