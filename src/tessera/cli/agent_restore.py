"""Put a register's database back from a copy of its data folder.

The register goes on under a new incarnation, so that nothing is counted twice whatever the copy
lacks. Records that the copy lacks are brought back from the salvage file in the data folder, if it
survived; the others are at central, if they were sent. What stood in the folder is kept under
another name. Stop the agent first.
"""

import argparse
import json
from pathlib import Path

from tessera.cli.agent_folder import existing_folder
from tessera.cli.agent_settings import add_config_option, settings_of

EXAMPLES = """\
examples:
  tessera agent restore --from /media/backup/till-3
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of this command."""
    add_config_option(parser)
    parser.add_argument(
        "--from",
        dest="source",
        type=Path,
        required=True,
        metavar="FOLDER",
        help="the copy of the data folder",
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object for programs")


def run(arguments: argparse.Namespace) -> int:
    """Restore, and say what was done."""
    import secrets
    import time

    from tessera.agent.restoring import restore
    from tessera.store.engine import held
    from tessera.store.till.opening import DATABASE

    folder = settings_of(arguments).data_dir
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    with held(folder / DATABASE):
        done = restore(
            existing_folder(arguments.source, hint="--from names the copy of a data folder"),
            folder,
            random=secrets.token_bytes,
            wall_ms=time.time_ns() // 1_000_000,
        )
    if arguments.json:
        print(
            json.dumps(
                {
                    "incarnation": done.incarnation,
                    "set_aside": done.set_aside,
                    "brought_back": done.salvage.brought_back,
                }
            )
        )
        return 0
    print(f"restored; the register goes on as incarnation {done.incarnation}")
    print(f"{done.salvage.brought_back} records came back from the salvage file")
    if done.set_aside:
        print(f"what stood there before is kept as {done.set_aside}")
    return 0
