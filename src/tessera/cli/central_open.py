"""What every command about central needs: its settings file, checked, and central, opened.

No command itself. Must never: import central before a command runs.
"""

import argparse
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from tessera.core.errors import TesseraError, reason_of
from tessera.core.settings_text import SIZE_MAX_BYTES

if TYPE_CHECKING:
    from tessera.central.opening import Central
    from tessera.central.settings import CentralSettings

CONFIG_VARIABLE = "TESSERA_CENTRAL_CONFIG"
DEFAULT_FILE = Path("/etc/tessera/central.toml")


def add_config_option(parser: argparse.ArgumentParser) -> None:
    """Add --config, the same for every command about central."""
    parser.add_argument(
        "--config",
        metavar="FILE",
        type=Path,
        default=Path(os.environ.get(CONFIG_VARIABLE, DEFAULT_FILE)),
        help=f"central's settings file (default: ${CONFIG_VARIABLE}, else {DEFAULT_FILE})",
    )


def load_settings(file: Path) -> "CentralSettings":
    """The settings; TesseraError after every problem in the file has been printed."""
    from tessera.central.settings import read_settings

    try:
        with file.open(encoding="utf-8") as opened:
            text = opened.read(SIZE_MAX_BYTES + 1)
    except (OSError, UnicodeDecodeError) as error:
        raise TesseraError(
            f"settings file {file} cannot be read: {reason_of(error)}",
            hint="name another with --config; config/central.toml is an example to start from",
        ) from error
    settings, problems = read_settings(text, file=file, environment=os.environ)
    for problem in problems:
        print(problem.render(), file=sys.stderr)
    if settings is None:
        raise TesseraError(
            f"settings file {file} has mistakes", hint="mend the lines above and try again"
        )
    return settings


@contextmanager
def central_from(arguments: argparse.Namespace) -> Iterator["Central"]:
    """Central, open as long as the context lasts, by the command's --config."""
    from tessera.central.opening import opened

    with opened(load_settings(arguments.config)) as central:
        yield central
