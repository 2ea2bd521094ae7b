"""Power cuts during migration, first load and settling: each is there as a whole or not at all."""

import os
import random
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from pysqlite3 import dbapi2 as pysqlite

from tests.support.recorded_life import ROWS, SALES, SEGMENTS
from tests.support.recorded_writes import Call, Replay, read_trace, strace_words

FILES = ("till.db", "till.db-wal")


def record(place: Path) -> tuple[Path, list[Call]]:
    folder, trace = place / "till", place / "trace"
    folder.mkdir()
    command = [*strace_words(trace), sys.executable, "-m", "tests.support.recorded_life"]
    environment = {**os.environ, "PYTHONPATH": "."}
    done = subprocess.run(
        [*command, str(folder)], env=environment, capture_output=True, text=True, check=True
    )
    assert done.stdout.endswith("closed\n")
    return folder, read_trace(trace)


class Promised:
    """What the program had said when the power went."""

    def __init__(self) -> None:
        self.migrated = False
        self.loaded = self.settled = 0
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
                case "sold":
                    self.sold.append(rest.replace("-", ""))


def examine(image: Path, promised: Promised) -> list[str]:
    """What is wrong with an image; nothing, if all is well."""
    connection = pysqlite.connect(str(image / "till.db"), isolation_level=None)
    try:
        tables = {
            row[0]
            for row in connection.execute("SELECT name FROM sqlite_master WHERE type='table'")
        }
        if "alembic_version" not in tables:
            left = tables or promised.migrated
            return ["half a migration" if tables else "the migration is lost"] if left else []
        return list(_wrong(connection, promised))
    except pysqlite.DatabaseError as error:
        return [str(error)]
    finally:
        connection.close()


def _wrong(connection: pysqlite.Connection, promised: Promised) -> list[str]:
    def one(query: str) -> int:
        return int(connection.execute(query).fetchone()[0] or 0)

    cursor = one("SELECT max(number) FROM feed_cursor")
    members, cards = one("SELECT count(*) FROM member"), one("SELECT count(*) FROM card")
    journal, mark = one("SELECT count(*) FROM journal"), one("SELECT max(high_water) FROM branch")
    found = {row[0].lower() for row in connection.execute("SELECT hex(uid) FROM journal")}
    checks = {
        "rows and cursor differ": (members, cards) == (cursor * ROWS, cursor * ROWS),
        "a loaded segment is lost": cursor >= promised.loaded,
        "a sale is lost": set(promised.sold) <= found,
        "sale and journal differ": one("SELECT count(*) FROM sale") == journal,
        "outbox and mark differ": one("SELECT count(*) FROM outbox") == journal - mark,
        "an acknowledgement is lost": mark >= promised.settled,
        "no version": one("SELECT count(*) FROM alembic_version") == 1,
    }
    return [what for what, holds in checks.items() if not holds]


def test_migration_first_load_and_settling_are_whole_or_absent(
    strace: str, tmp_path: Path, memory: Path
) -> None:
    folder, calls = record(tmp_path)
    promised, wrong, images = Promised(), Counter[str](), 0
    chance = random.Random(20261121)
    nothing = tmp_path / "nothing"
    nothing.mkdir()
    replay = Replay(calls, nothing, FILES)
    for call in replay.steps(folder):
        if call.what == "send":
            promised.hear(call.content.decode(errors="replace"))
        for how in ("dropped", "kept", "torn", "torn"):
            replay.write_image(memory / "image", how, chance)
            images += 1
            wrong.update(examine(memory / "image", promised))
    shutil.rmtree(folder)
    print(f"{images} images: {dict(wrong)}")
    assert (promised.loaded, len(promised.sold)) == (SEGMENTS, SALES)
    assert images > 1000
    assert wrong == Counter()


pytestmark = pytest.mark.timeout(300)
