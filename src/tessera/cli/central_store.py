"""Add a store, change what is known of it, or list stores.

A store's time zone and currency go to its registers when they enrol.
"""

import argparse
import dataclasses
import json

from tessera.cli.central_open import add_config_option, central_from

EXAMPLES = """\
examples:
  tessera central store add berlin-1 --region de --time-zone Europe/Berlin --currency EUR
  tessera central store list --json
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of this command."""
    actions = parser.add_subparsers(
        dest="action", required=True, metavar="ACTION", help="what to do"
    )
    adding = actions.add_parser("add", help="add a store, or change what is known of it")
    adding.add_argument("store", help="the store's id")
    adding.add_argument("--region", default="", help="its region, for offers")
    adding.add_argument("--time-zone", default="", help="its time zone, Europe/Berlin")
    adding.add_argument("--currency", default="", help="its currency, EUR")
    listing = actions.add_parser("list", help="list stores")
    for one in (adding, listing):
        add_config_option(one)
        one.add_argument("--json", action="store_true", help="print JSON for programs")


def run(arguments: argparse.Namespace) -> int:
    """Do what was asked."""
    from tessera.central.enrol import add_store
    from tessera.store.central import register_book

    with central_from(arguments) as central:
        if arguments.action == "add":
            stores = [
                add_store(
                    central,
                    arguments.store,
                    region=arguments.region,
                    time_zone=arguments.time_zone,
                    currency=arguments.currency,
                )
            ]
        else:
            with central.engines.reader.begin() as tx:
                stores = register_book.read_stores(tx)
    if arguments.json:
        print(json.dumps([dataclasses.asdict(store) for store in stores]))
        return 0
    for store in stores:
        region = f", region {store.region}" if store.region else ""
        print(f"store {store.store_id}: {store.time_zone}, {store.currency}{region}")
    return 0
