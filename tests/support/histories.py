"""Shops in which disks are copied and put back, in one process and one thread of events.

Everything is the real thing but the network and the clock: tills with their files, their push and
pull, central with its routes, signatures and books, called one after the other. What happens, and
every key and number that is drawn, follows from a seed, so that a seed names a history for ever.
"""

import hashlib
import random
import shutil
from collections import defaultdict
from collections.abc import Iterable
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import sqlalchemy as sa

from tessera.central.app import build_app
from tessera.central.backups import begin_backup, copy_database, finish_backup
from tessera.central.enrol import add_register, revoke_register
from tessera.central.generations import begin_generation
from tessera.central.members import NewMember, add_members
from tessera.central.metrics import Metrics
from tessera.central.opening import Central, opened
from tessera.central.reach import REACH_FILE
from tessera.central.settings import CentralSettings
from tessera.central.worker import Worker
from tessera.core.identity import bucket_of
from tessera.store.central import ledger_book, schema
from tessera.store.central.accounts import Lease
from tessera.store.central.register_book import read_alarms
from tessera.store.till.opening import DATABASE
from tessera.sync.link import CentralBusy
from tests.support.history_till import MEMBER, POINTS, SPENT_MAX, TILLS, Machine

START_MS = 1_795_000_000_000
ROUNDS_MAX = 12


class Office:
    """Central, and the operator who backs it up and restores it.

    One serves many schedules: each begins with the same files, in which a register was enrolled and
    a member admitted.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._chance = random.Random()
        self._now_ms = START_MS
        self.told = set[str]()
        self._open = ExitStack()
        settings = CentralSettings(data_dir=folder)
        self.central: Central = self._open.enter_context(
            opened(settings, random=self._random, now_ms=self.now_ms)
        )
        self.start()

    async def open(self) -> None:
        """Enrol the register and admit the member; schedules begin from here."""
        add_members(self.central, [NewMember(member_id=MEMBER, home_store="shop")])
        for name, register in TILLS.items():
            code = add_register(self.central, store_id="shop", register_id=register)
            (self.folder / name).mkdir()
            machine = Machine(self.folder / name, self, self._chance)
            await machine.enrol(code)
            self.work()
            await machine.stop()
        self.central.engines.dispose()
        shutil.copy(self.folder / "central.db", self.folder / "first.db")

    def begin(self, chance: random.Random) -> None:
        """Begin a schedule of its own, with nothing of the one before."""
        self._chance, self._now_ms = chance, START_MS
        self.told = set[str]()
        """Alarms that were raised before a backup was put back, which has forgotten them."""
        for name in ("backup.db", "older.db", REACH_FILE):
            (self.folder / name).unlink(missing_ok=True)
        self._put_in_place("first.db")
        self.start()

    def _random(self, count: int) -> bytes:
        return self._chance.randbytes(count)

    def now_ms(self) -> int:
        self._now_ms += 1_000
        return self._now_ms

    def start(self) -> None:
        """Start the server: what it knew beside its database is gone."""
        self.app = build_app(self.central)
        self._worker = Worker(self.central, metrics=Metrics())

    def stop(self) -> None:
        self._open.close()

    def _put_in_place(self, name: str) -> None:
        self.central.engines.dispose()
        for ending in ("-wal", "-shm"):
            (self.folder / f"central.db{ending}").unlink(missing_ok=True)
        shutil.copy(self.folder / name, self.folder / "central.db")

    def work(self) -> None:
        """Book and publish all that waits."""
        while self._worker.run_once():
            pass

    def back_up(self) -> None:
        """`tessera central backup copy`; the backup before this one is kept, too."""
        begun = begin_backup(self.central)
        if (self.folder / "backup.db").exists():
            (self.folder / "backup.db").replace(self.folder / "older.db")
        copy_database(self.central, self.folder / "backup.db")
        finish_backup(self.central, begun.number)

    def restore(self, name: str = "backup.db") -> None:
        """What docs/central.md says: the copy into its place, then `tessera central restored`."""
        self.put_back(name, keeps_files=True)
        self.announce()

    def put_back(self, name: str = "backup.db", *, keeps_files: bool = False) -> None:
        """Put a copy into the database's place, and say nothing.

        `keeps_files`: only the database; otherwise the machine, with what lay beside it.
        """
        self.told |= self.alarms()
        self._put_in_place(name)
        if not keeps_files:
            (self.folder / REACH_FILE).unlink(missing_ok=True)
        self.start()

    def announce(self) -> None:
        """`tessera central restored`, beside the server or before it starts."""
        begin_generation(self.central)

    def alarms(self) -> set[str]:
        """The kinds that `tessera central alarms` lists."""
        with self.central.engines.reader.begin() as tx:
            return {alarm.kind for alarm in read_alarms(tx)}

    def booked(self) -> dict[str, str]:
        """Every uid that central has settled, with its state."""
        table = schema.OUTCOME
        with self.central.engines.reader.begin() as tx:
            rows = tx.execute(sa.select(table.c.uid, table.c.state)).all()
        assert len(rows) == len({row[0] for row in rows})
        return {row[0]: row[1] for row in rows}

    def points(self, account: str = "points") -> int:
        """The member's balance in the ledger."""
        table = schema.BALANCE
        query = sa.select(table.c.points).where(
            table.c.member_id == MEMBER, table.c.account == account
        )
        with self.central.engines.reader.begin() as tx:
            return int(tx.execute(query).scalar() or 0)

    def set_aside(self, life: str) -> int:
        """What the leases of one life of the register hold at central."""
        return sum(
            one.outstanding + one.uncovered for one in self._leases() if one.incarnation == life
        )

    def granted(self) -> int:
        """All that was ever leased, as far as central knows."""
        return sum(max(one.granted, one.claimed) for one in self._leases())

    def _leases(self) -> list[Lease]:
        with self.central.engines.reader.begin() as tx:
            return ledger_book.read_leases(tx, (bucket_of(MEMBER), MEMBER))


@dataclass
class Shop:
    """One register or two, their clones and copies, and what any of them ever sold."""

    folder: Path
    seed: int
    chance: random.Random
    office: Office
    machines: list[Machine] = field(default_factory=list)
    sold: set[str] = field(default_factory=set)
    spent: dict[str, int] = field(default_factory=dict)
    gone: set[str] = field(default_factory=set)
    pushed: dict[tuple[str, int], set[str]] = field(default_factory=lambda: defaultdict(set))
    happened: list[str] = field(default_factory=list)
    resent: int = 0
    count: int = 0
    let_go: int = 0
    lost_with_backup: bool = False
    refused: int = 0
    shows_all_it_sold: bool = False
    spends: bool = False

    @property
    def first(self) -> Machine:
        return self.machines[0]

    def open(self, *names: str) -> None:
        """Put enrolled registers on their disks and start them; the others are none any more."""
        for name in TILLS.keys() - set(names):
            revoke_register(self.office.central, TILLS[name])
        for name in names:
            shutil.copytree(self.office.folder / name, self.folder / name)
            self.machines.append(Machine(self.folder / name, self.office, self.chance))

    async def close(self) -> None:
        for machine in self.machines:
            await machine.stop()

    # ---- every day

    def sell(self, machine: Machine) -> None:
        self.count += 1
        most = min(machine.may_spend(), SPENT_MAX) if self.spends else 0
        spent = self.chance.randrange(1, most + 1) if most and self.chance.random() < 0.5 else 0
        self.happened.append(f"sell {machine.folder.name}" + f", {spent} spent" * bool(spent))
        uid = machine.sell(self.count, spent=spent)
        self.sold.add(uid)
        self.spent[uid] = spent

    def worth(self, uids: Iterable[str]) -> int:
        """What sales have brought the member, less what they have cost."""
        return sum(POINTS - self.spent[uid] for uid in uids)

    async def push(self, machine: Machine) -> None:
        self.happened.append(f"push {machine.folder.name}")
        known = {uid for uids in self.pushed.values() for uid in uids}
        more = True
        while more:
            for incarnation, seq, uid in machine.waiting():
                self.resent += uid in known
                self.pushed[incarnation, seq].add(uid)
            try:
                more = await machine.push_once()
            except CentralBusy:
                self._note_refusal()
                return

    async def pull(self, machine: Machine) -> None:
        self.happened.append(f"pull {machine.folder.name}")
        try:
            await machine.pull()
        except CentralBusy:
            self._note_refusal()

    def _note_refusal(self) -> None:
        """Only a central that was put back unannounced refuses, and its operator sees why."""
        self.refused += 1
        assert "database-went-back" in self.office.alarms()

    async def ordinary(self) -> None:
        """A moment of a day, at some till."""
        machine = self.chance.choice(self.machines)
        match self.chance.choice(
            ["sell"] * 4 + ["push"] * 3 + ["pull", "work", "again", "shorten"]
        ):
            case "sell":
                self.sell(machine)
            case "push":
                await self.push(machine)
            case "pull":
                await self.pull(machine)
            case "work":
                self.office.work()
            case "shorten":
                self.let_go += machine.shorten()
            case "again":
                await machine.stop()
                machine.start()

    async def some_days(self, most: int) -> None:
        for _ in range(self.chance.randrange(most + 1)):
            await self.ordinary()
            if self.shows_all_it_sold and not self.lost_with_backup:
                assert self.first.shown() == self.worth(self.sold), "a point twice, or not at all"

    # ---- what goes wrong

    def snapshot(self, machine: Machine, name: str) -> Path:
        """Copy the disk of a running till, as it would be found after a power cut."""
        target = self.folder / name
        shutil.rmtree(target, ignore_errors=True)
        shutil.copytree(machine.folder, target, ignore=shutil.ignore_patterns("*-shm"))
        return target

    async def clone(self) -> None:
        """A till's disk is copied into another machine, and both sell on."""
        original = self.chance.choice(self.machines)
        target = self.snapshot(original, f"clone-{len(self.machines)}")
        self.happened.append(f"clone {original.folder.name} to {target.name}")
        copy = Machine(target, self.office, self.chance)
        self.machines.append(copy)
        both = [original, copy]
        self.chance.shuffle(both)
        for machine in both:
            self.sell(machine)
            if self.chance.random() < 0.5:
                await self.push(machine)

    async def rewind(self) -> None:
        """The first till's database, or its whole disk, is put back after it had sold on."""
        machine, what = self.first, self.chance.choice(["database", "disk"])
        backup = self.snapshot(machine, "backup")
        self.happened.append("snapshot a")
        await self.some_days(3)
        self.sell(machine)
        if what == "disk":
            # What only this disk held is gone with it, and nobody could notice.
            await self.push(machine)
        await self.some_days(3)
        self.happened.append(f"rewind {what}")
        before = machine.on_disk()
        await machine.stop()
        if what == "disk":
            shutil.rmtree(machine.folder)
            shutil.copytree(backup, machine.folder)
        else:
            for ending in ("", "-wal", "-shm"):
                (machine.folder / (DATABASE + ending)).unlink(missing_ok=True)
                if (backup / (DATABASE + ending)).exists():
                    shutil.copy(backup / (DATABASE + ending), machine.folder)
        machine.start()
        self.gone |= before - machine.on_disk() - {u for us in self.pushed.values() for u in us}
        self.sell(machine)

    async def restore_central(self) -> None:
        """Central comes back from a backup that lacks what it had acknowledged since."""
        for _ in range(self.chance.randrange(1, 3)):
            self.office.back_up()
            self.happened.append("back up central")
            await self.some_days(3)
            self.sell(self.first)
            await self.push(self.first)
            self.office.work()
            await self.pull(self.first)
            await self.some_days(4)
        is_wrong = self.chance.random() < 0.3 and (self.office.folder / "older.db").exists()
        self.happened.append("restore central" + " from too old a backup" * is_wrong)
        self.lost_with_backup = self.lost_with_backup or is_wrong
        self.office.restore("older.db" if is_wrong else "backup.db")

    async def put_database_back(self) -> None:
        """The same, and of central's machine only the database: it notices before anybody comes."""
        await self.put_central_back(keeps_files=True)

    async def put_central_back(self, *, keeps_files: bool = False) -> None:
        """The same, but nobody says so until the operator sees what central says about it."""
        self.office.back_up()
        self.happened.append("back up central")
        await self.some_days(3)
        self.sell(self.first)
        await self.push(self.first)
        if keeps_files or self.chance.random() < 0.7:
            self.office.work()
            await self.pull(self.first)
        await self.some_days(4)
        self.happened.append("put central back")
        self.office.put_back(keeps_files=keeps_files)
        if keeps_files:
            self.office.work()
            assert "database-went-back" in self.office.alarms(), "it did not notice by itself"
        before = self.refused
        self.sell(self.first)
        await self.some_days(6)
        await self.push(self.first)
        assert self.refused > before, "nobody noticed that the database went back"
        self.happened.append("announce it")
        self.office.announce()

    # ---- the end

    async def settle(self) -> None:
        """Let everyone speak until nobody has anything to say."""
        for _ in range(ROUNDS_MAX):
            for machine in self.machines:
                await self.push(machine)
            self.office.work()
            for machine in self.machines:
                await self.pull(machine)
                await machine.ask_again()
            if all(machine.is_quiet() for machine in self.machines):
                # What was presented last lets central grant again.
                self.office.work()
                for machine in self.machines:
                    await self.pull(machine)
                return
        raise AssertionError(f"seed {self.seed}: still not quiet after {ROUNDS_MAX} rounds")

    def trace(self) -> str:
        """A digest of all that happened and came of it: the same seed makes the same."""
        told = [*self.happened, *sorted(f"{k} {v}" for k, v in self.office.booked().items())]
        return hashlib.sha256("\n".join(told).encode()).hexdigest()
