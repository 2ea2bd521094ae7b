"""What an image holds of a store's members, read page by page, and put into the image's order.

Owns: the pages (by bucket and id, each a short transaction of its own) and the scratch file that
sorts them on disk, since a store may have more members than memory has room for.
Must never: hold a lock, or more than a page in memory.
"""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from pysqlite3 import dbapi2 as pysqlite

from tessera.store.central import schema
from tessera.store.central.ledger_book import MemberKey

Row = tuple[Any, ...]
GONE = ("erased", "merged")
"""States of members of whom no till is told any more."""
_CACHE_KIB = 65_536
_FETCH = 2_000


def members(tx: sa.Connection, part: "Part") -> list[Row]:
    """The members of a part as a line of an image has them, without their number."""
    m, p = schema.MEMBER, schema.PROFILE
    rows = tx.execute(
        sa.select(
            m.c.member_id,
            m.c.version,
            m.c.status,
            m.c.tier,
            sa.func.coalesce(p.c.display_name, ""),
            sa.func.coalesce(p.c.language, ""),
            m.c.segments,
            m.c.entitlements,
            m.c.joined,
            sa.func.coalesce(p.c.birthday, ""),
            m.c.staff,
            m.c.visits,
            m.c.lifetime_spend_minor,
            m.c.period_spend_minor,
            m.c.last_visit,
        )
        .select_from(
            m.outerjoin(p, sa.and_(p.c.bucket == m.c.bucket, p.c.member_id == m.c.member_id))
        )
        .where(*part.condition())
    )
    return [
        (
            *row[:1],
            row[1] + part.base,
            *row[2:6],
            _names(row[6]),
            _names(row[7]),
            row[8] or None,
            *row[9:14],
            row[14] or None,
        )
        for row in rows
    ]


def _names(text: str) -> str:
    return text if text and json.loads(text) else ""


def cards(tx: sa.Connection, part: "Part") -> list[Row]:
    """The cards of a part's members: hash, member, key id, version, whether it works."""
    m, c = schema.MEMBER, schema.MEMBER_CARD
    rows = tx.execute(
        sa.select(c.c.card_hash, c.c.member_id, c.c.key_id, c.c.version, c.c.status)
        .select_from(m.join(c, sa.and_(c.c.bucket == m.c.bucket, c.c.member_id == m.c.member_id)))
        .where(*part.condition())
        .where(c.c.status.not_in(GONE))
    )
    return [
        (bytes(row[0]), row[1], row[2], row[3] + part.base, int(row[4] == "active")) for row in rows
    ]


def balances(tx: sa.Connection, part: "Part") -> list[Row]:
    """The accounts of a part's members: member, account, points, leased, version."""
    m, b = schema.MEMBER, schema.BALANCE
    rows = tx.execute(
        sa.select(b.c.member_id, b.c.account, b.c.points, b.c.leased, b.c.version)
        .select_from(m.join(b, sa.and_(b.c.bucket == m.c.bucket, b.c.member_id == m.c.member_id)))
        .where(*part.condition())
    )
    return [(*row[:4], row[4] + part.base) for row in rows]


class Part:
    """The members of a store between two keys, the first left out; `base` is added to versions."""

    def __init__(self, store_id: str, *, after: MemberKey, last: MemberKey, base: int) -> None:
        self._store_id = store_id
        self._after = after
        self._last = last
        self.base = base

    def condition(self) -> "Sequence[sa.ColumnElement[bool]]":
        """What holds for the members of this part."""
        m = schema.MEMBER
        key = sa.tuple_(m.c.bucket, m.c.member_id)
        return (
            m.c.home_store == self._store_id,
            key > sa.tuple_(*self._after),
            key <= sa.tuple_(*self._last),
            m.c.status.not_in(GONE),
        )


class Sorter:
    """A scratch file that takes parts in any order and gives them back in the image's."""

    def __init__(self, path: Path) -> None:
        """Begin a new file at `path`; whoever owns the folder deletes it."""
        self._db = pysqlite.connect(str(path), isolation_level=None, check_same_thread=False)
        for pragma in (
            "journal_mode=OFF",
            "synchronous=OFF",
            "temp_store=FILE",
            f"cache_size=-{_CACHE_KIB}",
        ):
            self._db.execute(f"PRAGMA {pragma}")
        columns = ", ".join(f"c{n}" for n in range(2, 16))
        self._db.execute(f"CREATE TABLE m (member_id TEXT, {columns})")
        self._db.execute("CREATE TABLE c (hash BLOB, member_id TEXT, key_id, version, works)")
        self._db.execute("CREATE TABLE b (member_id TEXT, account TEXT, points, leased, version)")

    def add(self, of_members: list[Row], of_cards: list[Row], of_balances: list[Row]) -> None:
        """Take one part."""
        self._db.execute("BEGIN")
        self._db.executemany(f"INSERT INTO m VALUES ({','.join('?' * 15)})", of_members)  # noqa: S608 - marks only
        self._db.executemany("INSERT INTO c VALUES (?,?,?,?,?)", of_cards)
        self._db.executemany("INSERT INTO b VALUES (?,?,?,?,?)", of_balances)
        self._db.execute("COMMIT")

    def sort(self) -> None:
        """Number the members in the order of their ids."""
        self._db.execute("CREATE TABLE s AS SELECT * FROM m ORDER BY member_id")
        self._db.execute("DROP TABLE m")
        self._db.execute("CREATE UNIQUE INDEX s_id ON s (member_id)")

    def members(self) -> Iterator[list[Row]]:
        """Members with their number first, some at a time."""
        return self._some("SELECT rowid, * FROM s ORDER BY rowid")

    def cards(self) -> Iterator[list[Row]]:
        """Cards in the order of their hashes, with their member's number.

        One that changed hands while it was read stands where it was seen last.
        """
        return self._some(
            "SELECT c.hash, s.rowid, c.key_id, max(c.version), c.works FROM c"
            " JOIN s ON s.member_id = c.member_id GROUP BY c.hash ORDER BY c.hash"
        )

    def balances(self) -> Iterator[list[Row]]:
        """Balances in the order of member and account."""
        return self._some("SELECT * FROM b ORDER BY member_id, account")

    def _some(self, query: str) -> Iterator[list[Row]]:
        cursor = self._db.execute(query)
        while rows := cursor.fetchmany(_FETCH):
            yield rows

    def close(self) -> None:
        """Let go of the file."""
        self._db.close()
