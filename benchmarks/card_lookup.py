"""Finding a member by card among a million: ours beside the bare driver, interleaved.

Prints the ratio, how it grows from 100,000 to 1,000,000 cards, and the bytes a card costs.
"""

import os
import random
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from pysqlite3 import dbapi2 as pysqlite

from tessera.store.engine import open_sqlite
from tessera.store.migrate import ensure_schema
from tessera.store.till import MIGRATIONS, cached_members

LOOKUPS = 4_000
SIZES = (100_000, 1_000_000)
_QUERY = """SELECT m.member_id, m.version, m.status, m.tier, m.display_name, m.language, m.segments,
    m.entitlements, m.joined, m.birthday, m.staff, m.visits, m.lifetime_spend_minor,
    m.period_spend_minor, m.last_visit, c.status FROM card c JOIN member m ON m.number = c.member
    WHERE c.card_hash = ? AND m.version >= 0"""


def fill(path: Path, count: int) -> tuple[list[bytes], float]:
    """Members and cards straight into the tables: the hashes to look up, and bytes a card."""
    engines = open_sqlite(path)
    ensure_schema(engines.writer, MIGRATIONS, name=path.name)
    chance = random.Random(count)
    hashes = [chance.randbytes(16) for _ in range(count)]
    with engines.writer.begin() as tx:
        cursor = tx.connection.cursor()
        cursor.executemany(
            "INSERT INTO member (member_id, version, status, tier, display_name, language,"
            " segments, entitlements, birthday, staff, visits, lifetime_spend_minor,"
            " period_spend_minor) VALUES (?,1,'active','silver','A. M.','de','','','',0,0,0,0)",
            [(f"01935b2e-{n:012d}",) for n in range(count)],
        )
        ordered = sorted((key, n + 1) for n, key in enumerate(hashes))
        before = pages(cursor)
        cursor.executemany("INSERT INTO card VALUES (?, ?, 1, 1, 1)", ordered)
        grown = (pages(cursor) - before) * 4096
    engines.dispose()
    return hashes, grown / count


def timed(find: Callable[[bytes], object], key: bytes) -> int:
    begun = time.perf_counter_ns()
    found = find(key)
    spent = time.perf_counter_ns() - begun
    assert found is not None
    return spent


def measure(path: Path, hashes: list[bytes]) -> tuple[float, float, float]:
    """Medians in µs: the bare driver, ours on a held connection, ours from the pool each time."""
    raw = pysqlite.connect(str(path), isolation_level=None)
    engines = open_sqlite(path)
    held = engines.reader.connect()

    def by_hand(key: bytes) -> object:
        return raw.execute(_QUERY, (key,)).fetchone()

    def ours(key: bytes) -> object:
        return cached_members.find_by_card(held, key)

    def pooled(key: bytes) -> object:
        connection: sa.Connection
        with engines.reader.connect() as connection:
            return cached_members.find_by_card(connection, key)

    took: list[list[int]] = [[], [], []]
    chance = random.Random(7)
    for key in chance.sample(hashes, LOOKUPS):
        for place, find in enumerate((by_hand, ours, pooled)):
            took[place].append(timed(find, key))
    held.close()
    engines.dispose()
    raw.close()
    first, second, third = (statistics.median(values) / 1000 for values in took)
    return first, second, third


def pages(cursor: Any) -> int:
    return int(cursor.execute("PRAGMA page_count").fetchone()[0])


def main() -> None:
    print(f"{'cards':>10}{'driver µs':>11}{'ours µs':>9}{'pooled µs':>11}{'ratio':>7}{'B/card':>8}")
    for size in SIZES:
        with tempfile.TemporaryDirectory(dir=os.environ.get("BENCH_DIR")) as name:
            path = Path(name) / "till.db"
            hashes, bytes_a_card = fill(path, size)
            by_hand, ours, pooled = measure(path, hashes)
            print(
                f"{size:10,}{by_hand:11.1f}{ours:9.1f}{pooled:11.1f}{ours / by_hand:7.2f}"
                f"{bytes_a_card:8.1f}"
            )
    print("goals: ratio 1.3, 50 bytes a card")


if __name__ == "__main__":
    main()
