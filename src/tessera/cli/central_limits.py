"""List limits over all members: what is used, what registers hold of it, what is left to grant.

A limit over all members (`total`, or a `budget` in money) is shared out: each register has a part
that it may use without asking, and gets more as it uses it. What registers hold never comes to more
than the limit. The share of a lost register is given up with `tessera central lease write-off`.
"""

import argparse
import json
from typing import TYPE_CHECKING

from tessera.cli.central_open import add_config_option, central_from

if TYPE_CHECKING:
    from tessera.central.sharing import SharedLimit
    from tessera.store.central.share_book import LimitRow

EXAMPLES = """\
examples:
  tessera central limits
  tessera central limits --offer first-hundred --json
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of this command."""
    add_config_option(parser)
    parser.add_argument("--offer", default="", help="only of this offer")
    parser.add_argument("--json", action="store_true", help="print JSON for programs")


def run(arguments: argparse.Namespace) -> int:
    """Print every limit; budgets are in minor units."""
    from tessera.central.shared_limits import list_limits

    with central_from(arguments) as central:
        found = [
            _told(row, shared)
            for row, shared in list_limits(central)
            if arguments.offer in {"", row.offer}
        ]
    if arguments.json:
        print(json.dumps(found))
        return 0
    for one in found:
        print(
            f"{one['programme']:<20} {one['offer']:<24} {one['limit']:<6} {one['used']:>10} of"
            f" {one['most']:>10} used, {one['outstanding']:>10} at registers,"
            f" {one['free']:>10} free"
        )
    print(f"{len(found)} limits over all members")
    return 0


def _told(row: "LimitRow", shared: "SharedLimit") -> dict[str, object]:
    return {
        "programme": row.programme,
        "offer": row.offer,
        "limit": row.period,
        "most": shared.most,
        "used": shared.used,
        "returned": shared.returned,
        "outstanding": shared.outstanding,
        "free": shared.free,
        "shares": [
            {
                "register": register,
                "incarnation": incarnation,
                "granted": share.granted,
                "used": share.used,
                "outstanding": share.outstanding,
                "written_off": share.written_off,
            }
            for (register, incarnation), share in sorted(shared.shares.items())
        ],
    }
