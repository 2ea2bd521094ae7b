"""Pull: the feed of the store and the register's own stream, page by page, in the right order.

Owns: the order that keeps every point shown exactly once: first a page of the store, then the
register's stream to its head, then both in one transaction. Central publishes an outcome not later
than the balance that includes it, so a balance never comes without its outcomes.
Must never: apply a page that was not checked as a whole.
"""

import asyncio
from collections.abc import Callable
from contextlib import suppress

import sqlalchemy as sa

from tessera.agent.feed_apply import Applied, apply_pages
from tessera.agent.first_load import IMAGE_NEEDED, FirstLoad
from tessera.agent.sync_push import WriteRunner, begin_generation
from tessera.agent.sync_status import LineState
from tessera.agent.trusted_roots import TrustedRoots
from tessera.store.engine import Engines
from tessera.store.till import feed_state, identity_book, outbox
from tessera.store.till.values import RegisterIdentity
from tessera.sync.feed_reading import PageRefused, ReadPage, read_page
from tessera.sync.feed_wire import FeedPage
from tessera.sync.link import CentralLink, CentralRefused

STORE_SEGMENTS = 4
"""Segments of the store in one transaction: 2,000 rows hold up a sale for some 50 ms."""

REGISTER_SEGMENTS = 4
POLL_WAIT_S = 20
GENERATION_CHANGED = "generation_changed"


class Puller:
    """Reads both audiences to their heads. One at a time; the caller backs off when it raises."""

    def __init__(
        self,
        *,
        engines: Engines,
        writer: WriteRunner,
        line: LineState,
        first_load: FirstLoad | None = None,
        roots: TrustedRoots | None = None,
        on_time: Callable[[int], None] = lambda _signed_ms: None,
    ) -> None:
        """Without `first_load` the whole stream is read; without `roots` one key is believed.

        `on_time` hears central's time at the moment when it was signed for this till.
        """
        self._engines = engines
        self._writer = writer
        self._line = line
        self._first_load = first_load
        self._roots = roots or TrustedRoots(None, line=line)
        self._on_time = on_time
        self._polls: dict[str, asyncio.Task[FeedPage]] = {}

    async def pull_once(self, link: CentralLink) -> bool:
        """Bring one step of the feed in; True when there is more. Raises as the link does.

        PageRefused: a page was wrong, nothing of it was applied.
        """
        try:
            return await self._pull(link)
        except PageRefused:
            # The key that signed it may be one of a root that is not known here yet.
            identity, _ = self._read_identity()
            before = self._roots.trust(identity)
            self._roots.look_again()
            await self._roots.step(link, identity)
            if self._roots.trust(identity) is before:
                raise
            return True

    async def _pull(self, link: CentralLink) -> bool:
        identity, asking = self._read_identity()
        if asking:
            # Until central has said what it still has of our records, its balances can't be
            # matched with them.
            return False
        store = f"store:{identity.store}"
        register = f"register:{identity.register}"
        await self._roots.step(link, identity)
        try:
            if await self._load_image(link, identity, store, register):
                return True
            store_page = await self._fetch(link, identity, store, STORE_SEGMENTS)
            own_page, applied = await self._own_to_its_head(link, identity, register)
        except CentralRefused as error:
            if error.code == IMAGE_NEEDED and self._first_load is not None:
                self._first_load.need()
                return True
            if error.code != GENERATION_CHANGED:
                raise
            await self._begin_generation(link, store)
            return True
        self._line.heard()
        if not (store_page.rows or own_page.rows or applied):
            await self._mark_current(store_page)
            return not store_page.is_last
        result = await self._apply((own_page, store_page), identity)
        if store_page.is_last:
            await self._mark_current(store_page)
        self._line.tell("assigned" if result.assigned else "applied")
        return not store_page.is_last

    async def _own_to_its_head(
        self, link: CentralLink, identity: RegisterIdentity, register: str
    ) -> tuple[ReadPage, int]:
        """The last page of the register's own stream, and how many rows came before it."""
        applied = 0
        while True:
            try:
                page = await self._fetch(link, identity, register, REGISTER_SEGMENTS)
            except CentralRefused as error:
                if error.code != IMAGE_NEEDED or self._first_load is None:
                    raise
                await self._first_load.jump(link, identity, register)
                continue
            if page.is_last:
                return page, applied
            applied += (await self._apply((page,), identity)).rows

    async def _load_image(
        self, link: CentralLink, identity: RegisterIdentity, store: str, register: str
    ) -> bool:
        """Load an image if one is wanted; whether one was loaded.

        The register's own stream is read after the image was made: central serves an image only
        once every outcome that its balances include is published.
        """
        load = self._first_load
        if load is None or not await load.is_wanted(identity, store):
            return False
        manifest = await load.fetch(link, identity, store)
        if manifest is None:
            return False
        rows = await load.load(manifest, identity)
        own_page, _ = await self._own_to_its_head(link, identity, register)
        result = await load.finish(manifest, rows, own_page, identity)
        self._line.heard()
        self._line.tell("assigned" if result.assigned else "applied")
        return True

    def _read_identity(self) -> tuple[RegisterIdentity, bool]:
        with self._engines.reader.connect() as connection:
            identity = identity_book.read_identity(connection)
            assert identity is not None
            return identity, outbox.is_asking(connection)

    async def _fetch(
        self, link: CentralLink, identity: RegisterIdentity, audience: str, limit: int
    ) -> ReadPage:
        generation, after = self._cursor(identity, audience)
        page = await link.feed(audience, generation=generation, after=after, limit=limit, wait_s=0)
        trust = self._roots.trust(identity)
        found = await asyncio.to_thread(
            read_page,
            page,
            audience=audience,
            generation=generation,
            after=after,
            trust=trust,
            register=identity.register,
        )
        if found.is_fresh:
            self._on_time(found.signed_ms)
        if found.root > trust.version:
            self._roots.look_again()
        return found

    def _cursor(self, identity: RegisterIdentity, audience: str) -> tuple[str, int]:
        with self._engines.reader.connect() as connection:
            generation, number = feed_state.cursor(connection, audience)
        return (generation, number) if generation else (identity.generation, 0)

    async def _apply(self, pages: tuple[ReadPage, ...], identity: RegisterIdentity) -> Applied:
        def write(tx: sa.Connection) -> Applied:
            return apply_pages(tx, pages, identity)

        return await self._writer.run(write)

    async def _mark_current(self, store_page: ReadPage) -> None:
        """The balances here are as of this moment of central's."""
        moment = store_page.central_ms
        if moment == self._line.balance_as_of_ms:
            return

        def write(tx: sa.Connection) -> None:
            feed_state.set_mark(tx, feed_state.BALANCE_AS_OF_MS, moment)
            if store_page.is_fresh:
                feed_state.set_mark(tx, feed_state.SIGNED_MS, moment)

        await self._writer.run(write)
        self._line.balance_as_of_ms = moment

    async def _begin_generation(self, link: CentralLink, store: str) -> None:
        page = await link.feed(store, generation="", after=0, limit=1, wait_s=0)
        identity, _ = self._read_identity()
        read_page(
            page,
            audience=store,
            generation="",
            after=0,
            trust=self._roots.trust(identity),
            register=identity.register,
        )

        def write(tx: sa.Connection) -> None:
            begin_generation(tx, page.generation)

        await self._writer.run(write)
        self._line.tell("generation", page.generation)

    async def wait_for_news(self, link: CentralLink) -> None:
        """Return when either audience has something new, or after the long poll's time.

        What comes is only a signal; `pull_once` then reads in its own order.
        """
        identity, asking = self._read_identity()
        if asking:
            return
        for audience in (f"store:{identity.store}", f"register:{identity.register}"):
            if audience not in self._polls:
                generation, after = self._cursor(identity, audience)
                self._polls[audience] = asyncio.create_task(
                    link.feed(
                        audience, generation=generation, after=after, limit=1, wait_s=POLL_WAIT_S
                    )
                )
        await asyncio.wait(self._polls.values(), return_when=asyncio.FIRST_COMPLETED)
        for audience, poll in list(self._polls.items()):
            if poll.done():
                del self._polls[audience]
                _raise_failure(poll)
                self._line.heard()

    async def stop(self) -> None:
        """End the polls that wait."""
        polls = list(self._polls.values())
        self._polls.clear()
        for poll in polls:
            poll.cancel()
        for poll in polls:
            with suppress(asyncio.CancelledError, Exception):
                await poll


def _raise_failure(poll: asyncio.Task[FeedPage]) -> None:
    error = poll.exception()
    # The pull that follows meets a new generation, or the lack of old segments, by itself.
    if error is not None and getattr(error, "code", "") not in {GENERATION_CHANGED, IMAGE_NEEDED}:
        raise error
