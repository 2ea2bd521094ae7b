"""Open and parked sales on the disk, so that they outlive the process.

Owns: what is written of a sale and when, reading it back at the start, and forgetting by age. A
parked sale is durable before its POS hears that it is parked. Of an open one the POS has the basket
and sends it again; what only this register knows (the card that was scanned, the rewards that were
accepted) is written at once, the frozen quote once the sale has stood still for a moment.
Must never: write a card number, a phone number or a name; make a quote wait for a disk.
"""

import asyncio
import logging
from collections.abc import Sequence

import sqlalchemy as sa

from tessera.agent.kept_body import KeptBody, Snapshot, sale_of
from tessera.agent.open_sales import OpenSale
from tessera.agent.pairing import PairedPos, in_the_store, read_pairings
from tessera.agent.problems_http import ApiProblem
from tessera.agent.till_state import TillState
from tessera.core.errors import TesseraError
from tessera.store.engine import DATABASE_ERRORS
from tessera.store.till import committed_sales, open_sale_book
from tessera.store.till.open_sale_book import KeptSale
from tessera.sync.records import RecordMalformed, decoded, encoded

_LOG = logging.getLogger("tessera.agent.kept")
QUIET_S = 1.0
"""An open sale that has not changed for so long is written; while goods are scanned nothing is."""
OPEN_MS_MAX = 24 * 3_600_000
_DAY_MS = 86_400_000

_Key = tuple[str, str]


class KeptSales:
    """The open and parked sales of this register as the database has them."""

    def __init__(self, state: TillState, *, quiet_s: float = QUIET_S) -> None:
        self._state = state
        self._quiet_s = quiet_s
        self._changed: dict[_Key, OpenSale] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._writing: set[asyncio.Task[None]] = set()

    # -- writing

    def changed(self, sale: OpenSale) -> None:
        """Have a sale written once it has stood still."""
        self._changed[sale.pos.name, sale.sale_id] = sale
        if self._timer is not None:
            self._timer.cancel()
        self._timer = asyncio.get_running_loop().call_later(self._quiet_s, self._begin)

    def _begin(self) -> None:
        task = asyncio.get_running_loop().create_task(self.flush())
        self._writing.add(task)
        task.add_done_callback(self._writing.discard)

    async def flush(self) -> None:
        """Write what has changed, now."""
        sales, self._changed = list(self._changed.values()), {}
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        try:
            await self._write(sales)
        except DATABASE_ERRORS as error:
            # The POS sends the basket again; at worst a card is to be scanned once more.
            _LOG.warning("open sales could not be kept: %s", error)

    async def now(self, sale: OpenSale) -> None:
        """Write one sale, now; a database that fails is only logged."""
        self._changed[sale.pos.name, sale.sale_id] = sale
        await self.flush()

    async def park(self, sale: OpenSale) -> None:
        """Write a parked sale; it is durable when this returns. ApiProblem when it is not."""
        self._changed.pop((sale.pos.name, sale.sale_id), None)
        try:
            await self._write([sale])
        except DATABASE_ERRORS as error:
            _LOG.error("a parked sale could not be kept: %s", error)
            raise ApiProblem(
                "database_failing",
                "the sale is parked, but would not survive a restart of the agent",
                hint="keep the basket in the POS; tessera doctor checks disk and database",
            ) from error

    async def _write(self, sales: Sequence[OpenSale]) -> None:
        if not sales:
            return
        wall_ms = self._state.clock.wall_ms()
        # States as they are now: the sale may go on while the writer's thread encodes it.
        parts = [(sale.pos.name, sale.sale_id, sale.suspended, Snapshot(sale)) for sale in sales]

        def write(connection: sa.Connection) -> None:
            open_sale_book.keep(
                connection,
                [
                    KeptSale(
                        pos=pos,
                        sale_id=sale_id,
                        suspended=suspended,
                        changed_ms=wall_ms,
                        body=encoded(snapshot.body()),
                    )
                    for pos, sale_id, suspended, snapshot in parts
                ],
            )
            self._purge(connection, wall_ms)

        await self._state.writer.run(write)

    def completing(self, pos: PairedPos, sale_id: str) -> None:
        """A sale is about to be committed, which removes its row: write it no more."""
        self._changed.pop((pos.name, sale_id), None)

    async def forget(self, pos: PairedPos, sale_id: str) -> None:
        """Remove a sale that was cancelled; a database that fails is only logged."""
        self._changed.pop((pos.name, sale_id), None)
        try:
            await self._state.writer.run(
                lambda connection: open_sale_book.forget(connection, [(pos.name, sale_id)])
            )
        except DATABASE_ERRORS as error:
            _LOG.warning("a cancelled sale could not be forgotten: %s", error)

    def _purge(self, connection: sa.Connection, wall_ms: int) -> None:
        """Forget by age, unless the clock is not to be believed."""
        if self._state.is_clock_doubtful():
            return
        open_sale_book.purge(
            connection,
            open_before_ms=wall_ms - OPEN_MS_MAX,
            suspended_before_ms=wall_ms - self._state.settings.suspended_days * _DAY_MS,
        )

    # -- reading back

    def read(self) -> list[OpenSale]:
        """The sales that were open or parked when the process ended, the newest last.

        To be called before anything is served. A row that cannot be read is left out: it may be of
        a later release.
        """
        state = self._state
        wall_ms = state.clock.wall_ms()
        try:
            with state.engines.writer.begin() as connection:
                self._purge(connection, wall_ms)
                rows = open_sale_book.read_all(connection)
            register = state.identity.register if state.identity is not None else ""
            known = read_pairings(state.settings.data_dir)
            pairings = {pos.name: pos for pos in (in_the_store(one, register) for one in known)}
            with state.engines.reader.connect() as connection:
                sales = [_read_one(connection, state, row, pairings) for row in rows]
        except TesseraError as error:
            _LOG.error("open sales could not be read: %s", error.message)
            return []
        except DATABASE_ERRORS as error:
            _LOG.error("open sales could not be read: %s", error)
            return []
        return [sale for sale in sales if sale is not None]


def _read_one(
    connection: sa.Connection, state: TillState, row: KeptSale, pairings: dict[str, PairedPos]
) -> OpenSale | None:
    try:
        body = decoded(row.body, KeptBody)
        if _is_committed(connection, row, body):
            return None
        return sale_of(
            connection,
            state,
            body,
            pos=pairings.get(row.pos, PairedPos(name=row.pos)),
            sale_id=row.sale_id,
            suspended=row.suspended,
        )
    except (RecordMalformed, ValueError) as error:
        _LOG.warning("an open sale cannot be read: %s", error)
        return None


def _is_committed(connection: sa.Connection, row: KeptSale, body: KeptBody) -> bool:
    """Whether the sale stands in the journal: a card that was scanned during its commit."""
    found = committed_sales.find_sale_by_id(connection, row.sale_id)
    begun = body.given.begun
    if begun is not None and found is not None:
        return (found.key.pos, found.key.business_day) == (begun.pos, begun.business_day)
    if found is None or found.key.pos != row.pos or body.quoted is None:
        return False
    return found.key.business_day == body.quoted.place.business_day
