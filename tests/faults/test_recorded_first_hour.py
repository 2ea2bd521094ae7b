"""Power cuts during migration, first load, settling and shortening: each is whole or not at all."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

import pytest
from pysqlite3 import dbapi2 as pysqlite

from tessera.core.journal import link_after
from tests.support.recorded_cuts import cut_everywhere, record
from tests.support.recorded_life import ROWS, SALES, SEGMENTS


class Promised:
    """What the program had said when the power went."""

    def __init__(self) -> None:
        self.migrated = False
        self.loaded = self.settled = self.shortened = 0
        self.sold: list[str] = []

    def hear(self, text: str) -> None:
        for line in text.splitlines():
            word, _, rest = line.partition(" ")
            match word:
                case "migrated":
                    self.migrated = True
                case "loaded":
                    self.loaded = int(rest)
                case "settled":
                    self.settled = int(rest)
                case "shortened":
                    self.shortened = int(rest)
                case "sold":
                    self.sold.append(rest.replace("-", ""))


@dataclass(frozen=True, slots=True)
class Held:
    """What an image holds; `half` names what does not fit within itself."""

    migrated: bool
    half: tuple[str, ...] = ()
    cursor: int = 0
    mark: int = 0
    dropped: int = 0
    sold: frozenset[str] = frozenset()


def read(image: Path) -> Held:
    """Open an image as SQLite would after the power cut."""
    connection = pysqlite.connect(str(image / "till.db"), isolation_level=None)
    try:
        tables = {
            row[0]
            for row in connection.execute("SELECT name FROM sqlite_master WHERE type='table'")
        }
        if "alembic_version" not in tables:
            return Held(migrated=False, half=("half a migration",) if tables else ())
        return _held(connection)
    except pysqlite.DatabaseError as error:
        return Held(migrated=True, half=(str(error),))
    finally:
        connection.close()


def _held(connection: pysqlite.Connection) -> Held:
    def one(query: str) -> int:
        return int(connection.execute(query).fetchone()[0] or 0)

    cursor = one("SELECT max(number) FROM feed_cursor")
    members, cards = one("SELECT count(*) FROM member"), one("SELECT count(*) FROM card")
    journal, mark = one("SELECT count(*) FROM journal"), one("SELECT max(high_water) FROM branch")
    found = {row[0].lower() for row in connection.execute("SELECT hex(uid) FROM journal")}
    dropped, head = (
        one("SELECT max(dropped_seq) FROM branch"),
        one("SELECT max(head_seq) FROM branch"),
    )
    checks = {
        "journal, cut and head differ": dropped + journal == head,
        "the chain does not go on from the cut": _goes_on(connection),
        "rows and cursor differ": (members, cards) == (cursor * ROWS, cursor * ROWS),
        "sale and journal differ": one("SELECT count(*) FROM sale") == journal,
        "outbox and mark differ": one("SELECT count(*) FROM outbox") == head - mark,
        "no version": one("SELECT count(*) FROM alembic_version") == 1,
    }
    half = tuple(what for what, holds in checks.items() if not holds)
    return Held(
        migrated=True,
        half=half,
        cursor=cursor,
        mark=mark,
        dropped=dropped,
        sold=frozenset(found),
    )


def _goes_on(connection: pysqlite.Connection) -> bool:
    """Whether the first record that is left is chained to what is kept of those before it."""
    row = connection.execute(
        "SELECT b.dropped_link, j.raw, j.link FROM journal j, branch b"
        " WHERE b.dropped_seq > 0 ORDER BY j.place LIMIT 1"
    ).fetchone()
    return row is None or link_after(row[0], hashlib.sha256(row[1]).digest()) == row[2]


def wrong_with(held: Held, promised: Promised) -> list[str]:
    """What is wrong with what an image holds; nothing, if all is well."""
    checks = {
        "the migration is lost": held.migrated or not promised.migrated,
        "a loaded segment is lost": held.cursor >= promised.loaded,
        "a sale is lost": held.sold.issuperset(promised.sold[held.dropped :]),
        "more went than was acknowledged": held.dropped <= held.mark,
        "what went is there again": held.dropped >= promised.shortened,
        "an acknowledgement is lost": held.mark >= promised.settled,
    }
    return [*held.half, *(what for what, holds in checks.items() if not holds)]


def cut(place: Path, memory: Path, *, torn: int, images: int = 0) -> None:
    """Cut the power of one first hour everywhere."""
    recording = record("recorded_life", place)
    promised = cut_everywhere(
        recording, memory, read, Promised, wrong_with, torn=torn, images=images
    )
    assert (promised.loaded, len(promised.sold)) == (SEGMENTS, SALES)
    assert promised.shortened > 10


def test_migration_first_load_and_settling_are_whole_or_absent(
    strace: str, tmp_path: Path, memory: Path
) -> None:
    cut(tmp_path, memory, torn=2)


@pytest.mark.soak
@pytest.mark.timeout(7200)
def test_thirty_thousand_power_cuts_of_a_first_hour(
    strace: str, tmp_path: Path, memory: Path
) -> None:
    cut(tmp_path, memory, torn=20, images=30_000)


pytestmark = pytest.mark.timeout(300)
