"""Backups of central, as far as registers must know of them.

A register keeps what central has acknowledged until central also has it in a backup. So whoever
makes backups says when one begins, and again when it is safe; in between any tool may copy the
database. Owns: these two steps, and the copy itself where the database is SQLite.
Must never: call a backup safe before it was read back whole.
"""

import os
from pathlib import Path

import sqlalchemy as sa
from pysqlite3 import dbapi2 as pysqlite

from tessera.central.opening import Central
from tessera.central.rows import register_audience
from tessera.core.errors import TesseraError, reason_of
from tessera.core.identity import bucket_of
from tessera.store.central import backup_book, feed, inbox, register_book
from tessera.store.central.backup_book import Backup, Mark
from tessera.sync.feed_wire import BackupRow
from tessera.sync.records import encoded

CHUNK = 500
_PAGES_AT_ONCE = 2_000


class BackupRefused(TesseraError):
    """A backup that cannot be called safe, or made."""

    code = "backup_refused"


def begin_backup(central: Central) -> Backup:
    """Note how far every history is stored; what is copied from now on holds all of that."""
    with central.engines.writer.begin() as tx:
        register_book.lock_central(tx)
        newest = backup_book.read_backups(tx, limit=1)
        begun = Backup(
            number=newest[0].number + 1 if newest else 1, begun_ms=central.now_ms(), done_ms=0
        )
        backup_book.begin(tx, begun.number, now_ms=begun.begun_ms)
        for register in register_book.read_registers(tx):
            branches = inbox.read_all_branches(tx, register.register_id)
            backup_book.mark(tx, register.register_id, branches, number=begun.number)
    return begun


def finish_backup(central: Central, number: int) -> int:
    """The backup of this number is safe: tell the registers; how many histories that concerns.

    To be repeated when it was stopped. BackupRefused for a number that is not the newest.
    """
    with central.engines.reader.begin() as tx:
        newest = backup_book.read_backups(tx, limit=1)
    if not newest or newest[0].number != number:
        raise BackupRefused(
            f"backup {number} is not the one that was begun last",
            hint=f"say done {newest[0].number} once that one is safe"
            if newest
            else "none was begun: tessera central backup begin",
        )
    told = 0
    while True:
        with central.engines.writer.begin() as tx:
            marks = backup_book.untold_marks(tx, number, limit=CHUNK)
            backup_book.note_told(tx, marks)
            if not marks:
                backup_book.finish(tx, number, now_ms=central.now_ms())
            feed.append(tx, feed.REGISTERS, [_change(one) for one in marks])
        told += len(marks)
        if not marks:
            return told


def _change(mark: Mark) -> feed.Change:
    row = BackupRow(incarnation=mark.incarnation, seq=mark.seq, link=mark.link)
    return feed.Change(
        bucket=bucket_of(mark.register_id),
        audience=register_audience(mark.register_id),
        about=f"backup {mark.hash}",
        body=encoded(row),
    )


def copy_database(central: Central, target: Path) -> None:
    """Copy a SQLite database while it is in use, check the copy and sync it; never overwrite.

    BackupRefused when central is not on SQLite, the file is there, or the copy is not sound.
    """
    url = sa.make_url(central.settings.database_url)
    if url.get_backend_name() != "sqlite" or not url.database:
        raise BackupRefused(
            "only a SQLite database is copied here",
            hint="tessera central backup begin; your own tool; tessera central backup done NUMBER",
        )
    part = target.with_name(target.name + ".part")
    try:
        os.close(os.open(target, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
        os.close(os.open(part, os.O_CREAT | os.O_TRUNC | os.O_WRONLY, 0o600))
        _copy(Path(url.database), part)
        part.replace(target)
        folder = os.open(target.parent, os.O_RDONLY)
        os.fsync(folder)
        os.close(folder)
    except FileExistsError as error:
        raise BackupRefused(f"{target} is there already", hint="choose another name") from error
    except (OSError, pysqlite.Error) as error:
        part.unlink(missing_ok=True)
        target.unlink(missing_ok=True)
        raise BackupRefused(
            f"the copy to {target} failed: {reason_of(error)}",
            hint="look for room and rights; nothing is told",
        ) from error


def _copy(source: Path, part: Path) -> None:
    reading, writing = pysqlite.connect(str(source)), pysqlite.connect(str(part))
    try:
        reading.backup(writing, pages=_PAGES_AT_ONCE)
        # A copy of a WAL database says WAL, too; as one file it is easier to move.
        writing.execute("PRAGMA journal_mode=DELETE")
        found = writing.execute("PRAGMA quick_check").fetchone()
    finally:
        writing.close()
        reading.close()
    if found != ("ok",):
        raise pysqlite.DatabaseError(f"the copy is not sound: {found}")
    handle = os.open(part, os.O_RDONLY)
    os.fsync(handle)
    os.close(handle)
