"""Issue single-use coupons in lots, and list what was issued and used.

The codes are printed once, one a line, and kept nowhere: each carries a seal by which every till
knows it without a line to central. A code that was used is told to all stores.
"""

import argparse
import dataclasses
import json
from datetime import UTC, date, datetime
from pathlib import Path

from tessera.cli.central_open import add_config_option, central_from
from tessera.core.errors import TesseraError

EXAMPLES = """\
examples:
  tessera central coupon issue released.yaml --offer single --count 500 --until 2026-12-31
  tessera central coupon list
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of this command."""
    actions = parser.add_subparsers(
        dest="action", required=True, metavar="ACTION", help="what to do"
    )
    issuing = actions.add_parser("issue", help="make a lot of codes for an offer")
    issuing.add_argument("file", type=Path, help="the programme (YAML file or folder)")
    issuing.add_argument("--offer", required=True, help="the offer that a code opens")
    issuing.add_argument("--count", required=True, type=int, help="how many codes")
    issuing.add_argument(
        "--from", dest="first", default="", metavar="YYYY-MM-DD", help="first day (default: today)"
    )
    issuing.add_argument(
        "--until", default="", metavar="YYYY-MM-DD", help="last day (default: without an end)"
    )
    listing = actions.add_parser("list", help="list lots, and how many codes were used")
    for action in (issuing, listing):
        action.add_argument("--json", action="store_true", help="print one JSON object a line")
        add_config_option(action)


def run(arguments: argparse.Namespace) -> int:
    """Issue a lot, or list what was issued."""
    return _issue(arguments) if arguments.action == "issue" else _list(arguments)


def _issue(arguments: argparse.Namespace) -> int:
    from tessera.central.coupons import issue_lot, term
    from tessera.cli.programme_files import sound_programme

    programme = sound_programme(arguments.file)
    today = datetime.now(UTC).date()
    first = _day(arguments.first) if arguments.first else today
    days = term(first, _day(arguments.until) if arguments.until else None)
    with central_from(arguments) as central:
        for code in issue_lot(
            central, programme, arguments.offer, count=arguments.count, term=days
        ):
            print(json.dumps({"code": code}) if arguments.json else code)
    return 0


def _list(arguments: argparse.Namespace) -> int:
    from tessera.central.coupons import lots

    with central_from(arguments) as central:
        issued, used = lots(central)
    for lot in issued:
        if arguments.json:
            print(json.dumps(dataclasses.asdict(lot)))
        else:
            until = lot.last_day or "without an end"
            print(f"{lot.offer:<30} {lot.count:>8} {lot.prefix}…  {lot.first_day} to {until}")
    for offer, count in used:
        told = json.dumps({"offer": offer, "used": count})
        print(told if arguments.json else f"{offer:<30} {count:>8} used")
    return 0


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise TesseraError(f"{text[:40]!r} is no date", hint="write it as 2026-12-31") from error
