"""Members, cards and balances of an image: filled beside the ones in use, then put in their place.

Owns: the tables `incoming_…` (being filled) and `outgoing_…` (replaced, being emptied), which exist
only meanwhile. They are made after the tables in use, so a migration has nothing to know of them.
Every step is a short transaction of the caller's, so that sales go on between two of them.
Must never: touch the tables in use but in `swap`.
"""

import re
from collections.abc import Sequence

import sqlalchemy as sa

from tessera.store.till.rows import Cursor, cursor_of

TABLES = ("member", "card", "balance")
_KEYS = {"member": "number", "card": "card_hash", "balance": "member_id, account"}
_INCOMING, _OUTGOING = "incoming_", "outgoing_"
_NAMED = re.compile(r'\ACREATE TABLE\s+"?(\w+)"?')

_ADD = {
    "member": "INSERT INTO incoming_member (number, member_id, version, status, tier, display_name,"
    " language, segments, entitlements, joined, birthday, staff, visits, lifetime_spend_minor,"
    " period_spend_minor, last_visit) VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)",
    "card": "INSERT INTO incoming_card (card_hash, member, key_id, version, status)"
    " VALUES (?,?,?,?,?)",
    "balance": "INSERT INTO incoming_balance (member_id, account, points, leased, version)"
    " VALUES (?,?,?,?,?)",
}

# An outcome that came after the image was made speaks of a later balance than the image holds.
_CARRY = """INSERT INTO incoming_balance (member_id, account, points, leased, version)
    SELECT b.member_id, b.account, b.points, b.leased, b.version FROM balance b
     WHERE (b.member_id, b.account) IN (SELECT member_id, account FROM own_effect)
    ON CONFLICT (member_id, account) DO UPDATE SET points = excluded.points,
        leased = excluded.leased, version = excluded.version
     WHERE excluded.version > incoming_balance.version"""


def begin(connection: sa.Connection) -> None:
    """Make empty tables to fill; `drain` must have said that none are left of an earlier time."""
    cursor = cursor_of(connection)
    try:
        for table in TABLES:
            (text,) = cursor.execute(
                "SELECT sql FROM sqlite_master WHERE type = 'table' AND name = ?", (table,)
            ).fetchone()
            made, count = _NAMED.subn(f"CREATE TABLE {_INCOMING}{table}", text)
            assert count == 1, f"table {table} was not made by CREATE TABLE"
            cursor.execute(made)
    finally:
        cursor.close()


def add(connection: sa.Connection, table: str, rows: Sequence[tuple[object, ...]]) -> None:
    """Append rows of an image to a table that is being filled."""
    cursor = cursor_of(connection)
    try:
        cursor.executemany(_ADD[table], rows)
    finally:
        cursor.close()


def swap(connection: sa.Connection) -> None:
    """Put the filled tables in the place of those in use, which are then to be drained.

    Balances that this till's own outcomes brought to a later version are kept.
    """
    cursor = cursor_of(connection)
    try:
        cursor.execute(_CARRY)
        for table in TABLES:
            cursor.execute(f"ALTER TABLE {table} RENAME TO {_OUTGOING}{table}")
            cursor.execute(f"ALTER TABLE {_INCOMING}{table} RENAME TO {table}")
    finally:
        cursor.close()


def drain(connection: sa.Connection, *, limit: int) -> bool:
    """Take up to `limit` rows out of a table that is left over; False when none is left at all.

    Row by row, not by dropping: zeroing a million members at once would hold up a sale.
    """
    cursor = cursor_of(connection)
    try:
        left = _left(cursor)
        if not left:
            return False
        table = left[0]
        key = _KEYS[table.partition("_")[2]]
        cursor.execute(
            f"DELETE FROM {table} WHERE ({key}) IN (SELECT {key} FROM {table} LIMIT ?)",  # noqa: S608 - constants only
            (limit,),
        )
        if cursor.execute(f"SELECT 1 FROM {table} LIMIT 1").fetchone() is None:  # noqa: S608 - as above
            cursor.execute(f"DROP TABLE {table}")
        return len(left) > 1 or bool(_left(cursor))
    finally:
        cursor.close()


def is_left(connection: sa.Connection) -> bool:
    """Whether tables are left over that are to be drained."""
    cursor = cursor_of(connection)
    try:
        return bool(_left(cursor))
    finally:
        cursor.close()


def _left(cursor: Cursor) -> list[str]:
    names = [f"{prefix}{table}" for prefix in (_OUTGOING, _INCOMING) for table in TABLES]
    marks = ",".join("?" for _ in names)
    rows = cursor.execute(
        f"SELECT name FROM sqlite_master WHERE type = 'table' AND name IN ({marks})"  # noqa: S608 - as above
        " ORDER BY name",
        names,
    ).fetchall()
    return [str(row[0]) for row in rows]
