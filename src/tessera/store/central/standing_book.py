"""How much waits, since when, and how far streams reach: figures for whoever looks after central.

Owns: counting over tables of others. Must never: change anything.
"""

from dataclasses import dataclass

import sqlalchemy as sa

from tessera.core.identity import bucket_of
from tessera.store.central import schema
from tessera.store.central.register_book import ACTIVE, CENTRAL_ITSELF
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


def read_ahead(tx: sa.Connection, kind: str) -> list[str]:
    """Active registers with an alarm of this kind about central's present generation."""
    alarm, central, register = schema.ALARM, schema.CENTRAL, schema.REGISTER
    generation = sa.select(central.c.generation).scalar_subquery()
    query = (
        sa.select(alarm.c.register_id)
        .join(register, register.c.register_id == alarm.c.register_id)
        .where(alarm.c.kind == kind)
        .where(alarm.c.about == generation)
        .where(register.c.status == ACTIVE)
        .order_by(alarm.c.register_id)
    )
    return list(tx.execute(query).scalars())


def is_older(tx: sa.Connection, kind: str) -> bool:
    """Whether there is an alarm of this kind about the database itself, in this generation."""
    alarm, central = schema.ALARM, schema.CENTRAL
    query = (
        sa.select(sa.func.count())
        .select_from(alarm)
        .where(alarm.c.rbucket == bucket_of(CENTRAL_ITSELF))
        .where(alarm.c.register_id == CENTRAL_ITSELF)
        .where(alarm.c.kind == kind)
        .where(alarm.c.about == sa.select(central.c.generation).scalar_subquery())
    )
    return bool(tx.execute(query).scalar_one())


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """How many records a register must keep since no safe backup has them.

    `first_ms`: when its first record was stored.
    """

    register_id: str
    held: int
    first_ms: int


def read_held(tx: sa.Connection) -> list[Held]:
    """By register, what of its records no backup that it was told of holds; most first."""
    branch, mark = schema.BRANCH, schema.BACKUP_MARK
    joined = branch.outerjoin(
        mark,
        sa.and_(
            mark.c.rbucket == branch.c.rbucket,
            mark.c.register_id == branch.c.register_id,
            mark.c.hash == branch.c.hash,
        ),
    )
    stored = branch.c.head_seq - branch.c.seq + 1
    safe = sa.func.coalesce(mark.c.told_seq - branch.c.seq + 1, 0)
    kept = sa.case((safe > 0, stored - safe), else_=stored)
    query = (
        sa.select(branch.c.register_id, sa.func.sum(kept), sa.func.min(branch.c.opened_ms))
        .select_from(joined)
        .group_by(branch.c.register_id)
        .order_by(sa.func.sum(kept).desc(), branch.c.register_id)
    )
    rows = tx.execute(query)
    return [Held(register_id=row[0], held=int(row[1]), first_ms=int(row[2])) for row in rows]


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
