"""Write a commented starter of a programme from the name of a mechanic.

Starters are the programmes that come with Tessera, one for each mechanic of the trade. With --out
the file takes its programme's id from its own name and brings its cases along, so that `tessera
programme check` and `tessera programme test` are green before the first change. Nothing that exists
is ever overwritten.
"""

import argparse
from pathlib import Path

from tessera.core.errors import TesseraError

EXAMPLES = """\
examples:
  tessera programme new --list
  tessera programme new eleventh-free
  tessera programme new eleventh-free --out my-cafe.yaml
  tessera programme new departments --out my-store      a folder with several files

exit codes: 0 written · 2 no mechanic was named · 3 unknown mechanic, or the file exists already
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of this command."""
    parser.add_argument("mechanic", nargs="?", metavar="MECHANIC", help="name, as --list shows it")
    parser.add_argument(
        "--out",
        metavar="FILE",
        type=Path,
        help="file to write, with its cases in the folder cases beside it, or a folder for a"
        " starter in several files (without: to the screen)",
    )
    parser.add_argument("--list", action="store_true", help="list the mechanics and end")
    parser.add_argument("--json", action="store_true", help="print the list as one JSON object")


def run(arguments: argparse.Namespace) -> int:
    """List the mechanics, or write the starter of one."""
    import json
    import sys

    from tessera.cli.programme_starters import file_text, read_starters, starter_named, write_new

    starters = read_starters()
    if arguments.list:
        if arguments.json:
            listed = [{"mechanic": one.mechanic, "about": one.about} for one in starters]
            print(json.dumps({"mechanics": listed}, ensure_ascii=False))
            return 0
        width = max(len(one.mechanic) for one in starters)
        for one in starters:
            print(f"{one.mechanic:<{width}}  {one.about}")
        return 0
    if not arguments.mechanic:
        print("tessera: no mechanic was named", file=sys.stderr)
        print("  hint: tessera programme new --list shows them", file=sys.stderr)
        return 2
    starter = starter_named(arguments.mechanic, starters)
    if arguments.out is None and starter.parts:
        raise TesseraError(
            f"{starter.mechanic} has several files, which can't go to the screen",
            hint=f"tessera programme new {starter.mechanic} --out my-store",
        )
    if arguments.out is None:
        print(file_text(starter, starter.mechanic, with_cases=False), end="")
        return 0
    for path in write_new(starter, arguments.out):
        print(f"written: {path}")
    print(f"next: tessera programme check {arguments.out}")
    return 0
