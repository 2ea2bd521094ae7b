"""A till enrolled with a real central through somebody between; it pulls when the test says so."""

import asyncio
import itertools
import random
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

import sqlalchemy as sa

from tessera.agent.bundle_update import BundleUpdate, Seeds
from tessera.agent.enrolment import REGISTER_KEY, enrol, read_key
from tessera.agent.sync_pull import Puller
from tessera.agent.sync_status import LineState, SyncNotice
from tessera.agent.trusted_roots import TrustedRoots, read_root_file
from tessera.central.enrol import add_register
from tessera.central.generations import tell_everything
from tessera.central.opening import Central, opened
from tessera.central.programmes import release_programme
from tessera.central.publish import publish_waiting
from tessera.core.errors import Problem
from tessera.rules.programme import parse_programme
from tessera.store.engine import Engines
from tessera.store.till import identity_book, kept_bundles
from tessera.store.till.opening import open_till
from tessera.store.till.values import RegisterIdentity
from tessera.sync.client import HttpCentral, Signer
from tessera.sync.trust import Trust
from tests.store.central.parts import NOW_MS, settings_for

T = TypeVar("T")
_NONCES = itertools.count(1)
STORE, REGISTER = "berlin-1", "berlin-1-1"
PROGRAMME = "programme: {name}\ncurrency: EUR\n"


@dataclass
class Time:
    """Central's clock: ticks by the millisecond, and jumps when told."""

    now_ms: int = NOW_MS

    def __call__(self) -> int:
        self.now_ms += 1
        return self.now_ms


@contextmanager
def timed_central(folder: Path) -> Iterator[tuple[Central, Time]]:
    """A real central on SQLite whose clock the test holds."""
    time, chance = Time(), random.Random(7)
    settings = settings_for(f"sqlite:///{folder / 'central.db'}", folder)
    with opened(settings, random=chance.randbytes, now_ms=time) as central:
        yield central, time


class SameThread:
    """Writes at once: nothing here waits for anything."""

    def __init__(self, engines: Engines) -> None:
        self._engines = engines

    async def run(self, work: Callable[[sa.Connection], T]) -> T:
        with self._engines.writer.begin() as tx:
            return work(tx)


@dataclass
class TrustingTill:
    """The agent's own parts for the feed, on a data folder of its own."""

    folder: Path
    url: str
    engines: Engines
    notices: list[SyncNotice] = field(default_factory=list)
    whole_s_max: float = 30.0

    def __post_init__(self) -> None:
        writer = SameThread(self.engines)
        self.line = LineState(wall_ms=lambda: NOW_MS, tell=self.notices.append)
        self.roots = TrustedRoots(self.folder, line=self.line)
        self.puller = Puller(engines=self.engines, writer=writer, line=self.line, roots=self.roots)
        self.bundles = BundleUpdate(
            engines=self.engines,
            writer=writer,
            line=self.line,
            parse=problems_of,
            now_ms=lambda: NOW_MS * 2,
            seeds=Seeds(),
        )

    def enrol(self, code: str, *, fingerprint: str = "") -> RegisterIdentity:
        async def work(link: HttpCentral) -> RegisterIdentity:
            return await enrol(
                folder=self.folder,
                writer=self.engines.writer,
                link=link,
                code=code,
                host="here",
                random=random.Random(3).randbytes,
                fingerprint=fingerprint,
            )

        return self.ask(work, signed=False)

    def pull(self) -> None:
        """One round: roots, both streams, the bundle. Raises as the loop would be told."""

        async def work(link: HttpCentral) -> None:
            while await self.puller.pull_once(link):
                pass
            await self.bundles.step(link)

        self.ask(work)

    def ask(self, work: Callable[[HttpCentral], Awaitable[T]], *, signed: bool = True) -> T:
        signer = None
        if signed:
            identity = self.identity()
            signer = Signer(
                register=identity.register,
                incarnation=identity.incarnation,
                key=read_key(self.folder / REGISTER_KEY),
            )

        async def whole() -> T:
            link = HttpCentral(
                self.url,
                signer=signer,
                wall_ms=lambda: NOW_MS,
                random=lambda size: next(_NONCES).to_bytes(size, "big"),
                whole_s_max=self.whole_s_max,
            )
            try:
                return await work(link)
            finally:
                await link.close()

        return asyncio.run(whole())

    def identity(self) -> RegisterIdentity:
        with self.engines.reader.connect() as c:
            identity = identity_book.read_identity(c)
        assert identity is not None
        return identity

    def trust(self) -> Trust:
        kept = read_root_file(self.folder)
        assert kept is not None
        return kept

    def programme(self) -> str:
        """The name of the programme in force; empty for none."""
        with self.engines.reader.connect() as c:
            kept = kept_bundles.active(c)
        return kept.text.splitlines()[0].removeprefix("programme: ") if kept else ""


def problems_of(text: str, file: str) -> list[Problem]:
    """What the till's own check says of a programme."""
    return parse_programme(text, file=file)[1]


@contextmanager
def trusting_till(folder: Path, url: str) -> Iterator[TrustingTill]:
    """An empty till that knows nobody yet."""
    folder.mkdir()
    till, _ = open_till(folder, random=random.Random(5).randbytes, wall_ms=NOW_MS, reserve_bytes=0)
    try:
        yield TrustingTill(folder=folder, url=url, engines=till.engines)
    finally:
        till.close()


def release(central: Central, name: str) -> None:
    """Release a programme to all stores, and publish it."""
    done, problems = release_programme(
        central, PROGRAMME.format(name=name), file="p.yaml", active_from_ms=0
    )
    assert done is not None, problems
    publish(central)


def publish(central: Central) -> None:
    """Publish what waits, told anew first when a generation began."""
    if not central.state().is_told:
        tell_everything(central)
    while True:
        state = central.state()
        if not publish_waiting(
            central.engines.writer,
            key=central.keys.signing,
            generation=state.generation,
            now_ms=central.now_ms(),
        ):
            return


def new_code(central: Central, register: str = REGISTER) -> str:
    """A code for a register of the store."""
    return add_register(central, store_id=STORE, register_id=register)
