"""How far central's database has come, noted in a file beside it: one that was put back has not.

Registers prove that a database went back once they come (`went_back`). Until then it would grant
anew what it has forgotten that it granted. This file knows before anybody comes, unless it was put
back along with the database. Owns: the file `central.reach` in data_dir, and what follows from it.
Must never: refuse a register, begin a generation, or stop the work because of the file itself.
"""

import logging
import os

import msgspec
import sqlalchemy as sa

from tessera.central.log import note
from tessera.central.opening import Central
from tessera.central.turns import Turns
from tessera.central.went_back import ALARM, DO
from tessera.store.central import feed, register_book

REACH_FILE = "central.reach"
LOOK_EVERY_MS = 1_000
_BYTES_MAX = 1_000


class Reach(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How far a database has come: its generation, and all changes that were ever numbered."""

    generation: str
    generation_number: int
    changes: int

    def is_behind(self, noted: "Reach") -> bool:
        """Whether a database that reaches this far is older than the one that was noted."""
        if self.generation_number != noted.generation_number:
            return self.generation_number < noted.generation_number
        # Of two generations of one number nobody knows which came first.
        return self.generation == noted.generation and self.changes < noted.changes


def read_reach(tx: sa.Connection) -> Reach:
    """How far this database has come."""
    state = register_book.read_central(tx)
    assert state is not None
    return Reach(
        generation=state.generation,
        generation_number=state.generation_number,
        changes=feed.count_changes(tx),
    )


def noted_reach(central: Central) -> Reach | None:
    """What the file says; None where there is none, or none that reads."""
    try:
        with (central.settings.data_dir / REACH_FILE).open("rb") as file:
            return msgspec.json.decode(file.read(_BYTES_MAX), type=Reach)
    except (OSError, msgspec.MsgspecError, UnicodeDecodeError):
        return None


def write_reach(central: Central, found: Reach) -> None:
    """Note how far the database has come. OSError when that cannot be written."""
    path = central.settings.data_dir / REACH_FILE
    fresh = path.with_name(f"{REACH_FILE}.{os.getpid()}")
    fresh.write_bytes(msgspec.json.encode(found))
    fresh.replace(path)


class ReachWatch:
    """Compares the database with the file from time to time, and carries the file on."""

    def __init__(self, central: Central, turns: Turns) -> None:
        self._central = central
        self._turns = turns
        self._noted = noted_reach(central)
        self._looked_ms: int | None = None
        self._is_told = self._is_failing = False

    def look(self) -> None:
        """Look if it is time to. To be called before anything is granted."""
        now_ms = self._central.now_ms()
        if self._looked_ms is not None and 0 <= now_ms - self._looked_ms < LOOK_EVERY_MS:
            return
        self._looked_ms = now_ms
        with self._central.engines.reader.begin() as tx:
            found = read_reach(tx)
        if self._noted is not None and found.is_behind(self._noted):
            if not self._is_told:
                self._tell(found, self._noted)
            return
        self._is_told = False
        if found != self._noted:
            self._write(found)
            self._noted = found

    def _tell(self, found: Reach, noted: Reach) -> None:
        """Raise the alarm, and grant nothing before all registers have shown what they hold."""
        detail = (
            f"central had written {noted.changes} changes in generation {noted.generation}, this"
            f" database knows {found.changes} in {found.generation}: {DO}"
        )
        with self._turns.first(), self._central.engines.writer.begin() as tx:
            register_book.await_all_grants(tx)
            register_book.raise_alarm(
                tx,
                register_id=register_book.CENTRAL_ITSELF,
                kind=ALARM,
                about=found.generation,
                detail=detail,
                raised_ms=self._central.now_ms(),
            )
        self._is_told = True
        note(
            f"the database went back; run: {DO}",
            level=logging.ERROR,
            about=REACH_FILE,
            told=noted.changes,
            known=found.changes,
        )

    def _write(self, found: Reach) -> None:
        try:
            write_reach(self._central, found)
            self._is_failing = False
        except OSError as error:
            if not self._is_failing:
                note(
                    "how far the database has come could not be noted",
                    level=logging.WARNING,
                    file=REACH_FILE,
                    error=error.strerror or "",
                )
            self._is_failing = True
