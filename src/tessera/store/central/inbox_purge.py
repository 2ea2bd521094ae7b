"""Which stored batches need not be kept whole, and letting their bytes go.

Owns: what has to be there before a batch's bytes may go: it is booked, in a backup that was called
safe, and nobody will ask for a record of it. What stays is its head with the signature, its place,
and the content hash of each record, which are all that a repeat or a fork is recognised by. Must
never: drop a row, or touch a batch that waits to be booked.
"""

from dataclasses import dataclass

import sqlalchemy as sa

from tessera.core.identity import bucket_of
from tessera.store.central import inbox, schema
from tessera.store.central.inbox import BatchRow


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """How many batches are there whole, since when (0: none), and how many as hashes alone."""

    whole: int
    oldest_ms: int
    purged: int


def read_ready(tx: sa.Connection, *, before_ms: int, backup: int, limit: int) -> list[BatchRow]:
    """Batches stored before a moment that may go: the oldest first.

    `backup`: the newest safe backup; the batch's history is in it, or in an earlier one, beyond the
    batch. Kept are histories of a life that forked, batches of which a record is or was in the
    quarantine, and those with a sale that waits to be priced again or came out otherwise.
    """
    table, mark = schema.INBOX, schema.BACKUP_MARK
    here = (
        mark.c.rbucket == table.c.rbucket,
        mark.c.register_id == table.c.register_id,
        mark.c.hash == table.c.branch,
        mark.c.number <= backup,
        mark.c.seq >= table.c.last_seq,
    )
    query = (
        sa.select(*(table.c[name] for name in inbox.BATCH_COLUMNS))
        .where(table.c.purged_ms == 0)
        .where(table.c.received_ms < before_ms)
        .where(table.c.is_opaque == 0)
        .where(table.c.malformed == "")
        .where(sa.exists().where(*here))
        .where(~_due(table), ~_forked(table), ~_parked(table))
        .where(~_asked_for(table, schema.RECHECK_DUE), ~_asked_for(table, schema.RECHECK_FOUND))
        .order_by(table.c.received_ms, table.c.rbucket, table.c.register_id, table.c.arrival)
        .limit(limit)
    )
    return [inbox.batch_of(row) for row in tx.execute(query)]


def _of_register(table: sa.Table, other: sa.Table) -> tuple[sa.ColumnElement[bool], ...]:
    return (other.c.rbucket == table.c.rbucket, other.c.register_id == table.c.register_id)


def _due(table: sa.Table) -> sa.Exists:
    due = schema.INBOX_DUE
    return sa.exists().where(*_of_register(table, due), due.c.arrival == table.c.arrival)


def _forked(table: sa.Table) -> sa.Exists:
    branch = schema.BRANCH
    return sa.exists().where(
        *_of_register(table, branch),
        branch.c.incarnation == table.c.incarnation,
        branch.c.is_fork == 1,
    )


def _parked(table: sa.Table) -> sa.Exists:
    parked = schema.QUARANTINE
    return sa.exists().where(
        *_of_register(table, parked),
        parked.c.incarnation == table.c.incarnation,
        parked.c.seq.between(table.c.first_seq, table.c.last_seq),
    )


def _asked_for(table: sa.Table, asked: sa.Table) -> sa.Exists:
    uid = schema.UID
    return sa.exists().where(
        *_of_register(table, asked),
        *_of_register(table, uid),
        uid.c.uid == asked.c.uid,
        uid.c.incarnation == table.c.incarnation,
        uid.c.seq.between(table.c.first_seq, table.c.last_seq),
    )


def purge(tx: sa.Connection, batch: BatchRow, hashes: bytes, *, now_ms: int) -> None:
    """Keep the content hashes of a batch's records, 32 bytes each in order, in place of these."""
    table = schema.INBOX
    tx.execute(
        sa.update(table)
        .where(table.c.rbucket == bucket_of(batch.register_id))
        .where(table.c.register_id == batch.register_id)
        .where(table.c.arrival == batch.arrival)
        .where(table.c.purged_ms == 0)
        .values(body=hashes, purged_ms=now_ms)
    )


def read_kept(tx: sa.Connection) -> Kept:
    """How much of the inbox is there."""
    table = schema.INBOX
    is_whole = table.c.purged_ms == 0
    whole, oldest_ms = tx.execute(
        sa.select(sa.func.count(), sa.func.min(table.c.received_ms)).where(is_whole)
    ).one()
    purged = tx.execute(sa.select(sa.func.count()).select_from(table).where(~is_whole)).scalar_one()
    return Kept(whole=int(whole), oldest_ms=int(oldest_ms or 0), purged=int(purged))
