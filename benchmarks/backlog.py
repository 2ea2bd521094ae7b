"""Thirty days without a line: 60,000 records of a till drain to a real central.

Central is its own process on SQLite, the records are whole sales with all their inputs, and one
counts as sent once central has synced it. Shows how the time grows with the queue, the bytes on the
line beside the same sales as plain JSON, and what the till's own part (reading, chaining, packing)
costs alone. An argument sets the largest queue.
"""

import asyncio
import contextlib
import json
import os
import secrets
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from tessera.store.engine import Engines
from tessera.store.till import outbox
from tessera.store.till.opening import open_till
from tessera.sync.batching import packed as pack
from tessera.sync.batching import payload_of
from tests.support.long_queue import MEMBERS, depth, enrol_till, pending, sell, sync_loop

QUEUES = (2_000, 60_000)


def tessera(*words: str) -> str:
    command = [sys.executable, "-m", "tessera", *words]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


@contextlib.contextmanager
def central(folder: Path) -> Iterator[tuple[str, str]]:
    """A central in a process of its own: its address and an enrolment code."""
    config = folder / "central.toml"
    config.write_text('data_dir = "central"\n[listen]\nport = 0\n[log]\nlevel = "error"\n')
    settings = ("--config", str(config))
    added = tessera(
        "central", "register", "add", "--store", "s1", "--register", "r1", "--json", *settings
    )
    members = folder / "members.jsonl"
    members.write_text(
        "".join(
            json.dumps({"member_id": f"m{n}", "display_name": "A. M.", "store": "s1"}) + "\n"
            for n in range(MEMBERS)
        )
    )
    tessera("central", "member", "import", str(members), *settings)
    process = subprocess.Popen([sys.executable, "-m", "tessera", "central", "serve", *settings])
    try:
        address = folder / "central" / "central.address"
        while not address.exists():
            time.sleep(0.05)
        time.sleep(1.0)
        yield address.read_text().strip(), json.loads(added)["code"]
    finally:
        process.terminate()
        process.wait(30)


async def drain(folder: Path, url: str, code: str) -> None:
    till, _ = open_till(folder, random=secrets.token_bytes, wall_ms=1, reserve_bytes=0)
    engines = till.engines

    await enrol_till(engines, folder, url, code)
    print(f"{'queue':>8}{'accepted s':>12}{'records/s':>11}{'booked and back s':>19}")
    sold = 1
    for queue in (each for each in QUEUES if each <= int((sys.argv[1:] or ["60000"])[0])):
        sell(engines, sold, queue)
        sold += queue
        if queue == QUEUES[0]:
            show_bytes(engines)
        stop = asyncio.Event()
        loop = sync_loop(engines, folder, url)
        begun = time.perf_counter()
        task = asyncio.create_task(loop.run(stop))
        accepted = await until(lambda: depth(engines) == 0, begun)
        back = await until(lambda: pending(engines) == 0, begun)
        print(f"{queue:8,}{accepted:12.1f}{queue / accepted:11.0f}{back:19.1f}")
        stop.set()
        await task
    till.close()
    print("goals: 60,000 accepted within 60 s; bytes at most 0.16 of JSON")


async def until(ready: Callable[[], bool], begun: float) -> float:
    while not ready():  # noqa: ASYNC110 - the database has no event to wait for
        await asyncio.sleep(0.1)
    return time.perf_counter() - begun


def show_bytes(engines: Engines) -> None:
    with engines.reader.connect() as connection:
        records = outbox.waiting(connection, limit=200)
    payload = payload_of(records)
    begun = time.perf_counter()
    packed = pack(payload)
    spent = time.perf_counter() - begun
    print(
        f"{len(payload) / len(records):.0f} bytes a record, {len(packed) / len(records):.0f} on"
        f" the line ({len(packed) / len(payload):.3f} of JSON);"
        f" packing a batch {spent * 1e3:.1f} ms"
    )


def main() -> None:
    with tempfile.TemporaryDirectory(dir=os.environ.get("BENCH_DIR")) as name:
        folder = Path(name)
        (folder / "till").mkdir()
        with central(folder) as (url, code):
            asyncio.run(drain(folder / "till", url, code))


if __name__ == "__main__":
    main()
