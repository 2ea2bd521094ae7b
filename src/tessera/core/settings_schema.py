"""What a setting may be: the description that sits on each field of a settings class.

A settings file is described by frozen dataclasses whose fields are made with `setting(...)`; a
field whose type is such a class is a table. This module owns the description and its rendering for
the reference; it reads no values (see `settings_text`).

A field's type is one of: `str`, `int`, `bool`, `Decimal`, `Path`, an `Enum` of strings, a `Literal`
of strings, `tuple[str, ...]` or `tuple[int, ...]`, another settings class (a table), `tuple[Class,
...]` (an array of tables), or one of these `| None`. There are no floats: money, rates and shares
are whole numbers or decimals written as text.
"""

import dataclasses
import enum
import types
import typing
from collections.abc import Callable, Iterator
from dataclasses import MISSING, dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

ENVIRONMENT_PREFIX: Final = "TESSERA__"
TEXT_LENGTH_MAX: Final = 4096
LIST_LENGTH_MAX: Final = 1000
WHOLE_NUMBER_MAX: Final = 2**63 - 1

_METADATA_KEY: Final = "setting"


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """What is known of one setting beside its name and type.

    `least` and `most` bound a number, or the length of a text or list. `secret` keeps the value out
    of every message. `danger` says what can go wrong by changing it.
    """

    doc: str
    least: int | Decimal | None = None
    most: int | Decimal | None = None
    choices: tuple[str, ...] = ()
    secret: bool = False
    danger: str = ""


def setting(
    doc: str,
    *,
    default: Any = MISSING,  # noqa: ANN401 - of the field's own type
    default_factory: Any = MISSING,  # noqa: ANN401 - makes one of the field's own type
    least: int | Decimal | None = None,
    most: int | Decimal | None = None,
    choices: tuple[str, ...] = (),
    secret: bool = False,
    danger: str = "",
) -> Any:  # noqa: ANN401 - stands where the field's value will be
    """Describe one field of a settings class; without a default the setting is required."""
    about = Setting(doc=doc, least=least, most=most, choices=choices, secret=secret, danger=danger)
    metadata = {_METADATA_KEY: about}
    if default_factory is not MISSING:
        return dataclasses.field(default_factory=default_factory, metadata=metadata)
    if default is not MISSING:
        return dataclasses.field(default=default, metadata=metadata)
    return dataclasses.field(metadata=metadata)


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """One field of a settings class, its type taken apart.

    `kind` is the plain type (`str`, a settings class …), `is_list` tells whether it is a tuple of
    those, `allowed` are the texts a choice may be.
    """

    name: str
    kind: type
    is_list: bool
    is_optional: bool
    allowed: tuple[str, ...]
    about: Setting
    default: object
    default_factory: Callable[[], object] | None

    @property
    def is_required(self) -> bool:
        """Tell whether the file must name it."""
        return self.default is MISSING and self.default_factory is None

    @property
    def is_table(self) -> bool:
        """Tell whether it holds settings of its own."""
        return dataclasses.is_dataclass(self.kind)


def fields_of(schema: type) -> tuple[Field, ...]:
    """Take a settings class apart; a class that cannot be a schema is our own mistake."""
    hints = typing.get_type_hints(schema)
    return tuple(
        _field(field, hints[field.name]) for field in dataclasses.fields(schema) if field.init
    )


def _field(field: dataclasses.Field[Any], hint: Any) -> Field:  # noqa: ANN401 - any annotation
    is_optional = False
    if typing.get_origin(hint) in {typing.Union, types.UnionType}:
        members = [member for member in typing.get_args(hint) if member is not type(None)]
        assert len(members) == 1, f"{field.name}: a setting has one type, or that and None"
        is_optional, hint = True, members[0]
    is_list = typing.get_origin(hint) is tuple
    if is_list:
        hint, ellipsis = typing.get_args(hint)
        assert ellipsis is Ellipsis, f"{field.name}: write tuple[kind, ...]"
    about = field.metadata.get(_METADATA_KEY, Setting(doc=""))
    allowed: tuple[str, ...] = about.choices
    if typing.get_origin(hint) is typing.Literal:
        allowed, hint = typing.get_args(hint), str
    elif isinstance(hint, type) and issubclass(hint, enum.Enum):
        allowed = tuple(member.value for member in hint)
    known = dataclasses.is_dataclass(hint) or issubclass(
        hint, str | int | bool | Decimal | Path | enum.Enum
    )
    assert known, f"{field.name}: {hint} is no type of a setting"
    factory = None if field.default_factory is MISSING else field.default_factory
    return Field(
        name=field.name,
        kind=hint,
        is_list=is_list,
        is_optional=is_optional,
        allowed=allowed,
        about=about,
        default=field.default,
        default_factory=factory,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class SettingDoc:
    """One line of the settings reference.

    `path` is dotted, with `[]` after an array of tables (`readers[].port`); `environment` names the
    variable that overrides it, empty where none can.
    """

    path: str
    type_text: str
    default_text: str
    doc: str
    danger: str
    environment: str
    is_required: bool
    is_secret: bool


def describe_settings(schema: type) -> list[SettingDoc]:
    """List every setting of a schema, tables opened, in the order of the classes."""
    return list(_describe(schema, "", overridable=True))


def _describe(schema: type, prefix: str, *, overridable: bool) -> Iterator[SettingDoc]:
    for field in fields_of(schema):
        path = f"{prefix}{field.name}"
        if field.is_table:
            inner = f"{path}[]." if field.is_list else f"{path}."
            yield from _describe(field.kind, inner, overridable=overridable and not field.is_list)
            continue
        yield SettingDoc(
            path=path,
            type_text=type_text(field),
            default_text=_default_text(field),
            doc=field.about.doc,
            danger=field.about.danger,
            environment=environment_name(path) if overridable and not field.is_list else "",
            is_required=field.is_required,
            is_secret=field.about.secret,
        )


def environment_name(path: str) -> str:
    """Name the variable that overrides a setting: `server.port` is `TESSERA__SERVER__PORT`."""
    return ENVIRONMENT_PREFIX + path.upper().replace(".", "__")


def type_text(field: Field) -> str:
    """Say what may be written, bounds included, in words for a shopkeeper."""
    if field.allowed:
        word = words = "one of " + ", ".join(f'"{choice}"' for choice in field.allowed)
    else:
        word, words = _kind_words(field.kind)
    if field.is_list:
        word = f"a list of {words}"
    least, most = field.about.least, field.about.most
    if least is None and most is None:
        return word
    unit = ""
    if field.is_list:
        unit = " entries"
    elif not issubclass(field.kind, int | Decimal):
        unit = " characters"
    if least is not None and least == most:
        return f"{word} of {least}{unit}"
    if least is not None and most is not None:
        return f"{word}, {least} to {most}{unit}"
    if least is not None:
        return f"{word}, {least}{unit} or more"
    return f"{word}, {most}{unit} at most"


def _kind_words(kind: type) -> tuple[str, str]:
    """Name a kind of value, one of it and several."""
    if issubclass(kind, bool):
        return "true or false", "true or false"
    if issubclass(kind, int):
        return "a whole number", "whole numbers"
    if issubclass(kind, Decimal):
        return "a decimal in quotes", "decimals in quotes"
    return ("a path", "paths") if issubclass(kind, Path) else ("a text", "texts")


def _default_text(field: Field) -> str:
    if field.is_required:
        return "required"
    value = field.default if field.default_factory is None else field.default_factory()
    return value_text(value)


def value_text(value: object) -> str:
    """Write a value as it would stand in the file."""
    if value is None or value == ():
        return "none"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, enum.Enum):
        return f'"{value.value}"'
    if isinstance(value, tuple):
        return "[" + ", ".join(value_text(element) for element in value) + "]"
    return str(value) if isinstance(value, int) else f'"{value}"'
