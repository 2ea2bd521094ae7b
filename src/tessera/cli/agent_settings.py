"""The agent's settings for its commands: read from the file, problems told on standard error.

Owns: --config, reading the file and the environment. No command itself. Must never: print a secret.
"""

import argparse
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from tessera.core.errors import TesseraError
from tessera.core.settings_text import SIZE_MAX_BYTES

if TYPE_CHECKING:
    from tessera.agent.settings import AgentSettings


CONFIG_VARIABLE = "TESSERA_AGENT_CONFIG"
DEFAULT_CONFIG = "/etc/tessera/agent.toml"


def add_config_option(parser: argparse.ArgumentParser) -> None:
    """Add --config, the same for every command about this register."""
    parser.add_argument(
        "--config",
        metavar="FILE",
        default=os.environ.get(CONFIG_VARIABLE, DEFAULT_CONFIG),
        help=f"this register's settings file (default: ${CONFIG_VARIABLE}, else {DEFAULT_CONFIG})",
    )


def settings_of(arguments: argparse.Namespace) -> "AgentSettings":
    """The settings in --config; TesseraError after every problem in the file has been printed."""
    settings = settings_or_problems(arguments.config)
    if settings is None:
        raise TesseraError(
            f"settings file {arguments.config} has mistakes",
            hint="mend the lines above and try again",
        )
    return settings


def settings_or_problems(name: str) -> "AgentSettings | None":
    """The settings in the file `name`; None after its problems were printed.

    TesseraError when the file cannot be read at all.
    """
    from tessera.agent.settings import read_settings

    path = Path(name)
    try:
        with path.open(encoding="utf-8") as opened:
            text = opened.read(SIZE_MAX_BYTES + 1)
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is no UTF-8 text"
        raise TesseraError(
            f"settings file {path} cannot be read: {reason}",
            hint="config/agent.toml is an example to start from",
        ) from error
    settings, problems = read_settings(text, file=path, environment=os.environ)
    for problem in problems:
        print(problem.render(), file=sys.stderr)
    return settings
