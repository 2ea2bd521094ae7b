"""Add a register and print its enrolment code, list registers, or revoke one.

The code is shown once, here: central only keeps its hash. It is good for one register, once, for
as long as limits.code_hours says. A revoked register's batches are refused; what it had leased
stays reserved until it is written off.
"""

import argparse
import json

from tessera.cli.central_open import add_config_option, central_from

EXAMPLES = """\
examples:
  tessera central register add --store berlin-1 --register berlin-1-3
  tessera central register add --store berlin-1 --register berlin-1-3 --again
  tessera central register list --json
  tessera central register revoke --register berlin-1-3
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of this command."""
    actions = parser.add_subparsers(
        dest="action", required=True, metavar="ACTION", help="what to do"
    )
    adding = actions.add_parser("add", help="add a register and print its enrolment code")
    adding.add_argument("--store", required=True, help="the store's id; a new one is added")
    adding.add_argument("--register", required=True, help="the register's id, unique everywhere")
    adding.add_argument(
        "--again", action="store_true", help="a new code for a register that exists"
    )
    listing = actions.add_parser("list", help="list registers and when they were last heard of")
    revoking = actions.add_parser("revoke", help="take a register's rights")
    revoking.add_argument("--register", required=True, help="the register's id")
    for one in (adding, listing, revoking):
        add_config_option(one)
        one.add_argument("--json", action="store_true", help="print JSON for programs")


def run(arguments: argparse.Namespace) -> int:
    """Do what was asked."""
    if arguments.action == "add":
        return _add(arguments)
    return _list(arguments) if arguments.action == "list" else _revoke(arguments)


def _add(arguments: argparse.Namespace) -> int:
    from tessera.central.enrol import add_register

    with central_from(arguments) as central:
        code = add_register(
            central,
            store_id=arguments.store,
            register_id=arguments.register,
            again=arguments.again,
        )
        hours = central.settings.limits.code_hours
    if arguments.json:
        told = {"register": arguments.register, "store": arguments.store, "code": code}
        print(json.dumps(told))
        return 0
    print(f"register {arguments.register} of store {arguments.store}")
    print(f"enrolment code: {code}")
    print(f"good for {hours} hours, once; enter or scan it at the register")
    return 0


def _list(arguments: argparse.Namespace) -> int:
    from tessera.store.central import register_book

    with central_from(arguments) as central, central.engines.reader.begin() as tx:
        registers = register_book.read_registers(tx)
        heard = register_book.read_heartbeats(tx)
        state = register_book.read_central(tx)
        assert state is not None
        awaited = register_book.read_awaited(tx, state.generation) if state.is_awaiting else {}
    rows = [
        {
            "register": register.register_id,
            "store": register.store_id,
            "status": register.status,
            "incarnation": register.incarnation,
            "certificate_until_ms": register.not_after_ms,
            "heard_ms": heard.get(register.register_id, (0, ""))[0],
            "grants_awaited": register.register_id in awaited,
        }
        for register in registers
    ]
    if arguments.json:
        print(json.dumps(rows))
        return 0
    for row in rows:
        print(
            f"{row['register']:<24} {row['store']:<20} {row['status']:<8} {row['incarnation']}"
            f"{'  has not presented its grants' if row['grants_awaited'] else ''}"
        )
    if not rows:
        print("no registers yet: tessera central register add")
    return 0


def _revoke(arguments: argparse.Namespace) -> int:
    from tessera.central.enrol import revoke_register

    with central_from(arguments) as central:
        revoke_register(central, arguments.register)
    if arguments.json:
        print(json.dumps({"register": arguments.register, "status": "revoked"}))
    else:
        print(f"register {arguments.register} is revoked")
    return 0
