"""Show a member's tier, balances, leases and entries as central holds them.

Shows ids and figures, nothing personal.
"""

import argparse
import dataclasses
import json
import sys
from typing import TYPE_CHECKING

from tessera.cli.central_open import add_config_option, central_from

if TYPE_CHECKING:
    from tessera.central.inspection import MemberState

EXAMPLES = """\
examples:
  tessera central ledger M-1001
  tessera central ledger --card 2400000000017 --json
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of this command."""
    parser.add_argument("member", nargs="?", default="", help="the member's id")
    parser.add_argument("--card", default="", help="or the number of one of their cards")
    add_config_option(parser)
    parser.add_argument("--json", action="store_true", help="print one JSON object for programs")


def run(arguments: argparse.Namespace) -> int:
    """Print what there is."""
    from tessera.central.inspection import card_holder, member_state

    if bool(arguments.member) == bool(arguments.card):
        print("tessera: name a member or one of their cards", file=sys.stderr)
        print("  hint: tessera central ledger --help", file=sys.stderr)
        return 2
    with central_from(arguments) as central:
        member_id = arguments.member or card_holder(central, arguments.card)
        state = member_state(central, member_id)
    if arguments.json:
        print(json.dumps(_plain(state)))
        return 0
    print(f"member {member_id}, home store {state.member.home_store or '—'}")
    if state.member.waits_for:
        print(f"  the {state.member.waits_for} is another's: tessera central member waiting")
    for line in _standing(state):
        print(f"  {line}")
    for name, account in state.accounts.items():
        leased = f", of which {account.leased} leased" if account.leased else ""
        print(f"  {name:<20} {account.points:>12}{leased}  (version {account.version})")
    for lease in state.leases:
        if lease.outstanding:
            print(f"  lease of {lease.outstanding} {lease.unit} to {lease.register_id}")
    for entry in state.entries:
        units = ", ".join(f"{name} {delta:+}" for name, delta in entry.units.items())
        told = f"{entry.kind} {entry.sale_id}".strip()
        print(f"  {entry.uid}  {told:<32} {units or '—'}  {entry.reason or entry.tag}".rstrip())
    return 0


def _standing(state: "MemberState") -> list[str]:
    """The tier, until when it is kept, and what is missing to the next."""
    found = state.standing
    lines: list[str] = []
    if found.tier:
        until = f", looked at again on {found.until}" if found.until else ""
        lines.append(f"tier {found.tier}{until}")
    if found.next_tier:
        missing = max(0, found.need - found.have)
        shown = f"{missing} {found.by}"
        if found.by == "spent":
            whole, part = divmod(missing, 10**found.digits)
            shown = f"{whole}.{part:0{found.digits}}" if found.digits else str(whole)
            shown += f" {found.currency} of spend"
        within = f" within {found.months} months" if found.months else ""
        lines.append(f"{shown}{within} to tier {found.next_tier}")
    return lines


def _plain(state: "MemberState") -> dict[str, object]:
    import msgspec

    return {
        "member_id": state.member.member_id,
        "home_store": state.member.home_store,
        "waits_for": state.member.waits_for,
        "tier": dataclasses.asdict(state.standing),
        "balances": {
            name: msgspec.structs.asdict(account) for name, account in state.accounts.items()
        },
        "leases": [
            msgspec.structs.asdict(lease) | {"outstanding": lease.outstanding}
            for lease in state.leases
        ],
        "entries": [
            dataclasses.asdict(entry) | {"points": entry.units.get("points", 0)}
            for entry in state.entries
        ],
    }
