"""The agent's settings for its commands: read from the file, problems told on standard error.

Owns: reading the file and the environment. Must never: guess where the file is.
"""

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from tessera.core.errors import TesseraError

if TYPE_CHECKING:
    from tessera.agent.settings import AgentSettings


def settings_or_problems(name: str) -> "AgentSettings | None":
    """The settings in the file `name`; None after its problems were printed.

    TesseraError when the file cannot be read at all.
    """
    from tessera.agent.settings import read_settings

    path = Path(name)
    try:
        text = path.read_text(encoding="utf-8")
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
