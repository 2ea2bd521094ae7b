"""Sales that are begun or parked and not completed, so that they outlive the process.

Owns: table open_sale. A row is the newest state of one sale; the commit of the sale removes it in
its own transaction (`committed_sales`). Must never: hold a card number, a phone number or a name.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import sqlalchemy as sa

from tessera.store.till.rows import cursor_of


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptSale:
    """One row. `changed_ms`: the register's wall clock when it was written; `body`: JSON."""

    pos: str
    sale_id: str
    suspended: bool
    changed_ms: int
    body: bytes


def keep(connection: sa.Connection, sales: Iterable[KeptSale]) -> None:
    """Write these sales, each instead of what stood there for it."""
    cursor = cursor_of(connection)
    try:
        cursor.executemany(
            "INSERT INTO open_sale (pos, sale_id, suspended, changed_ms, body)"
            " VALUES (?, ?, ?, ?, ?) ON CONFLICT (pos, sale_id) DO UPDATE SET"
            " suspended = excluded.suspended, changed_ms = excluded.changed_ms,"
            " body = excluded.body",
            [
                (sale.pos, sale.sale_id, int(sale.suspended), sale.changed_ms, sale.body)
                for sale in sales
            ],
        )
    finally:
        cursor.close()


def forget(connection: sa.Connection, keys: Iterable[tuple[str, str]]) -> None:
    """Remove sales by (pos, sale_id); one that is not there is no error."""
    cursor = cursor_of(connection)
    try:
        cursor.executemany("DELETE FROM open_sale WHERE pos = ? AND sale_id = ?", list(keys))
    finally:
        cursor.close()


def purge(connection: sa.Connection, *, open_before_ms: int, suspended_before_ms: int) -> int:
    """Remove what was last changed before these times; how many were removed."""
    cursor = cursor_of(connection)
    try:
        cursor.execute(
            "DELETE FROM open_sale WHERE changed_ms < CASE suspended WHEN 1 THEN ? ELSE ? END",
            (suspended_before_ms, open_before_ms),
        )
        return int(cursor.rowcount)
    finally:
        cursor.close()


def read_all(connection: sa.Connection) -> list[KeptSale]:
    """Every kept sale, the one that was changed last at the end."""
    cursor = cursor_of(connection)
    try:
        rows = cursor.execute(
            "SELECT pos, sale_id, suspended, changed_ms, body FROM open_sale"
            " ORDER BY changed_ms, pos, sale_id"
        ).fetchall()
    finally:
        cursor.close()
    return [
        KeptSale(pos=row[0], sale_id=row[1], suspended=row[2] == 1, changed_ms=row[3], body=row[4])
        for row in rows
    ]
