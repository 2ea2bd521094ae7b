"""Whether the till's database is whole, looked at while the agent is still starting.

Owns: SQLite's quick check over what only this till has, and that what was checked is what is then
opened. Must never: change, rename or delete a file, or import what takes long: the check runs
beside the imports.

The journal of 60,000 sales that wait is 250 MB, and all of it is read: the tail alone would not
find a page that went bad below it, and such a journal has to be set aside before it is sold on. It
costs hardly any time nonetheless, since SQLite reads on one core while Python imports on another.
"""

import threading
from contextlib import suppress
from pathlib import Path

from pysqlite3 import dbapi2 as pysqlite

from tessera.core.errors import TesseraError

OWN_TABLES = (
    "alembic_version",
    "register_identity",
    "branch",
    "journal",
    "outbox",
    "sale",
    "returned_line",
    "own_effect",
    "lease",
    "limit_share",
    "open_sale",
    "enrolled_member",
    "enrolled_card",
    "profile_outbox",
)

BUSY_S = 5.0
SAYS_NOTHING = frozenset({3, 5, 6, 7, 8, 14, 15, 23})
"""SQLite's results (https://sqlite.org/rescode.html) that are about who asks, when and where, and
not about the file: PERM, BUSY, LOCKED, NOMEM, READONLY, CANTOPEN, PROTOCOL, AUTH."""
_PRIMARY = 0xFF
"""An extended result holds the primary one in its lowest byte."""


def is_sound(path: Path, *, busy_s: float = BUSY_S) -> bool:
    """Whether SQLite's quick check finds nothing wrong with what only this till has.

    The caches are left out: a million members would hold up the start by seconds, and central has
    them. A file that SQLite cannot read is not sound. TesseraError where it may not look, or where
    another program holds the file for longer than `busy_s`: that says nothing of the file.
    """
    try:
        return _is_sound(path, busy_s)
    except pysqlite.DatabaseError as error:
        if getattr(error, "sqlite_errorcode", 0) & _PRIMARY in SAYS_NOTHING:
            raise TesseraError(
                f"{path} cannot be looked at: {error}",
                hint="stop the program that has it open, and give the file and its folder to the"
                " agent's user; nothing was changed",
                code="database_unusable",
            ) from error
        return False


def _is_sound(path: Path, busy_s: float) -> bool:
    connection = pysqlite.connect(str(path), timeout=busy_s)
    try:
        rows = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
        present = {str(row[0]) for row in rows.fetchall()}
        return all(
            connection.execute(f"PRAGMA quick_check({table})").fetchone() == ("ok",)
            for table in OWN_TABLES
            if table in present
        )
    finally:
        connection.close()


class EarlyCheck:
    """A check that is under way in a thread of its own, from the moment that this is made."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file = _file_at(path)
        self._sound = False
        self._thread = threading.Thread(target=self._look, name="early-check", daemon=True)
        if self._file is not None:
            self._thread.start()

    def _look(self) -> None:
        # Who may not look now is told by the look that counts, below.
        with suppress(TesseraError):
            self._sound = is_sound(self._path)

    def is_sound(self, path: Path) -> bool:
        """What the check found, once it is through.

        The early check began before this process held the database. So what it found wrong is
        looked at again, here, and so is another file that stands at `path` by now.
        """
        if self._file is not None:
            self._thread.join()
        if self._sound and path == self._path and _file_at(path) == self._file:
            return True
        return is_sound(path)


def _file_at(path: Path) -> tuple[int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino
