"""Options that the commands about readers and cards have in common.

Owns: their one declaration. Must never: open a port or read a file.
"""

import argparse
from pathlib import Path

from tessera.cli.whole_number import whole

USUAL_PROFILE = "generic-cr"
COUNT_MAX = 1_000_000


def add_port_options(parser: argparse.ArgumentParser, *, counted: str) -> None:
    """Add the port to listen at, its profile, and after how many of what is `counted` to end."""
    parser.add_argument("port", help="a port as 'tessera devices list' shows it, or an address")
    parser.add_argument(
        "--profile", default=USUAL_PROFILE, help=f"a reader profile (default: {USUAL_PROFILE})"
    )
    add_profile_folders(parser)
    parser.add_argument(
        "--count",
        type=whole(1, COUNT_MAX),
        metavar="N",
        help=f"end after so many {counted} (without: Ctrl-C ends it)",
    )


def add_profile_folders(parser: argparse.ArgumentParser) -> None:
    """Add the folders with profiles of the shop's own."""
    parser.add_argument(
        "--profiles-from",
        metavar="FOLDER",
        type=Path,
        action="append",
        default=[],
        help="a folder with profiles of your own; repeat it",
    )


def add_cards_option(parser: argparse.ArgumentParser) -> None:
    """Add the file with the shop's card formats."""
    parser.add_argument(
        "--cards",
        metavar="FILE",
        type=Path,
        help="card formats to go by (without: the shipped ones)",
    )
