"""A commit that is known to stand, or known not to: what to do when the disk or SQLite says no.

Owns: the answer to a failed commit. Must never: report a sale as lost or as kept without looking.

A failed commit or fsync means *unknown*: the frames may be on the disk or not. So everything is
closed and opened again, the uid is looked up, and the same uid is tried once more.
"""

from collections.abc import Callable, Sequence

import sqlalchemy as sa

from tessera.core.errors import TesseraError
from tessera.core.journal import SealedRecord
from tessera.store.engine import DATABASE_ERRORS, Engines
from tessera.store.till.committed_sales import find_record
from tessera.store.till.kept_connection import KeptConnection

SQLITE_FULL = 13
ATTEMPTS = 2

Write = Callable[[sa.Connection], SealedRecord]


class DiskFull(TesseraError):
    """The disk has no room for this commit: benefits stop, sales go on from the reserve."""

    code = "disk_full"


class CommitFailed(TesseraError):
    """A commit that did not come through, and is known not to stand."""

    code = "commit_failed"


class CommitUnknown(TesseraError):
    """A commit of which nobody can say now whether it stands."""

    code = "commit_unknown"


def commit_or_find(
    engines: Engines,
    *,
    uid: str,
    write: Write,
    through: KeptConnection,
    before: Sequence[str] = (),
    after_commit: Callable[[SealedRecord], None] | None = None,
    on_full: Callable[[], None] | None = None,
    at_limit: Callable[[], bool] | None = None,
) -> SealedRecord:
    """Commit what `write` writes under `uid`, exactly once, or raise knowing that it is not there.

    CommitUnknown where not even that can be known, since the disk cannot be read either.

    `through` is the writer's connection, closed by itself after an error. `before` are the uids of
    records that `write` writes first, in the same transaction. `after_commit` hears of each record
    in order once it stands (witness and salvage); `on_full` is called before DiskFull is raised,
    to give the reserve free. `at_limit` says whether files may not grow any more, which counts as
    full once a second attempt has failed as well. CommitFailed after two attempts. What `write`
    raises itself (SaleExists, LeaseShort) passes through, rolled back.
    """
    for attempt in range(1, ATTEMPTS + 1):
        try:
            with through.begin() as tx:
                record = write(tx)
                records = [*_found(tx, before), record]
        except DATABASE_ERRORS as error:
            found = _look_again(engines, (*before, uid), error)
            if not found and is_full(error):
                if on_full is not None:
                    on_full()
                raise DiskFull(
                    "the disk is full: this commit is not in the journal",
                    hint="free space on the till's disk; sales go on without benefits meanwhile",
                ) from error
            if not found and attempt == ATTEMPTS and at_limit is not None and at_limit():
                raise DiskFull(
                    "the till's files have reached the limit on their size: this commit is not in"
                    " the journal",
                    hint="raise LimitFSIZE= of the agent's service, or ulimit -f where it is"
                    " started",
                ) from error
            if not found and attempt == ATTEMPTS:
                raise CommitFailed(
                    f"the journal could not be written: {error}",
                    hint="run `tessera doctor`; look at the disk's health before selling on",
                ) from error
            if not found:
                continue
            records = found
        if after_commit is not None:
            for record in records:
                after_commit(record)
        return records[-1]
    raise AssertionError("the loop above returns or raises")


def _found(connection: sa.Connection, uids: Sequence[str]) -> list[SealedRecord]:
    """Those of these records that stand."""
    found = (find_record(connection, uid) for uid in uids)
    return [record for record in found if record is not None]


def _look_again(engines: Engines, uids: Sequence[str], cause: Exception) -> list[SealedRecord]:
    """All of these records, which were written in one transaction, or none."""
    engines.dispose()
    try:
        with engines.writer.begin() as tx:
            return _found(tx, uids)
    except DATABASE_ERRORS as error:
        raise CommitUnknown(
            f"the journal could not be written ({cause}) nor read afterwards ({error});"
            f" whether record {uids[-1]} stands is unknown",
            hint="run `tessera doctor`; the same request may be repeated, it is recorded once",
        ) from error


def is_full(error: BaseException) -> bool:
    """Whether an error of SQLite means that there is no room."""
    if isinstance(error, sa.exc.DBAPIError):
        error = error.orig or error
    return getattr(error, "sqlite_errorcode", None) == SQLITE_FULL
