"""How central stands, and what needs a person now.

First what is wrong, each with what to do about it; then the figures. Nothing is changed, and it can
be run at any time beside the server. Exit code 0: go back to sleep. 1: something needs a person. 3:
central could not be looked at (the database does not answer, a key is missing).
"""

import argparse
import dataclasses
import json
from typing import TYPE_CHECKING

from tessera.cli.central_open import add_config_option, central_from
from tessera.cli.whole_number import whole

if TYPE_CHECKING:
    from tessera.central.standing import Standing

EXAMPLES = """\
examples:
  tessera central status
  tessera central status --silent-days 1
  tessera central status --json
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of this command."""
    add_config_option(parser)
    parser.add_argument(
        "--silent-days",
        type=whole(1, 3_650),
        default=3,
        metavar="DAYS",
        help="name registers that were not heard of for so many days (3)",
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object for programs")


def run(arguments: argparse.Namespace) -> int:
    """Look, and say; 1 when something needs a person."""
    from tessera.central.standing import look

    with central_from(arguments) as central:
        found = look(central, silent_days=arguments.silent_days)
    if arguments.json:
        told = dataclasses.asdict(found)
        print(json.dumps({"needs_person": bool(found.findings), **told}))
    else:
        _print(found)
    return 1 if found.findings else 0


def _print(found: "Standing") -> None:
    from tessera.central.standing import newest_schema, size, span

    for finding in found.findings:
        print(f"NEEDS YOU: {finding.text}")
        print(f"  do: {finding.do}")
    if not found.findings:
        print("all is well; nothing needs you")
    print()
    oldest = f", the oldest for {span(found.now_ms - found.inbox.oldest_ms)}"
    is_newest = found.schema_version == newest_schema()
    figures = (
        ("waiting to be booked", f"{found.inbox.count} batches{oldest * bool(found.inbox.count)}"),
        ("kept as it came", _kept(found)),
        ("could not be booked", f"{found.parked.count} records"),
        ("waiting for their sale", f"{found.waiting.count} returns and claims"),
        ("priced once more", _rechecks(found)),
        ("registers", f"{found.registers} active, {len(found.silent)} silent"),
        ("grants awaited", f"of {len(found.awaited)} registers"),
        ("certificates ending", str(len(found.ending))),
        ("feed", f"{found.streams.segments} segments of {found.streams.audiences} streams"),
        ("backup", _backup(found)),
        ("root", f"version {found.root_version}, ends in {found.root_days} days"),
        ("disk", f"{size(found.disk_free_bytes)} of {size(found.disk_total_bytes)} free"),
        ("schema", f"{found.schema_version}{' (newest)' if is_newest else ''}"),
        ("generation", found.generation),
    )
    for name, value in figures:
        print(f"{name + ':':<24}{value}")


def _kept(found: "Standing") -> str:
    from tessera.central.standing import span

    kept = found.kept
    text = f"{kept.whole} batches"
    if kept.oldest_ms:
        text += f" of {span(found.now_ms - kept.oldest_ms)}"
    return f"{text}; of {kept.purged} older ones the hashes" if kept.purged else text


def _rechecks(found: "Standing") -> str:
    sums = found.rechecks
    text = f"{sums.sales} sales, {sums.differ} came out otherwise"
    if sums.not_comparable:
        text += f", {sums.not_comparable} not comparable"
    return f"{text}, {sums.waiting} wait" if sums.waiting else text


def _backup(found: "Standing") -> str:
    from tessera.central.standing import span

    point = found.backup
    since = span(found.now_ms - point.begun_ms)
    text = f"number {point.number}, begun {since} ago" if point.number else "none that is safe"
    if not point.held:
        return text
    named = ", ".join(f"{name} {count}" for name, count in point.most_held.items())
    return f"{text}; {point.held} records in none, kept by registers: {named}"
