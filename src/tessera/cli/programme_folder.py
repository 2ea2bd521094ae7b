"""A programme's folder: its main file and the others, found and read within limits.

Owns: which files of a folder belong to the programme. Must never: read a file that lies elsewhere,
or pass over one that may hold an offer; `tessera.rules.folders` says what the files mean together.
"""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from tessera.core.errors import TesseraError

if TYPE_CHECKING:
    from tessera.rules.folders import Part

SUFFIXES = (".yaml", ".yml")
CASES_FOLDER = "cases"
"""Folders of this name hold cases, which are no part of the programme."""
DEPTH_MAX = 4
"""Deepest folder that is looked into."""
ENTRIES_MAX = 10_000
"""Most entries of all its folders that are looked at."""
BYTES_MAX = 64_000_000
"""Most bytes of all its files."""


def read_parts(folder: Path) -> "tuple[Part, list[Part]]":
    """Read the files of a programme's folder: the main one, and the others by name."""
    from tessera.cli.programme_files import read_text
    from tessera.rules.folders import FILES_MAX, MAIN_FILE, Part

    main = folder / MAIN_FILE
    if not main.is_file():
        raise TesseraError(
            f"{folder} has no file {MAIN_FILE}",
            hint=f"name a programme's file, or begin the folder with a {MAIN_FILE}",
        )
    paths = [path for path in sorted(_files(folder)) if path != main]
    if len(paths) >= FILES_MAX:
        raise TesseraError(
            f"{folder} has {len(paths) + 1} files of YAML, at most {FILES_MAX} are read",
            hint="join some of them, or move what is no part of the programme elsewhere",
        )
    size = sum(path.stat().st_size for path in [main, *paths])
    if size > BYTES_MAX:
        raise TesseraError(
            f"{folder}: its files have {size} bytes, at most {BYTES_MAX} are read",
            hint="is it the right folder?",
        )
    _must_lie_in(folder, main)
    return Part(str(main), read_text(main)), [Part(str(path), read_text(path)) for path in paths]


def _files(folder: Path) -> Iterator[Path]:
    """Give all YAML files in a folder and those below; a name with a dot in front is hidden."""
    waiting = [(folder, 0)]
    seen = 0
    while waiting:
        inside, depth = waiting.pop()
        try:
            entries = sorted(os.scandir(inside), key=lambda entry: entry.name)
        except OSError as error:
            reason = (error.strerror or "can't be read").lower()
            raise TesseraError(f"{inside}: {reason}", hint="look at the folder's rights") from None
        seen += len(entries)
        if seen > ENTRIES_MAX:
            raise TesseraError(
                f"{folder} has more than {ENTRIES_MAX} entries", hint="is it the right folder?"
            )
        for entry in entries:
            path = Path(entry.path)
            if entry.name.startswith(".") or (entry.name == CASES_FOLDER and entry.is_dir()):
                continue
            if entry.is_dir():
                _must_be_looked_into(path, depth + 1)
                waiting.append((path, depth + 1))
            elif entry.name.endswith(SUFFIXES):
                _must_lie_in(folder, path)
                yield path


def _must_be_looked_into(path: Path, depth: int) -> None:
    if path.is_symlink():
        raise TesseraError(
            f"{path} is a link to a folder, which is not followed",
            hint="put the folder itself there, or remove the link",
        )
    if depth > DEPTH_MAX:
        raise TesseraError(
            f"{path} lies more than {DEPTH_MAX} folders deep", hint="move it further up"
        )


def _must_lie_in(folder: Path, path: Path) -> None:
    """Refuse a file that lies elsewhere: what is released has to be what the folder shows."""
    if not path.is_file():
        raise TesseraError(
            f"{path} is no file that can be read", hint="remove it, or mend where it leads"
        )
    if not path.resolve().is_relative_to(folder.resolve()):
        raise TesseraError(
            f"{path} is a link that leads out of the folder", hint="put the file itself there"
        )
