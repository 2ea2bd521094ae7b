"""Look at records that could not be booked, try them again, or let them go.

A parked record delays nobody: its register goes on, its sale stands, only its points are not
booked yet. Retry it once the cause is gone (the member was added, central was upgraded). Drop it
when it is to have no effect; its bytes are kept. Returns that wait for their sale are listed as
waiting and are booked by themselves when it arrives.
"""

import argparse
import json

from tessera.cli.central_open import add_config_option, central_from

EXAMPLES = """\
examples:
  tessera central quarantine list
  tessera central quarantine show 0193a1b2-…
  tessera central quarantine retry --all
  tessera central quarantine drop 0193a1b2-…
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of this command."""
    actions = parser.add_subparsers(
        dest="action", required=True, metavar="ACTION", help="what to do"
    )
    listing = actions.add_parser("list", help="list what is parked or waiting")
    listing.add_argument("--register", default="", help="only of this register")
    showing = actions.add_parser("show", help="print one record with its reason")
    retrying = actions.add_parser("retry", help="try to book records again")
    retrying.add_argument("--all", action="store_true", help="every parked record")
    dropping = actions.add_parser("drop", help="settle a record without any effect")
    for one in (showing, retrying, dropping):
        one.add_argument(
            "record",
            nargs="?" if one is retrying else None,
            default="",
            help="its uid, or the first 8 digits of its hash",
        )
    for one in (listing, showing, retrying, dropping):
        add_config_option(one)
        one.add_argument("--json", action="store_true", help="print JSON for programs")


def run(arguments: argparse.Namespace) -> int:
    """Do what was asked."""
    if arguments.action == "list":
        return _list(arguments)
    if arguments.action == "show":
        return _show(arguments)
    return _retry(arguments) if arguments.action == "retry" else _drop(arguments)


def _list(arguments: argparse.Namespace) -> int:
    from tessera.central.quarantine import parked_records, waiting_records

    with central_from(arguments) as central:
        parked = parked_records(central, register_id=arguments.register)
        waiting = waiting_records(central)
    if arguments.json:
        told = {
            "parked": [
                {
                    "uid": record.uid,
                    "hash": record.hash,
                    "register": record.register_id,
                    "seq": record.seq,
                    "reason": record.reason,
                    "since_ms": record.since_ms,
                }
                for record in parked
            ],
            "waiting": [
                {"uid": record.uid, "for": record.original_uid, "since_ms": record.since_ms}
                for record in waiting
            ],
        }
        print(json.dumps(told))
    else:
        for record in parked:
            name = record.uid or record.hash[:16]
            print(f"{name}  register {record.register_id} seq {record.seq}: {record.reason}")
        for row in waiting:
            print(f"{row.uid}  waits for sale {row.original_uid}")
        print(f"{len(parked)} parked, {len(waiting)} waiting")
    return 1 if parked else 0


def _show(arguments: argparse.Namespace) -> int:
    from tessera.central.quarantine import find

    with central_from(arguments) as central:
        record = find(central, arguments.record)
    text = record.raw.decode(errors="replace")
    if arguments.json:
        print(json.dumps({"uid": record.uid, "reason": record.reason, "record": text}))
        return 0
    print(f"register {record.register_id}, incarnation {record.incarnation}, seq {record.seq}")
    print(f"reason: {record.reason}")
    print(text)
    return 0


def _retry(arguments: argparse.Namespace) -> int:
    from tessera.central.quarantine import find, parked_records, retry
    from tessera.core.errors import TesseraError

    if bool(arguments.record) == arguments.all:
        raise TesseraError("say which record, or --all", hint="tessera central quarantine list")
    with central_from(arguments) as central:
        records = parked_records(central) if arguments.all else [find(central, arguments.record)]
        results = [(record, retry(central, record)) for record in records]
    if arguments.json:
        told = [{"uid": record.uid, "booked": not why, "reason": why} for record, why in results]
        print(json.dumps(told))
    else:
        for record, why in results:
            print(f"{record.uid or record.hash[:16]}: {why or 'booked'}")
    return 1 if any(why for _, why in results) else 0


def _drop(arguments: argparse.Namespace) -> int:
    from tessera.central.quarantine import drop, find

    with central_from(arguments) as central:
        record = find(central, arguments.record)
        drop(central, record)
    if arguments.json:
        print(json.dumps({"uid": record.uid, "state": "dropped"}))
    else:
        print(f"{record.uid or record.hash[:16]} is dropped; its bytes are kept")
    return 0
