"""Release a programme: check it, keep it as a bundle by its hash, and assign it to stores.

Tills fetch the bundle, check it themselves and switch between two sales. Without --store it is for
every store.
"""

import argparse
import json
import sys
from pathlib import Path

from tessera.cli.central_open import add_config_option, central_from
from tessera.core.errors import TesseraError

EXAMPLES = """\
examples:
  tessera central programme release config/programmes/corner-shop.yaml
  tessera central programme release draft.yaml --store berlin-1 --store berlin-2
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of this command."""
    actions = parser.add_subparsers(
        dest="action", required=True, metavar="ACTION", help="what to do"
    )
    releasing = actions.add_parser("release", help="release a programme file to stores")
    releasing.add_argument("file", type=Path, help="the programme, a YAML file")
    releasing.add_argument(
        "--store", action="append", default=[], help="only for this store; repeat it"
    )
    releasing.add_argument("--json", action="store_true", help="print JSON for programs")
    add_config_option(releasing)


def run(arguments: argparse.Namespace) -> int:
    """Release it, or print what is wrong with it."""
    from tessera.central.programmes import release_programme

    try:
        text = arguments.file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise TesseraError(
            f"programme {arguments.file} cannot be read: {error}", hint="a YAML file in UTF-8"
        ) from error
    with central_from(arguments) as central:
        release, problems = release_programme(
            central, text, file=str(arguments.file), stores=tuple(arguments.store)
        )
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
