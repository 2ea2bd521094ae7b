"""Places, uids and cursors: how values become the compact columns of the till's tables.

Owns: those encodings. Must never: hold a connection or decide anything.
"""

import uuid
from typing import Any

import sqlalchemy as sa

from tessera.store.till.tables import PLACE_SHIFT, SEQ_MAX

Cursor = Any
"""A cursor of the driver: it has no types of its own."""

Row = tuple[Any, ...]


def cursor_of(connection: sa.Connection) -> Cursor:
    """The driver's cursor on this connection's transaction: the hot paths skip SQLAlchemy's."""
    return connection.connection.cursor()


def one_row(connection: sa.Connection, query: str, key: object) -> Row | None:
    """The first row that a query with one parameter finds; None when there is none."""
    cursor = cursor_of(connection)
    try:
        row: Row | None = cursor.execute(query, (key,)).fetchone()
    finally:
        cursor.close()
    return row


def place_of(branch: int, seq: int) -> int:
    """The journal's key of record `seq` in life number `branch`."""
    assert 0 <= seq <= SEQ_MAX
    return (branch << PLACE_SHIFT) | seq


def seq_of(place: int) -> int:
    """The seq within its life of the record at `place`."""
    return place & SEQ_MAX


def branch_of(place: int) -> int:
    """The number of the life that the record at `place` belongs to."""
    return place >> PLACE_SHIFT


def uid_bytes(uid: str) -> bytes:
    """A uid as 16 bytes. ValueError when it is none."""
    return bytes.fromhex(uid.replace("-", ""))


def uid_text(raw: bytes) -> str:
    """A uid in its usual form."""
    return str(uuid.UUID(bytes=raw))
