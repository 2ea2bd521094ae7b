"""The sync loop beside the checkout: started once the register is enrolled, heard by the page.

Owns: how central is reached with this register's key, and what follows when sync says that
something changed. Must never: import httpx before the loop first needs it.
"""

import asyncio
import logging
import random
import secrets
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial

from tessera.agent.bundle_update import Seeds
from tessera.agent.drawing import announced_seed, keep_seed
from tessera.agent.enrolment import REGISTER_KEY, read_key
from tessera.agent.programme_in_force import parse_here
from tessera.agent.renewal import Renewal
from tessera.agent.sync_loop import SyncLoop
from tessera.agent.sync_status import SyncNotice
from tessera.agent.till_state import TillState
from tessera.core.errors import Problem, TesseraError
from tessera.store.engine import DATABASE_ERRORS
from tessera.store.till.values import KeptBundle, RegisterIdentity
from tessera.sync.link import CentralLink
from tessera.sync.signing import SigningKey

_LOG = logging.getLogger("tessera.agent.sync")
_LOUD = frozenset({"refused", "bundle_refused", "life", "generation", "stuck"})
SYNC_WORDS = {
    "online": "central answers",
    "offline": "central does not answer, sales go on and wait here",
    "pushed": "central has stored what was sent",
    "applied": "what central had to tell is taken in",
    "assigned": "central wants a programme to run here",
    "bundle": "the programme's bundle is here",
    "bundle_refused": "the programme's bundle is not taken, the last one goes on",
    "life": "this register goes on under a new incarnation",
    "generation": "central was put back from a backup; what it lacks is sent again",
    "loaded": "the store's members were loaded at once",
    "refused": "what central answered is not understood and not taken in, it is asked again",
    "stuck": "what central says cannot be kept for now, sync waits",
    "root": "another root of central is believed from now on",
    "certificate": "this register has a new certificate",
}
"""What the log says of each notice."""
_HASH_DIGITS = 12


@asynccontextmanager
async def running_sync(state: TillState, stop: asyncio.Event) -> AsyncIterator[None]:
    """Keep central and this register in step for as long as the context lasts."""
    if state.identity is None or not state.settings.central.url or state.settings.training:
        yield
        return
    hearing = _Hearing(state)
    loop = SyncLoop(
        engines=state.engines,
        writer=state.writer,
        open_link=lambda identity: _open_link(state, identity),
        renewing=lambda line, roots: Renewal(
            engines=state.engines,
            writer=state.writer,
            folder=state.settings.data_dir,
            line=line,
            roots=roots,
            link_with=partial(_link_with, state),
            random=secrets.token_bytes,
        ),
        parse_programme=partial(_problems_of, state),
        clock=state.clock,
        # Spreads retries over time; nothing secret hangs on it.
        chance=random.random,
        random=secrets.token_bytes,
        on_change=hearing.hear,
        seeds=Seeds(announced_seed, partial(keep_seed, state.settings.data_dir)),
        disk_free_bytes=lambda: shutil.disk_usage(state.settings.data_dir).free,
        folder=state.settings.data_dir,
        on_time=state.hear_time,
        believed_ms=state.believed_ms,
        journal_days=state.settings.journal_days_in_force,
    )
    state.sync, state.kick = loop.status, loop.kick
    state.send_profiles = loop.send_profiles
    task = asyncio.create_task(loop.run(stop))
    task.add_done_callback(_hear_bug)
    try:
        yield
    finally:
        stop.set()
        try:
            await asyncio.wait_for(task, timeout=3)
        except TimeoutError:
            _LOG.warning("sync did not end in time; nothing is lost, it goes on at the next start")
        await hearing.stop()


def _hear_bug(task: asyncio.Task[None]) -> None:
    if not task.cancelled() and (error := task.exception()) is not None:
        _LOG.error("sync ended by a bug; sales go on and are kept", exc_info=error)


def _open_link(state: TillState, identity: RegisterIdentity) -> CentralLink:
    return _link_with(state, identity, read_key(state.settings.data_dir / REGISTER_KEY))


def _link_with(state: TillState, identity: RegisterIdentity, key: SigningKey) -> CentralLink:
    from tessera.sync.client import HttpCentral, Signer  # noqa: PLC0415 - half a second of imports

    settings = state.settings
    return HttpCentral(
        settings.central.url,
        signer=Signer(register=identity.register, incarnation=identity.incarnation, key=key),
        wall_ms=state.clock.wall_ms,
        random=secrets.token_bytes,
        ca_file=settings.central.ca_file,
    )


def _problems_of(state: TillState, text: str, file: str) -> list[Problem]:
    return parse_here(text, file, currency=state.currency)[1]


def _said(notice: SyncNotice) -> str:
    """Say for the log what changed between this register and central."""
    words = f"sync: {SYNC_WORDS.get(notice.what, notice.what)}"
    text = notice.text[:_HASH_DIGITS] if notice.what == "bundle" else notice.text
    return f"{words}: {text}" if text else words


class _Hearing:
    """What follows from a notice of the sync loop."""

    def __init__(self, state: TillState) -> None:
        self._state = state
        self._taking: asyncio.Task[None] | None = None

    async def _take(self, bundle: KeptBundle) -> None:
        """Parse a new programme beside the sales that go on, and what replaced it meanwhile."""
        state, wanted = self._state, bundle
        while True:
            await asyncio.to_thread(state.programme.take, wanted, currency=state.currency)
            state.hub.publish("sync", what="programme", bundle=state.programme.bundle)
            newer = state.refresh()
            if newer is None:
                return
            wanted = newer

    async def stop(self) -> None:
        """Wait for a programme that is being parsed; threads can't be stopped."""
        if self._taking is not None:
            await self._taking

    def hear(self, notice: SyncNotice) -> None:
        """Read anew what changed, and tell who listens."""
        level = logging.WARNING if notice.what in _LOUD else logging.INFO
        _LOG.log(level, "%s", _said(notice))
        if notice.what not in {"online", "offline", "pushed", "stuck"}:
            try:
                bundle = self._state.refresh()
                is_busy = self._taking is not None and not self._taking.done()
                if bundle is not None and not is_busy:
                    self._taking = asyncio.create_task(self._take(bundle))
            except TesseraError as error:
                _LOG.error("after sync: %s", error.message)
            except DATABASE_ERRORS as error:
                _LOG.error("after sync the database failed: %s", error)
        sync = self._state.sync() if self._state.sync is not None else None
        self._state.hub.publish(
            "sync",
            what=notice.what,
            online=sync.online if sync else False,
            queued=sync.queued if sync else 0,
        )
