"""Leases: what this register may spend of a member's units without asking anyone.

Owns: table lease; a lease's `used` rises and falls only with a journal record.
Must never: let `used` pass `amount`, or end a lease by time.
"""

from collections.abc import Iterable, Sequence

import sqlalchemy as sa

from tessera.core.sale import LeaseUse
from tessera.store.till.rows import Cursor, cursor_of
from tessera.store.till.values import Grant, LeaseShort

# Only grants to the present life count: an earlier life's may have been spent by a clone.
_OPEN = """SELECT l.lease_id, l.amount - l.used FROM lease l
    JOIN register_identity r ON r.incarnation = l.incarnation
    WHERE l.member_id = ? AND l.unit = ? AND l.used < l.amount ORDER BY l.lease_id"""


def remaining(connection: sa.Connection, member_id: str, unit: str) -> int:
    """How many units may be spent here and now."""
    return sum(left for _, left in _open(connection, member_id, unit))


def take(connection: sa.Connection, member_id: str, unit: str, amount: int) -> tuple[LeaseUse, ...]:
    """Choose which leases give `amount` units, in order of their ids; LeaseShort otherwise.

    It only chooses: `commit_record` writes the uses, and refuses them if they no longer fit.
    """
    uses: list[LeaseUse] = []
    wanted = amount
    for lease_id, left in _open(connection, member_id, unit):
        if wanted <= 0:
            break
        part = min(left, wanted)
        uses.append(LeaseUse(lease_id=lease_id, unit=unit, amount=part))
        wanted -= part
    if wanted > 0:
        raise LeaseShort(
            f"{amount} {unit} asked, {amount - wanted} may be spent here now",
            hint="spend less, or wait until central has been reached again",
        )
    return tuple(uses)


def _open(connection: sa.Connection, member_id: str, unit: str) -> list[tuple[str, int]]:
    cursor = cursor_of(connection)
    try:
        rows = cursor.execute(_OPEN, (member_id, unit)).fetchall()
    finally:
        cursor.close()
    return [(str(row[0]), int(row[1])) for row in rows]


def use(cursor: Cursor, uses: Sequence[LeaseUse]) -> None:
    """Write what a record spends of (or puts back into) leases; LeaseShort when one does not fit.

    Called inside a commit; the caller rolls back on LeaseShort.
    """
    for one in uses:
        cursor.execute(
            "UPDATE lease SET used = used + ? WHERE lease_id = ? AND used + ? BETWEEN 0 AND amount"
            " AND incarnation = (SELECT incarnation FROM register_identity)",
            (one.amount, one.lease_id, one.amount),
        )
        if cursor.rowcount != 1:
            raise LeaseShort(
                f"lease {one.lease_id} does not allow {one.amount} {one.unit}",
                hint="quote again: it was spent meanwhile, or belongs to an earlier life",
            )


def grant(connection: sa.Connection, grants: Iterable[Grant]) -> None:
    """Take in leases that central granted; an older, smaller grant changes nothing.

    A repeat brings the signature of the key that central has now.
    """
    cursor = cursor_of(connection)
    try:
        cursor.executemany(
            "INSERT INTO lease (lease_id, member_id, unit, amount, used, incarnation, generation,"
            " signature) VALUES (?, ?, ?, ?, 0, ?, ?, ?)"
            " ON CONFLICT (lease_id) DO UPDATE SET amount = excluded.amount,"
            " generation = excluded.generation, signature = excluded.signature"
            " WHERE excluded.amount >= lease.amount AND excluded.incarnation = lease.incarnation",
            [
                (
                    g.lease_id,
                    g.member_id,
                    g.unit,
                    g.amount,
                    g.incarnation,
                    g.generation,
                    g.signature,
                )
                for g in grants
            ],
        )
    finally:
        cursor.close()


def read_all(connection: sa.Connection) -> list[tuple[Grant, int]]:
    """Every grant with what was used of it, to show them and to present them again."""
    cursor = cursor_of(connection)
    try:
        rows = cursor.execute(
            "SELECT lease_id, member_id, unit, amount, incarnation, generation, signature, used"
            " FROM lease ORDER BY lease_id"
        ).fetchall()
    finally:
        cursor.close()
    return [
        (
            Grant(
                lease_id=row[0],
                member_id=row[1],
                unit=row[2],
                amount=row[3],
                incarnation=row[4],
                generation=row[5],
                signature=row[6],
            ),
            int(row[7]),
        )
        for row in rows
    ]
