"""Central's ingest against the floor: sales through HTTP to booked balances, beside a bare COPY.

Ours is everything: signatures, hash chain, exactly once, double entry, balances, leases, outcomes,
segments; measured from the first batch sent to the last record booked and published. The floor is
psycopg's COPY of the same bytes into one table, a commit for each batch of 200. Both on the same
throw-away PostgreSQL with durable commits, taking turns in one run.
"""

import argparse
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from statistics import median

import httpx
import psycopg

from benchmarks._postgres import running
from tessera.central.enrol import add_register
from tessera.central.members import NewMember, add_members
from tessera.central.opening import opened
from tessera.central.settings import CentralSettings, DatabaseSettings, ListenSettings
from tessera.sync.records import encoded
from tessera.sync.wire import EnrolRequest
from tests.store.central.scripted_till import SignedBatch, Till

BATCH = 200
CLIENTS = 4


def make_tills(count: int, batches: int, members: int, turn: int) -> dict[str, list[SignedBatch]]:
    """Batches by register, made beforehand."""
    made: dict[str, list[SignedBatch]] = {}
    for number in range(count):
        till = Till(
            register=f"t{turn}-{number}",
            store=f"s{number % 10}",
            number=turn * 1000 + number,
            incarnation=f"{turn:08x}{number:08x}",
        )
        for n in range(batches * BATCH):
            till.sell(f"M-{(n * 7919 + number * 104_729) % members}", earned=3)
        made[till.register] = [
            till.batch(first, first + BATCH - 1) for first in range(1, batches * BATCH, BATCH)
        ]
        TILLS[till.register] = till
    return made


TILLS: dict[str, Till] = {}


@contextmanager
def serving(config: Path, folder: Path) -> Iterator[str]:
    """A real central process; its address."""
    address = folder / "central" / "central.address"
    address.unlink(missing_ok=True)
    words = [sys.executable, "-m", "tessera", "central", "serve", "--config", str(config)]
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(words, stderr=log)
    try:
        while not address.exists() or not address.read_text().endswith("\n"):
            time.sleep(0.05)
        yield address.read_text().strip()
    finally:
        process.terminate()
        process.wait()


def waiting(dsn: str) -> int:
    """Batches not booked and changes not published."""
    with psycopg.connect(dsn) as connection:
        row = connection.execute(
            "SELECT (SELECT count(*) FROM inbox_due) + (SELECT count(*) FROM member_head h "
            "JOIN member_cursor c USING (bucket) WHERE h.v > c.v)"
        ).fetchone()
    assert row is not None
    return int(row[0])


def push_all(address: str, made: dict[str, list[SignedBatch]]) -> None:
    """Every register sends its batches in order, a few registers at a time."""
    limits = httpx.Limits(max_connections=CLIENTS)
    with httpx.Client(base_url=address, timeout=120, trust_env=False, limits=limits) as client:

        def one(register: str) -> None:
            for batch in made[register]:
                headers = TILLS[register].batch_headers(batch)
                answer = client.post("/v1/batches", content=batch.body, headers=headers)
                answer.raise_for_status()

        with ThreadPoolExecutor(CLIENTS) as pool:
            list(pool.map(one, made))


def ours(address: str, dsn: str, made: dict[str, list[SignedBatch]]) -> tuple[float, float]:
    """Seconds until the last batch was accepted, and until everything was booked and published."""
    started = time.monotonic()
    push_all(address, made)
    accepted = time.monotonic() - started
    while waiting(dsn):
        time.sleep(0.25)  # seldom, or asking would cost what is measured
    return accepted, time.monotonic() - started


def floor(dsn: str, raws: list[bytes]) -> float:
    """Seconds for COPY of the same bytes, a durable commit for each batch."""
    with psycopg.connect(dsn) as connection:
        connection.execute("CREATE TABLE IF NOT EXISTS floor (n bigint, body text)")
        connection.execute("TRUNCATE floor")
        connection.commit()
        texts = [raw.decode() for raw in raws]
        started = time.monotonic()
        for first in range(0, len(texts), BATCH):
            with connection.cursor().copy("COPY floor (n, body) FROM STDIN") as copy:
                for n, text in enumerate(texts[first : first + BATCH], start=first):
                    copy.write_row((n, text))
            connection.commit()
        return time.monotonic() - started


def enrol_all(address: str, codes: dict[str, str]) -> None:
    with httpx.Client(base_url=address, timeout=60, trust_env=False) as client:
        for register, code in codes.items():
            till = TILLS[register]
            request = EnrolRequest(
                code=code, public_key=till.key.public.hex(), incarnation=till.incarnation
            )
            client.post("/v1/enrol", content=encoded(request)).raise_for_status()


def main() -> None:
    words = argparse.ArgumentParser(description=__doc__)
    words.add_argument("--tills", type=int, default=10)
    words.add_argument("--batches", type=int, default=5)
    words.add_argument("--members", type=int, default=2_000)
    words.add_argument("--turns", type=int, default=3)
    asked = words.parse_args()
    with tempfile.TemporaryDirectory() as name, running() as postgres:
        folder, dsn = Path(name), f"host={postgres} user=postgres"
        url = f"postgresql://postgres@/postgres?host={postgres}"
        settings = CentralSettings(
            data_dir=folder / "central",
            database=DatabaseSettings(url=url),
            listen=ListenSettings(port=0),
        )
        config = folder / "central.toml"
        config.write_text(
            f'data_dir = "central"\n[listen]\nport = 0\n[database]\nurl = "{url}"\n'
            '[log]\nlevel = "warning"\n'
        )
        turns = [
            make_tills(asked.tills, asked.batches, asked.members, turn)
            for turn in range(asked.turns)
        ]
        with opened(settings) as central:
            members = [
                NewMember(member_id=f"M-{n}", home_store=f"s{n % 10}", opening={"points": 10_000})
                for n in range(asked.members)
            ]
            add_members(central, members)
            codes = {
                register: add_register(central, store_id=till.store, register_id=register)
                for register, till in TILLS.items()
            }
        with serving(config, folder) as address:
            enrol_all(address, codes)
            while waiting(dsn):
                time.sleep(0.05)
            report(address, dsn, turns)


def report(address: str, dsn: str, turns: list[dict[str, list[SignedBatch]]]) -> None:
    """Take turns and print the table."""
    rates: dict[str, list[float]] = {"copy": [], "accepted": [], "booked": [], "again": []}
    for made in turns:
        records = [record.raw for register in made for record in TILLS[register].records]
        rates["copy"].append(len(records) / floor(dsn, records))
        accepted, booked = ours(address, dsn, made)
        rates["accepted"].append(len(records) / accepted)
        rates["booked"].append(len(records) / booked)
        again, _ = ours(address, dsn, made)
        rates["again"].append(len(records) / again)
    size = sum(len(raw) for raw in records) / len(records)
    sent = sum(len(batch.body) for batches in made.values() for batch in batches)
    bytes_each = sent / len(records)
    print(f"{len(records)} sales a turn of {size:.0f} bytes, {bytes_each:.0f} on the line")
    print("| work | sales/s (median) | spread | of COPY |")
    print("|---|---|---|---|")
    base = median(rates["copy"])
    named = {
        "copy": "psycopg COPY text, commit per 200",
        "accepted": "accepted through HTTP",
        "booked": "booked and published",
        "again": "the same batches sent again",
    }
    for key, label in named.items():
        values = rates[key]
        spread = f"{min(values):,.0f}–{max(values):,.0f}"
        middle = median(values)
        print(f"| {label} | {middle:,.0f} | {spread} | {middle / base:.3f} |")


if __name__ == "__main__":
    main()
