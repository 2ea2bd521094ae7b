"""Reads the fields of one TOML table and collects what is wrong with them.

Reader profiles and card formats are files that people write: an unknown key, a wrong type and an
impossible value each become a `Problem` with file, line and proposal, and reading goes on.
"""

import difflib
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import TypeVar

from tessera.core.errors import Problem
from tessera.devices.toml_lines import line_of

Path = tuple[str | int, ...]
_Kind = TypeVar("_Kind", str, int)


@dataclass(slots=True)
class TableReader:
    """One table of a file; `path` is where it stands. Problems go to the shared list."""

    file: str
    text: str
    path: Path
    table: Mapping[str, object]
    problems: list[Problem]
    _known: set[str] = field(default_factory=set)

    def string(self, key: str, default: str = "", *, among: Collection[str] = ()) -> str:
        """Give a text; `among` lists the allowed ones."""
        value = self._value(key, str, "a text", default)
        if among and key in self.table and value not in among:
            close = difflib.get_close_matches(value, list(among), n=1)
            proposal = f"write '{close[0]}'" if close else f"one of {', '.join(sorted(among))}"
            self.refuse(key, f"'{value}' is not known here", proposal)
            return default
        return value

    def whole(self, key: str, default: int, *, low: int = 0, high: int = 1 << 31) -> int:
        """Give a whole number from `low` to `high`."""
        value = self._value(key, int, "a whole number", default)
        if not low <= value <= high:
            self.refuse(key, f"{value} is out of range", f"from {low} to {high}")
            return default
        return value

    def flag(self, key: str, default: bool = False) -> bool:  # noqa: FBT001, FBT002 - a value read
        """Give true or false."""
        value = self.table.get(key, default)
        self._known.add(key)
        if not isinstance(value, bool):
            self.refuse(key, "neither true nor false")
            return default
        return value

    def strings(self, key: str, *, among: Collection[str] = ()) -> tuple[str, ...]:
        """Give a list of texts."""
        value = self._list(key)
        if not all(isinstance(each, str) for each in value):
            self.refuse(key, "not a list of texts", 'such as ["first", "second"]')
            return ()
        texts = tuple(str(each) for each in value)
        for each in texts:
            if among and each not in among:
                close = difflib.get_close_matches(each, list(among), n=1)
                self.refuse(
                    key,
                    f"'{each}' is not known here",
                    f"write '{close[0]}'" if close else f"one of {', '.join(sorted(among))}",
                )
        return texts

    def wholes(self, key: str) -> tuple[int, ...]:
        """Give a list of whole numbers, none below zero."""
        numbers = [each for each in self._list(key) if isinstance(each, int)]
        if len(numbers) != len(self._list(key)) or any(number < 0 for number in numbers):
            self.refuse(key, "not a list of whole numbers", "such as [13] or [16, 19]")
            return ()
        return tuple(numbers)

    def sub(self, key: str) -> "TableReader":
        """Give a table inside this one; an empty one where it is missing."""
        value = self.table.get(key, {})
        self._known.add(key)
        if not isinstance(value, dict):
            self.refuse(key, "not a table", f"write it as [{key}]")
            value = {}
        return TableReader(self.file, self.text, (*self.path, key), value, self.problems)

    def refuse(self, key: str, message: str, proposal: str = "") -> None:
        """Add a problem with a field of this table."""
        where: Path = (*self.path, key) if key else self.path
        name = ".".join(str(part) for part in where)
        line = line_of(self.text, where)
        self.problems.append(
            Problem(file=self.file, line=line, field=name, message=message, proposal=proposal)
        )

    def finish(self) -> None:
        """Refuse every key that nobody asked for."""
        for key in self.table:
            if key not in self._known:
                close = difflib.get_close_matches(key, list(self._known), n=1)
                proposal = f"did you mean '{close[0]}'?" if close else "remove it"
                self.refuse(key, "unknown key", proposal)

    def _list(self, key: str) -> list[object]:
        self._known.add(key)
        value = self.table.get(key, [])
        if not isinstance(value, list):
            self.refuse(key, "not a list", "put it in brackets")
            return []
        return value

    def _value(self, key: str, kind: type[_Kind], what: str, default: _Kind) -> _Kind:
        self._known.add(key)
        value = self.table.get(key, default)
        if not isinstance(value, kind) or isinstance(value, bool):
            self.refuse(key, f"not {what}")
            return default
        return value
