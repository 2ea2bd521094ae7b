"""Release a programme: check it, keep it as a bundle by its hash, and assign it to stores.

Tills fetch the bundle, check it themselves and switch between two sales. Without --store it is for
every store. An offer that must not go on can be stopped at once, without a release: tills leave it
out from their next quote on, until it is started again.
"""

import argparse
import getpass
import json
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from tessera.cli.central_open import add_config_option, central_from

if TYPE_CHECKING:
    from tessera.store.central.stop_book import StopRecord

EXAMPLES = """\
examples:
  tessera central programme release config/programmes/corner-shop.yaml
  tessera central programme release draft.yaml --store berlin-1 --store berlin-2
  tessera central programme stop dairy-10 --reason "gives ten times what it should"
  tessera central programme start dairy-10
  tessera central programme stops
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of this command."""
    actions = parser.add_subparsers(
        dest="action", required=True, metavar="ACTION", help="what to do"
    )
    releasing = actions.add_parser("release", help="release a programme to stores")
    releasing.add_argument("file", type=Path, help="the programme (YAML file or folder)")
    stopping = actions.add_parser("stop", help="stop an offer at once, from the next quote on")
    starting = actions.add_parser("start", help="let a stopped offer go again")
    for ending in (stopping, starting):
        ending.add_argument("offer", help="the offer's id in its programme")
        ending.add_argument(
            "--programme", default="", help="the programme's id, where stores run several"
        )
        ending.add_argument(
            "--by", default="", help="who does it, for the record (default: this user)"
        )
    stopping.add_argument("--reason", required=True, help="why, for those who find it stopped")
    listing = actions.add_parser("stops", help="list the offers that are stopped, where and why")
    listing.add_argument("--ended", action="store_true", help="also those that go again")
    for action in (releasing, stopping, starting):
        action.add_argument(
            "--store", action="append", default=[], help="only for this store; repeat it"
        )
    for action in (releasing, stopping, starting, listing):
        action.add_argument("--json", action="store_true", help="print JSON for programs")
        add_config_option(action)


def run(arguments: argparse.Namespace) -> int:
    """Do what was asked."""
    if arguments.action == "release":
        return _release(arguments)
    if arguments.action == "stops":
        return _list(arguments)
    return _stop_or_start(arguments)


def _release(arguments: argparse.Namespace) -> int:
    """Release it, or print what is wrong with it."""
    from tessera.central.programmes import release_programme
    from tessera.cli.programme_files import read_source

    source, problems = read_source(arguments.file)
    if source is not None and source.joined is not None:
        # By its own lines, not by those of the text that is released.
        programme, problems = source.parse()
        source = source if programme is not None else None
    if source is None:
        for problem in problems:
            print(problem.render(), file=sys.stderr)
        return 1
    with central_from(arguments) as central:
        release, wrong = release_programme(
            central, source.text, file=str(arguments.file), stores=tuple(arguments.store)
        )
    if source.joined is None:
        problems = wrong
    elif release is None:
        problems = [*problems, *wrong]
    for problem in problems:
        print(problem.render(), file=sys.stderr)
    if release is None:
        return 1
    if arguments.json:
        told = {"bundle": release.bundle, "number": release.number, "stores": release.stores}
        print(json.dumps(told))
    else:
        print(f"assignment {release.number}: bundle {release.bundle[:16]}…")
        stores = "1 store" if len(release.stores) == 1 else f"{len(release.stores)} stores"
        print(f"for {stores}; tills switch once they have it")
    return 0


def _stop_or_start(arguments: argparse.Namespace) -> int:
    from tessera.central import stops

    offer, who = arguments.offer, arguments.by or getpass.getuser()
    programme, stores = arguments.programme, tuple(dict.fromkeys(arguments.store))
    with central_from(arguments) as central:
        if arguments.action == "stop":
            done = stops.stop_offer(
                central,
                offer,
                reason=arguments.reason,
                who=who,
                programme=programme,
                stores=stores,
            )
        else:
            done = stops.start_offer(central, offer, who=who, programme=programme, stores=stores)
    if arguments.json:
        print(json.dumps([_as_json(stop) for stop in done]))
    elif not done:
        print(f"offer {offer} was stopped there already")
    elif arguments.action == "stop":
        where = ", ".join(stop.store_id or "every store" for stop in done)
        print(f"offer {offer} is stopped in {where}")
        print("tills leave it out from the next quote after their next contact")
    else:
        where = ", ".join(stop.store_id or "every store" for stop in done)
        print(f"offer {offer} goes again in {where}")
    return 0


def _list(arguments: argparse.Namespace) -> int:
    from tessera.central.stops import list_stops

    with central_from(arguments) as central:
        found = list_stops(central, ended=arguments.ended)
    if arguments.json:
        print(json.dumps([_as_json(stop) for stop in found]))
        return 0
    for stop in found:
        ended = f", until {_time(stop.ended_ms)} by {stop.ended_by}" if stop.ended_ms else ""
        where = stop.store_id or "every store"
        print(f"{stop.programme} {stop.offer}  {where}  since {_time(stop.stopped_ms)}{ended}")
        print(f"    by {stop.who}: {stop.reason}")
    if not found:
        print("no offer is stopped")
    return 0


def _time(ms: int) -> str:
    return datetime.fromtimestamp(ms / 1000, UTC).strftime("%Y-%m-%d %H:%M UTC")


def _as_json(stop: "StopRecord") -> dict[str, object]:
    return {
        "programme": stop.programme,
        "offer": stop.offer,
        "store": stop.store_id,
        "reason": stop.reason,
        "by": stop.who,
        "stopped_ms": stop.stopped_ms,
        "ended_ms": stop.ended_ms,
        "ended_by": stop.ended_by,
    }
