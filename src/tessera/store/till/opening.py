"""Opening a till's folder: migrate, check, compare with the witness, set the reserve aside.

Owns: the order of these steps and the names of the files. Must never: delete a damaged file, or go
on under an old incarnation with a database that is older than its witness.
"""

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import sqlalchemy as sa

from tessera.core.identity import INCARNATION_BYTES, new_incarnation
from tessera.core.journal import SealedRecord
from tessera.store.engine import (
    DATABASE_ERRORS,
    DatabaseUnusable,
    Engines,
    driver_words,
    open_sqlite,
)
from tessera.store.migrate import ensure_schema
from tessera.store.till import MIGRATIONS, identity_book, outbox
from tessera.store.till.durable import Write, commit_or_find
from tessera.store.till.file_limit import is_at_limit
from tessera.store.till.identity_file import read_identity_file
from tessera.store.till.kept_connection import KeptConnection
from tessera.store.till.reserve import RESERVE_BYTES, Reserve, has_room
from tessera.store.till.salvage import SalvageFile
from tessera.store.till.salvage_anew import begin_anew, end_change
from tessera.store.till.soundness import is_sound
from tessera.store.till.witness import BranchEnd, Witness, Witnessed, is_behind
from tessera.store.till.witness import read as read_witness

DATABASE = "till.db"
WITNESS = "till.witness"
SALVAGE = "till.salvage"
RESERVE = "till.reserve"
SALVAGE_BYTES_MAX = 134_217_728
_SIDE_FILES = ("", "-wal", "-shm")


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """Something unusual at the start that people should hear of: a stable code and a sentence."""

    code: str
    text: str


class OpenTill:
    """A till's open folder: engines, and what is kept outside the database after each commit."""

    def __init__(self, folder: Path, engines: Engines, reserve: Reserve) -> None:
        self.folder = folder
        self.engines = engines
        self.reserve = reserve
        self._witness = Witness(folder / WITNESS)
        self._salvage = SalvageFile(folder / SALVAGE)
        self._unsynced = False

    def commit(
        self,
        uid: str,
        write: Write,
        *,
        before: Sequence[str] = (),
        through: KeptConnection | None = None,
    ) -> SealedRecord:
        """Commit under `uid` exactly once; see `durable.commit_or_find` for what it raises.

        `before`: the uids of records that `write` writes first.

        To be called by the one thread that writes, with the connection that it keeps; without one
        a connection is taken for this commit alone.
        """
        if through is None:
            through = KeptConnection(self.engines)
            try:
                return self.commit(uid, write, before=before, through=through)
            finally:
                through.let_go()
        return commit_or_find(
            self.engines,
            uid=uid,
            write=write,
            through=through,
            before=before,
            after_commit=self.note_committed,
            on_full=self.reserve.give_free,
            at_limit=partial(is_at_limit, self.folder),
        )

    def note_committed(self, record: SealedRecord) -> None:
        """Keep a record outside the database as well, now that its commit stands."""
        # A full disk here must not turn a commit that stands into a failure.
        self._unsynced = True
        with suppress(OSError):
            self._salvage.append(record)
        with suppress(OSError):
            self._witness.keep(record)

    def sync_side_files(self) -> None:
        """Make witness and salvage durable; to be called about once a second."""
        if self._unsynced:
            self._unsynced = False
            try:
                self._salvage.sync()
            finally:
                self._witness.sync()
        if self._salvage.size() >= SALVAGE_BYTES_MAX:
            self._begin_salvage_anew()

    def _begin_salvage_anew(self) -> None:
        path = self.folder / SALVAGE
        self._salvage.close()
        try:
            # Where there is no room for another one, this one goes on.
            with suppress(OSError):
                begin_anew(path, self.engines)
        finally:
            self._salvage = SalvageFile(path)

    def close(self) -> None:
        """Close everything; the WAL goes into the database with the last connection."""
        self._salvage.close()
        self._witness.close()
        self.engines.dispose()


def open_till(
    folder: Path,
    *,
    random: Callable[[int], bytes],
    wall_ms: int,
    reserve_bytes: int = RESERVE_BYTES,
    sound: Callable[[Path], bool] = is_sound,
) -> tuple[OpenTill, list[Finding]]:
    """Open (and if need be make) the till's database in `folder`, which must exist.

    A damaged file is set aside under a name with `wall_ms`, and a new one begun. A database that is
    older than its witness goes on under a new incarnation whose parent is its own tail; leases of
    the earlier life are not spent again. `reserve_bytes` 0: no reserve. `sound` says whether a file
    is whole. Raises as `open_sqlite` and `ensure_schema` do.
    """
    findings: list[Finding] = []
    path = folder / DATABASE
    reserve = Reserve(folder / RESERVE, reserve_bytes)
    if path.exists() and not _is_sound(path, sound, reserve):
        kept = set_aside(folder, wall_ms)
        findings.append(
            Finding(
                code="database_damaged",
                text=f"the till's database was damaged and is kept as {kept.name};"
                " `tessera agent salvage` brings its records back",
            )
        )
    engines = open_sqlite(path)
    try:
        ensure_schema(engines.writer, MIGRATIONS, name=DATABASE)
        if _begin_again(folder, engines, new_incarnation(random(INCARNATION_BYTES))):
            findings.append(
                Finding(
                    code="database_begun_anew",
                    text="the till's database is a new one for an enrolled register: it goes on"
                    " under a new incarnation; members and programme come from central",
                )
            )
        elif _went_back(folder, engines):
            with engines.writer.begin() as tx:
                identity_book.begin_new_life(tx, new_incarnation(random(INCARNATION_BYTES)))
            # Once the new life stands: a crash before this begins one more, which is harmless.
            _forget_witness(folder)
            findings.append(
                Finding(
                    code="database_restored",
                    text="the till's database is older than what it had committed: it goes on"
                    " under a new incarnation, and its leases wait until central has spoken",
                )
            )
    except DATABASE_ERRORS as error:
        engines.dispose()
        raise DatabaseUnusable(
            f"{path} cannot be used: {driver_words(error)}",
            hint="is there room on its disk, and do file and folder belong to the agent's user?"
            " tessera doctor looks at both",
        ) from error
    except BaseException:
        engines.dispose()
        raise
    if reserve_bytes and not reserve.set_aside():
        findings.append(
            Finding(
                code="disk_reserve_missing",
                text="there is no room for the disk reserve: free space on the till's disk",
            )
        )
    end_change(folder / SALVAGE)
    till = OpenTill(folder, engines, reserve)
    return till, findings


def _is_sound(path: Path, sound: Callable[[Path], bool], reserve: Reserve) -> bool:
    """Whether a database is whole; on a full disk only once it could be opened at all.

    After a power cut SQLite needs room before it can read, and without any says what it says of a
    bad disk. The reserve is that room: what was sold must not be set aside for want of it.
    """
    if sound(path):
        return True
    reserve.give_free()
    if not has_room(path.parent):
        raise DatabaseUnusable(
            f"the disk of {path.parent} is full: the till's database cannot be opened",
            hint="free space on it and start the agent again; nothing was changed",
        )
    return sound(path)


def set_aside(folder: Path, wall_ms: int) -> Path:
    """Rename the database and what belongs to it; the name that it has now."""
    for ending in _SIDE_FILES:
        with suppress(FileNotFoundError):
            (folder / (DATABASE + ending)).rename(folder / f"{DATABASE}.damaged-{wall_ms}{ending}")
    # The witness and salvage of the damaged database go with it: they are about its journal.
    for name in (WITNESS, SALVAGE):
        with suppress(FileNotFoundError):
            (folder / name).rename(folder / f"{name}.damaged-{wall_ms}")
    return folder / f"{DATABASE}.damaged-{wall_ms}"


def _begin_again(folder: Path, engines: Engines, incarnation: str) -> bool:
    """Give an empty database the identity that enrolment left beside it; False when there is none.

    The parent is not named: where the lost life ended is only known for certain to central.
    """
    with engines.writer.begin() as tx:
        if identity_book.read_identity(tx) is not None:
            return False
        identity = read_identity_file(folder, incarnation=incarnation, parent=None)
        if identity is None:
            return False
        identity_book.write_identity(tx, identity)
    _forget_witness(folder)
    return True


def _went_back(folder: Path, engines: Engines) -> bool:
    heads = read_witness(folder / WITNESS)
    if not heads:
        return False
    with engines.reader.connect() as connection:
        if identity_book.read_identity(connection) is None:
            return False
        for witnessed in heads:
            ends = [
                BranchEnd(
                    incarnation=life.head.incarnation,
                    seq=life.head.seq,
                    link_at_witness=_link_at(connection, life, witnessed),
                )
                for life in outbox.lives(connection)
            ]
            if is_behind(witnessed, ends):
                return True
    return False


def _forget_witness(folder: Path) -> None:
    witness = Witness(folder / WITNESS)
    try:
        witness.begin_anew()
    finally:
        witness.close()


def _link_at(connection: sa.Connection, life: outbox.Life, witnessed: Witnessed) -> bytes | None:
    if life.head.incarnation != witnessed.incarnation or witnessed.seq > life.head.seq:
        return None
    if witnessed.seq <= life.dropped_seq:
        # An old witness: the journal went on so far beyond it that its record was let go.
        return witnessed.link_hash
    return outbox.link_before(connection, life.head.incarnation, witnessed.seq + 1)
