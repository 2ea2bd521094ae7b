"""Make the seed of instant wins, and publish it once the draw is over.

A programme with an instant win announces the seed's hash; without --publish that is all that is
ever shown of it. Tills get the seed with the programme, by which each win can be drawn again later.
"""

import argparse
import json
import secrets
import sys
from pathlib import Path

from tessera.cli.central_open import add_config_option, central_from
from tessera.core.errors import TesseraError, reason_of

_TEXT_MAX = 1_000

EXAMPLES = """\
examples:
  tessera central seed
  tessera central seed --take seed.txt
  tessera central seed --publish 9f2c…64 digits
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of this command."""
    add_config_option(parser)
    choice = parser.add_mutually_exclusive_group()
    choice.add_argument(
        "--take", metavar="FILE", type=Path, help="keep the seed in this file (hexadecimal)"
    )
    choice.add_argument(
        "--publish", metavar="HASH", help="print the seed of this hash: nobody may draw by it now"
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object for programs")


def run(arguments: argparse.Namespace) -> int:
    """Make, take or publish a seed."""
    from tessera.central.seeds import SEED_BYTES, add_seed, read_seed, seed_of

    with central_from(arguments) as central:
        folder = central.settings.data_dir
        if arguments.publish:
            digest = arguments.publish.lower()
            seed = read_seed(folder, digest) if digest.isalnum() else b""
            if not seed:
                raise TesseraError(
                    f"no seed of hash {digest[:64]!r} is kept here",
                    hint="the hash stands in the programme as seed_hash",
                )
            print(
                json.dumps({"seed_hash": digest, "seed": seed.hex()})
                if arguments.json
                else seed.hex()
            )
            print("release a programme with another seed before you publish this", file=sys.stderr)
            return 0
        if arguments.take:
            digest = add_seed(folder, seed_of(_text(arguments.take)))
        else:
            digest = add_seed(folder, secrets.token_bytes(SEED_BYTES))
    if arguments.json:
        print(json.dumps({"seed_hash": digest}))
    else:
        print(f"seed_hash: {digest}")
        print("put this line at the top of the programme; the seed is kept here", file=sys.stderr)
    return 0


def _text(path: Path) -> str:
    try:
        with path.open(encoding="ascii") as file:
            return file.read(_TEXT_MAX)
    except (OSError, UnicodeDecodeError) as error:
        raise TesseraError(
            f"{path} cannot be read: {reason_of(error)}", hint="a text file"
        ) from error
