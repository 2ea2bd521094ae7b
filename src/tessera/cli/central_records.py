"""Show what central received from a register: each record, its sale, and what became of it.

Shows ids and figures, nothing personal. A record that is waiting has been stored but not booked
yet; a parked one is explained by `tessera central quarantine`.
"""

import argparse
import dataclasses
import json

from tessera.cli.central_open import add_config_option, central_from

EXAMPLES = """\
examples:
  tessera central records --register berlin-1-3
  tessera central records --register berlin-1-3 --day 2026-11-21 --json
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of this command."""
    add_config_option(parser)
    parser.add_argument("--register", required=True, help="the register's id")
    parser.add_argument(
        "--day", default="", metavar="YYYY-MM-DD", help="only sales and returns of a business day"
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object a line")


def run(arguments: argparse.Namespace) -> int:
    """Print them as they are read."""
    from tessera.central.records import received_records

    count = 0
    with central_from(arguments) as central:
        for record in received_records(central, arguments.register):
            if arguments.day and record.business_day != arguments.day:
                continue
            count += 1
            if arguments.json:
                print(json.dumps(dataclasses.asdict(record)))
            else:
                print(
                    f"{record.incarnation} {record.seq:>7} {record.state:<9} {record.kind:<12}"
                    f" {record.business_day:<10} {record.sale_id:<24} {record.due_minor:>10}"
                    f" {record.reason} {' '.join(record.flags)}".rstrip()
                )
    if not arguments.json:
        print(f"{count} records")
    return 0
