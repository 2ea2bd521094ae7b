"""A durable sale on the till: our commit beside SQLite by hand and beside the disk itself.

Three in turn, in the same run and folder, so that a slow disk slows all of them:
fdatasync of the same number of bytes appended to a file; the same rows written with the bare driver
(WAL, synchronous=FULL); `commit_record` on the connection that the agent's writer keeps.
"""

import os
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from pysqlite3 import dbapi2 as pysqlite

from tessera.core.identity import SaleKey, new_uid
from tessera.core.journal import Head, RecordDraft, SealedRecord, canonical, head_after, seal
from tessera.store.engine import open_sqlite
from tessera.store.migrate import ensure_schema
from tessera.store.till import MIGRATIONS, committed_sales, identity_book
from tessera.store.till.kept_connection import KeptConnection
from tessera.store.till.values import AccountEffect
from tests.support.till import DAY, identity

ROUNDS = 1_500
WARM_UP = 100
BODY_BYTES = 2_000
ANSWER = b"a" * 1_200
DIGEST = b"d" * 32


def draft_of(number: int) -> RecordDraft:
    return RecordDraft(
        uid=new_uid(number, number.to_bytes(10, "big")),
        kind="sale",
        business_day=DAY,
        wall_ms=1_795_000_000_000 + number,
        mono_ms=number,
        boot_id="boot",
        bundle="0" * 64,
        engine="bench",
        body=canonical({"lines": "x" * BODY_BYTES}),
    )


def key_of(number: int) -> SaleKey:
    return SaleKey(store="shop", pos="pos", business_day=DAY, sale_id=f"2026-11-21-{number:06}")


class Ours:
    name = "tessera commit_record"

    def __init__(self, folder: Path) -> None:
        engines = open_sqlite(folder / "ours.db")
        ensure_schema(engines.writer, MIGRATIONS, name="ours.db")
        self._kept = KeptConnection(engines)
        with self._kept.begin() as tx:
            identity_book.write_identity(tx, identity())

    def sell(self, number: int) -> None:
        effects = (AccountEffect(member_id=f"m{number}", account="points", delta=4),)
        with self._kept.begin() as tx:
            committed_sales.commit_record(
                tx,
                draft=draft_of(number),
                effects=effects,
                sale=key_of(number),
                request_digest=DIGEST,
                answer=ANSWER,
            )


class RawSqlite:
    """The same tables and rows; no pool, no lookups, the chain kept in memory."""

    name = "sqlite3 by hand"

    def __init__(self, folder: Path) -> None:
        engines = open_sqlite(folder / "raw.db")
        ensure_schema(engines.writer, MIGRATIONS, name="raw.db")
        with engines.writer.begin() as tx:
            identity_book.write_identity(tx, identity())
            self._head: Head = identity_book.read_head(tx)
        engines.dispose()
        self._connection = pysqlite.connect(str(folder / "raw.db"), isolation_level=None)
        for pragma in ("journal_mode=WAL", "synchronous=FULL"):
            self._connection.execute(f"PRAGMA {pragma}")

    def sell(self, number: int) -> None:
        record: SealedRecord = seal(draft_of(number), self._head)
        self._head = head_after(record, "till-1")
        place, key, run = (1 << 40) | record.seq, key_of(number), self._connection.execute
        run("BEGIN IMMEDIATE")
        run(
            "INSERT INTO journal VALUES (?, ?, ?, ?, ?)",
            (
                place,
                bytes.fromhex(record.uid.replace("-", "")),
                "sale",
                record.raw,
                record.link_hash,
            ),
        )
        run("INSERT INTO outbox VALUES (?)", (place,))
        run(
            "UPDATE branch SET head_seq=?, head_link=? WHERE number=1",
            (record.seq, record.link_hash),
        )
        run(
            "INSERT INTO sale VALUES (?, ?, ?, ?, ?, ?, ?, NULL)",
            (place, key.store, key.pos, key.business_day.isoformat(), key.sale_id, DIGEST, ANSWER),
        )
        run("INSERT INTO own_effect VALUES (?, 'points', ?, 4, NULL)", (place, f"m{number}"))
        run("COMMIT")


class Disk:
    """What the disk itself needs for that many bytes: the size of the WAL frames of one commit."""

    name = "fdatasync"

    def __init__(self, folder: Path, size: int) -> None:
        self._handle = os.open(folder / "disk", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        self._bytes = bytes(size)

    def sell(self, _: int) -> None:
        os.write(self._handle, self._bytes)
        os.fdatasync(self._handle)


def timed(sell: Callable[[int], None], number: int) -> int:
    begun = time.perf_counter_ns()
    sell(number)
    return time.perf_counter_ns() - begun


def main() -> None:
    with tempfile.TemporaryDirectory(dir=os.environ.get("BENCH_DIR")) as name:
        folder = Path(name)
        ours = Ours(folder)
        one: list[Disk | RawSqlite | Ours] = [Disk(folder, 36_000), RawSqlite(folder), ours]
        took: dict[str, list[int]] = {each.name: [] for each in one}
        for number in range(1, ROUNDS + WARM_UP + 1):
            for each in one:
                spent = timed(each.sell, number)
                if number > WARM_UP:
                    took[each.name].append(spent)
    print(f"{'':24}{'p50 ms':>9}{'p99 ms':>9}{'× sqlite':>10}{'× fdatasync':>13}")
    medians = {name: statistics.median(values) for name, values in took.items()}
    for name, values in took.items():
        p99 = sorted(values)[len(values) * 99 // 100]
        print(
            f"{name:24}{medians[name] / 1e6:9.3f}{p99 / 1e6:9.3f}"
            f"{medians[name] / medians['sqlite3 by hand']:10.2f}"
            f"{medians[name] / medians['fdatasync']:13.2f}"
        )
    ratios = sorted(a / b for a, b in zip(took[ours.name], took["sqlite3 by hand"], strict=True))
    low, high = ratios[len(ratios) // 4], ratios[len(ratios) * 3 // 4]
    print(f"paired ratio ours / sqlite: quartiles {low:.2f} … {high:.2f}; goal 1.25")


if __name__ == "__main__":
    main()
