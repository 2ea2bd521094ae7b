"""The inbox: batches as they came, and how far each history of a register reaches.

Owns: the durable log that everything else is computed from, branches of a register's history, and
the queue of what is still to be booked. Must never: change or drop a stored batch (what becomes of
old ones is in `inbox_purge`).
"""

from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from tessera.core.identity import bucket_of
from tessera.store.central import bulk, schema


@dataclass(frozen=True, slots=True, kw_only=True)
class BranchRow:
    """One history under one incarnation.

    `seq` and `hash` name its first record (its link hash); `head_seq` and `head_link` its last.
    There is one that is no fork; forks begin where a batch disagreed with what was stored.
    """

    incarnation: str
    seq: int
    hash: str
    is_fork: bool
    previous_link: str
    head_seq: int
    head_link: str
    parent: str = ""
    parent_seq: int = 0
    parent_link: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchRow:
    """A stored batch. `body` is compressed, as it came; `branch` is the hash of its branch.

    `purged_ms` over 0: since then `body` holds the content hash of each record, and no record.
    """

    register_id: str
    incarnation: str
    first_seq: int
    last_seq: int
    hash: str
    arrival: int
    branch: str
    is_opaque: bool
    head: bytes
    signature: bytes
    body: bytes
    received_ms: int
    malformed: str
    purged_ms: int = 0

    @property
    def count(self) -> int:
        """How many records it holds."""
        return self.last_seq - self.first_seq + 1


BATCH_COLUMNS = (
    "register_id",
    "incarnation",
    "first_seq",
    "last_seq",
    "hash",
    "arrival",
    "branch",
    "is_opaque",
    "head",
    "signature",
    "body",
    "received_ms",
    "malformed",
    "purged_ms",
)
_BRANCH = (
    "incarnation",
    "seq",
    "hash",
    "is_fork",
    "previous_link",
    "head_seq",
    "head_link",
    "parent",
    "parent_seq",
    "parent_link",
)


def lock_register(tx: sa.Connection, register_id: str) -> int:
    """Hold the register's inbox for this transaction; how many batches it has stored."""
    table = schema.REGISTER_STATE
    query = (
        sa.select(table.c.arrivals)
        .where(table.c.rbucket == bucket_of(register_id))
        .where(table.c.register_id == register_id)
        .with_for_update()
    )
    return int(tx.execute(query).scalar_one())


def read_branches(tx: sa.Connection, register_id: str, incarnation: str) -> list[BranchRow]:
    """The histories under one incarnation, the one that is no fork first."""
    table = schema.BRANCH
    query = (
        sa.select(*(table.c[name] for name in _BRANCH))
        .where(table.c.rbucket == bucket_of(register_id))
        .where(table.c.register_id == register_id)
        .where(table.c.incarnation == incarnation)
        .order_by(table.c.is_fork, table.c.opened_ms, table.c.hash)
    )
    return [_branch(row) for row in tx.execute(query)]


def read_all_branches(tx: sa.Connection, register_id: str) -> list[BranchRow]:
    """Every history of a register."""
    table = schema.BRANCH
    query = (
        sa.select(*(table.c[name] for name in _BRANCH))
        .where(table.c.rbucket == bucket_of(register_id))
        .where(table.c.register_id == register_id)
        .order_by(table.c.opened_ms, table.c.is_fork, table.c.hash)
    )
    return [_branch(row) for row in tx.execute(query)]


def write_branch(tx: sa.Connection, *, register_id: str, branch: BranchRow, opened_ms: int) -> None:
    """Store a branch, or how far it reaches now."""
    names = ("rbucket", "register_id", *_BRANCH, "opened_ms")
    row = (
        bucket_of(register_id),
        register_id,
        branch.incarnation,
        branch.seq,
        branch.hash,
        int(branch.is_fork),
        branch.previous_link,
        branch.head_seq,
        branch.head_link,
        branch.parent,
        branch.parent_seq,
        branch.parent_link,
        opened_ms,
    )
    bulk.insert(tx, schema.BRANCH, names, [row], update=("head_seq", "head_link"))


def find_batch(
    tx: sa.Connection,
    *,
    register_id: str,
    incarnation: str,
    first_seq: int,
    last_seq: int,
    content_hash: str,
) -> BatchRow | None:
    """The batch that was stored under exactly this key."""
    table = schema.INBOX
    query = (
        _batches(register_id)
        .where(table.c.incarnation == incarnation)
        .where(table.c.first_seq == first_seq)
        .where(table.c.last_seq == last_seq)
        .where(table.c.hash == content_hash)
    )
    row = tx.execute(query).one_or_none()
    return None if row is None else batch_of(row)


def find_batch_with(
    tx: sa.Connection, *, register_id: str, incarnation: str, branch: str, seq: int
) -> BatchRow | None:
    """A stored batch of the branch that holds record `seq`."""
    table = schema.INBOX
    query = (
        _batches(register_id)
        .where(table.c.incarnation == incarnation)
        .where(table.c.branch == branch)
        .where(table.c.first_seq <= seq)
        .where(table.c.last_seq >= seq)
        .order_by(table.c.arrival)
        .limit(1)
    )
    row = tx.execute(query).one_or_none()
    return None if row is None else batch_of(row)


def read_batches(
    tx: sa.Connection, register_id: str, *, after_arrival: int, limit: int
) -> list[BatchRow]:
    """A register's batches in the order in which they were stored."""
    table = schema.INBOX
    query = (
        _batches(register_id)
        .where(table.c.arrival > after_arrival)
        .order_by(table.c.arrival)
        .limit(limit)
    )
    return [batch_of(row) for row in tx.execute(query)]


def store_batch(tx: sa.Connection, batch: BatchRow) -> None:
    """Store a batch and queue it for booking; the register's inbox must be held."""
    rbucket = bucket_of(batch.register_id)
    values = (
        batch.register_id,
        batch.incarnation,
        batch.first_seq,
        batch.last_seq,
        batch.hash,
        batch.arrival,
        batch.branch,
        int(batch.is_opaque),
        batch.head,
        batch.signature,
        batch.body,
        batch.received_ms,
        batch.malformed,
        batch.purged_ms,
    )
    bulk.insert(tx, schema.INBOX, ("rbucket", *BATCH_COLUMNS), [(rbucket, *values)])
    bulk.insert(
        tx,
        schema.INBOX_DUE,
        ("rbucket", "register_id", "arrival", "records"),
        [(rbucket, batch.register_id, batch.arrival, batch.last_seq - batch.first_seq + 1)],
    )
    bulk.insert(
        tx,
        schema.REGISTER_STATE,
        ("rbucket", "register_id", "arrivals"),
        [(rbucket, batch.register_id, batch.arrival)],
        update=("arrivals",),
    )


def registers_due(tx: sa.Connection, *, limit: int) -> list[str]:
    """Registers with batches that wait to be booked."""
    table = schema.INBOX_DUE
    query = sa.select(table.c.register_id).distinct().order_by(table.c.register_id).limit(limit)
    return list(tx.execute(query).scalars())


def try_lock_booking(tx: sa.Connection, register_id: str) -> bool:
    """Take this register's batches for booking; False when another worker has them."""
    table = schema.APPLY_STATE
    query = (
        sa.select(table.c.applied)
        .where(table.c.rbucket == bucket_of(register_id))
        .where(table.c.register_id == register_id)
        .with_for_update(skip_locked=True)
    )
    return tx.execute(query).one_or_none() is not None


def batches_due(tx: sa.Connection, register_id: str, *, limit: int) -> list[BatchRow]:
    """The oldest batches of a register that wait to be booked."""
    due, table = schema.INBOX_DUE, schema.INBOX
    query = (
        _batches(register_id)
        .join(
            due,
            sa.and_(
                due.c.rbucket == table.c.rbucket,
                due.c.register_id == table.c.register_id,
                due.c.arrival == table.c.arrival,
            ),
        )
        .order_by(table.c.arrival)
        .limit(limit)
    )
    return [batch_of(row) for row in tx.execute(query)]


def settle_batches(tx: sa.Connection, batches: list[tuple[str, int]]) -> None:
    """Take batches, by (register, arrival), out of the queue: every record of them is settled."""
    keys = [(bucket_of(register_id), register_id, arrival) for register_id, arrival in batches]
    bulk.delete(tx, schema.INBOX_DUE, ("rbucket", "register_id", "arrival"), keys)


def due_count(tx: sa.Connection, *, most: int) -> int:
    """How many batches wait to be booked, counted up to `most`."""
    inner = sa.select(sa.literal(1)).select_from(schema.INBOX_DUE).limit(most).subquery()
    return int(tx.execute(sa.select(sa.func.count()).select_from(inner)).scalar_one())


def _batches(register_id: str) -> "sa.Select[Any]":
    table = schema.INBOX
    return (
        sa.select(*(table.c[name] for name in BATCH_COLUMNS))
        .where(table.c.rbucket == bucket_of(register_id))
        .where(table.c.register_id == register_id)
    )


def batch_of(row: "sa.Row[Any]") -> BatchRow:
    """The batch in a row of BATCH_COLUMNS."""
    values = dict(zip(BATCH_COLUMNS, row, strict=True))
    values["is_opaque"] = bool(values["is_opaque"])
    for name in ("head", "signature", "body"):
        values[name] = bytes(values[name])
    return BatchRow(**values)


def _branch(row: "sa.Row[Any]") -> BranchRow:
    values = dict(zip(_BRANCH, row, strict=True))
    values["is_fork"] = bool(values["is_fork"])
    return BranchRow(**values)


def arrivals_due(tx: sa.Connection, register_id: str) -> set[int]:
    """Arrival numbers of a register's batches that wait to be booked."""
    table = schema.INBOX_DUE
    query = (
        sa.select(table.c.arrival)
        .where(table.c.rbucket == bucket_of(register_id))
        .where(table.c.register_id == register_id)
    )
    return set(tx.execute(query).scalars())
