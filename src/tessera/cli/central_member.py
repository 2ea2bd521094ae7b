"""Add one member, import many from a file, block, erase or merge them, see who waits.

A member has an id (made up when left out), a short name that tills show ("A. M."), cards, and a
home store, whose tills know them and one of whose registers holds their lease. A member who exists
is changed; an opening balance is only given to a new one. Card numbers are hashed before they are
stored.

Columns of a file: member_id, display_name, tier, store, language, birthday (MM-DD), joined
(YYYY-MM-DD), staff (true or false), staff_number (by which a POS names them as its cashier),
segments, cards and balances; the last three hold several values separated by spaces, balances as
unit=amount.

A block reaches every till with its next contact. An erased member's name, cards and birthday go
from central and from every till, the points lapse, and the sums of the ledger stay; what is printed
or copied elsewhere is not reached. A merge gives cards, points and debts of one member to another.

A member who was enrolled at a till with a card or a phone that is another member's earns, and can
spend nothing until somebody has decided: the same person (merge), or another one (release).
"waiting" lists them, and ends with 1 while there are any.
"""

import argparse
import json
import sys
from pathlib import Path

from tessera.cli import central_member_ends
from tessera.cli.central_open import add_config_option, central_from

EXAMPLES = """\
examples:
  tessera central member add --store berlin-1 --name "A. M." --card 2400000000017 \\
      --balance points=120
  tessera central member import members.csv
  tessera central member block m-1
  tessera central member erase m-1 --confirm "erase m-1"
  tessera central member waiting
  tessera central member release m-2
  tessera central member merge m-2 --into m-1 --confirm "merge m-2 into m-1"
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of this command."""
    actions = parser.add_subparsers(
        dest="action", required=True, metavar="ACTION", help="what to do"
    )
    adding = actions.add_parser("add", help="add or change one member")
    adding.add_argument("--member", default="", help="the member's id; made up when left out")
    adding.add_argument("--name", default="", help='the short name that tills show, "A. M."')
    adding.add_argument("--tier", default="", help="the member's tier, as the programme names it")
    adding.add_argument("--store", default="", help="the store that knows the member")
    adding.add_argument("--language", default="", help="language of texts for the member, de")
    adding.add_argument("--card", action="append", default=[], help="a card's number; repeat it")
    adding.add_argument("--segment", action="append", default=[], help="a segment; repeat it")
    adding.add_argument(
        "--staff-number",
        default="",
        metavar="NUMBER",
        help="by which a POS names this member as its cashier; the guard looks for own cards",
    )
    adding.add_argument("--staff", action="store_true", help="the member works here")
    adding.add_argument(
        "--balance",
        action="append",
        default=[],
        metavar="UNIT=AMOUNT",
        help="a first balance, such as points=120; repeat it for several units",
    )
    importing = actions.add_parser("import", help="add or change many members from a file")
    importing.add_argument("file", type=Path, help="a .csv or .jsonl file in UTF-8")
    for one in (adding, importing, *central_member_ends.add_actions(actions)):
        add_config_option(one)
        one.add_argument("--json", action="store_true", help="print JSON for programs")


def run(arguments: argparse.Namespace) -> int:
    """Do what was asked."""
    if arguments.action in central_member_ends.ACTIONS:
        return central_member_ends.run(arguments)
    from tessera.central.member_files import read_members, read_opening
    from tessera.central.members import NewMember, add_members
    from tessera.core.errors import Problem

    problems: list[Problem] = []
    if arguments.action == "add":
        opening, problems = read_opening(" ".join(arguments.balance), file="--balance")
        members = [
            NewMember(
                member_id=arguments.member,
                display_name=arguments.name,
                tier=arguments.tier,
                home_store=arguments.store,
                language=arguments.language,
                staff=arguments.staff or None,
                staff_number=arguments.staff_number,
                segments=tuple(arguments.segment),
                cards=tuple(arguments.card),
                opening=opening,
            )
        ]
    else:
        members, problems = read_members(arguments.file)
    for problem in problems:
        print(problem.render(), file=sys.stderr)
    if problems:
        return 1
    with central_from(arguments) as central:
        added = add_members(central, members)
    if arguments.json:
        print(json.dumps({"new": added.new, "changed": added.changed}))
    elif arguments.action == "add":
        print(f"member {(added.new + added.changed)[0]} {'added' if added.new else 'changed'}")
    else:
        print(f"{len(added.new)} members added, {len(added.changed)} changed")
    return 0
