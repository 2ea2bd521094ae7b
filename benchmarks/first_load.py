"""A store's first load: an image of a million members into a till, beside the bare driver.

Makes an image as central does, then loads the same rows twice, in turns: by the agent's own code
(hash compared, inflated, decoded, checked, in short transactions through the writer's thread, then
put in place) and by the bare driver (one executemany a table, one transaction, the rows ready in
memory). Prints rows a second, their ratio, the bytes a card costs in the lookup table, and how long
the longest transaction was, for which a sale may have to wait. `--members N` for another size.
"""

import argparse
import asyncio
import os
import random
import resource
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

import msgspec
import sqlalchemy as sa
from pysqlite3 import dbapi2 as pysqlite

from tessera.agent.first_load import FirstLoad
from tessera.agent.sync_pull import Puller
from tessera.agent.sync_status import LineState
from tessera.central.images import Packing, sign_with
from tessera.store.central.image_rows import Sorter
from tessera.store.engine import Engines, open_sqlite
from tessera.store.migrate import ensure_schema
from tessera.store.till import MIGRATIONS, identity_book
from tessera.store.till.values import RegisterIdentity
from tessera.sync.feed_wire import FeedPage
from tessera.sync.image_reading import read_lines
from tessera.sync.image_wire import ImageHead, ImageManifest, ImageRows, SignedImage
from tessera.sync.signing import SigningKey

T = TypeVar("T")
KEY = SigningKey(b"\x11" * 32)
HEAD = ImageHead(generation="g1", audience="store:shop", number=1)
ROUNDS = 3
PART = 20_000
ABOUT = (3, "active", "silver", "A. M.", "de", "", "", "2026-01-15", "07-31", 0, 4, 900, 1, None)
RAW = {
    "member": f"INSERT INTO member VALUES ({','.join('?' * 16)})",
    "card": "INSERT INTO card VALUES (?,?,?,?,?)",
    "balance": "INSERT INTO balance VALUES (?,?,?,?,?)",
}


def fill(sorter: Sorter, count: int) -> None:
    """Members in the order of their buckets, as central reads them; a card and a balance each."""
    chance = random.Random(count)
    numbers = list(range(count))
    chance.shuffle(numbers)
    for start in range(0, count, PART):
        ids = [f"01935b2e-7c1d-7000-8000-{n:012d}" for n in numbers[start : start + PART]]
        members = [(one, *ABOUT) for one in ids]
        cards = [(chance.randbytes(16), one, 1, 1, 1) for one in ids]
        balances = [(one, "points", chance.randrange(10_000), 0, 5) for one in ids]
        sorter.add(members, cards, balances)


def make(folder: Path, count: int) -> tuple[SignedImage, Path, float]:
    """The image, and how many seconds it took once the rows were read."""
    sorter = Sorter(folder / "sorting.db")
    fill(sorter, count)
    begun = time.perf_counter()
    sorter.sort()
    packed = Packing(folder / "image", bytes_max=2**31)
    packed.write(HEAD, sorter, [])
    sorter.close()
    manifest = packed.manifest(HEAD, built_ms=1)
    return sign_with(KEY, manifest), folder / "image", time.perf_counter() - begun


def new_till(folder: Path) -> Engines:
    engines = open_sqlite(folder / "till.db")
    ensure_schema(engines.writer, MIGRATIONS, name="till.db")
    with engines.writer.begin() as tx:
        identity_book.write_identity(
            tx,
            RegisterIdentity(
                register="till-1",
                store="shop",
                incarnation="0" * 16,
                generation="g1",
                central_key=KEY.public,
                certificate="{}",
                certificate_signature="",
                card_key_id=1,
                time_zone="Europe/Berlin",
                currency="EUR",
            ),
        )
    return engines


class TimedWriter:
    """The writer's thread; remembers its longest transaction."""

    def __init__(self, engines: Engines) -> None:
        self._engines = engines
        self._thread = ThreadPoolExecutor(max_workers=1)
        self.longest_s = 0.0

    async def run(self, work: Callable[[sa.Connection], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, self._run, work)

    def _run(self, work: Callable[[sa.Connection], T]) -> T:
        begun = time.perf_counter()
        with self._engines.writer.begin() as tx:
            done = work(tx)
        self.longest_s = max(self.longest_s, time.perf_counter() - begun)
        return done

    def close(self) -> None:
        self._thread.shutdown()


class FileLine:
    """A line to a central that has this image: its bytes come from a file."""

    def __init__(self, image: SignedImage, path: Path) -> None:
        self._image, self._path = image, path

    async def root(self, _version: int) -> None:
        return None

    async def image(self, _audience: str, *, generation: str) -> SignedImage:
        assert generation == "g1"
        return self._image

    async def image_file(
        self, _hash: str, *, start: int, take: Callable[[int, bytes], None]
    ) -> None:
        with self._path.open("rb") as handle:
            handle.seek(start)
            while part := handle.read(65_536):
                take(start, part)
                start += len(part)

    async def feed(self, audience: str, *, after: int, **_rest: Any) -> FeedPage:
        return FeedPage(generation="g1", audience=audience, head=after, central_ms=1)


def ours(folder: Path, image: SignedImage, path: Path) -> tuple[float, float]:
    """Seconds for all of it, and for the longest transaction."""
    engines = new_till(folder)
    writer = TimedWriter(engines)
    line = LineState(wall_ms=lambda: 1, tell=lambda _notice: None)
    first_load = FirstLoad(
        engines=engines, writer=writer, line=line, folder=folder, disk_free_bytes=lambda: 0
    )
    puller = Puller(engines=engines, writer=writer, line=line, first_load=first_load)
    begun = time.perf_counter()
    loaded = asyncio.run(puller.pull_once(FileLine(image, path)))  # type: ignore[arg-type]
    took = time.perf_counter() - begun
    assert loaded
    writer.close()
    engines.dispose()
    return took, writer.longest_s


def raw(folder: Path, rows: dict[str, list[tuple[Any, ...]]]) -> tuple[float, float]:
    """Seconds of the bare driver for the same rows, and bytes a card costs in the lookup table."""
    new_till(folder).dispose()
    connection = pysqlite.connect(str(folder / "till.db"), isolation_level=None)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=FULL")
    begun = time.perf_counter()
    connection.execute("BEGIN")
    pages: dict[str, int] = {}
    for table, of_table in rows.items():
        before = connection.execute("PRAGMA page_count").fetchone()[0]
        connection.executemany(RAW[table], of_table)
        pages[table] = connection.execute("PRAGMA page_count").fetchone()[0] - before
    connection.execute("COMMIT")
    took = time.perf_counter() - begun
    connection.close()
    return took, pages["card"] * 4096 / len(rows["card"])


def rows_of(image: SignedImage, path: Path) -> dict[str, list[tuple[Any, ...]]]:
    manifest = msgspec.json.decode(image.manifest, type=ImageManifest)
    rows: dict[str, list[tuple[Any, ...]]] = {"member": [], "card": [], "balance": []}
    for line in read_lines(path, manifest):
        assert not isinstance(line, ImageRows)
        rows[type(line).__name__.removeprefix("Image").lower().rstrip("s")].extend(line.rows)
    return rows


def in_rounds(scratch: Path) -> Iterator[Path]:
    for number in range(ROUNDS):
        folder = scratch / f"round-{number}"
        folder.mkdir()
        yield folder


def main() -> None:
    reading = argparse.ArgumentParser(description=__doc__)
    reading.add_argument("--members", type=int, default=1_000_000, help="how many members")
    count = reading.parse_args().members
    with tempfile.TemporaryDirectory(dir=os.environ.get("BENCH_DIR")) as name:
        scratch = Path(name)
        image, path, built_s = make(scratch, count)
        size = path.stat().st_size
        print(f"{count:,} members: image of {size:,} bytes ({size / count:.1f} a member)")
        print(f"sorted, packed and hashed in {built_s:.1f} s")
        rows = rows_of(image, path)
        total = sum(len(of_table) for of_table in rows.values())
        titles = ("ours rows/s", "driver rows/s", "ratio", "longest ms", "B/card")
        print("".join(f"{title:>15}" for title in titles))
        ratios = []
        for folder in in_rounds(scratch):
            for part in ("ours", "raw"):
                (folder / part).mkdir()
            took, longest_s = ours(folder / "ours", image, path)
            by_hand, bytes_a_card = raw(folder / "raw", rows)
            ratios.append(by_hand / took)
            print(
                f"{total / took:15,.0f}{total / by_hand:15,.0f}{by_hand / took:15.2f}"
                f"{longest_s * 1000:15.1f}{bytes_a_card:15.1f}"
            )
        peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
        print(f"median ratio {sorted(ratios)[ROUNDS // 2]:.2f}; goals: 0.6, 50 bytes a card")
        print(f"peak memory of this program, the driver's rows included: {peak_mb} MB")


if __name__ == "__main__":
    main()
