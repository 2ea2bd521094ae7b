"""Show what waits on this register to be sent to central, and what central did not simply book.

Reads the database beside a running agent; nothing is changed. Exit code 1 when central keeps a
record of this register aside (parked or malformed), so that somebody looks at it.
"""

import argparse
import json

from tessera.cli.agent_folder import existing_database
from tessera.cli.agent_settings import add_config_option, settings_of

EXAMPLES = """\
examples:
  tessera agent queue
"""

SHOWN_MAX = 100


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of this command."""
    add_config_option(parser)
    parser.add_argument("--json", action="store_true", help="print one JSON object for programs")


def run(arguments: argparse.Namespace) -> int:
    """Print the queue."""
    from tessera.store.engine import open_sqlite
    from tessera.store.till import outbox, outcomes

    engines = open_sqlite(existing_database(settings_of(arguments).data_dir))
    try:
        with engines.reader.connect() as connection:
            depth = outbox.depth(connection)
            oldest = outbox.oldest_waiting(connection)
            lives = outbox.lives(connection)
            unusual = outcomes.unusual(connection, limit=SHOWN_MAX)
            aside = [row for row in unusual if row[2] != outcomes.APPLIED]
            refused = [row for row in unusual if row[2] == outcomes.APPLIED]
    finally:
        engines.dispose()
    if arguments.json:
        print(
            json.dumps(
                {
                    "waiting": depth,
                    "oldest": {"incarnation": oldest[0], "seq": oldest[1]} if oldest else None,
                    "lives": [
                        {
                            "incarnation": life.head.incarnation,
                            "records": life.head.seq,
                            "at_central": life.high_water,
                            "in_backup": life.backed_up,
                            "dropped": life.dropped_seq,
                        }
                        for life in lives
                    ],
                    "aside": [
                        {"incarnation": row[0], "seq": row[1], "state": row[2], "reason": row[3]}
                        for row in aside
                    ],
                    "refused": [
                        {"incarnation": row[0], "seq": row[1], "reason": row[3]} for row in refused
                    ],
                }
            )
        )
        return 1 if aside else 0
    print(f"{depth} records wait" + (f", from number {oldest[1]} on" if oldest else ""))
    for life in lives:
        print(
            f"incarnation {life.head.incarnation}: {life.head.seq} records,"
            f" {life.high_water} at central"
            + (f", {life.backed_up} in its backup" if life.backed_up else "")
            + (f", the first {life.dropped_seq} no longer here" if life.dropped_seq else "")
        )
    for incarnation, seq, _, reason in refused:
        print(f"record {seq} of {incarnation} is booked without a number of another: {reason}")
    for incarnation, seq, state, reason in aside:
        print(f"{state}: record {seq} of {incarnation}: {reason or 'no reason given'}")
    if aside:
        print("central keeps these with their bytes: tessera central quarantine list")
    return 1 if aside else 0
