"""Bring back records that the register's database lost, from its salvage file.

Every record is written a second time to a file of its own, beside the database. Those that the
database lacks and whose chain holds are put back and queued for central, which knows the ones it
has. The agent does this by itself when it finds its database damaged; stop it before you do it by
hand. Exit code 1 when some records could not be brought back.
"""

import argparse
import json
from pathlib import Path

from tessera.cli.agent_folder import existing_folder
from tessera.cli.agent_settings import add_config_option, settings_of

EXAMPLES = """\
examples:
  tessera agent salvage
  tessera agent salvage --from /media/stick/till.salvage
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of this command."""
    add_config_option(parser)
    parser.add_argument(
        "--from",
        dest="source",
        type=Path,
        metavar="FILE",
        help="a salvage file; without it, all that are in the data folder",
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object for programs")


def run(arguments: argparse.Namespace) -> int:
    """Salvage, and say how much came back."""
    import secrets
    import time

    from tessera.agent.salvaging import salvage_file, salvage_folder
    from tessera.core.errors import TesseraError
    from tessera.store.engine import held
    from tessera.store.till.opening import DATABASE, open_till

    folder = existing_folder(settings_of(arguments).data_dir)
    if arguments.source is not None and not arguments.source.is_file():
        raise TesseraError(
            f"salvage file {arguments.source} does not exist", hint="without --from all are read"
        )
    with held(folder / DATABASE):
        wall_ms = time.time_ns() // 1_000_000
        till, _ = open_till(folder, random=secrets.token_bytes, wall_ms=wall_ms, reserve_bytes=0)
        try:
            if arguments.source is None:
                report = salvage_folder(till.engines.writer, folder)
            else:
                with till.engines.writer.begin() as tx:
                    report = salvage_file(tx, arguments.source)
        finally:
            till.close()
    if arguments.json:
        told = {"read": report.read, "brought_back": report.brought_back, "left": report.left}
        print(json.dumps(told))
    else:
        print(f"{report.read} records read, {report.brought_back} brought back and queued")
        if report.left:
            print(f"{report.left} could not be chained and stay in the file alone: keep it")
    return 1 if report.left else 0
