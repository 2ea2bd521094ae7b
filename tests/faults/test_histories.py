"""Clones, rewinds and restores in random order: each is noticed, no sale is lost or counted twice.

Real tills on disk push over real sockets to a real central. A register's folder is copied, its
database or its whole disk is put back, a clone sells beside it; at the end everything that any of
them ever sold and that a disk still held is at central once.
"""

import asyncio
import random
import secrets
import shutil
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

import pytest
import sqlalchemy as sa

from tessera.agent.enrolment import REGISTER_KEY, enrol, read_key
from tessera.agent.salvaging import salvage_folder
from tessera.agent.sync_pull import Puller
from tessera.agent.sync_push import Pusher
from tessera.agent.sync_status import LineState
from tessera.agent.trusted_roots import TrustedRoots
from tessera.central.app import build_app
from tessera.central.enrol import add_register
from tessera.central.members import NewMember, add_members
from tessera.central.opening import Central, opened
from tessera.central.settings import CentralSettings
from tessera.central.verify import Tally, verify
from tessera.core.basket import Basket, Place
from tessera.core.identity import SaleKey, new_uid
from tessera.core.journal import RecordDraft
from tessera.core.member import MemberState
from tessera.core.quote import Quote, UnitMovement
from tessera.core.sale import SaleBody
from tessera.store.central import schema
from tessera.store.till import cached_members, committed_sales, identity_book, outbox
from tessera.store.till.opening import OpenTill, open_till
from tessera.store.till.values import AccountEffect
from tessera.sync.client import HttpCentral, Signer
from tessera.sync.records import encoded
from tests.support.small_central import Serving
from tests.support.till import DAY

T = TypeVar("T")
AT = datetime(2026, 11, 21, 10, tzinfo=UTC)
POINTS = 5
SEEDS = 6
SEEDS_SOAK = 1_000
STEPS = 14


@pytest.fixture(scope="module")
def central(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Central, str]]:
    folder = tmp_path_factory.mktemp("central")
    with (
        opened(CentralSettings(data_dir=folder / "central")) as central,
        Serving(build_app(central), lifespan=True) as serving,
    ):
        yield central, serving.url


@dataclass
class Shop:
    """One register, its clone, their copies, and what they ever sold."""

    central: Central
    url: str
    folder: Path
    seed: int
    chance: random.Random
    sold: set[str] = field(default_factory=set)
    gone: set[str] = field(default_factory=set)
    pushed: dict[tuple[str, int], set[str]] = field(default_factory=lambda: defaultdict(set))
    machines: list[Path] = field(default_factory=list)
    told: list[str] = field(default_factory=list)
    count: int = 0

    @property
    def member(self) -> str:
        return f"member-{self.seed}"

    @property
    def register(self) -> str:
        return f"till-{self.seed}"

    # ---- opening

    def open(self, machine: Path) -> OpenTill:
        till, findings = open_till(
            machine,
            random=secrets.token_bytes,
            wall_ms=self.chance.randrange(10**9),
            reserve_bytes=0,
        )
        self.told += [finding.code for finding in findings]
        if findings:
            salvage_folder(till.engines.writer, machine)
        return till

    def link(self, machine: Path, signer: bool = True) -> HttpCentral:
        speaker = None
        if signer:
            till = self.open(machine)
            with till.engines.reader.connect() as c:
                head = identity_book.read_head(c)
            till.close()
            speaker = Signer(
                register=self.register,
                incarnation=head.incarnation,
                key=read_key(machine / REGISTER_KEY),
            )
        return HttpCentral(self.url, signer=speaker, wall_ms=lambda: 1, random=secrets.token_bytes)

    async def enrol(self) -> None:
        machine = self.folder / "a"
        machine.mkdir()
        code = add_register(self.central, store_id="shop", register_id=self.register)
        add_members(self.central, [NewMember(member_id=self.member, home_store="shop")])
        till, link = self.open(machine), self.link(machine, signer=False)
        await enrol(
            folder=machine,
            writer=till.engines.writer,
            link=link,
            code=code,
            host="",
            random=secrets.token_bytes,
        )
        till.close()
        await link.close()
        self.machines.append(machine)

    # ---- what may happen

    def sell(self, machine: Path) -> None:
        self.count += 1
        uid = new_uid(self.count, secrets.token_bytes(10))
        quote = Quote(
            engine="test",
            programme="p",
            currency="EUR",
            shelf_minor=0,
            discount_minor=0,
            tendered_units_minor=0,
            due_minor=0,
            units=(UnitMovement(unit="points", earned=POINTS),),
        )
        key = SaleKey(store="shop", pos=self.register, business_day=DAY, sale_id=f"s{self.count}")
        body = SaleBody(
            key=key,
            place=Place(at=AT, business_day=DAY, store="shop", register=self.register),
            basket=Basket(currency="EUR"),
            member=MemberState(member_id=self.member),
            quote=quote,
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
        effect = AccountEffect(member_id=self.member, account="points", delta=POINTS)
        till = self.open(machine)
        till.commit(
            uid,
            lambda tx: committed_sales.commit_record(
                tx, draft=draft, effects=[effect], sale=key, answer=b"{}"
            ),
        )
        till.close()
        self.sold.add(uid)

    async def push(self, machine: Path) -> None:
        link, till = self.link(machine), self.open(machine)
        writer = Direct(till)
        line = LineState(wall_ms=lambda: 1, tell=lambda _: None)
        pusher = Pusher(engines=till.engines, writer=writer, line=line, random=secrets.token_bytes)
        try:
            more = True
            while more:
                self.note_waiting(till)
                more, _ = await pusher.push_once(link)
        finally:
            await link.close()
            till.close()

    def note_waiting(self, till: OpenTill) -> None:
        with till.engines.reader.connect() as c:
            for record in outbox.waiting(c, limit=1000):
                self.pushed[record.incarnation, record.seq].add(record.uid)

    def copy(self, machine: Path, name: str) -> None:
        target = self.folder / name
        shutil.rmtree(target, ignore_errors=True)
        shutil.copytree(machine, target)

    def clone(self, machine: Path) -> None:
        if len(self.machines) < 3:
            self.copy(machine, f"clone-{len(self.machines)}")
            self.machines.append(self.folder / f"clone-{len(self.machines)}")

    def rewind_database(self, machine: Path) -> None:
        """Only the database is put back: witness and salvage know better."""
        backup = self.folder / "backup" / "till.db"
        if backup.exists() and self.folder / "a" == machine:
            shutil.copy(backup, machine / "till.db")

    def rewind_disk(self, machine: Path) -> None:
        """The whole disk is put back: what was sold since and not sent is gone."""
        backup = self.folder / "backup"
        if backup.exists() and self.folder / "a" == machine:
            before = self.on_disk(machine)
            shutil.rmtree(machine)
            shutil.copytree(backup, machine)
            self.gone |= before - self.on_disk(machine)

    def on_disk(self, machine: Path) -> set[str]:
        till = self.open(machine)
        try:
            with till.engines.reader.connect() as c:
                return {
                    record.uid
                    for life in outbox.lives(c)
                    for record in committed_sales.read_page(
                        c, life.number, after_seq=0, limit=10_000
                    )
                }
        finally:
            till.close()

    async def step(self) -> None:
        machine = self.chance.choice(self.machines)
        match self.chance.choice(["sell"] * 5 + ["push"] * 3 + ["backup", "db", "disk", "clone"]):
            case "sell":
                self.sell(machine)
            case "push":
                await self.push(machine)
            case "backup":
                self.copy(self.folder / "a", "backup")
            case "db":
                self.rewind_database(machine)
            case "disk":
                self.rewind_disk(machine)
            case "clone":
                self.clone(machine)

    # ---- the end

    async def settle(self) -> None:
        for _ in range(2):
            for machine in self.machines:
                await self.push(machine)

    async def booked(self) -> dict[str, str]:
        """Every uid of this register that central has booked, with its state."""
        expected = {uid for uids in self.pushed.values() for uid in uids}
        table = schema.OUTCOME
        for _ in range(400):
            with self.central.engines.reader.begin() as tx:
                rows = tx.execute(
                    sa.select(table.c.uid, table.c.state).where(
                        table.c.register_id == self.register
                    )
                ).all()
            if len(rows) >= len(expected):
                break
            await asyncio.sleep(0.05)
        assert len(rows) == len({row[0] for row in rows})
        return {row[0]: row[1] for row in rows}

    def alarms(self) -> set[str]:
        table = schema.ALARM
        with self.central.engines.reader.begin() as tx:
            query = sa.select(table.c.kind).where(table.c.register_id == self.register)
            return {str(row[0]) for row in tx.execute(query)}

    async def shown(self, machine: Path) -> int:
        link, till = self.link(machine), self.open(machine)
        line = LineState(wall_ms=lambda: 1, tell=lambda _: None)
        roots = TrustedRoots(None, line=line)
        puller = Puller(engines=till.engines, writer=Direct(till), line=line, roots=roots)
        try:
            while await puller.pull_once(link):
                continue
            with till.engines.reader.connect() as c:
                [view] = cached_members.accounts(c, self.member)
            return view.balance
        finally:
            await link.close()
            till.close()


class Direct:
    """Writes in the calling thread."""

    def __init__(self, till: OpenTill) -> None:
        self._till = till

    async def run(self, work: Callable[[sa.Connection], T]) -> T:
        with self._till.engines.writer.begin() as tx:
            return work(tx)


async def live(shop: Shop) -> None:
    await shop.enrol()
    for _ in range(STEPS):
        await shop.step()
    await shop.settle()
    booked = await shop.booked()
    kept = shop.sold - shop.gone
    missing = kept - set(booked)
    assert missing == set(), f"seed {shop.seed}: {len(missing)} sales are lost"
    assert set(booked) <= shop.sold
    assert set(booked.values()) <= {"applied"}
    if any(len(uids) > 1 for uids in shop.pushed.values()):
        assert "fork" in shop.alarms(), f"seed {shop.seed}: nobody noticed two histories"
    if shop.sold:
        for machine in shop.machines:
            assert await shop.shown(machine) == POINTS * len(booked), f"seed {shop.seed}"


def run_seed(central: tuple[Central, str], folder: Path, seed: int) -> Shop:
    folder.mkdir()
    shop = Shop(central[0], central[1], folder, seed, random.Random(seed))
    asyncio.run(live(shop))
    return shop


def test_no_history_is_lost_or_counted_twice(central: tuple[Central, str], tmp_path: Path) -> None:
    shops = [run_seed(central, tmp_path / str(seed), seed) for seed in range(SEEDS)]
    assert any(len(uids) > 1 for shop in shops for uids in shop.pushed.values())
    assert any("database_restored" in shop.told for shop in shops)
    assert list(verify(central[0], Tally())) == []


@pytest.mark.soak
@pytest.mark.timeout(7200)
def test_a_thousand_histories(central: tuple[Central, str], tmp_path: Path) -> None:
    forks = restores = 0
    for seed in range(1_000, 1_000 + SEEDS_SOAK):
        shop = run_seed(central, tmp_path / str(seed), seed)
        forks += any(len(uids) > 1 for uids in shop.pushed.values())
        restores += "database_restored" in shop.told
        shutil.rmtree(tmp_path / str(seed))
    print(f"{SEEDS_SOAK} histories: {forks} forked, {restores} restored, none lost or doubled")
    assert min(forks, restores) > 0
    assert list(verify(central[0], Tally())) == []
