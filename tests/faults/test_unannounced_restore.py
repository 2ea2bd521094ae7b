"""Central's database is put back and nobody says so: it notices at the first contact with a till.

A real till with its files, push and pull, a real central with its routes and books. Each sale is
worth 5 points.
"""

import asyncio
import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from tessera.central.standing import Disk, look
from tessera.central.verify import Tally, verify
from tessera.store.central.register_book import read_alarms
from tessera.sync.link import CentralBusy
from tests.support.histories import Office, Shop
from tests.support.history_till import TILLS, Machine

ROOMY = Disk(free_bytes=500 * 10**9, total_bytes=1000 * 10**9)


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    office = Office(tmp_path_factory.mktemp("central"))
    asyncio.run(office.open())
    yield office
    office.stop()


@pytest.fixture
def shop(office: Office, tmp_path: Path) -> Iterator[Shop]:
    office.begin(random.Random(1))
    shop = Shop(tmp_path, 1, random.Random(1), office)
    shop.open("a")
    yield shop
    asyncio.run(shop.close())


async def trade(shop: Shop, sales: int) -> None:
    """Sales that are sent, booked and heard of."""
    for _ in range(sales):
        shop.sell(shop.first)
    await shop.push(shop.first)
    shop.office.work()
    await shop.pull(shop.first)


def codes(office: Office) -> list[str]:
    found = look(office.central, silent_days=3, free=ROOMY)
    return [one.code for one in found.findings if one.code != "alarms"]


def told(office: Office) -> list[tuple[str, str]]:
    with office.central.engines.reader.begin() as tx:
        return [(one.register_id, one.kind) for one in read_alarms(tx)]


async def refused(till: Machine) -> None:
    with pytest.raises(CentralBusy, match="older than what this register was told"):
        await till.pull()
    with pytest.raises(CentralBusy, match="older than what this register was told"):
        await till.push_once()


def test_it_is_noticed_and_until_somebody_acts_the_till_keeps_and_shows_what_it_has(
    shop: Shop,
) -> None:
    """Three sales are in the backup, two after it; one is made while central stands there."""
    office, till = shop.office, shop.first

    async def live() -> None:
        await trade(shop, 3)
        office.back_up()
        await trade(shop, 2)
        assert (office.points(), till.shown()) == (25, 25)
        office.put_back()
        assert codes(office) == []
        shop.sell(till)
        await refused(till)
        assert told(office) == [(TILLS["a"], "database-went-back")]
        assert codes(office) == ["database_went_back"]
        office.work()
        # No point twice and none missing, and the sale waits.
        assert (till.shown(), len(till.waiting()), office.points()) == (30, 1, 15)
        office.announce()
        assert codes(office) == ["grants_awaited"]
        await shop.settle()
        assert codes(office) == []
        assert (office.points(), till.shown()) == (30, 30)
        assert set(office.booked()) == shop.sold

    asyncio.run(live())
    assert list(verify(office.central, Tally())) == []


def test_a_till_that_has_only_been_acknowledged_proves_it_by_its_next_batch(shop: Shop) -> None:
    """Nothing was published after the backup: its place in the streams gives nothing away."""
    office, till = shop.office, shop.first

    async def live() -> None:
        await trade(shop, 1)
        office.back_up()
        await shop.pull(till)
        shop.sell(till)
        await shop.push(till)
        office.put_back()
        shop.sell(till)
        with pytest.raises(CentralBusy):
            await till.push_once()
        with pytest.raises(CentralBusy):
            await till.pull()
        assert told(office) == [(TILLS["a"], "database-went-back")]
        office.announce()
        await shop.settle()
        assert (office.points(), till.shown()) == (15, 15)

    asyncio.run(live())


def test_an_announced_restore_is_no_alarm(shop: Shop) -> None:
    office = shop.office

    async def live() -> None:
        await trade(shop, 2)
        office.back_up()
        await trade(shop, 2)
        office.restore()
        shop.sell(shop.first)
        await shop.settle()
        assert told(office) == []
        assert (office.points(), shop.first.shown()) == (25, 25)

    asyncio.run(live())
