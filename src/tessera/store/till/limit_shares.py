"""What this register may use of limits over all members, and what it has used.

Owns: table limit_share. `granted` and `used` only rise: what a return gives back comes by way of
central. Must never: let `used` pass `granted` by more than the risk that the programme states, or
use the share of an earlier life, which a clone may be using.
"""

from collections.abc import Iterable

import sqlalchemy as sa

from tessera.store.till.rows import cursor_of

_LEFT = """SELECT s.key, s.granted - s.used FROM limit_share s
    JOIN register_identity r ON r.incarnation = s.incarnation"""
_BEGIN = """INSERT INTO limit_share (key, incarnation, granted, used)
    SELECT ?, incarnation, 0, 0 FROM register_identity WHERE true ON CONFLICT DO NOTHING"""
_USE = """UPDATE limit_share SET used = used + ? WHERE key = ? AND used + ? <= granted + ?
    AND incarnation = (SELECT incarnation FROM register_identity)"""
_GRANT = """INSERT INTO limit_share (key, incarnation, granted, used) VALUES (?, ?, ?, 0)
    ON CONFLICT (key, incarnation) DO UPDATE SET granted = excluded.granted
    WHERE excluded.granted > limit_share.granted"""


def left(connection: sa.Connection) -> dict[str, int]:
    """What is left of each share of the present life, by key; below zero where risk was taken."""
    cursor = cursor_of(connection)
    try:
        rows = cursor.execute(_LEFT).fetchall()
    finally:
        cursor.close()
    return {str(row[0]): int(row[1]) for row in rows}


def use(connection: sa.Connection, key: str, amount: int, *, risk: int) -> bool:
    """Use so much of a share, inside a commit; False when it does not reach, nothing is changed."""
    cursor = cursor_of(connection)
    try:
        cursor.execute(_BEGIN, (key,))
        cursor.execute(_USE, (amount, key, amount, risk))
        return bool(cursor.rowcount == 1)
    finally:
        cursor.close()


def grant(connection: sa.Connection, grants: Iterable[tuple[str, str, int]]) -> None:
    """Take in what central granted in all, by key and incarnation; less is passed over."""
    cursor = cursor_of(connection)
    try:
        cursor.executemany(_GRANT, list(grants))
    finally:
        cursor.close()
