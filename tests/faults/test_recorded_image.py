"""Power cuts while an image is loaded over a till's members: the old ones or the new, nothing else.

The till sells after every transaction of the load, so that each cut also asks for the sales.
"""

import os
import random
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from pysqlite3 import dbapi2 as pysqlite

from tests.support.recorded_image import NEW, OLD
from tests.support.recorded_writes import Call, Replay, read_trace, strace_words

FILES = ("till.db", "till.db-wal")


def record(place: Path) -> tuple[Path, list[Call]]:
    folder, trace = place / "till", place / "trace"
    folder.mkdir()
    command = [*strace_words(trace), sys.executable, "-m", "tests.support.recorded_image"]
    environment = {**os.environ, "PYTHONPATH": "."}
    done = subprocess.run(
        [*command, str(folder)], env=environment, capture_output=True, text=True, check=True
    )
    assert done.stdout.endswith("closed\n")
    return folder, read_trace(trace)


def examine(image: Path, begun: int, sold: list[str], *, loaded: bool) -> list[str]:
    """What is wrong with an image of the disk; nothing, if all is well."""
    connection = pysqlite.connect(str(image / "till.db"), isolation_level=None)
    try:
        return list(_wrong(connection, sold, loaded=loaded)) if begun else []
    except pysqlite.DatabaseError as error:
        return [str(error)]
    finally:
        connection.close()


def _wrong(connection: pysqlite.Connection, sold: list[str], *, loaded: bool) -> Iterator[str]:
    def rows(query: str) -> list[tuple[int | str, ...]]:
        return [tuple(row) for row in connection.execute(query)]

    is_new = rows("SELECT count(*) FROM feed_cursor WHERE number = 7") == [(1,)]
    count, version = (NEW, 2) if is_new else (OLD, 1)
    for table in ("member", "card", "balance"):
        if rows(f"SELECT count(*), min(version), max(version) FROM {table}") != [
            (count, version, version)
        ]:
            yield f"{table} is neither the old nor the new one"
    joined = rows(
        "SELECT count(*) FROM card c JOIN member m ON m.number = c.member"
        " JOIN balance b ON b.member_id = m.member_id"
    )
    if joined != [(count,)]:
        yield "cards, members and balances do not fit"
    if loaded and not is_new:
        yield "an image that was in place is lost"
    found = {str(row[0]).lower() for row in rows("SELECT hex(uid) FROM journal")}
    if not set(sold) <= found:
        yield "a sale is lost"
    pending = rows("SELECT coalesce(sum(delta), 0) FROM own_effect WHERE included_from IS NULL")
    if pending != [(3 * len(found),)]:
        yield "what a sale changed is lost or there twice"


def test_an_image_is_loaded_whole_or_not_at_all(strace: str, tmp_path: Path, memory: Path) -> None:
    folder, calls = record(tmp_path)
    begun, sold, loaded = 0, list[str](), False
    wrong, images = Counter[str](), 0
    chance = random.Random(20261122)
    nothing = tmp_path / "nothing"
    nothing.mkdir()
    replay = Replay(calls, nothing, FILES)
    for call in replay.steps(folder):
        if call.what == "send":
            for line in call.content.decode(errors="replace").splitlines():
                begun += line == "begun"
                loaded = loaded or line == "loaded"
                if line.startswith("sold "):
                    sold.append(line[5:].replace("-", ""))
        for how in ("dropped", "kept", "torn"):
            replay.write_image(memory / "image", how, chance)
            images += 1
            wrong.update(examine(memory / "image", begun, sold, loaded=loaded))
    shutil.rmtree(folder)
    print(f"{images} images: {dict(wrong)}")
    assert loaded
    assert len(sold) > 20
    assert images > 1_000
    assert wrong == Counter()


pytestmark = pytest.mark.timeout(300)
