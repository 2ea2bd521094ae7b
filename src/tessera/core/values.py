"""Frozen values that cost little to make: a quote holds a hundred, and a till waits for them.

Owns: the decorator `quick_value`, `maker` and `part_maker`. Must never: change what a frozen,
slotted dataclass promises.

The `__init__` of a frozen dataclass sets each field through a call, because plain assignment is
what the class refuses. Here a new object belongs to an open subclass of the same layout while its
fields are assigned, and to the frozen class ever after. A maker starts from the open subclass at
once, so it costs a third of a call of the class; it is for the few places that make dozens.
"""

from collections.abc import Callable, Sequence
from dataclasses import MISSING, dataclass, fields
from typing import Any, TypeVar, cast, dataclass_transform

T = TypeVar("T")

_MAKERS: dict[type, Callable[..., Any]] = {}


@dataclass_transform(frozen_default=True, kw_only_default=True)
def quick_value(kind: type[T]) -> type[T]:
    """Make a class a frozen, slotted, keyword-only dataclass with a quick `__init__`.

    Fields may have defaults, but neither default factories nor a `__post_init__`.
    """
    frozen = dataclass(frozen=True, slots=True, kw_only=True)(kind)
    assert not hasattr(frozen, "__post_init__"), frozen
    known: dict[str, Any] = {
        "_become": object.__setattr__,
        "_new": object.__new__,
        "_Open": _open_kind(frozen),
        "_Frozen": frozen,
    }
    asked, body = [], []
    for field in fields(cast(Any, frozen)):
        assert field.default_factory is MISSING, field.name
        if field.default is MISSING:
            asked.append(field.name)
        else:
            known[f"_default_{field.name}"] = field.default
            asked.append(f"{field.name}=_default_{field.name}")
        body.append(f"self.{field.name} = {field.name}")
    body.append("self.__class__ = _Frozen")
    init = _function(
        f"__init__(self, *, {', '.join(asked)})",
        ["_become(self, '__class__', _Open)", *body],
        known,
    )
    init.__qualname__ = f"{kind.__qualname__}.__init__"
    init.__annotations__ = dict(getattr(frozen.__init__, "__annotations__", {}))
    type.__setattr__(frozen, "__init__", init)
    _MAKERS[frozen] = _function(
        f"make({', '.join(asked)})", ["self = _new(_Open)", *body, "return self"], known
    )
    return frozen


def maker(kind: type[T]) -> Callable[..., T]:
    """Give the quickest way to make a quick value: its fields in their order, or by name."""
    return _MAKERS[kind]


def part_maker(kind: type[T], names: Sequence[str]) -> Callable[..., T]:
    """Give a maker that sets only the named fields, in this order; the others stay unset."""
    known: dict[str, Any] = {
        "_new": object.__new__,
        "_Open": _open_kind(kind),
        "_Frozen": kind,
    }
    body = [f"self.{name} = {name}" for name in names]
    body = ["self = _new(_Open)", *body, "self.__class__ = _Frozen", "return self"]
    made: Callable[..., T] = _function(f"make({', '.join(names)})", body, known)
    return made


def _open_kind(frozen: type) -> type:
    """Give a subclass of the same layout whose fields can be assigned."""
    # Both must be the plain ones, or the interpreter takes the slow way for either.
    plain = {"__setattr__": object.__setattr__, "__delattr__": object.__delattr__}
    return type(f"_Open{frozen.__name__}", (frozen,), {"__slots__": (), **plain})


def _function(head: str, body: list[str], known: dict[str, Any]) -> Any:  # noqa: ANN401
    text = f"def {head}:\n" + "".join(f"    {line}\n" for line in body)
    exec(text, known)  # noqa: S102 — field names of our own classes, as dataclasses does it too
    return known[head.partition("(")[0]]
