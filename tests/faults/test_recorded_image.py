"""Power cuts while an image is loaded over a till's members: the old ones or the new, nothing else.

The till sells after every transaction of the load, so that each cut also asks for the sales.
"""

from dataclasses import dataclass, field
from pathlib import Path

import pytest
from pysqlite3 import dbapi2 as pysqlite

from tests.support.recorded_cuts import cut_everywhere, record
from tests.support.recorded_image import NEW, OLD


@dataclass(frozen=True, slots=True)
class Held:
    """What an image holds; `half` names what does not fit within itself."""

    is_there: bool
    half: tuple[str, ...] = ()
    is_new: bool = False
    sold: frozenset[str] = frozenset()


def read(image: Path) -> Held:
    """Open an image as SQLite would after the power cut."""
    connection = pysqlite.connect(str(image / "till.db"), isolation_level=None)
    try:
        tables = {
            row[0]
            for row in connection.execute("SELECT name FROM sqlite_master WHERE type='table'")
        }
        return _held(connection) if "alembic_version" in tables else Held(is_there=False)
    except pysqlite.DatabaseError as error:
        return Held(is_there=True, half=(str(error),))
    finally:
        connection.close()


def _held(connection: pysqlite.Connection) -> Held:
    def rows(query: str) -> list[tuple[int | str, ...]]:
        return [tuple(row) for row in connection.execute(query)]

    if rows("SELECT count(*) FROM member") == [(0,)]:
        return Held(is_there=False)
    is_new = rows("SELECT count(*) FROM feed_cursor WHERE number = 7") == [(1,)]
    count, version = (NEW, 2) if is_new else (OLD, 1)
    half = [
        f"{table} is neither the old nor the new one"
        for table in ("member", "card", "balance")
        if rows(f"SELECT count(*), min(version), max(version) FROM {table}")
        != [(count, version, version)]
    ]
    joined = rows(
        "SELECT count(*) FROM card c JOIN member m ON m.number = c.member"
        " JOIN balance b ON b.member_id = m.member_id"
    )
    if joined != [(count,)]:
        half.append("cards, members and balances do not fit")
    found = frozenset(str(row[0]).lower() for row in rows("SELECT hex(uid) FROM journal"))
    pending = rows("SELECT coalesce(sum(delta), 0) FROM own_effect WHERE included_from IS NULL")
    if pending != [(3 * len(found),)]:
        half.append("what a sale changed is lost or there twice")
    return Held(is_there=True, half=tuple(half), is_new=is_new, sold=found)


@dataclass
class Promised:
    """What the program had said when the power went."""

    begun: bool = False
    loaded: bool = False
    sold: list[str] = field(default_factory=list)

    def hear(self, text: str) -> None:
        for line in text.splitlines():
            self.begun = self.begun or line == "begun"
            self.loaded = self.loaded or line == "loaded"
            if line.startswith("sold "):
                self.sold.append(line[5:].replace("-", ""))


def wrong_with(held: Held, promised: Promised) -> list[str]:
    """What is wrong with what an image holds; nothing, if all is well."""
    checks = {
        "the old members are lost": held.is_there or not promised.begun,
        "an image that was in place is lost": held.is_new or not promised.loaded,
        "a sale is lost": held.sold.issuperset(promised.sold),
    }
    return [*held.half, *(what for what, holds in checks.items() if not holds)]


def cut(place: Path, memory: Path, *, torn: int, images: int = 0) -> None:
    """Cut the power of one load everywhere."""
    recording = record("recorded_image", place)
    promised = cut_everywhere(
        recording, memory, read, Promised, wrong_with, torn=torn, images=images
    )
    assert promised.loaded
    assert len(promised.sold) > 20


def test_an_image_is_loaded_whole_or_not_at_all(strace: str, tmp_path: Path, memory: Path) -> None:
    cut(tmp_path, memory, torn=2)


@pytest.mark.soak
@pytest.mark.timeout(7200)
def test_thirty_thousand_power_cuts_of_a_load(strace: str, tmp_path: Path, memory: Path) -> None:
    cut(tmp_path, memory, torn=20, images=30_000)


pytestmark = pytest.mark.timeout(300)
