"""The one thread that writes to the till's database.

Owns: the order of writes, and that a failed connection is thrown away before the next one.
Must never: answer before the commit; hold the event loop while a disk syncs.
"""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import sqlalchemy as sa

from tessera.core.errors import TesseraError
from tessera.core.journal import SealedRecord
from tessera.store.engine import DATABASE_ERRORS
from tessera.store.till.committed_sales import take_sealed

T = TypeVar("T")


class CommitUnknown(TesseraError):
    """A commit failed: whether it stands is unknown until the database is asked anew."""

    code = "database_failing"


class DiskFull(CommitUnknown):
    """The database could not grow."""

    code = "disk_full"


class Writer:
    """Runs transactions one after the other; each ends durable, or raises."""

    def __init__(
        self,
        engine: sa.Engine,
        *,
        after_commit: Callable[[SealedRecord], None] = lambda _: None,
    ) -> None:
        """`after_commit` hears of each journal record once its commit stands."""
        self._engine = engine
        self._after_commit = after_commit
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="writer")

    async def run(self, work: Callable[[sa.Connection], T]) -> T:
        """Run `work` in a transaction of its own and give what it returned, once it is durable.

        CommitUnknown (DiskFull when there is no room) when the database fails; the connection is
        closed, so the next transaction starts on a new one. Whatever `work` raises comes through,
        rolled back. A caller that goes away does not stop a transaction that has begun.
        """
        loop = asyncio.get_running_loop()
        return await asyncio.shield(loop.run_in_executor(self._thread, self.run_here, work))

    def run_here(self, work: Callable[[sa.Connection], T]) -> T:
        """As `run`, in the calling thread; for start and tests, while no other thread writes."""
        try:
            with self._engine.begin() as connection:
                take_sealed(connection)
                outcome = work(connection)
                sealed = take_sealed(connection)
        except DATABASE_ERRORS as error:
            # After a failed commit or fsync SQLite's own view can't be trusted: begin anew.
            self._engine.dispose()
            text = str(getattr(error, "orig", None) or error)
            if "full" in text or "disk I/O" in text:
                raise DiskFull(
                    f"the database could not be written: {text}",
                    hint="make room on the disk; tessera doctor shows how much is left",
                ) from error
            raise CommitUnknown(
                f"the database could not be written: {text}",
                hint="tessera doctor checks the database",
            ) from error
        for record in sealed:
            self._after_commit(record)
        return outcome

    def close(self) -> None:
        """Wait for the last transaction and end the thread."""
        self._thread.shutdown(wait=True)
