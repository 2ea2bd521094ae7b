"""Files that the programme commands read: programmes, baskets, members.

Owns: reading them within a size limit and showing what is wrong with them. Must never: judge a
rule; `tessera.rules` does.
"""

import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING

from tessera.core.errors import Problem, TesseraError

if TYPE_CHECKING:
    from tessera.rules.folders import Joined
    from tessera.rules.programme import Programme

SIZE_MAX = 64_000_000
"""Largest file that is read, in bytes; a programme's own limit is tighter."""


def read_text(path: Path) -> str:
    """Read a text file; `-` is standard input."""
    try:
        if str(path) == "-":
            return sys.stdin.read(SIZE_MAX + 1)
        if path.stat().st_size > SIZE_MAX:
            raise TesseraError(
                f"{path} is larger than {SIZE_MAX} bytes", hint="is it the right file?"
            )
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise TesseraError(
            f"{path} is no UTF-8 text (byte {error.start})", hint="save it as UTF-8"
        ) from None
    except OSError as error:
        reason = (error.strerror or "can't be read").lower()
        raise TesseraError(f"{path}: {reason}", hint="look at the path and its rights") from None


def counted(count: int, word: str) -> str:
    """Give a number with its word: one in the singular, the rest in the plural."""
    return f"{count:,} {word}" if count == 1 else f"{count:,} {word}s"


@dataclass(frozen=True, slots=True)
class Source:
    """A programme as it was read: the text that would be released, and the files it came from.

    `file` names it in problems. `joined` is there where the programme is a folder.
    """

    file: str
    text: str
    joined: "Joined | None" = None

    def parse(self) -> "tuple[Programme | None, list[Problem]]":
        """Check it; problems name the file in which they stand."""
        from tessera.rules.programme import parse_programme

        if self.joined is not None:
            return self.joined.parse()
        return parse_programme(self.text, file=self.file)

    def located(self, problems: Sequence[Problem]) -> list[Problem]:
        """Give problems by the lines of offers with the files in which the offers stand."""
        return list(problems) if self.joined is None else self.joined.places.located(problems)


def read_source(path: Path) -> tuple[Source | None, list[Problem]]:
    """Read a programme's file or folder; None when a folder's files can't be joined."""
    if not path.is_dir():
        return Source(str(path), read_text(path)), []
    from tessera.cli.programme_folder import read_parts
    from tessera.rules.folders import join_parts

    main, parts = read_parts(path)
    joined, problems = join_parts(main, parts)
    return (None if joined is None else Source(main.name, joined.text, joined)), problems


def read_programme(path: Path) -> "tuple[Programme | None, list[Problem]]":
    """Read and check a programme's file or folder."""
    source, problems = read_source(path)
    return (None, problems) if source is None else source.parse()


def sound_programme(path: Path) -> "Programme":
    """Read a programme (a file or a folder) that has to be sound, or say why it is not."""
    programme, problems = read_programme(path)
    if programme is None:
        for problem in problems[:20]:
            print(problem.render(), file=sys.stderr)
        raise TesseraError(
            f"{path} can't be used: {counted(len(problems), 'problem')}",
            hint=f"tessera programme check {path}",
        )
    return programme


def read_json(path: Path) -> object:
    """Read a JSON file; numbers with a point become decimals, never floats."""
    try:
        value: object = json.loads(
            read_text(path), parse_float=Decimal, parse_constant=_no_constant
        )
    except ValueError as error:
        raise TesseraError(f"{path} is no JSON: {error}", hint="see docs/programmes.md") from None
    except RecursionError:
        raise TesseraError(f"{path} is nested too deep", hint="is it the right file?") from None
    return value


def _no_constant(word: str) -> object:
    raise ValueError(f"{word} is no number")
