"""The line to central, for ever: push what waits, pull what is new, say how we are, stay known.

Owns: when each of these runs (and a fifth, that brings profiles of new members), and how long it
waits after a failure. Must never: block a sale, end because a call failed or a step met a bug, or
read a clock or draw a number that was not handed in.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Protocol

from tessera import __version__
from tessera.agent.bundle_update import BundleUpdate, Parse, Seeds
from tessera.agent.first_load import FirstLoad
from tessera.agent.journal_shortening import Shortening
from tessera.agent.presenting import Presenter
from tessera.agent.profile_sending import ProfileSender
from tessera.agent.renewal import Renewal
from tessera.agent.sync_pull import Puller
from tessera.agent.sync_push import Pusher, WriteRunner
from tessera.agent.sync_status import LineState, SyncNotice, SyncStatus
from tessera.agent.trusted_roots import TrustedRoots
from tessera.core.errors import TesseraError
from tessera.store.engine import DATABASE_ERRORS, Engines
from tessera.store.till import feed_state, identity_book, kept_bundles, outbox
from tessera.store.till.values import RegisterIdentity
from tessera.sync.batching import BACKOFF_S_MAX, delay_s
from tessera.sync.link import (
    CentralBroken,
    CentralBusy,
    CentralConfused,
    CentralError,
    CentralLink,
    CentralUnreachable,
)
from tessera.sync.wire import Heartbeat

_LOG = logging.getLogger("tessera.agent.sync")
HEARTBEAT_S = 30.0
AWAITED_S = 10.0
"""How often it asks whether central still waits for grants of others of this store."""
PUSH, PULL, BEAT, RENEW, PROFILES = "push", "pull", "beat", "renew", "profiles"
FAILURES: tuple[type[Exception], ...] = (TesseraError, *DATABASE_ERRORS)
"""What a step may fail with; anything else is our own bug, told as one and tried again as well."""


class SyncClock(Protocol):
    """What sync asks of a clock."""

    def wall_ms(self) -> int:
        """UTC milliseconds since 1970."""
        ...


class SyncLoop:
    """Keeps a register and central in step.

    `open_link` opens central for an identity (and is where httpx is first imported). `chance`
    draws evenly from [0, 1), `random` gives random bytes. `on_change` hears of changes, in the
    loop's thread. `folder` keeps the root that central is believed by, and takes the first load on
    its way; None: there is no image, the feed is read from its beginning. `on_time` hears central's
    time when it is signed for this till; `believed_ms` is the right time as far as it is known, by
    which programmes begin. `renewing` makes what renews the certificate; None: it is not
    renewed.
    """

    def __init__(  # noqa: PLR0913 - clock, chance, network and disk are all handed in
        self,
        *,
        engines: Engines,
        writer: WriteRunner,
        open_link: Callable[[RegisterIdentity], CentralLink],
        parse_programme: Parse,
        clock: SyncClock,
        chance: Callable[[], float],
        random: Callable[[int], bytes],
        on_change: Callable[[SyncNotice], None],
        heartbeat_s: float = HEARTBEAT_S,
        backoff_s_max: float = BACKOFF_S_MAX,
        disk_free_bytes: Callable[[], int] = lambda: 0,
        seeds: Seeds | None = None,
        folder: Path | None = None,
        on_time: Callable[[int], None] = lambda _signed_ms: None,
        believed_ms: Callable[[], int] | None = None,
        journal_days: int = 0,
        renewing: Callable[[LineState, TrustedRoots], Renewal] | None = None,
    ) -> None:
        self._engines = engines
        self._open_link = open_link
        self._chance = chance
        self._clock = clock
        self._on_change = on_change
        self._heartbeat_s = heartbeat_s
        self._backoff_s_max = backoff_s_max
        self._disk_free_bytes = disk_free_bytes
        self._line = LineState(wall_ms=clock.wall_ms, tell=self._tell)
        self._pusher = Pusher(engines=engines, writer=writer, line=self._line, random=random)
        roots = TrustedRoots(folder, line=self._line)
        load = partial(FirstLoad, engines=engines, writer=writer, line=self._line, roots=roots)
        first_load = load(folder=folder, disk_free_bytes=disk_free_bytes) if folder else None
        self._renewal = renewing(self._line, roots) if renewing else None
        self._on_time = on_time
        self._puller = Puller(
            engines=engines,
            writer=writer,
            line=self._line,
            first_load=first_load,
            roots=roots,
            on_time=self._hear_time,
        )
        self._profiles = ProfileSender(engines=engines, writer=writer)
        self._bundles = BundleUpdate(
            engines=engines,
            writer=writer,
            line=self._line,
            parse=parse_programme,
            now_ms=believed_ms or clock.wall_ms,
            seeds=seeds or Seeds(),
        )
        self._presenter = Presenter(engines=engines, writer=writer, line=self._line)
        self._shortening = Shortening(writer=writer, days=journal_days)
        self._kicked = asyncio.Event()
        self._back_online = asyncio.Event()
        self._linking = asyncio.Lock()
        self._old_links: list[CentralLink] = []
        self._link: CentralLink | None = None
        self._linked_as = ("", "", "")
        self._generation = ""
        self._has_enrolled = False
        self.bugs: dict[str, Exception] = {}
        """The newest bug of ours that each step has met."""

    def kick(self) -> None:
        """A record was committed: send it soon. From the loop's thread, once for each record."""
        self._line.queued += 1
        self._kicked.set()

    def send_profiles(self) -> None:
        """Somebody was enrolled here: their profile follows its record."""
        self._has_enrolled = True

    def status(self) -> SyncStatus:
        """How the line is; costs nothing."""
        return self._line.status(self._generation)

    async def run(self, stop: asyncio.Event) -> None:
        """Push, pull and beat until `stop` is set."""
        self._read_start()
        loops = [
            asyncio.create_task(self._repeat(name, step, stop))
            for name, step in (
                (PUSH, self._push_step),
                (PULL, self._pull_step),
                (BEAT, self._beat_step),
                (RENEW, self._renew_step),
                (PROFILES, self._profile_step),
            )
        ]
        ended = asyncio.create_task(stop.wait())
        try:
            done, _ = await asyncio.wait([*loops, ended], return_when=asyncio.FIRST_COMPLETED)
            for task in done - {ended}:
                task.result()  # None ends before `stop`; were it otherwise, let it be heard.
        finally:
            for task in (*loops, ended):
                task.cancel()
            for task in (*loops, ended):
                with suppress(asyncio.CancelledError):
                    await task
            await self._puller.stop()
            for link in (*self._old_links, self._link):
                if link is not None:
                    await link.close()
            self._link = None

    def _read_start(self) -> None:
        with self._engines.reader.connect() as connection:
            self._line.queued = outbox.depth(connection)
            identity = identity_book.read_identity(connection)
            as_of = feed_state.read_mark(connection, feed_state.BALANCE_AS_OF_MS)
        self._line.balance_as_of_ms = as_of or None
        self._generation = identity.generation if identity else ""

    async def _repeat(
        self, name: str, step: Callable[[CentralLink], Awaitable[float]], stop: asyncio.Event
    ) -> None:
        """Run a step for ever: wait what it says, or by back-off when it failed."""
        failures = 0
        while not stop.is_set():
            try:
                pause_s = await step(await self._current_link())
            except FAILURES as error:
                failures += 1
                pause_s = self._note_failure(name, error, failures)
                await self._wait_out(pause_s)
            except Exception as error:  # noqa: BLE001 - whatever the bug is, sales go on to central
                failures += 1
                self._note_bug(name, error)
                await asyncio.sleep(delay_s(failures, self._chance(), most_s=self._backoff_s_max))
            else:
                failures = 0
                await asyncio.sleep(pause_s)

    def _note_bug(self, name: str, error: Exception) -> None:
        """One step that meets a bug must not end the others; each kind of it is logged once."""
        if type(error) is not type(self.bugs.get(name)):
            _LOG.error("sync met a bug in %s; sales go on and are kept", name, exc_info=error)
        self.bugs[name] = error
        self._line.failed_here(name, f"a bug of ours ({type(error).__name__}); the log tells more")

    def _note_failure(self, name: str, error: Exception, failures: int) -> float:
        if isinstance(error, DATABASE_ERRORS):
            # Without SQLAlchemy's frame around it: the driver's own words say what is wrong.
            cause = getattr(error, "orig", None) or error
            self._line.failed_here(name, f"this register's database fails: {cause}")
            return delay_s(failures, self._chance(), most_s=self._backoff_s_max)
        answered = isinstance(error, CentralError) and not isinstance(error, CentralUnreachable)
        code = error.code if isinstance(error, CentralError) else ""
        self._line.failed(name, str(error), answered=answered, code=code)
        if self._renewal is not None and self._line.is_unknown:
            self._renewal.look_now()
        if not isinstance(error, CentralError) or isinstance(error, CentralConfused):
            self._line.tell("refused", str(error))
        asked_s = error.retry_after_s if isinstance(error, CentralBusy) else 0
        return delay_s(
            failures,
            self._chance(),
            retry_after_s=asked_s,
            most_s=self._backoff_s_max,
            bisecting=isinstance(error, CentralBroken),
        )

    async def _wait_out(self, pause_s: float) -> None:
        """Wait by back-off, but not on once another loop has reached central again."""
        if self._line.online:
            await asyncio.sleep(pause_s)
            return
        with suppress(TimeoutError):
            await asyncio.wait_for(self._back_online.wait(), pause_s)

    async def _push_step(self, link: CentralLink) -> float:
        self._kicked.clear()
        await self._presenter.step(link)
        more, asked_s = await self._pusher.push_once(link)
        self._line.mended(PUSH)
        if not more and self._has_enrolled:
            self._has_enrolled = False
            self._profiles.kick()  # their records are stored now
        if asked_s:
            return float(asked_s)
        if not more and not self._kicked.is_set():
            await self._kicked.wait()
        return 0.0

    async def _pull_step(self, link: CentralLink) -> float:
        more = await self._puller.pull_once(link)
        await self._bundles.step(link)
        self._line.mended(PULL)
        if more:
            return 0.0
        if self._is_asking():
            # Central came back from a backup: push first tells us what it still has.
            self._kicked.set()
            return 0.2
        await self._puller.wait_for_news(link)
        return 0.0

    async def _beat_step(self, link: CentralLink) -> float:
        await link.heartbeat(self._heartbeat())
        self._line.heard()
        self._line.mended(BEAT)
        # Also here, since a bundle's time may come while nothing else happens.
        await self._bundles.step(link)
        await self._presenter.ask_again(link)
        await self._shortening.step()
        pause_s = min(AWAITED_S, self._heartbeat_s) if self._line.awaited else self._heartbeat_s
        return pause_s * (0.5 + self._chance())

    async def _profile_step(self, link: CentralLink) -> float:
        pause_s = await self._profiles.step(link)
        self._line.mended(PROFILES)
        return pause_s

    async def _renew_step(self, _link: CentralLink) -> float:
        if self._renewal is None:
            return BACKOFF_S_MAX
        pause_s = await self._renewal.step()
        self._line.mended(RENEW)
        await self._renewal.wait(pause_s * (0.5 + self._chance()))
        return 0.0

    def _hear_time(self, signed_ms: int) -> None:
        if self._renewal is not None:
            self._renewal.hear_time(signed_ms)
        self._on_time(signed_ms)

    def _is_asking(self) -> bool:
        with self._engines.reader.connect() as connection:
            return outbox.is_asking(connection)

    def _heartbeat(self) -> Heartbeat:
        with self._engines.reader.connect() as connection:
            identity = identity_book.read_identity(connection)
            assert identity is not None
            active = kept_bundles.active(connection)
            audiences = (f"store:{identity.store}", f"register:{identity.register}")
            return Heartbeat(
                register=identity.register,
                incarnation=identity.incarnation,
                release=__version__,
                queued=outbox.depth(connection),
                bundle=active.hash if active else "",
                clock_ms=self._clock.wall_ms(),
                disk_free_bytes=self._disk_free_bytes(),
                cursors=tuple(
                    (audience, feed_state.cursor(connection, audience)[1]) for audience in audiences
                ),
            )

    async def _current_link(self) -> CentralLink:
        with self._engines.reader.connect() as connection:
            identity = identity_book.read_identity(connection)
        if identity is None:
            raise TesseraError("this register is not enrolled", hint="tessera agent enrol --help")
        self._generation = identity.generation
        named = (identity.register, identity.incarnation, identity.certificate)
        async with self._linking:
            if self._link is None or named != self._linked_as:
                if self._link is not None:
                    self._old_links.append(self._link)  # Other loops may be using it still.
                # In a thread: the first one imports httpx, and no quote waits for that.
                self._link = await asyncio.to_thread(self._open_link, identity)
                self._linked_as = named
            return self._link

    def _tell(self, notice: SyncNotice) -> None:
        if notice.what == "online":
            self._back_online.set()
        elif notice.what == "offline":
            self._back_online.clear()
        self._on_change(notice)
