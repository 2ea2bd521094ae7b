"""Show a member's accounts, leases and postings as central holds them.

Shows ids and figures, nothing personal.
"""

import argparse
import dataclasses
import json

from tessera.cli.central_open import add_config_option, central_from

EXAMPLES = """\
examples:
  tessera central balance --member M-1001
  tessera central balance --card 2400000000017 --json
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of this command."""
    who = parser.add_mutually_exclusive_group(required=True)
    who.add_argument("--member", default="", help="the member's id")
    who.add_argument("--card", default="", help="the number of one of their cards")
    add_config_option(parser)
    parser.add_argument("--json", action="store_true", help="print one JSON object for programs")


def run(arguments: argparse.Namespace) -> int:
    """Print what there is."""
    from tessera.central.inspection import card_holder, member_state

    with central_from(arguments) as central:
        member_id = arguments.member or card_holder(central, arguments.card)
        state = member_state(central, member_id)
    if arguments.json:
        told = {
            "member_id": member_id,
            "home_store": state.member.home_store,
            "accounts": {
                name: dataclasses.asdict(account) for name, account in state.accounts.items()
            },
            "leases": [
                dataclasses.asdict(lease) | {"outstanding": lease.outstanding}
                for lease in state.leases
            ],
            "postings": [
                dataclasses.asdict(posting) | {"uid": uid, "tag": tag}
                for uid, posting, tag in state.lines
            ],
        }
        print(json.dumps(told))
        return 0
    print(f"member {member_id}, home store {state.member.home_store or '—'}")
    for name, account in state.accounts.items():
        leased = f", of which {account.leased} leased" if account.leased else ""
        print(f"  {name:<20} {account.points:>12}{leased}  (version {account.version})")
    for lease in state.leases:
        if lease.outstanding:
            print(f"  lease of {lease.outstanding} {lease.unit} to {lease.register_id}")
    for uid, posting, tag in state.lines:
        print(f"  {uid}  {posting.account:<16} {posting.delta:>10} {tag}")
    return 0
