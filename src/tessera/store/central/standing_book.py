"""How much waits, since when, and how far streams reach: figures for whoever looks after central.

Owns: counting over tables of others. Must never: change anything.
"""

from dataclasses import dataclass

import sqlalchemy as sa

from tessera.store.central import schema
from tessera.store.central.sale_book import PARKED


@dataclass(frozen=True, slots=True, kw_only=True)
class Backlog:
    """Things that wait: how many, and since when the oldest; 0 when nothing does."""

    count: int
    oldest_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Streams:
    """What is kept of the feed. `oldest_ms`: of stores' streams, 0 when there is none."""

    audiences: int
    segments: int
    oldest_ms: int


def read_due(tx: sa.Connection) -> Backlog:
    """Batches that are stored and not booked yet."""
    due, inbox = schema.INBOX_DUE, schema.INBOX
    joined = due.outerjoin(
        inbox,
        sa.and_(
            inbox.c.rbucket == due.c.rbucket,
            inbox.c.register_id == due.c.register_id,
            inbox.c.arrival == due.c.arrival,
        ),
    )
    return _backlog(tx, joined, inbox.c.received_ms)


def read_parked(tx: sa.Connection) -> Backlog:
    """Records in quarantine, undecided."""
    table = schema.QUARANTINE
    return _backlog(tx, table, table.c.since_ms, table.c.state == PARKED)


def read_waiting(tx: sa.Connection) -> Backlog:
    """Returns and claims whose sale has not arrived."""
    return _backlog(tx, schema.WAITING, schema.WAITING.c.since_ms)


def read_alarms_since(tx: sa.Connection, since_ms: int) -> dict[str, int]:
    """How many alarms of each kind were raised since a moment."""
    table = schema.ALARM
    query = (
        sa.select(table.c.kind, sa.func.count())
        .where(table.c.raised_ms >= since_ms)
        .group_by(table.c.kind)
        .order_by(table.c.kind)
    )
    return {row[0]: int(row[1]) for row in tx.execute(query)}


def read_streams(tx: sa.Connection) -> Streams:
    """How much of the feed is kept."""
    table = schema.SEGMENT
    of_store = sa.case((table.c.audience.like("store:%"), table.c.published_ms))
    query = sa.select(
        sa.func.count(sa.distinct(table.c.audience)), sa.func.count(), sa.func.min(of_store)
    )
    row = tx.execute(query).one()
    return Streams(audiences=int(row[0]), segments=int(row[1]), oldest_ms=int(row[2] or 0))


def _backlog(
    tx: sa.Connection,
    of: "sa.FromClause",
    since: "sa.ColumnElement[int]",
    *where: "sa.ColumnElement[bool]",
) -> Backlog:
    query = sa.select(sa.func.count(), sa.func.min(since)).select_from(of).where(*where)
    row = tx.execute(query).one()
    return Backlog(count=int(row[0]), oldest_ms=int(row[1] or 0))
