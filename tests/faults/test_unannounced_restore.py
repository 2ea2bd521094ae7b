"""Central's database is put back and nobody says so: a file beside it knows, or else a till does.

A real till with its files, push and pull, a real central with its routes and books. Each sale is
worth 5 points.
"""

import asyncio
import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from tessera.central.reach import REACH_FILE, noted_reach
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


def test_it_notices_before_any_till_comes_and_grants_nothing_anew(shop: Shop) -> None:
    """Three sales are in the backup, the grant of their 15 points is not."""
    office, till = shop.office, shop.first

    async def live() -> None:
        for _ in range(3):
            shop.sell(till)
        await shop.push(till)
        office.back_up()
        office.work()
        await shop.pull(till)
        assert till.may_spend() == 15
        office.put_back(keeps_files=True)
        office.work()
        assert told(office) == [("", "database-went-back")]
        assert codes(office) == ["database_went_back"]
        assert (office.points(), office.granted()) == (15, 0)
        # A restart changes nothing about it, and it is told once.
        office.start()
        office.work()
        assert len(told(office)) == 1
        office.announce()
        await shop.settle()
        assert codes(office) == []
        assert (office.points(), office.granted(), till.may_spend()) == (15, 15, 15)

    asyncio.run(live())


@pytest.mark.parametrize("knows", [True, False])
def test_a_neighbour_gets_nothing_in_place_of_a_forgotten_grant(
    office: Office, tmp_path: Path, knows: bool
) -> None:
    """15 points granted to one till after the backup; then its neighbour sells to the member.

    Without the file the neighbour is granted what both hold then, and 20 points buy for 35.
    """
    office.begin(random.Random(1))
    shop = Shop(tmp_path, 1, random.Random(1), office)
    shop.open("a", "b")
    holder, neighbour = shop.machines

    async def live() -> None:
        for _ in range(3):
            shop.sell(holder)
        await shop.push(holder)
        office.back_up()
        office.work()
        await shop.pull(holder)
        office.put_back(keeps_files=knows)
        shop.sell(neighbour)
        await shop.push(neighbour)
        office.work()
        await shop.pull(neighbour)
        assert (holder.may_spend(), neighbour.may_spend()) == (15, 0 if knows else 20)
        office.announce()
        await shop.settle()
        assert office.points() == 20
        assert holder.may_spend() + neighbour.may_spend() == (20 if knows else 35)
        await shop.close()

    asyncio.run(live())


def test_a_backup_older_than_the_last_restore_begins_a_generation_of_a_number_of_its_own(
    shop: Shop,
) -> None:
    office = shop.office

    async def live() -> None:
        await trade(shop, 1)
        office.back_up()
        office.restore()
        office.restore()
        await trade(shop, 1)
        assert office.central.state().generation_number == 3
        office.put_back(keeps_files=True)
        office.work()
        assert codes(office) == ["database_went_back"]
        office.announce()
        assert office.central.state().generation_number == 4
        await shop.settle()
        assert (office.points(), shop.first.shown()) == (10, 10)

    asyncio.run(live())


def test_a_file_that_does_not_read_is_written_anew(shop: Shop) -> None:
    office = shop.office
    for content in (b"", b"{", b'{"generation":"g"}', b"\xff" * 2_000):
        (office.folder / REACH_FILE).write_bytes(content)
        office.start()
        office.work()
        assert noted_reach(office.central) is not None
    assert told(office) == []


def test_where_the_file_cannot_be_written_central_goes_on(
    shop: Shop, caplog: pytest.LogCaptureFixture
) -> None:
    office = shop.office
    (office.folder / REACH_FILE).unlink(missing_ok=True)
    (office.folder / REACH_FILE).mkdir()

    async def live() -> None:
        office.start()
        await trade(shop, 1)
        await trade(shop, 1)

    asyncio.run(live())
    (office.folder / REACH_FILE).rmdir()
    assert office.points() == 10
    assert [one.getMessage() for one in caplog.records if one.levelname == "WARNING"] == [
        "how far the database has come could not be noted"
    ]
