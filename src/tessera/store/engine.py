"""Engines: how a database is opened so that a commit means durable and a reader never waits.

Owns: driver, pragmas, transactions, pools, the lock that keeps a second process out.
Must never: hold a global engine; callers pass what they open.

SQLite runs through pysqlite3, whose bundled version is newer than 3.51.2: the ones before it can
reset a WAL that another connection is still reading, and Debian 12's own is among them.
"""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import sqlalchemy as sa
from pysqlite3 import dbapi2 as pysqlite
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.pool import ConnectionPoolEntry

from tessera.core.errors import TesseraError

DATABASE_ERRORS: tuple[type[Exception], ...] = (sa.exc.DBAPIError, pysqlite.Error)
"""What a failing database raises: hot paths use the driver's cursor, so its own errors, too."""

SQLITE_TOO_OLD = (3, 51, 2)
BUSY_TIMEOUT_MS = 5_000
READERS_MAX = 8
POSTGRES_POOL = 10


class DatabaseHeld(TesseraError):
    """Another process has this database open for writing."""

    code = "database_held"


class DatabaseUnusable(TesseraError):
    """A database that cannot be opened as what it should be."""

    code = "database_unusable"


@dataclass(frozen=True, slots=True)
class Engines:
    """One engine that writes and one that reads; on PostgreSQL they are the same."""

    writer: sa.Engine
    reader: sa.Engine

    @property
    def has_one_writer(self) -> bool:
        """Whether all writing goes through one connection, as on SQLite: writers stand in line."""
        return self.writer is not self.reader

    def dispose(self) -> None:
        """Close every connection; SQLite checkpoints its WAL with the last one."""
        self.reader.dispose()
        self.writer.dispose()


def driver_words(error: Exception) -> str:
    """What the driver says of a failure, in one line; what SQLAlchemy adds is for programmers."""
    said = getattr(error, "orig", None) or error
    return (str(said).splitlines() or [type(said).__name__])[0]


def sqlite_version() -> tuple[int, ...]:
    """The version of the SQLite library that stores data here."""
    return tuple(int(part) for part in pysqlite.sqlite_version.split("."))


def system_sqlite_version() -> tuple[int, ...]:
    """The version that Python itself brings; never used for data, told by `tessera doctor`."""
    return sqlite3.sqlite_version_info


def open_sqlite(path: Path) -> Engines:
    """Open a SQLite file in WAL mode, every commit synced before it returns.

    One connection writes (and checkpoints), up to eight read. DatabaseUnusable when the folder is
    missing or may not be written, or the SQLite library is one that can corrupt a WAL.
    """
    if sqlite_version() <= SQLITE_TOO_OLD:
        raise DatabaseUnusable(
            f"SQLite {pysqlite.sqlite_version} can corrupt its write-ahead log",
            hint="install pysqlite3 0.6 or later: pip install --upgrade pysqlite3",
        )
    if not path.parent.is_dir():
        raise DatabaseUnusable(
            f"folder {path.parent} does not exist", hint="make it, or set another database path"
        )
    # Names stand in it: made for its owner alone. SQLite gives the files beside it the same mode.
    with suppress(OSError):
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    writer = _sqlite_engine(path, pool_size=1)
    sa.event.listen(writer, "connect", _prepare_writer)
    sa.event.listen(writer, "begin", _begin_immediate)
    reader = _sqlite_engine(path, pool_size=READERS_MAX)
    sa.event.listen(reader, "connect", _prepare_reader)
    sa.event.listen(reader, "begin", _begin)
    return Engines(writer=writer, reader=reader)


def open_database(url: str) -> Engines:
    """Open `sqlite:///path` or `postgresql://…`; DatabaseUnusable for anything else."""
    try:
        parts = sa.make_url(url)
    except sa.exc.ArgumentError as error:
        raise DatabaseUnusable(
            "database address does not read as one",
            hint="write sqlite:///path/to/file.db or postgresql://user@host/name",
        ) from error
    backend = parts.get_backend_name()
    if backend == "sqlite" and parts.database:
        return open_sqlite(Path(parts.database))
    if backend == "postgresql":
        engine = sa.create_engine(
            parts.set(drivername="postgresql+psycopg"),
            pool_size=POSTGRES_POOL,
            max_overflow=POSTGRES_POOL,
            pool_pre_ping=True,
            # An error's text goes into logs, and a statement's values name people.
            hide_parameters=True,
            connect_args={"connect_timeout": 5},
        )
        return Engines(writer=engine, reader=engine)
    raise DatabaseUnusable(
        f"{backend} is no database that central runs on",
        hint="write sqlite:///path/to/file.db or postgresql://user@host/name",
    )


@contextmanager
def held(path: Path) -> Iterator[None]:
    """Hold `path` for this process alone, as long as the context lasts.

    DatabaseHeld names the process that has it. The lock is the kernel's and goes with the process,
    so nothing stale stays behind after kill -9.
    """
    lock = path.with_name(path.name + ".lock")
    try:
        handle = os.open(lock, os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise DatabaseUnusable(
            f"{lock} cannot be opened: {error.strerror}",
            hint=f"give this user the right to write in {path.parent}",
        ) from error
    try:
        if not _lock(handle):
            holder = os.pread(handle, 20, 0).decode(errors="replace").strip() or "unknown"
            raise DatabaseHeld(
                f"{path} is in use by process {holder}",
                hint="stop that process, or give this one a database of its own",
            )
        os.ftruncate(handle, 0)
        os.pwrite(handle, str(os.getpid()).encode(), 0)
        yield
    finally:
        os.close(handle)


def _lock(handle: int) -> bool:
    try:
        import fcntl  # noqa: PLC0415 - Windows has no fcntl
    except ImportError:
        import msvcrt  # noqa: PLC0415 - only Windows has msvcrt

        try:
            msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined]
        except OSError:
            return False
        return True
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _sqlite_engine(path: Path, *, pool_size: int) -> sa.Engine:
    return sa.create_engine(
        sa.URL.create("sqlite", database=str(path)),
        module=pysqlite,
        poolclass=sa.QueuePool,
        pool_size=pool_size,
        max_overflow=0,
        pool_reset_on_return="rollback",
        hide_parameters=True,  # As above: errors are logged, values are not.
        # The driver would commit behind our back before DDL; BEGIN comes from the events below.
        connect_args={"isolation_level": None, "check_same_thread": False, "timeout": 5},
    )


def _pragmas(connection: DBAPIConnection, *pragmas: str) -> None:
    cursor = connection.cursor()
    try:
        for pragma in pragmas:
            cursor.execute(f"PRAGMA {pragma}")
    finally:
        cursor.close()


def _prepare_writer(connection: DBAPIConnection, _entry: ConnectionPoolEntry) -> None:
    _pragmas(
        connection,
        f"busy_timeout={BUSY_TIMEOUT_MS}",
        "journal_mode=WAL",
        "synchronous=FULL",
        "foreign_keys=ON",
        "trusted_schema=OFF",
        "temp_store=MEMORY",
        "journal_size_limit=67108864",
        # What was erased must not linger in free pages: a disk is read without SQLite, too.
        "secure_delete=ON",
    )


def _prepare_reader(connection: DBAPIConnection, _entry: ConnectionPoolEntry) -> None:
    _pragmas(
        connection,
        f"busy_timeout={BUSY_TIMEOUT_MS}",
        "wal_autocheckpoint=0",
        "query_only=ON",
        "trusted_schema=OFF",
        "temp_store=MEMORY",
    )


def _begin_immediate(connection: sa.Connection) -> None:
    _run_bare(connection, "BEGIN IMMEDIATE")


def _begin(connection: sa.Connection) -> None:
    _run_bare(connection, "BEGIN")


def _run_bare(connection: sa.Connection, statement: str) -> None:
    """Run a statement on the driver's cursor: SQLAlchemy's way costs a fifth of a whole sale."""
    cursor = connection.connection.cursor()
    try:
        cursor.execute(statement)
    except pysqlite.Error as error:
        raise sa.exc.OperationalError(statement, None, error) from error
    finally:
        cursor.close()
