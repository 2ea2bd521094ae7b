"""What of the registers' histories is in a backup of central.

Owns: tables backup and backup_mark. A mark is made before a backup begins, so whatever it names is
in every copy that begins later, by whatever tool and clock. Must never: call a backup safe by
itself; whoever made it says so.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import sqlalchemy as sa

from tessera.core.identity import bucket_of
from tessera.store.central import bulk, schema
from tessera.store.central.inbox import BranchRow

_MARK = ("rbucket", "register_id", "hash", "incarnation", "seq", "link", "number")


@dataclass(frozen=True, slots=True, kw_only=True)
class Backup:
    """A backup that was begun; `done_ms` 0: nobody has said yet that it is safe."""

    number: int
    begun_ms: int
    done_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """A history that is in a backup up to `seq`, whose link hash is `link`."""

    register_id: str
    hash: str
    incarnation: str
    seq: int
    link: str
    number: int


def read_backups(tx: sa.Connection, *, limit: int) -> list[Backup]:
    """The newest backups, newest first."""
    table = schema.BACKUP
    columns = (table.c.number, table.c.begun_ms, table.c.done_ms)
    rows = tx.execute(sa.select(*columns).order_by(table.c.number.desc()).limit(limit))
    return [Backup(number=row[0], begun_ms=row[1], done_ms=row[2]) for row in rows]


def read_newest_safe(tx: sa.Connection) -> Backup | None:
    """The newest backup that somebody called safe."""
    table = schema.BACKUP
    columns = (table.c.number, table.c.begun_ms, table.c.done_ms)
    query = sa.select(*columns).where(table.c.done_ms > 0).order_by(table.c.number.desc()).limit(1)
    row = tx.execute(query).one_or_none()
    return None if row is None else Backup(number=row[0], begun_ms=row[1], done_ms=row[2])


def begin(tx: sa.Connection, number: int, *, now_ms: int) -> None:
    """Note that a backup of this number begins."""
    tx.execute(sa.insert(schema.BACKUP).values(number=number, begun_ms=now_ms, done_ms=0))


def finish(tx: sa.Connection, number: int, *, now_ms: int) -> None:
    """Note that a backup is safe."""
    table = schema.BACKUP
    tx.execute(sa.update(table).where(table.c.number == number).values(done_ms=now_ms))


def mark(
    tx: sa.Connection, register_id: str, branches: Sequence[BranchRow], *, number: int
) -> None:
    """Note how far a register's histories are stored now, before the backup copies anything."""
    rbucket = bucket_of(register_id)
    rows = [
        (
            rbucket,
            register_id,
            branch.hash,
            branch.incarnation,
            branch.head_seq,
            branch.head_link,
            number,
        )
        for branch in branches
    ]
    if rows:
        update = ("seq", "link", "number")
        bulk.insert(tx, schema.BACKUP_MARK, _MARK, rows, update=update)


def untold_marks(tx: sa.Connection, number: int, *, limit: int) -> list[Mark]:
    """Marks of backups up to this number that their registers have not been told."""
    table = schema.BACKUP_MARK
    names = ("register_id", "hash", "incarnation", "seq", "link", "number")
    query = (
        sa.select(*(table.c[name] for name in names))
        .where(table.c.told_seq < table.c.seq)
        .where(table.c.number <= number)
        .order_by(table.c.rbucket, table.c.register_id, table.c.hash)
        .limit(limit)
    )
    return [Mark(**row._mapping) for row in tx.execute(query)]  # noqa: SLF001 - SQLAlchemy's way


def note_told(tx: sa.Connection, marks: Sequence[Mark]) -> None:
    """These marks are on their way to their registers."""
    table = schema.BACKUP_MARK
    for one in marks:
        tx.execute(
            sa.update(table)
            .where(table.c.rbucket == bucket_of(one.register_id))
            .where(table.c.register_id == one.register_id)
            .where(table.c.hash == one.hash)
            .values(told_seq=one.seq)
        )


def forget_told(tx: sa.Connection) -> None:
    """A new generation: registers have forgotten what they were told."""
    tx.execute(sa.update(schema.BACKUP_MARK).values(told_seq=0))
