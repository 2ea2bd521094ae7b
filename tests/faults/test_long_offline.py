"""Thirty days without a line: everything arrives once, and one bad record holds up no other.

The short forms have some hundred records; the long ones the 60,000 and 10,000 that are promised.
How long it takes is measured by `benchmarks/backlog.py`, never here.
"""

import asyncio
import secrets
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import msgspec
import pytest
import sqlalchemy as sa

from tessera.central import settling
from tessera.central.apply import REASON_FAILED
from tessera.central.booking import Booked, book_sale
from tessera.central.enrol import add_register
from tessera.central.members import NewMember, add_members
from tessera.central.metrics import Metrics
from tessera.central.opening import Central
from tessera.central.worker import Worker
from tessera.core.sale import SaleBody
from tessera.store.central import inbox, schema
from tessera.store.central.accounts import MemberAccounts
from tessera.store.central.sale_book import APPLIED
from tessera.store.till.opening import open_till
from tests.store.central.parts import accept, central_on, differences, enrolled, settings_for
from tests.store.central.scripted_till import Till
from tests.store.central.served import served
from tests.support.long_queue import MEMBERS, depth, earned_by, enrol_till, pending, sell, sync_loop
from tests.support.waiting import wait_until

BATCH = 40
LONG_S = 1800.0

pytestmark = pytest.mark.timeout(600)  # two loaded cores and a slow disk, not a measure of speed


def settings(folder: Path) -> str:
    config = folder / "central.toml"
    config.write_text(
        f'data_dir = "central"\n[database]\nurl = "sqlite:///{folder / "central.db"}"\n'
    )
    return str(config)


def applied(central: Central) -> int:
    table = schema.OUTCOME
    query = sa.select(sa.func.count()).select_from(table).where(table.c.state == APPLIED)
    with central.engines.reader.begin() as tx:
        return int(tx.execute(query).scalar_one())


def points_of_all(central: Central) -> int:
    table = schema.BALANCE
    query = sa.select(sa.func.sum(table.c.points)).where(table.c.account == "points")
    with central.engines.reader.begin() as tx:
        return int(tx.execute(query).scalar_one())


@pytest.mark.parametrize(
    "count", [600, pytest.param(60_000, marks=[pytest.mark.soak, pytest.mark.timeout(3600)])]
)
def test_a_long_queue_arrives_once_and_whole(tmp_path: Path, count: int) -> None:
    """Each sale earns one point for each whole euro; the ledger has the sum of them."""
    (tmp_path / "till").mkdir()
    url = f"sqlite:///{tmp_path / 'central.db'}"
    with central_on(settings_for(url, tmp_path)) as central:
        add_members(
            central, [NewMember(member_id=f"m{n}", home_store="s1") for n in range(MEMBERS)]
        )
        code = add_register(central, store_id="s1", register_id="r1")
        with served(central) as client:
            till, _ = open_till(
                tmp_path / "till", random=secrets.token_bytes, wall_ms=1, reserve_bytes=0
            )
            engines = till.engines

            async def drain() -> None:
                address = str(client.base_url).rstrip("/")
                await enrol_till(engines, tmp_path / "till", address, code)
                sell(engines, 1, count)
                assert depth(engines) == count
                stop = asyncio.Event()
                loop = asyncio.create_task(sync_loop(engines, tmp_path / "till", address).run(stop))
                async with asyncio.timeout(LONG_S):
                    while depth(engines) or pending(engines):  # noqa: ASYNC110 - no event tells
                        await asyncio.sleep(0.1)
                stop.set()
                await loop

            asyncio.run(drain())
            till.close()
        assert applied(central) == count
        assert points_of_all(central) == earned_by(range(1, count + 1))
        assert differences(central) == []


@pytest.mark.parametrize(
    "count", [120, pytest.param(10_000, marks=[pytest.mark.soak, pytest.mark.timeout(3600)])]
)
def test_one_poison_record_is_parked_and_seen_and_all_others_are_booked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, count: int
) -> None:
    """Booking it breaks central itself, as a bug of a release would: all but it give 2 points."""
    url = f"sqlite:///{tmp_path / 'central.db'}"
    till = Till(store="berlin-1")
    with central_on(settings_for(url, tmp_path)) as central:
        members = [NewMember(member_id=f"M-{n}", home_store="berlin-1") for n in range(50)]
        add_members(central, members)
        enrolled(central, till)
        for n in range(count):
            till.sell(f"M-{n % 50}", earned=2)
        poison = till.records[count // 2].uid

        def break_on_poison(
            state: MemberAccounts, body: SaleBody, *, uid: str, **more: Any
        ) -> Booked:
            if uid == poison:
                raise RuntimeError("planted")
            return book_sale(state, body, uid=uid, **more)

        monkeypatch.setattr(settling, "book_sale", break_on_poison)
        for first in range(1, count + 1, BATCH):
            accept(central, till.batch(first, min(count, first + BATCH - 1)))
        worker = Worker(central, metrics=Metrics(), idle_s=0.01)
        thread = threading.Thread(target=worker.run)
        thread.start()
        try:
            wait_until(lambda: _is_empty(central), what="all booked", timeout_s=LONG_S)
        finally:
            worker.stop()
            thread.join()
        assert applied(central) == count - 1
        assert points_of_all(central) == 2 * (count - 1)
    words = ["central", "quarantine", "list", "--json", "--config", settings(tmp_path)]
    shown = subprocess.run(
        [sys.executable, "-m", "tessera", *words], check=False, capture_output=True, text=True
    )
    (row,) = msgspec.json.decode(shown.stdout)["parked"]
    assert (row["uid"], row["reason"]) == (poison, REASON_FAILED)


def _is_empty(central: Central) -> bool:
    with central.engines.reader.begin() as tx:
        return inbox.due_count(tx, most=1) == 0
