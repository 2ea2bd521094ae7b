"""Make a backup of central's database, and tell the registers what is safe in it.

A register keeps its sales until central has them in a backup, and lets them go `journal_days` after
that. `copy FILE` does it all where the database is SQLite: it copies beside the running server,
checks the copy, syncs it, and tells the registers. With other tools say `begin` first, which prints
a number; make the backup; once it is safe, say `done NUMBER`. What `begin` saw is in every backup
that starts after it. `list` shows when backups were begun and called safe.

Keep the backup where the loss of this machine does not reach it, and the key files with it.
"""

import argparse
import json
from datetime import UTC, datetime
from pathlib import Path

from tessera.cli.central_open import add_config_option, central_from

EXAMPLES = """\
examples:
  tessera central backup copy /backup/central-2026-11-21.db
  tessera central backup begin
  tessera central backup done 17
"""

SHOWN_MAX = 30


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of this command."""
    actions = parser.add_subparsers(
        dest="action", required=True, metavar="ACTION", help="what to do"
    )
    copying = actions.add_parser("copy", help="copy a SQLite database, and call the copy safe")
    copying.add_argument("file", type=Path, metavar="FILE", help="the copy; must not be there yet")
    beginning = actions.add_parser("begin", help="say that a backup begins; prints its number")
    finishing = actions.add_parser("done", help="say that a backup is safe")
    finishing.add_argument("number", type=int, metavar="NUMBER", help="what begin printed")
    listing = actions.add_parser("list", help="list the last backups")
    for one in (copying, beginning, finishing, listing):
        add_config_option(one)
        one.add_argument("--json", action="store_true", help="print JSON for programs")


def run(arguments: argparse.Namespace) -> int:
    """Do what was asked."""
    from tessera.central.backups import begin_backup, copy_database, finish_backup

    if arguments.action == "list":
        return _list(arguments)
    with central_from(arguments) as central:
        number = begin_backup(central).number if arguments.action != "done" else arguments.number
        if arguments.action == "copy":
            copy_database(central, arguments.file)
        told = None if arguments.action == "begin" else finish_backup(central, number)
    if arguments.json:
        print(json.dumps({"number": number, "histories": told}))
    elif told is None:
        print(f"backup {number} begins; once it is safe: tessera central backup done {number}")
    else:
        print(
            f"backup {number} is safe; {told} histories of registers go further in it than before"
        )
    return 0


def _list(arguments: argparse.Namespace) -> int:
    from tessera.store.central.backup_book import read_backups

    with central_from(arguments) as central, central.engines.reader.begin() as tx:
        backups = read_backups(tx, limit=SHOWN_MAX)
    if arguments.json:
        rows = [
            {"number": one.number, "begun_ms": one.begun_ms, "done_ms": one.done_ms}
            for one in backups
        ]
        print(json.dumps(rows))
        return 0
    for one in backups:
        ended = f"safe {_moment(one.done_ms)}" if one.done_ms else "never called safe"
        print(f"{one.number:>6}  begun {_moment(one.begun_ms)}  {ended}")
    print(f"{len(backups)} backups")
    return 0


def _moment(ms: int) -> str:
    return f"{datetime.fromtimestamp(ms / 1000, tz=UTC):%Y-%m-%d %H:%M:%S}Z"
