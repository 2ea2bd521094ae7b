"""Rebuild balances from postings and compare, beside a running server.

Checks that every entry sums to zero, that balances, lots and leases are what postings and grants
make of them, that each register's chain of records holds, and that each accepted record is exactly
once booked, parked, or waiting for its sale. Mends nothing. Exit code 1: something differs.
"""

import argparse
import dataclasses
import json
import sys
import time

from tessera.cli.central_open import add_config_option, central_from

EXAMPLES = """\
examples:
  tessera central verify
  tessera central verify --json
"""
PROGRESS_S = 1.0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of this command."""
    add_config_option(parser)
    parser.add_argument("--json", action="store_true", help="print one JSON object for programs")


def run(arguments: argparse.Namespace) -> int:
    """Verify, and print every difference."""
    from tessera.central.verify import Difference, Tally, verify

    tally = Tally()
    found: list[Difference] = []
    shown_s = time.monotonic()
    with central_from(arguments) as central:
        for difference in verify(central, tally):
            found.append(difference)
            if not arguments.json:
                print(f"{difference.kind}: {difference.where}: {difference.detail}")
            if sys.stderr.isatty() and time.monotonic() - shown_s > PROGRESS_S:
                shown_s = time.monotonic()
                print(f"{tally.accounts} accounts, {tally.records} records …", file=sys.stderr)
    if arguments.json:
        told = {"differences": [dataclasses.asdict(one) for one in found]}
        print(json.dumps(told | dataclasses.asdict(tally)))
    else:
        print(
            f"{len(found)} differences in {tally.accounts} accounts, {tally.registers} registers, "
            f"{tally.batches} batches, {tally.records} records"
        )
    return 1 if found else 0
