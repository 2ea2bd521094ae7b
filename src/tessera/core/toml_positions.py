"""Where in a TOML text each key and each element stands; the standard parser does not tell.

This is a scanner, no parser: it is given text that `tomllib` has accepted, so it only needs to find
its way (keys, headers, brackets, strings) and never to judge. It must not be given anything else.
"""

import tomllib
from dataclasses import dataclass

# A key's dotted path; elements of an array are whole numbers: ("readers", 1, "port").
Path = tuple[str | int, ...]

_BLANK = " \t"
_BLANK_OR_NEWLINE = " \t\n"
_END_OF_SCALAR = ",]}#\n"


@dataclass(frozen=True, slots=True)
class Position:
    """A place in a text, counted from 1 in lines and characters."""

    line: int
    column: int


def locate(text: str) -> dict[Path, Position]:
    """Give the position of every key, table header and array element of valid TOML."""
    scanner = _Scanner(text.replace("\r\n", "\n"))
    scanner.scan_document()
    return scanner.positions


class _Scanner:
    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._line = 1
        self._line_start = 0
        self.positions: dict[Path, Position] = {}
        # How many tables each `[[header]]` has opened so far.
        self._opened: dict[Path, int] = {}

    def scan_document(self) -> None:
        table: Path = ()
        while self._skip_to_content():
            if self._peek() == "[":
                table = self._header()
            else:
                self._key_and_value(table)

    # -- moving on

    def _peek(self, ahead: int = 0) -> str:
        return self._text[self._at + ahead : self._at + ahead + 1]

    def _advance(self, count: int = 1) -> None:
        end = self._at + count
        newlines = self._text.count("\n", self._at, end)
        if newlines:
            self._line += newlines
            self._line_start = self._text.rindex("\n", self._at, end) + 1
        self._at = end

    def _skip(self, characters: str) -> None:
        end = self._at
        while end < len(self._text) and self._text[end] in characters:
            end += 1
        self._advance(end - self._at)

    def _skip_to_content(self) -> bool:
        """Pass blanks, newlines and comments; tell whether anything is left."""
        while True:
            self._skip(_BLANK_OR_NEWLINE)
            if self._peek() != "#":
                return self._peek() != ""
            end = self._text.find("\n", self._at)
            self._advance((len(self._text) if end < 0 else end) - self._at)

    def _here(self) -> Position:
        return Position(self._line, self._at - self._line_start + 1)

    def _note(self, path: Path, position: Position) -> None:
        self.positions.setdefault(path, position)

    # -- headers and keys

    def _header(self) -> Path:
        start = self._here()
        is_array = self._peek(1) == "["
        self._advance(2 if is_array else 1)
        words = self._key()
        self._skip(_BLANK)
        self._advance(2 if is_array else 1)
        path = (*self._within_arrays(words[:-1], start), words[-1])
        self._note(path, start)
        if is_array:
            number = self._opened.get(path, 0)
            self._opened[path] = number + 1
            path = (*path, number)
            self._note(path, start)
        return path

    def _within_arrays(self, words: tuple[str, ...], start: Position) -> Path:
        """Put in the number of the table that is open wherever a word names an array of tables."""
        path: Path = ()
        for word in words:
            path = (*path, word)
            self._note(path, start)
            if path in self._opened:
                path = (*path, self._opened[path] - 1)
        return path

    def _key(self) -> tuple[str, ...]:
        words: list[str] = []
        while True:
            self._skip(_BLANK)
            words.append(self._word())
            self._skip(_BLANK)
            if self._peek() != ".":
                return tuple(words)
            self._advance()

    def _word(self) -> str:
        if self._peek() in {'"', "'"}:
            start = self._at
            self._string()
            # The parser itself undoes the escapes.
            return str(tomllib.loads(f"key = {self._text[start : self._at]}")["key"])
        end = self._at
        while self._text[end] not in " \t.=]":
            end += 1
        word = self._text[self._at : end]
        self._advance(end - self._at)
        return word

    # -- values

    def _key_and_value(self, table: Path) -> None:
        start = self._here()
        words = self._key()
        path = table
        for word in words:
            path = (*path, word)
            self._note(path, start)
        self._advance()  # the equals sign
        self._skip(_BLANK)
        self._value(path)

    def _value(self, path: Path) -> None:
        first = self._peek()
        if first in {'"', "'"}:
            self._string()
        elif first == "[":
            self._array(path)
        elif first == "{":
            self._inline_table(path)
        else:
            end = self._at
            while end < len(self._text) and self._text[end] not in _END_OF_SCALAR:
                end += 1
            self._advance(end - self._at)

    def _array(self, path: Path) -> None:
        self._advance()
        number = 0
        self._skip_to_content()
        while self._peek() != "]":
            self._note((*path, number), self._here())
            self._value((*path, number))
            number += 1
            self._skip_to_content()
            if self._peek() == ",":
                self._advance()
                self._skip_to_content()
        self._advance()

    def _inline_table(self, path: Path) -> None:
        self._advance()
        self._skip_to_content()
        while self._peek() != "}":
            self._key_and_value(path)
            self._skip_to_content()
            if self._peek() == ",":
                self._advance()
                self._skip_to_content()
        self._advance()

    def _string(self) -> None:
        """Pass a string of any of the four kinds."""
        quote = self._peek()
        if self._text.startswith(quote * 3, self._at):
            self._long_string(quote)
            return
        end = self._at + 1
        while self._text[end] != quote:
            end += 2 if quote == '"' and self._text[end] == "\\" else 1
        self._advance(end + 1 - self._at)

    def _long_string(self, quote: str) -> None:
        end = self._at + 3
        while not self._text.startswith(quote * 3, end):
            end += 2 if quote == '"' and self._text[end] == "\\" else 1
        end += 3
        # One or two quotes may stand right before the closing three.
        while self._text.startswith(quote, end):
            end += 1
        self._advance(end - self._at)
