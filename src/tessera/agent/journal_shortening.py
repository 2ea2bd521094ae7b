"""Lets the oldest records of the journal go, a few at a time, between sales.

Owns: how old a record must be, and how many go at once. What may go at all is decided where it is
deleted (`store.till.shortening`). Must never: go by the till's own clock, or hold up a sale.
"""

import sqlalchemy as sa

from tessera.agent.sync_push import WriteRunner
from tessera.store.till import feed_state, shortening

DAY_MS = 86_400_000
RECORDS_AT_ONCE = 100
"""In one transaction: some ten milliseconds, in which a sale waits."""


class Shortening:
    """Drops what is older than `days` by central's signed time; 0 days: nothing ever goes."""

    def __init__(self, *, writer: WriteRunner, days: int) -> None:
        self._writer = writer
        self._days = days

    async def step(self) -> int:
        """Drop all that may go now; how many records went. Sales go on in between."""
        gone = 0
        while self._days:
            now = await self._writer.run(self._some)
            gone += now
            if now < RECORDS_AT_ONCE:
                break
        return gone

    def _some(self, tx: sa.Connection) -> int:
        return shorten_some(tx, days=self._days)


def shorten_some(tx: sa.Connection, *, days: int) -> int:
    """Drop up to 100 records older than `days`; how many went. 0 before central has spoken."""
    before_ms = feed_state.read_mark(tx, feed_state.SIGNED_MS) - days * DAY_MS
    return shortening.shorten(tx, before_ms=before_ms, most=RECORDS_AT_ONCE)
