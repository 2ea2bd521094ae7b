"""Check that the register's journal is whole: every record's bytes, place and hash.

Reads the database beside a running agent; nothing is changed. Exit code 1 when something is not as
it was committed.
"""

import argparse
import json
import sys

from tessera.cli.agent_folder import existing_database
from tessera.cli.agent_settings import add_config_option, settings_of

EXAMPLES = """\
examples:
  tessera agent journal verify
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of this command."""
    add_config_option(parser)
    parser.add_argument("--json", action="store_true", help="print one JSON object for programs")


def run(arguments: argparse.Namespace) -> int:
    """Check, and print what was found."""
    from tessera.agent.journal_check import check_journal
    from tessera.store.engine import open_sqlite

    engines = open_sqlite(existing_database(settings_of(arguments).data_dir))
    try:
        with engines.reader.connect() as connection:
            report = check_journal(connection, progress=_show_progress)
    finally:
        engines.dispose()
    if arguments.json:
        print(
            json.dumps(
                {
                    "records": report.records,
                    "findings": [
                        {"incarnation": one.incarnation, "seq": one.seq, "what": one.what}
                        for one in report.findings
                    ],
                }
            )
        )
        return 1 if report.findings else 0
    for one in report.findings:
        place = f"record {one.seq}" if one.seq else "the chain"
        print(f"{place} of {one.incarnation}: {one.what}")
    if report.findings:
        print(f"{report.records} records read, {len(report.findings)} findings")
        print("keep the folder as it is and make a copy; central holds what was sent before")
        return 1
    print(f"{report.records} records read: the journal is whole")
    return 0


def _show_progress(count: int) -> None:
    if sys.stderr.isatty():
        print(f"\r{count} records …", end="", file=sys.stderr, flush=True)
