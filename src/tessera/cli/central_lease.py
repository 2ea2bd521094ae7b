"""List what registers hold as leases, write off what will never come back, wait for no grants.

A lease is the part of a balance that one register may spend while central is away. It never ends by
time. When a register is lost or stolen, or its disk was replaced, what its former life held stays
reserved; write-off frees it for the member. If that life spent some of it after all and its records
still arrive, they are booked against what the member has then, the rest is owed, and an alarm names
it: the loss is at most what was written off. What those lives held of limits over all members is
freed as well (`tessera central limits`). Only leases of revoked registers and of earlier lives
are written off; revoke a register first that is gone for good.

After central was put back from a backup, registers present the grants they hold again; until all of
a store have, nothing is set aside anew for its members. `give-up` waits no longer for one that
cannot: what it still spends of grants that are not in the books comes off what the member has then,
the rest is owed. What its dead lives hold is written off as well.
"""

import argparse
import getpass
import json

from tessera.cli.central_open import add_config_option, central_from
from tessera.core.errors import TesseraError

EXAMPLES = """\
examples:
  tessera central lease list --register berlin-1-3
  tessera central lease write-off --register berlin-1-3 --confirm "write off berlin-1-3"
  tessera central lease give-up --register berlin-1-3 --confirm "give up berlin-1-3"
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of this command."""
    actions = parser.add_subparsers(
        dest="action", required=True, metavar="ACTION", help="what to do"
    )
    listing = actions.add_parser("list", help="list open leases")
    listing.add_argument("--register", default="", help="only of this register")
    writing = actions.add_parser("write-off", help="free what a dead holder never gave back")
    writing.add_argument("--register", required=True, help="the register's id")
    writing.add_argument(
        "--confirm", default="", metavar="WORDS", help='the words it asks for: "write off REGISTER"'
    )
    writing.add_argument("--by", default="", help="who does it (default: this user)")
    giving = actions.add_parser(
        "give-up", help="after a restore, wait no longer for the grants that a register holds"
    )
    giving.add_argument("--register", required=True, help="the register's id")
    giving.add_argument(
        "--confirm", default="", metavar="WORDS", help='the words it asks for: "give up REGISTER"'
    )
    giving.add_argument("--by", default="", help="who does it (default: this user)")
    for one in (listing, writing, giving):
        add_config_option(one)
        one.add_argument("--json", action="store_true", help="print JSON for programs")


def run(arguments: argparse.Namespace) -> int:
    """Do what was asked."""
    if arguments.action == "list":
        return _list(arguments)
    return _write_off(arguments) if arguments.action == "write-off" else _give_up(arguments)


def _list(arguments: argparse.Namespace) -> int:
    from tessera.central.lease_ends import held

    with central_from(arguments) as central:
        found = held(central, register_id=arguments.register)
    rows = [
        {
            "register": one.lease.register_id,
            "incarnation": one.lease.incarnation,
            "member": one.lease.member_id,
            "lease": one.lease.lease_id,
            "unit": one.lease.unit,
            "outstanding": one.lease.outstanding,
            "granted_ms": one.lease.granted_ms,
            "holder": "living" if one.is_living else "dead",
        }
        for one in found
    ]
    if arguments.json:
        print(json.dumps(rows))
        return 0
    for row in rows:
        print(
            f"{row['register']:<24} {row['holder']:<7} {row['outstanding']:>10} {row['unit']:<12}"
            f" member {row['member']}"
        )
    dead = sum(row["holder"] == "dead" for row in rows)
    print(f"{len(rows)} open leases, {dead} of dead holders")
    return 0


def _check_confirmed(arguments: argparse.Namespace, words: str) -> None:
    if arguments.confirm.strip() != words:
        raise TesseraError(
            "nothing was done: it cannot be undone and was not confirmed",
            hint=f'add --confirm "{words}"',
        )


def _give_up(arguments: argparse.Namespace) -> int:
    from tessera.central.lease_ends import write_off_dead
    from tessera.central.presenting import give_up

    _check_confirmed(arguments, f"give up {arguments.register}")
    who = arguments.by or getpass.getuser()
    with central_from(arguments) as central:
        was_awaited = give_up(central, arguments.register, who=who)
        leases, units = write_off_dead(central, arguments.register, who=who)
    if arguments.json:
        told = {
            "register": arguments.register,
            "was_awaited": was_awaited,
            "leases": leases,
            "units": units,
        }
        print(json.dumps(told))
        return 0
    if was_awaited:
        print(f"register {arguments.register} is waited for no longer")
    else:
        print(f"register {arguments.register} was not waited for")
    if leases:
        print(f"{leases} leases of its dead lives written off, {units} units free")
    return 0


def _write_off(arguments: argparse.Namespace) -> int:
    from tessera.central.lease_ends import write_off_dead
    from tessera.central.shared_limits import write_off_shares

    _check_confirmed(arguments, f"write off {arguments.register}")
    with central_from(arguments) as central:
        shares = write_off_shares(central, arguments.register)
        leases, units = write_off_dead(
            central, arguments.register, who=arguments.by or getpass.getuser()
        )
    if arguments.json:
        told = {
            "register": arguments.register,
            "leases": leases,
            "units": units,
            "limit_shares": shares,
        }
        print(json.dumps(told))
    else:
        print(f"{leases} leases of register {arguments.register} written off, {units} units free")
        if shares:
            print(f"{shares} of limits over all members are free again")
    return 0
