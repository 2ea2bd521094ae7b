"""Shops in which disks are copied and put back, in one process and one thread of events.

Everything is the real thing but the network and the clock: tills with their files, their push and
pull, central with its routes, signatures and books, called one after the other. What happens, and
every key and number that is drawn, follows from a seed, so that a seed names a history for ever.
"""

import hashlib
import random
import shutil
from collections import defaultdict
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

import httpx
import sqlalchemy as sa

from tessera.agent.enrolment import REGISTER_KEY, enrol, read_key
from tessera.agent.presenting import Presenter
from tessera.agent.salvaging import salvage_folder
from tessera.agent.sync_pull import Puller
from tessera.agent.sync_push import Pusher
from tessera.agent.sync_status import LineState, SyncNotice
from tessera.agent.trusted_roots import TrustedRoots
from tessera.central.app import build_app
from tessera.central.backups import begin_backup, copy_database, finish_backup
from tessera.central.enrol import add_register, revoke_register
from tessera.central.generations import begin_generation
from tessera.central.members import NewMember, add_members
from tessera.central.metrics import Metrics
from tessera.central.opening import Central, opened
from tessera.central.settings import CentralSettings
from tessera.central.worker import Worker
from tessera.core.basket import Basket, Place
from tessera.core.identity import SaleKey, bucket_of, new_uid
from tessera.core.journal import RecordDraft, SealedRecord
from tessera.core.member import MemberState
from tessera.core.quote import Quote, UnitMovement
from tessera.core.sale import LeaseUse, SaleBody
from tessera.store.central import ledger_book, schema
from tessera.store.central.accounts import Lease
from tessera.store.central.register_book import read_alarms
from tessera.store.till import (
    cached_members,
    committed_sales,
    identity_book,
    leases,
    outbox,
    shortening,
)
from tessera.store.till.opening import DATABASE, OpenTill, open_till
from tessera.store.till.values import AccountEffect
from tessera.sync.client import HttpCentral, Signer
from tessera.sync.link import CentralBusy
from tessera.sync.records import encoded
from tests.support.till import DAY

T = TypeVar("T")
AT = datetime(2026, 11, 21, 10, tzinfo=UTC)
START_MS = 1_795_000_000_000
POINTS = 5
SPENT_MAX = 40
MEMBER = "member-1"
TILLS = {"a": "till-1", "b": "till-2"}
"""The registers that are enrolled, by the folder of their first disk."""
URL = "http://127.0.0.1"
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
        for name in ("backup.db", "older.db"):
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
        self.put_back(name)
        self.announce()

    def put_back(self, name: str = "backup.db") -> None:
        """Put a copy into the database's place, and say nothing."""
        self._put_in_place(name)
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


class Direct:
    """Writes in the calling thread."""

    def __init__(self, till: OpenTill) -> None:
        self._till = till

    async def run(self, work: Callable[[sa.Connection], T]) -> T:
        with self._till.engines.writer.begin() as tx:
            return work(tx)


class Machine:
    """A till on a disk of its own, running."""

    def __init__(self, folder: Path, office: Office, chance: random.Random) -> None:
        self.folder = folder
        self._office = office
        self._chance = chance
        self.told: list[SyncNotice] = []
        self.findings: list[str] = []
        self._link: HttpCentral | None = None
        self._life = ""
        self.start()

    def start(self) -> None:
        self.till, findings = open_till(
            self.folder,
            random=self._chance.randbytes,
            wall_ms=self._office.now_ms(),
            reserve_bytes=0,
        )
        self.findings += [finding.code for finding in findings]
        if findings:
            salvage_folder(self.till.engines.writer, self.folder)
        line = LineState(wall_ms=self._office.now_ms, tell=self.told.append)
        writer, engines = Direct(self.till), self.till.engines
        self._pusher = Pusher(
            engines=engines, writer=writer, line=line, random=self._chance.randbytes
        )
        roots = TrustedRoots(None, line=line)
        self._presenter = Presenter(engines=engines, writer=writer, line=line)
        self._puller = Puller(engines=engines, writer=writer, line=line, roots=roots)

    async def stop(self) -> None:
        if self._link is not None:
            await self._link.close()
            self._link, self._life = None, ""
        self.till.close()

    async def enrol(self, code: str) -> None:
        await enrol(
            folder=self.folder,
            writer=self.till.engines.writer,
            link=self._line_of(None),
            code=code,
            host="",
            random=self._chance.randbytes,
        )

    def _line_of(self, signer: Signer | None) -> HttpCentral:
        return HttpCentral(
            URL,
            signer=signer,
            wall_ms=lambda: 1,
            random=self._chance.randbytes,
            transport=httpx.ASGITransport(app=self._office.app),
        )

    async def link(self) -> HttpCentral:
        """The line of the present life, to central as it stands now."""
        with self.till.engines.reader.connect() as c:
            life = identity_book.read_head(c).incarnation
        name = f"{life} {id(self._office.app)}"
        if self._link is None or name != self._life:
            if self._link is not None:
                await self._link.close()
            key = read_key(self.folder / REGISTER_KEY)
            signer = Signer(register=self.register(), incarnation=life, key=key)
            self._link, self._life = self._line_of(signer), name
        return self._link

    def sell(self, number: int, *, spent: int = 0) -> str:
        """A sale that earns 5 points and spends some, of which leases of this life hold enough."""
        uid = new_uid(number, self._chance.randbytes(10))

        def commit(tx: sa.Connection) -> SealedRecord:
            uses = leases.take(tx, MEMBER, "points", spent) if spent else ()
            draft, key = sale_of(uid, number, self.register(), spent=spent, uses=uses)
            effect = AccountEffect(member_id=MEMBER, account="points", delta=POINTS - spent)
            return committed_sales.commit_record(
                tx, draft=draft, effects=[effect], sale=key, answer=b"{}", leases=uses
            )

        self.till.commit(uid, commit)
        return uid

    def may_spend(self) -> int:
        """What leases of this life still hold of the member's points."""
        with self.till.engines.reader.connect() as c:
            return leases.remaining(c, MEMBER, "points")

    def waiting(self) -> list[tuple[str, int, str]]:
        with self.till.engines.reader.connect() as c:
            return [(one.incarnation, one.seq, one.uid) for one in outbox.waiting(c, limit=1_000)]

    async def push_once(self) -> bool:
        link = await self.link()
        await self._presenter.step(link)
        more, _ = await self._pusher.push_once(link)
        return more

    async def ask_again(self) -> None:
        """What goes with a heartbeat."""
        await self._presenter.ask_again(await self.link())

    async def pull(self) -> None:
        link = await self.link()
        while await self._puller.pull_once(link):
            link = await self.link()

    def shorten(self) -> int:
        """Let go of whatever may go, as if all of it were old; two records of each life stay."""
        with self.till.engines.writer.begin() as tx:
            return shortening.shorten(tx, before_ms=2**47, most=1_000, kept_records=2)

    def is_quiet(self) -> bool:
        with self.till.engines.reader.connect() as c:
            return outbox.depth(c) == 0 and not outbox.is_asking(c)

    def shown(self) -> int:
        with self.till.engines.reader.connect() as c:
            views = cached_members.accounts(c, MEMBER)
            return sum(view.balance for view in views if view.unit == "points")

    def register(self) -> str:
        with self.till.engines.reader.connect() as c:
            return identity_book.read_head(c).register

    def life(self) -> str:
        with self.till.engines.reader.connect() as c:
            return identity_book.read_head(c).incarnation

    def on_disk(self) -> set[str]:
        with self.till.engines.reader.connect() as c:
            return {
                record.uid
                for life in outbox.lives(c)
                for record in committed_sales.read_page(c, life.number, after_seq=0, limit=10_000)
            }

    @property
    def generations(self) -> int:
        """How often this till heard that central had begun anew."""
        return sum(notice.what == "generation" for notice in self.told)


def sale_of(
    uid: str, number: int, register: str, *, spent: int = 0, uses: tuple[LeaseUse, ...] = ()
) -> tuple[RecordDraft, SaleKey]:
    """A sale worth 5 points to the member, who may pay with some."""
    quote = Quote(
        engine="test",
        programme="p",
        currency="EUR",
        shelf_minor=0,
        discount_minor=0,
        tendered_units_minor=0,
        due_minor=0,
        units=(UnitMovement(unit="points", earned=POINTS, spent=spent),),
    )
    key = SaleKey(store="shop", pos=register, business_day=DAY, sale_id=f"s{number}")
    body = SaleBody(
        key=key,
        place=Place(at=AT, business_day=DAY, store="shop", register=register),
        basket=Basket(currency="EUR"),
        member=MemberState(member_id=MEMBER),
        quote=quote,
        leases=uses,
    )
    draft = RecordDraft(
        uid=uid,
        kind="sale",
        business_day=DAY,
        wall_ms=1,
        mono_ms=1,
        boot_id="b",
        bundle="",
        engine="test",
        body=encoded(body),
    )
    return draft, key


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

    async def put_central_back(self) -> None:
        """The same, but nobody says so until the operator sees what central says about it."""
        self.office.back_up()
        self.happened.append("back up central")
        await self.some_days(3)
        self.sell(self.first)
        await self.push(self.first)
        if self.chance.random() < 0.7:
            self.office.work()
            await self.pull(self.first)
        await self.some_days(4)
        self.happened.append("put central back")
        self.office.put_back()
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
