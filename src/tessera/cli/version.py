"""Show what runs here: the version of tessera, of Python and of the parts it stands on.

A part that is not installed is named as absent; which parts are needed depends on whether this
machine is a register or the server.
"""

import argparse
import json
import platform
from importlib import metadata

from tessera import __version__

EXAMPLES = """\
examples:
  tessera version
  tessera version --json
"""

PARTS = (
    "sqlalchemy",
    "pysqlite3",
    "msgspec",
    "starlette",
    "uvicorn",
    "httpx",
    "pyserial",
    "psycopg",
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of this command."""
    parser.add_argument("--json", action="store_true", help="print one JSON object for programs")


def run(arguments: argparse.Namespace) -> int:
    """Print the versions."""
    versions: dict[str, str | None] = {
        "tessera": __version__,
        "python": platform.python_version(),
        "sqlite": _sqlite_version(),
        **{part: _version_of(part) for part in PARTS},
    }
    if arguments.json:
        print(json.dumps(versions))
        return 0
    width = max(map(len, versions))
    for name, version in versions.items():
        print(f"{name:<{width}}  {version or 'absent'}")
    return 0


def _version_of(distribution: str) -> str | None:
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return None


def _sqlite_version() -> str | None:
    """Give the version of the SQLite that the stores use; Python's own plays no part."""
    try:
        from pysqlite3 import dbapi2
    except ImportError:
        return None
    return str(dbapi2.sqlite_version)
