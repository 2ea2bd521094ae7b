"""Columns of rows as PostgreSQL arrays in binary form, packed in one go.

The driver adapts a list element by element in Python, which costs more than the database needs to
store it. Owns: the binary format of one-dimensional arrays of four types (PostgreSQL's
`array_recv`: dimensions, null flag, element type, length, lower bound, then length and bytes of
each element). Must never: be imported on a machine without psycopg.
"""

import struct
from collections.abc import Callable, Sequence
from itertools import chain, repeat
from typing import Any

from psycopg.abc import AdaptContext, Buffer
from psycopg.adapt import Dumper
from psycopg.pq import Format
from sqlalchemy import BigInteger, LargeBinary, SmallInteger, Text

_HEAD = struct.Struct("!iiIii")
_LENGTH = struct.Struct("!i")


class Packed:
    """An array that is already in binary form."""

    __slots__ = ("content",)

    def __init__(self, content: bytes) -> None:
        self.content = content


class Smallints(Packed):
    """A smallint array."""


class Bigints(Packed):
    """A bigint array."""


class Byteas(Packed):
    """A bytea array."""


class Texts(Packed):
    """A text array."""


class _Dumper(Dumper):
    format = Format.BINARY

    def dump(self, obj: Packed) -> Buffer | None:
        return obj.content


def _dumper(array_oid: int) -> type[Dumper]:
    return type("_ArrayDumper", (_Dumper,), {"oid": array_oid})


def register(context: AdaptContext) -> None:
    """Teach a connection (or the driver as a whole) what these are."""
    for kind, oid in ((Smallints, 1005), (Bigints, 1016), (Byteas, 1001), (Texts, 1009)):
        context.adapters.register_dumper(kind, _dumper(oid))


def _head(element_oid: int, count: int) -> bytes:
    return _HEAD.pack(1, 0, element_oid, count, 1)


def _smallints(values: Sequence[int]) -> Packed:
    pairs = chain.from_iterable(zip(repeat(2), values, strict=False))
    return Smallints(_head(21, len(values)) + struct.pack("!" + "ih" * len(values), *pairs))


def _bigints(values: Sequence[int]) -> Packed:
    pairs = chain.from_iterable(zip(repeat(8), values, strict=False))
    return Bigints(_head(20, len(values)) + struct.pack("!" + "iq" * len(values), *pairs))


def _byteas(values: Sequence[bytes]) -> Packed:
    return Byteas(_head(17, len(values)) + _joined(values))


def _texts(values: Sequence[str]) -> Packed:
    distinct = set(values)
    if 2 * len(distinct) > len(values):
        return Texts(_head(25, len(values)) + _joined([value.encode() for value in values]))
    # Most columns repeat few values (registers, days, states, nothing): each is packed once.
    packed = {value: _joined([value.encode()]) for value in distinct}
    return Texts(_head(25, len(values)) + b"".join(map(packed.__getitem__, values)))


def _joined(contents: Sequence[bytes]) -> bytes:
    pack = _LENGTH.pack
    return b"".join(chain.from_iterable((pack(len(one)), one) for one in contents))


PACKERS: dict[type, Callable[[Sequence[Any]], Packed]] = {
    SmallInteger: _smallints,
    BigInteger: _bigints,
    LargeBinary: _byteas,
    Text: _texts,
}
