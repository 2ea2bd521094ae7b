"""List what was drawn at the tills, for an audit, and who holds entries of a draw.

With --json the lines are what `tessera programme audit-draw --records` reads. Every draw that a
till has told its customer of is there, whatever became of the sale. --entries lists members by id.
"""

import argparse
import dataclasses
import json

from tessera.cli.central_open import add_config_option, central_from

EXAMPLES = """\
examples:
  tessera central draws --seed-hash 9f2c…64 digits --json > draws.jsonl
  tessera programme audit-draw --programme released.yaml --seed 0011…eeff --records draws.jsonl
  tessera central draws --entries bicycle
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of this command."""
    add_config_option(parser)
    choice = parser.add_mutually_exclusive_group()
    choice.add_argument(
        "--seed-hash", default="", metavar="HASH", help="only wins drawn by the seed of this hash"
    )
    choice.add_argument(
        "--entries", default="", metavar="DRAW", help="who holds entries of this draw, and how many"
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object a line")


def run(arguments: argparse.Namespace) -> int:
    """Print them as they are read."""
    from tessera.central.draws import entries_of, recorded_draws

    with central_from(arguments) as central:
        if arguments.entries:
            held = entries_of(central, arguments.entries)
            for member, count in held:
                told = json.dumps({"member_id": member, "entries": count})
                print(told if arguments.json else f"{member:<40} {count:>8}")
            if not arguments.json:
                print(f"{sum(count for _, count in held)} entries of {len(held)} members")
            return 0
        draws = wins = 0
        for draw in recorded_draws(central, seed=arguments.seed_hash.lower()):
            draws, wins = draws + 1, wins + bool(draw.won)
            if arguments.json:
                print(json.dumps(dataclasses.asdict(draw), ensure_ascii=False))
            else:
                print(f"{draw.incarnation} {draw.seq:>7} {draw.offer:<30} {draw.won or 'nothing'}")
    if not arguments.json:
        print(f"{draws} draws, {wins} won")
    return 0
