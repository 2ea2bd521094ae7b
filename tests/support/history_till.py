"""A till of a history: its files, its push and pull, on a disk of its own."""

import random
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import httpx
import sqlalchemy as sa

from tessera.agent.enrolment import REGISTER_KEY, enrol, read_key
from tessera.agent.presenting import Presenter
from tessera.agent.salvaging import salvage_folder
from tessera.agent.sync_pull import Puller
from tessera.agent.sync_push import Pusher
from tessera.agent.sync_status import LineState, SyncNotice
from tessera.agent.trusted_roots import TrustedRoots
from tessera.core.basket import Basket, Place
from tessera.core.identity import SaleKey, new_uid
from tessera.core.journal import RecordDraft, SealedRecord
from tessera.core.member import MemberState
from tessera.core.quote import Quote, UnitMovement
from tessera.core.sale import LeaseUse, SaleBody
from tessera.store.till import (
    cached_members,
    committed_sales,
    identity_book,
    leases,
    outbox,
    shortening,
)
from tessera.store.till.opening import OpenTill, open_till
from tessera.store.till.values import AccountEffect
from tessera.sync.client import HttpCentral, Signer
from tessera.sync.records import encoded
from tests.support.till import DAY

if TYPE_CHECKING:
    from tests.support.histories import Office

T = TypeVar("T")
AT = datetime(2026, 11, 21, 10, tzinfo=UTC)
POINTS = 5
SPENT_MAX = 40
MEMBER = "member-1"
TILLS = {"a": "till-1", "b": "till-2"}
"""The registers that are enrolled, by the folder of their first disk."""
URL = "http://127.0.0.1"


class Direct:
    """Writes in the calling thread."""

    def __init__(self, till: OpenTill) -> None:
        self._till = till

    async def run(self, work: Callable[[sa.Connection], T]) -> T:
        with self._till.engines.writer.begin() as tx:
            return work(tx)


class Machine:
    """A till on a disk of its own, running."""

    def __init__(self, folder: Path, office: "Office", chance: random.Random) -> None:
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
