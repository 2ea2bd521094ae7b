"""The part of `tessera central member` that blocks, erases and merges: options, words, answers.

No command itself. Must never: do what cannot be undone without the words that name it.
"""

import argparse
import dataclasses
import getpass
import json
import sys
from typing import Any

from tessera.cli.central_open import central_from
from tessera.core.errors import TesseraError

ACTIONS = ("block", "unblock", "erase", "merge", "deeds", "waiting", "release")


def add_actions(
    actions: "argparse._SubParsersAction[argparse.ArgumentParser]",
) -> list[argparse.ArgumentParser]:
    """Add the actions; the parsers still want the options that all have."""
    blocking = actions.add_parser("block", help="stop a member's benefits in every store")
    unblocking = actions.add_parser("unblock", help="let a blocked member in again")
    erasing = actions.add_parser("erase", help="erase a member everywhere, for good")
    merging = actions.add_parser("merge", help="make two members one")
    deeds = actions.add_parser("deeds", help="show what was done to a member, by whom and when")
    waiting = actions.add_parser(
        "waiting", help="list who was enrolled with a card or phone that is another member's"
    )
    releasing = actions.add_parser(
        "release", help="let a member who waits for a card or phone spend from now on, without it"
    )
    for one in (blocking, unblocking, erasing, merging, deeds, releasing):
        one.add_argument("member_id", metavar="MEMBER", help="the member's id")
    merging.add_argument("--into", required=True, help="the member who stays")
    for one, words in ((erasing, "erase m-1"), (merging, "merge m-2 into m-1")):
        one.add_argument(
            "--confirm",
            default="",
            metavar="WORDS",
            help=f'the words that it asks for, such as "{words}": it cannot be undone',
        )
    for one in (blocking, unblocking, erasing, merging, releasing):
        one.add_argument(
            "--by", default="", help="who does it, for the record (default: this user)"
        )
    return [blocking, unblocking, erasing, merging, deeds, waiting, releasing]


def run(arguments: argparse.Namespace) -> int:
    """Do what was asked."""
    if arguments.action == "deeds":
        return _deeds(arguments)
    if arguments.action == "waiting":
        return _waiting(arguments)
    from tessera.central import member_ends, member_waiting

    member_id, who = arguments.member_id, arguments.by or getpass.getuser()
    if arguments.action == "merge":
        _ask(arguments, f"merge {member_id} into {arguments.into}")
    elif arguments.action == "erase":
        _ask(arguments, f"erase {member_id}")
    with central_from(arguments) as central:
        done = True
        if arguments.action == "merge":
            member_ends.merge(central, member_id, arguments.into, who=who)
        elif arguments.action == "erase":
            done = member_ends.erase(central, member_id, who=who)
        elif arguments.action == "release":
            done = member_waiting.release(central, member_id, who=who)
        else:
            unblock = arguments.action == "unblock"
            done = member_ends.block(central, member_id, who=who, unblock=unblock)
    if arguments.json:
        print(json.dumps({"member": member_id, "done": arguments.action, "changed": done}))
        return 0
    words = {
        "block": "is blocked",
        "unblock": "is no longer blocked",
        "erase": "is erased; tills hear of it with their next contact",
        "release": "waits for nothing more",
        "merge": f"is part of {getattr(arguments, 'into', '')} now",
    }
    print(f"member {member_id} {words[arguments.action]}{'' if done else ' (as before)'}")
    return 0


def _ask(arguments: argparse.Namespace, words: str) -> None:
    given = arguments.confirm
    if not given and sys.stdin.isatty():
        given = input(f'This cannot be undone. Type "{words}" to go on: ')
    if given.strip() != words:
        raise TesseraError(
            "nothing was done: it cannot be undone and was not confirmed",
            hint=f'add --confirm "{words}"',
        )


def _waiting(arguments: argparse.Namespace) -> int:
    from tessera.central.member_waiting import waiting_members

    with central_from(arguments) as central:
        found = waiting_members(central)
    if arguments.json:
        print(json.dumps([dataclasses.asdict(one) for one in found]))
        return 1 if found else 0
    for one in found:
        whose = " and ".join(one.others) or "nobody any more"
        print(f"{one.member_id}  of {one.register}: the {one.waits_for} belongs to {whose}")
        if one.others:
            print(f"  the same person: tessera central member merge {one.member_id}", end=" ")
            print(f"--into {one.others[0]}")
        print(f"  somebody else:   tessera central member release {one.member_id}")
    print(f"{len(found)} members wait")
    return 1 if found else 0


def _deeds(arguments: argparse.Namespace) -> int:
    from tessera.core.identity import bucket_of
    from tessera.store.central import deed_book

    key = (bucket_of(arguments.member_id), arguments.member_id)
    with central_from(arguments) as central, central.engines.reader.begin() as tx:
        found = deed_book.read(tx, key)
    rows: list[dict[str, Any]] = [
        {
            "what": deed.what,
            "who": deed.who,
            "at_ms": deed.at_ms,
            "other": deed.other,
            "state": deed.state,
            "tier": json.loads(deed.body) if deed.what == deed_book.TIER else None,
        }
        for deed in found
    ]
    if arguments.json:
        print(json.dumps(rows))
        return 0
    for row in rows:
        other = f" {row['other']}" if row["other"] else ""
        if (moved := row["tier"]) is not None:
            other = f" {moved['from'] or 'none'} -> {moved['to'] or 'none'} ({moved['why']})"
        print(f"{row['at_ms']}  {row['what']}{other}  by {row['who']}  {row['state']}")
    if not rows:
        print(f"nothing was done to member {arguments.member_id}")
    return 0
