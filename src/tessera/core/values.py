"""Frozen values that cost little to make: a quote holds a hundred, and a till waits for them.

Owns: the decorator `quick_value`. Must never: change what a frozen, slotted dataclass promises.

The `__init__` of a frozen dataclass sets each field through a call, because plain assignment is
what the class refuses. Here a new object belongs to an open subclass of the same layout while its
fields are assigned, and to the frozen class ever after: less than half the time.
"""

from dataclasses import MISSING, dataclass, fields
from typing import Any, TypeVar, cast, dataclass_transform

T = TypeVar("T")


@dataclass_transform(frozen_default=True, kw_only_default=True)
def quick_value(kind: type[T]) -> type[T]:
    """Make a class a frozen, slotted, keyword-only dataclass with a quick `__init__`.

    Fields may have defaults, but neither default factories nor a `__post_init__`.
    """
    frozen = dataclass(frozen=True, slots=True, kw_only=True)(kind)
    assert not hasattr(frozen, "__post_init__"), frozen
    # Both must be the plain ones, or the interpreter takes the slow way for either.
    plain = {"__setattr__": object.__setattr__, "__delattr__": object.__delattr__}
    known: dict[str, Any] = {
        "_become": object.__setattr__,
        "_Open": type(f"_Open{kind.__name__}", (frozen,), {"__slots__": (), **plain}),
        "_Frozen": frozen,
    }
    asked, body = [], ["_become(self, '__class__', _Open)"]
    for field in fields(cast(Any, frozen)):
        assert field.default_factory is MISSING, field.name
        if field.default is MISSING:
            asked.append(field.name)
        else:
            known[f"_default_{field.name}"] = field.default
            asked.append(f"{field.name}=_default_{field.name}")
        body.append(f"self.{field.name} = {field.name}")
    body.append("self.__class__ = _Frozen")
    text = f"def __init__(self, *, {', '.join(asked)}):\n" + "".join(f"    {one}\n" for one in body)
    exec(text, known)  # noqa: S102 — field names of our own classes, as dataclasses does it too
    known["__init__"].__qualname__ = f"{kind.__qualname__}.__init__"
    known["__init__"].__annotations__ = dict(getattr(frozen.__init__, "__annotations__", {}))
    type.__setattr__(frozen, "__init__", known["__init__"])
    return frozen
