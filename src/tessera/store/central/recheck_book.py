"""Sales that are to be priced once more, those that came out otherwise, and how many did not.

Owns: tables recheck_due, recheck_found and recheck_tally. That a sale is counted once is the doing
of its row in recheck_due: whoever takes it away counts. Must never: hold anything personal.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import sqlalchemy as sa

from tessera.core.identity import bucket_of
from tessera.store.central import bulk, schema

_KEY = ("rbucket", "register_id", "uid")
_FOUND = (*_KEY, "sale_key", "bundle", "differences", "found_ms")


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A sale that did not come out again as it was recorded; `differences` is JSON."""

    register_id: str
    uid: str
    sale_key: str
    bundle: str
    differences: str
    found_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """How many sales of a register got this verdict, and when the last one did."""

    register_id: str
    verdict: str
    sales: int
    last_ms: int


def add_due(tx: sa.Connection, sales: Iterable[tuple[str, str]]) -> None:
    """Let sales, by (register, uid), wait to be priced once more; known ones stay as they are."""
    rows = [(bucket_of(register_id), register_id, uid) for register_id, uid in sales]
    bulk.insert(tx, schema.RECHECK_DUE, _KEY, rows, ignore_known=True)


def read_due(tx: sa.Connection, *, limit: int) -> list[tuple[str, str]]:
    """Sales that wait, by (register, uid)."""
    table = schema.RECHECK_DUE
    query = sa.select(table.c.register_id, table.c.uid).limit(limit)
    return [(row.register_id, row.uid) for row in tx.execute(query)]


def count_due(tx: sa.Connection) -> int:
    """How many sales wait."""
    query = sa.select(sa.func.count()).select_from(schema.RECHECK_DUE)
    return int(tx.execute(query).scalar_one())


def take_due(tx: sa.Connection, register_id: str, uid: str) -> bool:
    """Take a sale out of those that wait; False when another process has done so."""
    table = schema.RECHECK_DUE
    gone = tx.execute(
        sa.delete(table)
        .where(table.c.rbucket == bucket_of(register_id))
        .where(table.c.register_id == register_id)
        .where(table.c.uid == uid)
    )
    return bool(gone.rowcount)


def count_verdict(tx: sa.Connection, register_id: str, verdict: str, *, now_ms: int) -> None:
    """Count one sale more of a register with this verdict."""
    table = schema.RECHECK_TALLY
    rbucket = bucket_of(register_id)
    names = ("rbucket", "register_id", "verdict", "sales")
    bulk.insert(tx, table, names, [(rbucket, register_id, verdict, 0)], ignore_known=True)
    tx.execute(
        sa.update(table)
        .where(table.c.rbucket == rbucket)
        .where(table.c.register_id == register_id)
        .where(table.c.verdict == verdict)
        .values(sales=table.c.sales + 1, last_ms=now_ms)
    )


def write_found(tx: sa.Connection, found: Found) -> None:
    """Keep what differed; a sale that was found before keeps when that was."""
    row = (
        bucket_of(found.register_id),
        found.register_id,
        found.uid,
        found.sale_key,
        found.bundle,
        found.differences,
        found.found_ms,
    )
    bulk.insert(tx, schema.RECHECK_FOUND, _FOUND, [row], update=("differences",))


def read_found(
    tx: sa.Connection, *, register_id: str = "", since_ms: int = 0, limit: int
) -> list[Found]:
    """Sales that differed, newest first."""
    table = schema.RECHECK_FOUND
    query = sa.select(*(table.c[name] for name in _FOUND[1:])).where(table.c.found_ms >= since_ms)
    if register_id:
        query = query.where(table.c.rbucket == bucket_of(register_id))
        query = query.where(table.c.register_id == register_id)
    query = query.order_by(table.c.found_ms.desc(), table.c.register_id, table.c.uid).limit(limit)
    return [Found(**row._mapping) for row in tx.execute(query)]  # noqa: SLF001 - documented API


def count_found(tx: sa.Connection, *, since_ms: int) -> dict[str, int]:
    """How many sales were found to differ since a moment, by register."""
    table = schema.RECHECK_FOUND
    query = (
        sa.select(table.c.register_id, sa.func.count())
        .where(table.c.found_ms >= since_ms)
        .group_by(table.c.register_id)
        .order_by(table.c.register_id)
    )
    return {row[0]: int(row[1]) for row in tx.execute(query)}


def read_tallies(tx: sa.Connection) -> list[Tally]:
    """What was counted, by register and verdict."""
    table = schema.RECHECK_TALLY
    columns = [table.c[name] for name in ("register_id", "verdict", "sales", "last_ms")]
    rows = tx.execute(sa.select(*columns).order_by(table.c.register_id, table.c.verdict))
    return [Tally(**row._mapping) for row in rows]  # noqa: SLF001 - documented API
