"""What the commands for a register's folder share: its options, and opening it.

No command itself. Must never: make a folder, or open a database that an agent is writing to for
anything but reading.
"""

import argparse
from pathlib import Path

from tessera.core.errors import TesseraError


def add_folder_option(parser: argparse.ArgumentParser) -> None:
    """Add --data-dir."""
    parser.add_argument(
        "--data-dir",
        type=Path,
        metavar="FOLDER",
        required=True,
        help="the register's data folder (data_dir in the agent's settings)",
    )


def existing_folder(folder: Path) -> Path:
    """The folder, once it is certain that it is one."""
    if not folder.is_dir():
        raise TesseraError(
            f"folder {folder} does not exist",
            hint="give the data_dir of the agent's settings, or make the folder first",
        )
    return folder


def existing_database(folder: Path) -> Path:
    """The till's database in a folder."""
    path = existing_folder(folder) / "till.db"
    if not path.is_file():
        raise TesseraError(
            f"{path} does not exist",
            hint="this folder has no register yet: tessera agent enrol --help",
        )
    return path
