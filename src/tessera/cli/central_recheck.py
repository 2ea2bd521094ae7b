"""Price booked sales once more, by what their records say, and see which come out otherwise.

A record holds everything that its quote was made of, and names the programme's bundle and the
engine. The server does this by itself with one sale in so many (recheck.one_in), when nothing else
is to be done. `run` does it now: the sales of the same sample, or with --all every one. A sale that
differs points at a till that was tampered with, a wrong program on it, or damaged memory; nothing
is corrected. Exit code 1: something differs.
"""

import argparse
import json
import sys
import time
from dataclasses import asdict
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING

from tessera.cli.central_open import add_config_option, central_from

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tessera.central.opening import Central
    from tessera.central.rechecking import Checked
    from tessera.store.central.recheck_book import Found

EXAMPLES = """\
examples:
  tessera central recheck list
  tessera central recheck run
  tessera central recheck run --register berlin-1-3 --since 2026-11-20 --all
"""
PROGRESS_S = 1.0
LISTED_MAX = 10_000


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of this command."""
    actions = parser.add_subparsers(
        dest="action", required=True, metavar="ACTION", help="what to do"
    )
    listing = actions.add_parser("list", help="list what differed, and how many sales did not")
    running = actions.add_parser("run", help="price sales again now")
    running.add_argument(
        "--since",
        type=_day,
        metavar="DAY",
        help="only what arrived on this day (UTC, YYYY-MM-DD) or later",
    )
    running.add_argument("--all", action="store_true", help="every sale, not the sample alone")
    for one in (listing, running):
        one.add_argument("--register", default="", help="only of this register")
        add_config_option(one)
        one.add_argument("--json", action="store_true", help="print one JSON object for programs")


def _day(text: str) -> str:
    try:
        return date.fromisoformat(text).isoformat()
    except ValueError as error:
        raise argparse.ArgumentTypeError("give a day as YYYY-MM-DD") from error


def run(arguments: argparse.Namespace) -> int:
    """Do what was asked; 1 when something differs."""
    return _list(arguments) if arguments.action == "list" else _run(arguments)


def _list(arguments: argparse.Namespace) -> int:
    from tessera.central.rechecking import differences_of
    from tessera.store.central import recheck_book

    wanted = arguments.register
    with central_from(arguments) as central, central.engines.reader.begin() as tx:
        found = recheck_book.read_found(tx, register_id=wanted, limit=LISTED_MAX)
        tallies = [one for one in recheck_book.read_tallies(tx) if wanted in {"", one.register_id}]
        waiting = recheck_book.count_due(tx)
    if arguments.json:
        told = {
            "found": [
                {**asdict(one), "differences": [asdict(each) for each in differences_of(one)]}
                for one in found
            ],
            "registers": [asdict(one) for one in tallies],
            "waiting": waiting,
        }
        print(json.dumps(told))
        return 1 if found else 0
    for one in found:
        _print_found(one)
    for tally in tallies:
        print(f"register {tally.register_id}: {tally.sales} sales {tally.verdict}")
    print(f"{len(found)} sales differ, {waiting} wait to be priced once more")
    return 1 if found else 0


def _print_found(found: "Found") -> None:
    from tessera.central.rechecking import differences_of

    moment = datetime.fromtimestamp(found.found_ms / 1000, tz=UTC)
    print(f"{moment:%Y-%m-%d %H:%M:%S}Z  register {found.register_id}  sale {found.sale_key}")
    for one in differences_of(found):
        print(f"  {one.text()}")
    print(f"  record {found.uid}, bundle {found.bundle[:12] or 'none'}")


def _run(arguments: argparse.Namespace) -> int:
    from tessera.central.recheck import DIFFERS
    from tessera.core.errors import TesseraError

    counts: dict[str, int] = {}
    differing: list[Checked] = []
    shown_s = time.monotonic()
    with central_from(arguments) as central:
        if not (arguments.all or central.settings.recheck.one_in):
            raise TesseraError(
                "recheck.one_in is 0: there is no sample", hint="say --all to price every sale"
            )
        for one in _checked(central, arguments):
            verdict = one.verdict.verdict
            counts[verdict] = counts.get(verdict, 0) + 1
            if verdict == DIFFERS:
                differing.append(one)
                if not arguments.json:
                    _print_checked(one)
            if sys.stderr.isatty() and time.monotonic() - shown_s > PROGRESS_S:
                shown_s = time.monotonic()
                print(f"{sum(counts.values())} sales …", file=sys.stderr)
    if arguments.json:
        told = [
            {
                "register": one.register_id,
                "uid": one.uid,
                "sale_key": one.sale_key,
                "bundle": one.bundle,
                "differences": [asdict(each) for each in one.verdict.differences],
            }
            for one in differing
        ]
        print(json.dumps({"sales": sum(counts.values()), "verdicts": counts, "differing": told}))
    else:
        named = ", ".join(f"{count} {verdict}" for verdict, count in sorted(counts.items()))
        print(f"{sum(counts.values())} sales priced once more: {named or 'none'}")
    return 1 if differing else 0


def _checked(central: "Central", arguments: argparse.Namespace) -> "Iterator[Checked]":
    from tessera.central.rechecking import recheck_register
    from tessera.store.central import register_book

    registers = [arguments.register]
    if not arguments.register:
        with central.engines.reader.begin() as tx:
            registers = [one.register_id for one in register_book.read_registers(tx)]
    for register_id in registers:
        yield from recheck_register(
            central, register_id, since=arguments.since or "", every=arguments.all
        )


def _print_checked(one: "Checked") -> None:
    print(f"register {one.register_id}  sale {one.sale_key}  record {one.uid}")
    for difference in one.verdict.differences:
        print(f"  {difference.text()}")
