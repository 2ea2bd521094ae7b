"""Records in quarantine: with their bytes, why they are there, and what was decided of them.

Owns: table quarantine. Must never: let go of a record's bytes.
"""

from collections.abc import Sequence

import msgspec
import sqlalchemy as sa

from tessera.core.identity import bucket_of
from tessera.store.central import bulk, schema
from tessera.store.central.sale_book import PARKED

DROPPED = "dropped"
RETRIED = "retried"

_QUARANTINE = (
    "rbucket",
    "register_id",
    "incarnation",
    "seq",
    "hash",
    "uid",
    "bucket",
    "member_id",
    "state",
    "reason",
    "since_ms",
    "raw",
)


class ParkedRecord(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A record that could not be booked, with its bytes."""

    register_id: str
    incarnation: str
    seq: int
    hash: str
    uid: str
    bucket: int
    member_id: str
    state: str
    reason: str
    since_ms: int
    raw: bytes


def park(tx: sa.Connection, rows: Sequence[ParkedRecord]) -> None:
    """Put records into quarantine; one that is there stays as it is."""
    values = [
        (bucket_of(row.register_id), *(getattr(row, name) for name in _QUARANTINE[1:]))
        for row in rows
    ]
    bulk.insert(tx, schema.QUARANTINE, _QUARANTINE, values, ignore_known=True)


def read_parked(
    tx: sa.Connection,
    *,
    register_id: str = "",
    states: Sequence[str] = (PARKED,),
    reason: str = "",
    member: tuple[int, str] | None = None,
    limit: int,
) -> list[ParkedRecord]:
    """Records in quarantine, oldest first; with `reason` those that are parked for just that."""
    table = schema.QUARANTINE
    query = sa.select(*(table.c[name] for name in _QUARANTINE[1:]))
    if register_id:
        query = query.where(table.c.rbucket == bucket_of(register_id))
        query = query.where(table.c.register_id == register_id)
    if states:
        query = query.where(table.c.state.in_(states))
    if reason:
        query = query.where(table.c.reason == reason)
    if member is not None:
        query = query.where(table.c.bucket == member[0], table.c.member_id == member[1])
    query = query.order_by(table.c.since_ms, table.c.register_id, table.c.seq).limit(limit)
    rows = [dict(zip(_QUARANTINE[1:], row, strict=True)) for row in tx.execute(query)]
    return [ParkedRecord(**{**row, "raw": bytes(row["raw"])}) for row in rows]


def parked_members(tx: sa.Connection, reason: str, *, limit: int) -> list[tuple[int, str]]:
    """Bucket and id of the members of records that are parked for just this reason."""
    table = schema.QUARANTINE
    rows = tx.execute(
        sa.select(table.c.bucket, table.c.member_id)
        .where(table.c.state == PARKED, table.c.reason == reason)
        .distinct()
        .limit(limit)
    )
    return [(row.bucket, row.member_id) for row in rows]


def count_parked(tx: sa.Connection) -> int:
    """How many records are in quarantine, undecided."""
    table = schema.QUARANTINE
    query = sa.select(sa.func.count()).select_from(table).where(table.c.state == PARKED)
    return int(tx.execute(query).scalar_one())


def give_reason(tx: sa.Connection, row: ParkedRecord, *, reason: str) -> None:
    """Say anew why a record is in quarantine."""
    tx.execute(_of(row).values(reason=reason))


def settle_parked(tx: sa.Connection, row: ParkedRecord, *, state: str, settled_ms: int) -> None:
    """Say what was decided about a record in quarantine; its bytes stay."""
    tx.execute(_of(row).values(state=state, settled_ms=settled_ms))


def _of(row: ParkedRecord) -> sa.Update:
    table = schema.QUARANTINE
    return (
        sa.update(table)
        .where(table.c.rbucket == bucket_of(row.register_id))
        .where(table.c.register_id == row.register_id)
        .where(table.c.incarnation == row.incarnation)
        .where(table.c.seq == row.seq)
        .where(table.c.hash == row.hash)
    )
