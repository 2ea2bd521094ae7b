"""From the text of a settings file to a checked value, or to all that is wrong with it.

Pure: the text and the environment come in as arguments, relative paths stay as written. Nothing is
ever guessed: an unknown key, a wrong type or a value out of bounds is a `Problem` with its line and
what to write instead. A value marked secret never appears in a message.
"""

import difflib
import enum
import re
import tomllib
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any, Final, TypeVar, cast

from tessera.core import toml_positions
from tessera.core.errors import Problem
from tessera.core.settings_schema import (
    ENVIRONMENT_PREFIX,
    LIST_LENGTH_MAX,
    TEXT_LENGTH_MAX,
    WHOLE_NUMBER_MAX,
    Field,
    SettingDoc,
    describe_settings,
    fields_of,
    setting,
    type_text,
)

__all__ = ["SettingDoc", "describe_settings", "parse_settings", "setting"]

SIZE_MAX_BYTES: Final = 64 * 1024
_SHOWN_MAX: Final = 40
_DECIMAL: Final = re.compile(r"-?[0-9]{1,15}(\.[0-9]{1,12})?")

Schema = TypeVar("Schema")


def parse_settings(
    text: str, *, file: str, schema: type[Schema], environment: Mapping[str, str] | None = None
) -> tuple[Schema | None, list[Problem]]:
    """Check a settings file against its class; give the value, or None and what is wrong.

    `file` is only used to name the place in problems. `environment` may override single settings
    (`TESSERA__SERVER__PORT=8441`); other variables in it are ignored, one that starts with
    `TESSERA__` and names no setting is a problem. A class may refuse what its fields together make
    of it by raising ValueError from `__post_init__`; that becomes a problem of its table.
    """
    if len(text.encode(errors="surrogatepass")) > SIZE_MAX_BYTES:
        message = f"the file is larger than {SIZE_MAX_BYTES // 1024} KiB"
        return None, [Problem(file=file, message=message, proposal="is this the right file?")]
    try:
        table = tomllib.loads(text)
        positions = toml_positions.locate(text)
    except RecursionError:
        return None, [Problem(file=file, message="brackets are nested too deeply")]
    except ValueError as error:
        return None, [_syntax_problem(str(error), text, file)]
    reading = _Reading(file, positions)
    overrides = _overrides(schema, environment or {}, reading)
    value = reading.table(table, schema, (), overrides)
    if reading.problems:
        return None, sorted(reading.problems, key=lambda problem: (problem.line, problem.column))
    assert isinstance(value, schema)
    return value, []


def _syntax_problem(message: str, text: str, file: str) -> Problem:
    """Make a problem of the parser's message, which ends in a place, and say it in plain words."""
    line, column = text.count("\n") + 1, 0
    place = re.search(r" \(at (?:line (\d+), column (\d+)|end of document)\)$", message)
    if place:
        message = message[: place.start()]
        if place[1]:
            line, column = int(place[1]), int(place[2])
    else:
        # Python itself refuses a number of thousands of digits, and tells no place.
        line, message = 0, "a number is far too long"
    proposal = ""
    if message.startswith(("Cannot overwrite", "Duplicate inline", "Cannot declare")):
        message, proposal = "this key or table is given twice", "keep one of them"
    elif message.startswith("Invalid value"):
        proposal = 'text is written in quotes: name = "value"'
    elif message.startswith(("Expected '='", "Invalid statement")):
        proposal = "write key = value, or [table]"
    message = message[:1].lower() + message[1:]
    return Problem(file=file, line=line, column=column, message=message, proposal=proposal)


# An override and the variable it came from, by path.
_Overrides = dict[toml_positions.Path, tuple[str, str]]


def _overrides(schema: type, environment: Mapping[str, str], reading: "_Reading") -> _Overrides:
    given = {
        name: text for name, text in environment.items() if name.startswith(ENVIRONMENT_PREFIX)
    }
    known = {doc.environment: doc.path for doc in describe_settings(schema) if doc.environment}
    overrides: _Overrides = {}
    for name, text in given.items():
        if name in known:
            overrides[tuple(known[name].split("."))] = (name, text)
            continue
        # Without the prefix that all share, likeness means something.
        words = {known_name.removeprefix(ENVIRONMENT_PREFIX): known_name for known_name in known}
        word = name.removeprefix(ENVIRONMENT_PREFIX)
        close = [words[match] for match in difflib.get_close_matches(word, words, n=1)]
        reading.problems.append(
            Problem(
                file="environment",
                field=name,
                message="no such setting can be given in the environment",
                proposal=f"did you mean {close[0]}?" if close else "remove it",
            )
        )
    return overrides


class _RefusedError(Exception):
    """A value cannot be taken: why, and what to write instead."""

    def __init__(self, message: str, proposal: str = "") -> None:
        super().__init__(message)
        self.proposal = proposal


class _Reading:
    """One pass over a parsed file; collects every problem and goes on."""

    def __init__(
        self, file: str, positions: dict[toml_positions.Path, toml_positions.Position]
    ) -> None:
        self._file = file
        self._positions = positions
        self.problems: list[Problem] = []

    def table(
        self,
        table: dict[str, Any],
        schema: type,
        path: toml_positions.Path,
        overrides: _Overrides,
    ) -> object | None:
        """Read one table; None when anything in it is wrong."""
        before = len(self.problems)
        fields = {field.name: field for field in fields_of(schema)}
        for name in table:
            if name not in fields:
                self._refuse_unknown((*path, name), fields)
        values: dict[str, object] = {}
        for name, field in fields.items():
            here = (*path, name)
            try:
                self._take(field, table, here, overrides, values)
            except _RefusedError as refusal:
                self._problem(here, str(refusal), refusal.proposal)
        if len(self.problems) > before:
            return None
        try:
            made: object = schema(**values)
        except ValueError as error:
            self._problem(path, str(error))
            return None
        return made

    def _take(
        self,
        field: Field,
        table: dict[str, Any],
        path: toml_positions.Path,
        overrides: _Overrides,
        values: dict[str, object],
    ) -> None:
        """Put the field's value into `values`; leave it out where the default holds."""
        name = field.name
        if path in overrides:
            variable, text = overrides[path]
            try:
                values[name] = _scalar(_from_environment(text, field), field)
            except _RefusedError as refusal:
                self._problem_in(variable, str(refusal), refusal.proposal)
            return
        if field.is_table and not field.is_list:
            if name not in table and not self._is_needed(field, path, overrides):
                return
            inner = table.get(name, {})
            if not isinstance(inner, dict):
                raise _RefusedError(
                    "must be a table", f"write [{_dotted(path)}] and its settings below"
                )
            values[name] = self.table(inner, field.kind, path, overrides)
        elif name in table:
            values[name] = self._given(table[name], field, path)
        elif field.is_required:
            proposal = f"add {name} = … ({type_text(field)})"
            raise _RefusedError("is missing", proposal)

    def _is_needed(self, field: Field, path: toml_positions.Path, overrides: _Overrides) -> bool:
        """Tell whether a table that the file leaves out must still be made."""
        is_overridden = any(key[: len(path)] == path for key in overrides)
        return field.is_required or is_overridden

    def _given(self, value: object, field: Field, path: toml_positions.Path) -> object:
        if not field.is_list:
            return _scalar(value, field)
        if not isinstance(value, list):
            wanted = f"[[{_dotted(path)}]]" if field.is_table else f"{field.name} = [ … ]"
            raise _RefusedError("must be a list", f"write {wanted}")
        if len(value) > LIST_LENGTH_MAX:
            raise _RefusedError(f"has more than {LIST_LENGTH_MAX} entries")
        _check_bounds(len(value), field, " entries long")
        taken: list[object] = []
        for number, element in enumerate(value):
            here = (*path, number)
            try:
                if field.is_table:
                    if not isinstance(element, dict):
                        raise _RefusedError("must be a table", f"write [[{_dotted(path)}]]")
                    taken.append(self.table(element, field.kind, here, {}))
                else:
                    taken.append(_typed(element, field))
            except _RefusedError as refusal:
                self._problem(here, str(refusal), refusal.proposal)
        return tuple(taken)

    # -- problems

    def _refuse_unknown(self, path: toml_positions.Path, fields: Mapping[str, Field]) -> None:
        close = difflib.get_close_matches(str(path[-1]), fields, n=1, cutoff=0.5)
        proposal = f"did you mean {close[0]}?" if close else f"known here: {', '.join(fields)}"
        self._problem(path, "there is no such setting", proposal)

    def _problem(self, path: toml_positions.Path, message: str, proposal: str = "") -> None:
        near = path
        while near and near not in self._positions:
            near = near[:-1]
        place = self._positions.get(near)
        self.problems.append(
            Problem(
                file=self._file,
                line=place.line if place else 0,
                column=place.column if place else 0,
                field=_dotted(path),
                message=message,
                proposal=proposal,
            )
        )

    def _problem_in(self, variable: str, message: str, proposal: str) -> None:
        self.problems.append(
            Problem(file="environment", field=variable, message=message, proposal=proposal)
        )


def _dotted(path: toml_positions.Path) -> str:
    text = ""
    for part in path:
        if isinstance(part, int):
            text += f"[{part}]"
        else:
            text += f".{part}" if text else _shorten(part)
    return text


def _shorten(text: str) -> str:
    return text if len(text) <= _SHOWN_MAX else f"{text[:_SHOWN_MAX]}…"


def _from_environment(text: str, field: Field) -> object:
    """Give a variable's text the type that the file would have given it."""
    if field.kind is bool:
        if text not in {"true", "false"}:
            raise _RefusedError("must be true or false")
        return text == "true"
    if field.kind is int:
        if not re.fullmatch(r"-?[0-9]{1,19}", text):
            raise _RefusedError("must be a whole number")
        return int(text)
    return text


def _scalar(value: object, field: Field) -> object:
    """Check type and bounds of a single value."""
    taken = _typed(value, field)
    if isinstance(taken, bool | enum.Enum):
        return taken
    if isinstance(taken, int | Decimal):
        _check_bounds(taken, field, "")
    else:
        _check_bounds(len(str(taken)), field, " characters long")
    return taken


def _typed(value: object, field: Field) -> object:
    """Check the type of one value and give it as the field's kind."""
    if field.kind is bool:
        fits = isinstance(value, bool)
    elif field.kind is int:
        fits = isinstance(value, int) and not isinstance(value, bool)
        if fits and abs(cast("int", value)) > WHOLE_NUMBER_MAX:
            raise _RefusedError("is too large a number")
    elif field.kind is Decimal:
        return _decimal(value, field)
    else:
        return _text(value, field)
    if not fits:
        raise _wrong(value, field)
    return value


def _text(value: object, field: Field) -> object:
    """Take a text, as such or as a path or one of the allowed words."""
    if not isinstance(value, str) or "\0" in value or (field.kind is Path and not value):
        raise _wrong(value, field)
    if len(value) > TEXT_LENGTH_MAX:
        raise _RefusedError(f"is longer than {TEXT_LENGTH_MAX} characters")
    if field.allowed and value not in field.allowed:
        close = difflib.get_close_matches(value, field.allowed, n=1)
        raise _wrong(value, field, f'did you mean "{close[0]}"?' if close else "")
    made: object = field.kind(value)
    return made


def _decimal(value: object, field: Field) -> Decimal:
    """Take a decimal written as text, or a whole number; bounded, so NaN and 1e999 stay out."""
    text = str(value) if isinstance(value, int) and not isinstance(value, bool) else value
    if isinstance(text, str) and _DECIMAL.fullmatch(text):
        return Decimal(text)
    raise _wrong(value, field, f'write "{value}" in quotes' if isinstance(value, float) else "")


def _check_bounds(number: int | Decimal, field: Field, unit: str) -> None:
    """Refuse a number, a length or a count outside the field's bounds."""
    least, most = field.about.least, field.about.most
    if (least is None or number >= least) and (most is None or number <= most):
        return
    is_shown = unit or not field.about.secret
    raise _RefusedError(
        f"must be {type_text(field)}" + (f", but is {number}{unit}" if is_shown else "")
    )


def _wrong(value: object, field: Field, proposal: str = "") -> _RefusedError:
    """Say what is wanted and, unless it is a secret, what was found."""
    if not proposal and field.kind is int and isinstance(value, str) and value.isdecimal():
        proposal = "write it without quotes"
    found = "" if field.about.secret else f", but is {_shorten(_as_written(value))}"
    return _RefusedError(f"must be {type_text(field)}{found}", proposal)


def _as_written(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return f'"{value}"'
    if isinstance(value, dict):
        return "a table"
    return "a list" if isinstance(value, list) else str(value)
