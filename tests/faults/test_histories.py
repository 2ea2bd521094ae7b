"""Clones, rewinds and restores by random schedules: each is noticed, no sale is lost or doubled.

Every schedule holds at least one of what it is named after. A failure names kind and seed; the same
seed makes the same history again.
"""

import asyncio
import random
import shutil
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from tessera.central.verify import Tally, verify
from tests.support.histories import Office, Shop
from tests.support.in_memory import in_memory

KINDS = ("clone", "rewind", "restored", "neighbours", "unannounced", "noticed", "mixed")
SEEDS = 4
SEEDS_SOAK = 1_000
FIRST_SOAK = 10_000


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    with tempfile.TemporaryDirectory(dir=in_memory()) as folder:
        office = Office(Path(folder) / "central")
        asyncio.run(office.open())
        yield office
        office.stop()


async def live(shop: Shop, kind: str) -> None:
    things = {"clone": shop.clone, "rewind": shop.rewind, "restored": shop.restore_central}
    mixed = sorted(things)
    things["unannounced"] = shop.put_central_back
    things["neighbours"] = shop.restore_central
    things["noticed"] = shop.put_database_back
    shop.shows_all_it_sold = kind in {"restored", "unannounced"}
    shop.spends = True
    shop.open(*("ab" if kind in {"neighbours", "noticed"} else "a"))
    await shop.some_days(5)
    for _ in range(shop.chance.randrange(1, 3) if kind != "mixed" else 3):
        await things[kind if kind != "mixed" else shop.chance.choice(mixed)]()
        await shop.some_days(4)
    await shop.settle()


def noticed(shop: Shop) -> Counter[str]:
    """What operators saw of it, by the name under which they see it."""
    seen = Counter(dict.fromkeys(shop.office.alarms() | shop.office.told, 1))
    seen.update(finding for machine in shop.machines for finding in machine.findings)
    seen["generation"] = shop.first.generations
    seen["shortened"] = shop.let_go
    return +seen


def examine(shop: Shop) -> Counter[str]:
    """Hold a settled shop to every promise; what was noticed."""
    booked, seen = shop.office.booked(), noticed(shop)
    assert set(booked.values()) <= {"applied"}
    assert set(booked) <= shop.sold
    missing = shop.sold - shop.gone - set(booked)
    if missing:
        # Only what a till let go of since a backup that was not the one restored; and it is told.
        assert shop.lost_with_backup, "sales are lost"
        # A copy that still holds what its original let go is not asked for it; see guarantees. So
        # is a disk that was put back: it is a copy of what it was before.
        is_copied = any(one.startswith(("clone", "rewind disk")) for one in shop.happened)
        held = set().union(*(one.on_disk() for one in shop.machines))
        assert is_copied or missing.isdisjoint(held)
        assert seen["records-missing"], "nobody is told that sales are missing"
    examine_leases(shop, set(booked))
    assert list(verify(shop.office.central, Tally())) == []
    did = Counter(" ".join(one.split()[:2]) for one in shop.happened)
    clones = sum(one.startswith("clone ") for one in shop.happened)
    if any(len(uids) > 1 for uids in shop.pushed.values()):
        # Of one that was lost with the wrong backup only that it is missing can be known.
        assert seen["fork"] or missing, "nobody noticed two histories"
    if clones or did["rewind disk"]:
        assert seen["fork"] + seen["new-incarnation"], "nobody noticed that a disk was there twice"
    assert seen["database_restored"] >= did["rewind database"]
    if did["rewind database"]:
        assert seen["new-incarnation"]
    assert seen["generation"] >= did["restore central"]
    if did["restore central"]:
        assert shop.resent, "nothing was sent again"
    return seen


def examine_leases(shop: Shop, booked: set[str]) -> None:
    """No point is spent twice but by a copied disk, and then it is owed; what a till may spend is
    set aside."""
    office = shop.office
    points, owed = office.points(), office.points("owed:points")
    assert points + owed == shop.worth(booked)
    assert [machine.shown() for machine in shop.machines] == [points] * len(shop.machines)
    copied = [one for one in shop.happened if one.startswith(("clone", "rewind"))]
    # Each copy of a disk can spend what its leases held once more, and no more.
    assert -owed <= len(copied) * office.granted() or shop.lost_with_backup
    if copied:
        return
    for machine in shop.machines:
        may_spend, set_aside = machine.may_spend(), office.set_aside(machine.life())
        # What was spent in records that are gone stays set aside: nobody can spend it again.
        assert may_spend == set_aside or (shop.lost_with_backup and may_spend < set_aside)
    assert owed == 0 or shop.lost_with_backup, "points were spent twice"


async def lived(office: Office, folder: Path, kind: str, seed: int) -> tuple[Counter[str], str]:
    """Live one history through; what was noticed, and its digest."""
    chance = random.Random(seed)
    office.begin(chance)
    shop = Shop(folder, seed, chance, office)
    try:
        await live(shop, kind)
        return examine(shop), shop.trace()
    except Exception as error:
        error.add_note(f"{kind}, seed {seed}: {'; '.join(shop.happened)}")
        raise
    finally:
        await shop.close()
        await asyncio.to_thread(shutil.rmtree, folder)


def histories(office: Office, folder: Path, kind: str, seeds: range) -> None:
    """Live many, and say what was noticed in how many of them."""
    seen = Counter[str]()

    async def all_of_them() -> None:
        for seed in seeds:
            found, _ = await lived(office, folder / str(seed), kind, seed)
            seen.update(found.keys())

    asyncio.run(all_of_them())
    told = ", ".join(f"{count} {what}" for what, count in sorted(seen.items()))
    print(f"{len(seeds)} histories ({kind}), seeds {seeds.start} to {seeds.stop - 1}: {told}")
    assert seen


@pytest.mark.parametrize("kind", KINDS)
def test_no_history_is_lost_or_counted_twice(office: Office, memory: Path, kind: str) -> None:
    histories(office, memory, kind, range(SEEDS))


def test_a_seed_names_one_history(office: Office, memory: Path) -> None:
    first = asyncio.run(lived(office, memory / "one", "mixed", 77))
    assert first == asyncio.run(lived(office, memory / "two", "mixed", 77))


@pytest.mark.soak
@pytest.mark.timeout(7200)
@pytest.mark.parametrize("kind", KINDS)
def test_a_thousand_histories(office: Office, memory: Path, kind: str) -> None:
    histories(office, memory, kind, range(FIRST_SOAK, FIRST_SOAK + SEEDS_SOAK))
