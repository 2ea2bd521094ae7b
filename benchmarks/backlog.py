"""Thirty days without a line: 60,000 records of a till drain to a real central.

Central is its own process on SQLite, the records are whole sales with all their inputs, and one
counts as sent once central has synced it. Shows how the time grows with the queue, the bytes on the
line beside the same sales as plain JSON, and what the till's own part (reading, chaining, packing)
costs alone. An argument sets the largest queue.
"""

import asyncio
import contextlib
import gzip
import json
import os
import secrets
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import TypeVar

import sqlalchemy as sa

from tessera.agent.enrolment import REGISTER_KEY, enrol, read_key
from tessera.agent.sync_loop import SyncLoop
from tessera.core.basket import Basket, Line, LineTax, Place
from tessera.core.identity import SaleKey, new_uid
from tessera.core.journal import RecordDraft
from tessera.core.member import MemberState, UnitBalance
from tessera.core.quote import LineQuote, Quote, TaxGroup, UnitMovement
from tessera.core.sale import SaleBody, Tender
from tessera.store.engine import Engines
from tessera.store.till import committed_sales, outbox
from tessera.store.till.opening import open_till
from tessera.store.till.values import AccountEffect, RegisterIdentity
from tessera.sync.batching import payload_of
from tessera.sync.client import GZIP_LEVEL, HttpCentral, Signer
from tessera.sync.records import encoded
from tests.support.till import DAY

T = TypeVar("T")
MEMBERS = 2_000
QUEUES = (2_000, 60_000)
AT = datetime(2026, 11, 21, 10, 15, tzinfo=UTC)


def body_of(number: int) -> SaleBody:
    """A sale of three lines, with its inputs and its quote."""
    lines = tuple(
        Line(
            line_id=str(n),
            sku=f"40063813{(number * 7 + n) % 5000:05}",
            text=f"article {(number * 7 + n) % 5000}",
            quantity=Decimal(n + 1),
            amount_minor=199 * (n + 1) + number % 50,
            taxes=(LineTax(code="A", rate=Decimal("0.19")),),
            categories=(f"category-{(number + n) % 40}",),
        )
        for n in range(3)
    )
    total = sum(line.amount_minor for line in lines)
    quote = Quote(
        engine="bench",
        programme="bench",
        currency="EUR",
        shelf_minor=total,
        discount_minor=0,
        tendered_units_minor=0,
        due_minor=total,
        lines=tuple(
            LineQuote(
                line_id=line.line_id,
                amount_minor=line.amount_minor,
                discount_minor=0,
                due_minor=line.amount_minor,
                fold=n,
            )
            for n, line in enumerate(lines)
        ),
        taxes=(TaxGroup(code="A", rate="0.19", net_minor=total, tax_minor=0, gross_minor=total),),
        units=(UnitMovement(unit="points", earned=total // 100),),
    )
    return SaleBody(
        key=SaleKey(store="s1", pos="pos", business_day=DAY, sale_id=f"2026-11-21-{number:06}"),
        place=Place(at=AT, business_day=DAY, store="s1", register="r1"),
        basket=Basket(currency="EUR", lines=lines),
        member=MemberState(
            member_id=f"m{number % MEMBERS}",
            tier="silver",
            units=(UnitBalance(unit="points", balance=number % 900, spendable=number % 90),),
        ),
        quote=quote,
        tenders=(Tender(kind="cash", amount_minor=total),),
        total_taken_minor=total,
        card_hash=f"{number % MEMBERS:032x}",
        card_key_id=1,
    )


def sell(engines: Engines, first: int, count: int) -> None:
    """Many sales in few transactions: how they came here is not what is measured."""
    with engines.writer.begin() as tx:
        for number in range(first, first + count):
            body = body_of(number)
            draft = RecordDraft(
                uid=new_uid(number, secrets.token_bytes(10)),
                kind="sale",
                business_day=DAY,
                wall_ms=1_795_000_000_000 + number,
                mono_ms=number,
                boot_id="boot",
                bundle="0" * 64,
                engine="bench",
                body=encoded(body),
            )
            assert body.member is not None
            effect = AccountEffect(
                member_id=body.member.member_id,
                account="points",
                delta=body.quote.units[0].earned,
            )
            committed_sales.commit_record(tx, draft=draft, effects=[effect], sale=body.key)


class OneWriter:
    """The agent's writer without its agent."""

    def __init__(self, engines: Engines) -> None:
        self._engines = engines
        self._thread = ThreadPoolExecutor(max_workers=1)

    async def run(self, work: Callable[[sa.Connection], T]) -> T:
        def write() -> T:
            with self._engines.writer.begin() as tx:
                return work(tx)

        return await asyncio.get_running_loop().run_in_executor(self._thread, write)


class Clock:
    def wall_ms(self) -> int:
        return time.time_ns() // 1_000_000


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

    def link_as(signer: Signer | None) -> HttpCentral:
        return HttpCentral(url, signer=signer, wall_ms=Clock().wall_ms, random=secrets.token_bytes)

    link = link_as(None)
    await enrol(
        folder=folder,
        writer=engines.writer,
        link=link,
        code=code,
        host="bench",
        random=secrets.token_bytes,
    )
    await link.close()

    def open_link(identity: RegisterIdentity) -> HttpCentral:
        key = read_key(folder / REGISTER_KEY)
        return link_as(
            Signer(register=identity.register, incarnation=identity.incarnation, key=key)
        )

    print(f"{'queue':>8}{'accepted s':>12}{'records/s':>11}{'booked and back s':>19}")
    sold = 1
    for queue in (each for each in QUEUES if each <= int((sys.argv[1:] or ["60000"])[0])):
        sell(engines, sold, queue)
        sold += queue
        if queue == QUEUES[0]:
            show_bytes(engines)
        stop = asyncio.Event()
        loop = SyncLoop(
            engines=engines,
            writer=OneWriter(engines),
            open_link=open_link,
            parse_programme=lambda _text, _file: [],
            clock=Clock(),
            chance=lambda: 0.5,
            random=secrets.token_bytes,
            on_change=lambda _: None,
        )
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


def depth(engines: Engines) -> int:
    with engines.reader.connect() as connection:
        return outbox.depth(connection)


def pending(engines: Engines) -> int:
    with engines.reader.connect() as connection:
        cursor = connection.connection.cursor()
        cursor.execute("SELECT count(*) FROM own_effect WHERE included_from IS NULL")
        return int((cursor.fetchone() or (0,))[0])


def show_bytes(engines: Engines) -> None:
    with engines.reader.connect() as connection:
        records = outbox.waiting(connection, limit=200)
    payload = payload_of(records)
    begun = time.perf_counter()
    packed = gzip.compress(payload, GZIP_LEVEL)
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
