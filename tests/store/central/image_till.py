"""A till with a real database and a real line to a served central; it pulls when told to."""

import asyncio
import hashlib
import json
import secrets
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import sqlalchemy as sa

from tessera.agent.first_load import FirstLoad
from tessera.agent.sync_pull import Puller
from tessera.agent.sync_push import Pusher
from tessera.agent.sync_status import LineState, SyncNotice
from tessera.central.enrol import add_register, enrol
from tessera.central.opening import Central
from tessera.core.journal import RecordDraft
from tessera.store.engine import Engines
from tessera.store.till import cached_members, committed_sales, identity_book
from tessera.store.till.opening import OpenTill, open_till
from tessera.store.till.values import AccountEffect, AccountView
from tessera.sync.client import HttpCentral, Signer
from tessera.sync.image_wire import SignedImage
from tessera.sync.link import CentralBusy, CentralUnreachable
from tessera.sync.records import read_envelope
from tessera.sync.signing import SigningKey
from tessera.sync.wire import EnrolRequest
from tests.store.central.scripted_till import Till
from tests.support.till import identity

T = TypeVar("T")
STEPS_MAX = 400


class OneWriter:
    """The writer's thread of a till; `between` is called after every transaction."""

    def __init__(self, engines: Engines) -> None:
        self._engines = engines
        self._thread = ThreadPoolExecutor(max_workers=1)
        self.between: Callable[[], None] = lambda: None

    async def run(self, work: Callable[[sa.Connection], T]) -> T:
        def write() -> T:
            with self._engines.writer.begin() as tx:
                done = work(tx)
            self.between()
            return done

        return await asyncio.get_running_loop().run_in_executor(self._thread, write)

    def close(self) -> None:
        self._thread.shutdown()


class Line(HttpCentral):
    """The real client, over a line that can be cut and a central that can lie."""

    cut_after: int | None = None
    fetched: list[tuple[int, int]]
    manifest_as: Callable[[SignedImage], SignedImage] = staticmethod(lambda image: image)
    part_as: Callable[[int, bytes], bytes] = staticmethod(lambda _offset, part: part)

    async def image(self, audience: str, *, generation: str) -> SignedImage:
        return self.manifest_as(await super().image(audience, generation=generation))

    async def image_file(
        self, image_hash: str, *, start: int, take: Callable[[int, bytes], None]
    ) -> None:
        begun = len(self.fetched)
        self.fetched.append((start, 0))

        def pass_on(offset: int, part: bytes) -> None:
            part = self.part_as(offset, part)
            if self.cut_after is not None and offset + len(part) > self.cut_after:
                kept = part[: max(0, self.cut_after - offset)]
                take(offset, kept)
                self.fetched[begun] = (start, self.cut_after)
                raise CentralUnreachable("the line was cut")
            take(offset, part)
            self.fetched[begun] = (start, offset + len(part))

        await super().image_file(image_hash, start=start, take=pass_on)


@dataclass
class ImageTill:
    """A register of a store, enrolled at central."""

    till: OpenTill
    key: SigningKey
    url: str
    folder: Path
    notices: list[SyncNotice] = field(default_factory=list)
    free_bytes: int = 0
    register: str = "berlin-1-9"
    incarnation: str = ""
    script: Till = field(default_factory=Till)

    @property
    def engines(self) -> Engines:
        return self.till.engines

    def line(self) -> Line:
        made = Line(
            self.url,
            signer=Signer(register=self.register, incarnation=self.incarnation, key=self.key),
            wall_ms=lambda: 1,
            random=secrets.token_bytes,
        )
        made.fetched = []
        return made

    def puller(self, writer: OneWriter, *, by_image: bool = True) -> Puller:
        """A puller that knows nothing of an earlier one: as after a kill."""
        line = LineState(wall_ms=lambda: 1, tell=self.notices.append)
        first_load = FirstLoad(
            engines=self.engines,
            writer=writer,
            line=line,
            folder=self.folder,
            disk_free_bytes=lambda: self.free_bytes,
        )
        return Puller(
            engines=self.engines,
            writer=writer,
            line=line,
            first_load=first_load if by_image else None,
        )

    def pull(
        self,
        *,
        by_image: bool = True,
        prepare: Callable[[Line], None] = lambda _line: None,
        between: Callable[[], None] = lambda: None,
    ) -> Line:
        """Pull to the heads of both streams; what a step raises but *busy* comes through."""
        return run(self._pull(by_image=by_image, prepare=prepare, between=between))

    async def _pull(
        self,
        *,
        by_image: bool,
        prepare: Callable[[Line], None],
        between: Callable[[], None],
    ) -> Line:
        writer, line = OneWriter(self.engines), self.line()
        writer.between = between
        prepare(line)
        puller = self.puller(writer, by_image=by_image)
        try:
            for _ in range(STEPS_MAX):
                try:
                    if not await puller.pull_once(line):
                        return line
                except CentralBusy:
                    await asyncio.sleep(0.05)
            raise AssertionError("the feed has no end")
        finally:
            writer.close()
            await line.close()

    def held(self) -> dict[str, list[tuple[Any, ...]]]:
        """Everything that the till knows of members, in an order that does not depend on how."""
        with self.engines.reader.connect() as connection:
            return {
                "members": _rows(
                    connection,
                    "SELECT member_id, version, status, tier, display_name, language, segments,"
                    " entitlements, joined, birthday, staff, visits, lifetime_spend_minor,"
                    " period_spend_minor, last_visit FROM member ORDER BY member_id",
                ),
                "cards": _rows(
                    connection,
                    "SELECT card_hash, member_id, key_id, c.version, c.status FROM card c"
                    " JOIN member m ON m.number = c.member ORDER BY card_hash",
                ),
                "balances": _rows(connection, "SELECT * FROM balance ORDER BY member_id, account"),
                "bundle": _rows(connection, "SELECT bundle FROM assignment"),
            }

    def cursors(self) -> dict[str, int]:
        with self.engines.reader.connect() as connection:
            return dict(_rows(connection, "SELECT audience, number FROM feed_cursor"))

    def tables(self) -> set[str]:
        with self.engines.reader.connect() as connection:
            return {
                row[0] for row in _rows(connection, "SELECT name FROM sqlite_master WHERE sql > ''")
            }

    def points(self, member_id: str) -> int:
        return sum(one.balance for one in self._accounts(member_id))

    def pending(self, member_id: str) -> int:
        return sum(one.pending for one in self._accounts(member_id))

    def _accounts(self, member_id: str) -> tuple[AccountView, ...]:
        with self.engines.reader.connect() as connection:
            return cached_members.accounts(connection, member_id)

    def sell(self, member_id: str, *, earned: int) -> None:
        """Commit a sale that earns points, with what it changes here."""
        sealed = self.script.sell(member_id, earned=earned)
        envelope = read_envelope(sealed.raw)
        draft = RecordDraft(
            uid=envelope.uid,
            kind=envelope.kind,
            business_day=envelope.business_day,
            wall_ms=envelope.wall_ms,
            mono_ms=envelope.mono_ms,
            boot_id=envelope.boot,
            bundle=envelope.bundle,
            engine=envelope.engine,
            body=bytes(envelope.body),
        )
        effect = AccountEffect(member_id=member_id, account="points", delta=earned)
        with self.engines.writer.begin() as tx:
            committed_sales.commit_record(tx, draft=draft, effects=[effect])

    def push(self) -> None:
        """Send everything that waits."""
        run(self._push())

    async def _push(self) -> None:
        writer, line = OneWriter(self.engines), self.line()
        state = LineState(wall_ms=lambda: 1, tell=self.notices.append)
        pusher = Pusher(engines=self.engines, writer=writer, line=state, random=secrets.token_bytes)
        try:
            while (await pusher.push_once(line))[0]:
                pass
        finally:
            writer.close()
            await line.close()


def run(work: Coroutine[Any, Any, T]) -> T:
    return asyncio.run(work)


def _rows(connection: sa.Connection, query: str) -> list[tuple[Any, ...]]:
    return [tuple(row) for row in connection.exec_driver_sql(query)]


def enrolled_till(
    central: Central, url: str, folder: Path, *, store: str = "berlin-1", name: str = "9"
) -> ImageTill:
    """A new register with an empty database."""
    folder.mkdir()
    register = f"{store}-{name}"
    key = SigningKey(hashlib.sha256(register.encode()).digest())
    incarnation = hashlib.sha256(register.encode()).hexdigest()[:16]
    code = add_register(central, store_id=store, register_id=register)
    answer = enrol(
        central,
        EnrolRequest(code=code, public_key=key.public.hex(), incarnation=incarnation),
    )
    assert json.loads(answer.certificate)["store"] == store
    till, _ = open_till(folder, random=secrets.token_bytes, wall_ms=1, reserve_bytes=0)
    with till.engines.writer.begin() as tx:
        identity_book.write_identity(
            tx,
            identity(
                register=register,
                store=store,
                incarnation=incarnation,
                generation=answer.generation,
                central_key=bytes.fromhex(answer.central_key),
            ),
        )
    return ImageTill(
        till=till,
        key=key,
        url=url,
        folder=folder,
        register=register,
        incarnation=incarnation,
        script=Till(register=register, store=store, incarnation=incarnation),
    )
