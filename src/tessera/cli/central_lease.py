"""List what registers hold as leases, and write off what will never come back.

A lease is the part of a balance that one register may spend while central is away. It never ends by
time. When a register is lost or stolen, or its disk was replaced, what its former life held stays
reserved; write-off frees it for the member. If that life spent some of it after all and its records
still arrive, they are booked against what the member has then, the rest is owed, and an alarm names
it: the loss is at most what was written off. What those lives held of limits over all members is
freed as well (`tessera central limits`). Only leases of revoked registers and of earlier lives
are written off; revoke a register first that is gone for good.
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
    for one in (listing, writing):
        add_config_option(one)
        one.add_argument("--json", action="store_true", help="print JSON for programs")


def run(arguments: argparse.Namespace) -> int:
    """Do what was asked."""
    return _list(arguments) if arguments.action == "list" else _write_off(arguments)


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


def _write_off(arguments: argparse.Namespace) -> int:
    from tessera.central.lease_ends import write_off_dead
    from tessera.central.shared_limits import write_off_shares

    words = f"write off {arguments.register}"
    if arguments.confirm.strip() != words:
        raise TesseraError(
            "nothing was done: it cannot be undone and was not confirmed",
            hint=f'add --confirm "{words}"',
        )
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
