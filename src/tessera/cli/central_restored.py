"""Say that central's database was restored from a backup.

Run it once after every restore, before the server starts. Central takes a new generation: registers
notice it, send again what the backup did not hold yet, and are told everything anew. Nothing is
lost by running it needlessly; registers only read more than they had to. Never restore a backup
without it: registers would believe that what the backup lacks is safe.
"""

import argparse
import json

from tessera.cli.central_open import add_config_option, central_from

EXAMPLES = """\
examples:
  tessera central restored
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of this command."""
    add_config_option(parser)
    parser.add_argument("--json", action="store_true", help="print one JSON object for programs")


def run(arguments: argparse.Namespace) -> int:
    """Begin a new generation."""
    from tessera.central.erasure_log import ERASURES, read_erasures
    from tessera.central.generations import begin_generation
    from tessera.central.member_ends import replay_erasures

    with central_from(arguments) as central:
        before = central.state()
        begun = begin_generation(central)
        erased = replay_erasures(central)
        broken = read_erasures(central.settings.data_dir).broken_lines
    if arguments.json:
        told = {
            "before": before.generation,
            "generation": begun.generation,
            "erased": erased,
            "broken_lines": broken,
        }
        print(json.dumps(told))
    else:
        print(f"generation {begun.generation} follows {before.generation}")
        if erased:
            print(f"{erased} members erased again, who were erased after the backup was made")
        for line in broken:
            print(
                f"line {line} of {ERASURES} is not whole: that erasure was cut short and not done;"
                " unless it was repeated since, ask who wanted to be erased"
            )
        print("start the server; registers send again what is missing")
    return 0
