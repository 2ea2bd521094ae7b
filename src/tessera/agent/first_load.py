"""The first load: members, cards, balances and programme as one image, then the feed from there.

Wanted when this till has nothing of its store's stream, or when central no longer holds what it
would need of it. The file is fetched in parts (a kill at any byte only costs what was not written),
its hash and signature are compared before any of it is read, its rows go into tables beside those
in use, in short transactions between which sales go on, and one last transaction puts them in their
place with the cursor. So an image is there whole or not at all.
Must never: load a file that was not checked, or take longer than a moment of the writer's time.
"""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import sqlalchemy as sa

from tessera.agent.feed_apply import Applied, apply_pages, apply_rows
from tessera.agent.image_file import ImageFile, TooLong
from tessera.agent.sync_push import WriteRunner
from tessera.agent.sync_status import LineState
from tessera.agent.trusted_roots import TrustedRoots
from tessera.core.errors import TesseraError
from tessera.store.engine import Engines
from tessera.store.till import feed_state, identity_book, incoming_members
from tessera.store.till.values import RegisterIdentity
from tessera.sync.feed_reading import ReadPage
from tessera.sync.feed_wire import FeedRow
from tessera.sync.image_reading import (
    ImageRefused,
    check_file,
    feed_rows,
    read_lines,
    read_manifest,
)
from tessera.sync.image_wire import (
    ImageBalances,
    ImageCards,
    ImageContent,
    ImageManifest,
    ImageMembers,
    ImageRows,
    SignedImage,
)
from tessera.sync.link import CentralLink, CentralRefused

IMAGE_NEEDED = "image_needed"
DRAIN_ROWS = 2_000
ROOM_LEFT_BYTES = 67_108_864
"""What must still be free on the disk when an image has been loaded."""


class FirstLoad:
    """Brings an image in, step by step. The puller calls it before it reads a page."""

    def __init__(
        self,
        *,
        engines: Engines,
        writer: WriteRunner,
        line: LineState,
        folder: Path,
        disk_free_bytes: Callable[[], int],
        roots: TrustedRoots | None = None,
    ) -> None:
        self._engines = engines
        self._writer = writer
        self._line = line
        self._file = ImageFile(folder)
        self._disk_free_bytes = disk_free_bytes
        self._roots = roots or TrustedRoots(None, line=line)
        self._by_feed = ""
        self._must = False
        self._is_clean = False

    def need(self) -> None:
        """Central said that its stream no longer reaches back to where this till stands."""
        self._must = True

    async def is_wanted(self, identity: RegisterIdentity, audience: str) -> bool:
        """Whether an image is to be loaded before the stream is read on."""
        if not self._is_clean:
            await self._drain()
            self._is_clean = True
        if self._must:
            return True
        number = _cursor(self._engines, audience, identity.generation)
        return number == 0 and self._by_feed != identity.generation

    async def fetch(
        self, link: CentralLink, identity: RegisterIdentity, audience: str
    ) -> ImageManifest | None:
        """Fetch an image and check it; None when central says that the stream is the shorter way.

        Raises as the link does, and ImageRefused, after which the next call begins anew.
        """
        manifest = await self._manifest(link, identity, audience)
        if manifest is None:
            self._by_feed = identity.generation
            return None
        self._check_room(manifest)
        try:
            await self._download(link, manifest)
            await asyncio.to_thread(check_file, self._file.path, manifest)
        except ImageRefused:
            self._file.drop()
            raise
        except CentralRefused as error:
            # It may have been replaced by a newer one: the next call asks for that.
            self._file.drop()
            if error.status == 404:
                return await self.fetch(link, identity, audience)
            raise
        return manifest

    async def _manifest(
        self, link: CentralLink, identity: RegisterIdentity, audience: str
    ) -> ImageManifest | None:
        after = _cursor(self._engines, audience, identity.generation)

        def read(image: SignedImage) -> ImageManifest:
            return read_manifest(
                image,
                audience=audience,
                generation=identity.generation,
                after=after,
                trust=self._roots.trust(identity),
            )

        kept = self._file.kept()
        if kept is not None:
            try:
                return read(kept)
            except ImageRefused:
                self._file.drop()  # of another generation, or damaged: begin with a new one
        try:
            image = await link.image(audience, generation=identity.generation)
        except CentralRefused as error:
            if error.status == 404 and not self._must:
                return None
            raise
        manifest = read(image)
        self._file.begin(image)
        return manifest

    def _check_room(self, manifest: ImageManifest) -> None:
        free = self._disk_free_bytes()
        wanted = manifest.size - self._file.size() + 2 * manifest.unpacked + ROOM_LEFT_BYTES
        if 0 < free < wanted:
            raise TesseraError(
                f"the first load needs {wanted} bytes of disk and {free} are free",
                hint="free space on the till's disk; the load then goes on by itself",
            )

    async def _download(self, link: CentralLink, manifest: ImageManifest) -> None:
        def take(offset: int, part: bytes) -> None:
            self._file.take(offset, part, most=manifest.size)

        size = self._file.size()
        if size > manifest.size:
            raise ImageRefused(f"the image for {manifest.audience} has grown here", hint="")
        if size == manifest.size:
            return
        try:
            await link.image_file(manifest.hash, start=size, take=take)
        except TooLong:
            raise ImageRefused(
                f"the image for {manifest.audience} is longer than central signed",
                hint="nothing of it was loaded; it is asked for again, and sales go on",
            ) from None

    async def load(
        self, manifest: ImageManifest, identity: RegisterIdentity
    ) -> tuple[FeedRow, ...]:
        """Fill the tables beside those in use; the feed rows that are to be applied with the swap.

        ImageRefused or PageRefused when the file does not hold what it should; what had been filled
        is drained then.
        """
        await self._drain()
        await self._writer.run(incoming_members.begin)
        rows: list[FeedRow] = []
        lines = read_lines(self._file.path, manifest)
        ahead = _next_of(lines)
        try:
            while (line := await ahead) is not None:
                ahead = _next_of(lines)  # inflated and decoded while this one is written
                if isinstance(line, ImageRows):
                    rows += feed_rows(
                        line, audience=manifest.audience, trust=self._roots.trust(identity)
                    )
                else:
                    await self._add(line)
        except TesseraError:
            self._file.drop()
            await self._drain()
            raise
        finally:
            await asyncio.gather(ahead, return_exceptions=True)
        return tuple(rows)

    async def _add(self, line: ImageMembers | ImageCards | ImageBalances) -> None:
        table = {ImageMembers: "member", ImageCards: "card", ImageBalances: "balance"}[type(line)]
        rows: Sequence[tuple[object, ...]] = line.rows
        await self._writer.run(lambda tx: incoming_members.add(tx, table, rows))

    async def finish(
        self,
        manifest: ImageManifest,
        rows: tuple[FeedRow, ...],
        own_page: ReadPage,
        identity: RegisterIdentity,
    ) -> Applied:
        """Put the image in place, with the register's own page and both cursors: one transaction.

        Before it nothing of the image counts, after it all of it does.
        """

        def write(tx: sa.Connection) -> Applied:
            now = identity_book.read_identity(tx)
            if now is None or now.generation != manifest.generation:
                raise ImageRefused(
                    f"central began another generation while {manifest.audience} was loaded",
                    hint="nothing of it counts; the image of the new generation is next",
                )
            incoming_members.swap(tx)
            feed_state.advance(tx, manifest.audience, manifest.generation, manifest.number)
            feed_state.raise_mark(tx, feed_state.SIGNED_MS, manifest.built_ms)
            assigned = apply_rows(tx, rows, identity)
            applied = apply_pages(tx, (own_page,), identity)
            return Applied(rows=len(rows) + applied.rows, assigned=assigned or applied.assigned)

        applied = await self._writer.run(write)
        self._must = False
        self._file.drop()
        await self._drain()
        self._line.tell("loaded", f"{manifest.members} members, {manifest.cards} cards")
        return applied

    async def jump(self, link: CentralLink, identity: RegisterIdentity, audience: str) -> None:
        """Go on after the point below which central keeps nothing of this register's own stream."""
        after = _cursor(self._engines, audience, identity.generation)
        manifest = read_manifest(
            await link.image(audience, generation=identity.generation),
            audience=audience,
            generation=identity.generation,
            after=after,
            trust=self._roots.trust(identity),
        )
        if manifest.size:
            raise ImageRefused(f"the image for {audience} has a file", hint="upgrade this agent")
        await self._writer.run(
            lambda tx: feed_state.advance(tx, audience, manifest.generation, manifest.number)
        )

    async def _drain(self) -> None:
        more = True
        while more:
            more = await self._writer.run(_drain_some)


def _next_of(lines: Iterator[ImageContent]) -> asyncio.Task[ImageContent | None]:
    return asyncio.create_task(asyncio.to_thread(next, lines, None))


def _drain_some(tx: sa.Connection) -> bool:
    return incoming_members.drain(tx, limit=DRAIN_ROWS)


def _cursor(engines: Engines, audience: str, generation: str) -> int:
    with engines.reader.connect() as connection:
        of, number = feed_state.cursor(connection, audience)
    return number if of == generation else 0
