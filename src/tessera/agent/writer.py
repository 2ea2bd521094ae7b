"""The one thread that writes to the till's database.

Owns: the order of writes, and that what is kept beside the database is synced each second.
Must never: answer before the commit; hold the event loop while a disk syncs.
"""

import asyncio
import logging
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import sqlalchemy as sa

from tessera.core.journal import SealedRecord
from tessera.store.till.durable import DiskFull, Write
from tessera.store.till.kept_connection import KeptConnection
from tessera.store.till.opening import OpenTill

_LOG = logging.getLogger("tessera.agent.writer")
SIDE_FILES_S = 1.0

T = TypeVar("T")


class Writer:
    """Runs transactions one after the other; each ends durable, or raises."""

    def __init__(self, till: OpenTill) -> None:
        self._till = till
        self._kept = KeptConnection(till.engines)
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="writer")

    async def run(self, work: Callable[[sa.Connection], T]) -> T:
        """Run `work` in a transaction of its own; what it returns, once that is durable.

        Whatever goes wrong comes through, rolled back. A caller that goes away does not stop a
        transaction that has begun.
        """
        return await self._in_thread(lambda: self._run(work))

    def _run(self, work: Callable[[sa.Connection], T]) -> T:
        with self._kept.begin() as connection:
            return work(connection)

    async def commit(self, uid: str, write: Write, *, before: Sequence[str] = ()) -> SealedRecord:
        """Commit a record under `uid` exactly once; it stands when this returns.

        `before`: the uids of records that `write` writes first, in the same transaction. DiskFull
        when there is no room even in the reserve, CommitFailed when the database fails; then it is
        known not to stand. CommitUnknown when that cannot be said. What `write` raises comes
        through.
        """
        return await self._in_thread(lambda: self._commit(uid, write, before))

    def _commit(self, uid: str, write: Write, before: Sequence[str]) -> SealedRecord:
        try:
            return self._till.commit(uid, write, before=before, through=self._kept)
        except DiskFull:
            _LOG.error("the disk is full: the reserve is given up, benefits stop, sales go on")
        return self._till.commit(uid, write, before=before, through=self._kept)

    async def sync_beside(self, stop: asyncio.Event) -> None:
        """Each second until `stop`: sync witness and salvage, make the reserve whole again."""
        while not stop.is_set():
            try:
                await asyncio.wait_for(stop.wait(), SIDE_FILES_S)
            except TimeoutError:
                try:
                    await self._in_thread(self._sync_side_files)
                except OSError as error:
                    _LOG.warning("files beside the database: %s", error.strerror)

    def _sync_side_files(self) -> None:
        self._till.sync_side_files()
        reserve = self._till.reserve
        if reserve.size and not reserve.is_whole():
            reserve.set_aside()

    async def _in_thread(self, work: Callable[[], T]) -> T:
        loop = asyncio.get_running_loop()
        return await asyncio.shield(loop.run_in_executor(self._thread, work))

    def close(self) -> None:
        """Wait for the last transaction, end the thread and let the connection go."""
        self._thread.shutdown(wait=True)
        self._kept.let_go()
