"""Shows the grants that this register holds again, once central came back from a backup.

A restored central may have forgotten what it granted; until every register of a store has shown
what it holds, it sets nothing more aside for the store's members. Owns: when that is due, and what
is known of whom central still waits for. Must never: keep records from being sent, or change a
lease.
"""

import asyncio
from http import HTTPStatus

from tessera.agent.sync_push import WriteRunner
from tessera.agent.sync_status import LineState
from tessera.store.engine import Engines
from tessera.store.till import feed_state, identity_book, leases
from tessera.store.till.values import Grant, RegisterIdentity
from tessera.sync.feed_wire import LeaseRow
from tessera.sync.grant_wire import GRANTS_MAX, PresentRequest
from tessera.sync.link import (
    CentralBusy,
    CentralError,
    CentralLink,
    CentralRefused,
    CentralUnreachable,
)

PRESENTED = "leases presented"
"""Stands among the cursors: the generation in which grants were presented last, and for how many
registers of this store central waited then."""


class Presenter:
    """Presents when it is due. One at a time."""

    def __init__(self, *, engines: Engines, writer: WriteRunner, line: LineState) -> None:
        self._engines = engines
        self._writer = writer
        self._line = line
        self._failed_in = ""
        self._turn = asyncio.Lock()

    async def step(self, link: CentralLink) -> None:
        """Present all grants if a new generation has begun since, and that has not failed.

        A central that cannot take them must not keep records from coming in, so only what would
        keep these as well is raised: no answer, or a wish to be left alone for a while.
        """
        async with self._turn:
            await self._step(link)

    async def _step(self, link: CentralLink) -> None:
        identity, presented, _ = await asyncio.to_thread(self._read)
        if identity.generation in {presented, self._failed_in}:
            return
        try:
            await self._present(link, identity)
        except (CentralUnreachable, CentralBusy):
            raise
        except CentralError as error:
            if isinstance(error, CentralRefused) and error.status == HTTPStatus.NOT_FOUND:
                # A central of an earlier release waits for nobody's grants.
                await self._note(identity, ())
                return
            self._failed_in = identity.generation
            self._line.tell("refused", str(error))

    async def ask_again(self, link: CentralLink) -> None:
        """Present what is due, or ask whether central still waits for others of this store."""
        self._failed_in = ""
        await self.step(link)
        identity, presented, awaited = await asyncio.to_thread(self._read)
        if awaited and identity.generation == presented:
            try:
                waiting = await self._send(link, identity, (), is_last=False)
                if identity.register in waiting:
                    # Central was put back to before it heard of ours, within this generation.
                    await self._present(link, identity)
                else:
                    await self._note(identity, waiting)
            except CentralRefused:
                return  # another generation has begun; it is presented with the next step

    async def _present(self, link: CentralLink, identity: RegisterIdentity) -> None:
        grants = await asyncio.to_thread(self._grants)
        pages = [grants[at : at + GRANTS_MAX] for at in range(0, len(grants), GRANTS_MAX)] or [[]]
        waiting: tuple[str, ...] = ()
        for number, page in enumerate(pages, start=1):
            rows = tuple(_row(one, identity.register) for one in page)
            waiting = await self._send(link, identity, rows, is_last=number == len(pages))
        await self._note(identity, waiting)

    async def _send(
        self,
        link: CentralLink,
        identity: RegisterIdentity,
        rows: tuple[LeaseRow, ...],
        *,
        is_last: bool,
    ) -> tuple[str, ...]:
        """Send a page; which registers of this store central still waits for."""
        request = PresentRequest(generation=identity.generation, grants=rows, is_last=is_last)
        answer = await link.present(request)
        if answer.refused:
            self._line.tell("refused", f"central does not believe {answer.refused} leases")
        return answer.waiting

    async def _note(self, identity: RegisterIdentity, waiting: tuple[str, ...]) -> None:
        self._line.awaited = waiting
        await self._writer.run(
            lambda tx: feed_state.advance(tx, PRESENTED, identity.generation, len(waiting))
        )

    def _read(self) -> tuple[RegisterIdentity, str, int]:
        with self._engines.reader.connect() as connection:
            identity = identity_book.read_identity(connection)
            assert identity is not None
            return identity, *feed_state.cursor(connection, PRESENTED)

    def _grants(self) -> list[Grant]:
        with self._engines.reader.connect() as connection:
            return [grant for grant, _ in leases.read_all(connection)]


def _row(grant: Grant, register: str) -> LeaseRow:
    return LeaseRow(
        lease_id=grant.lease_id,
        member_id=grant.member_id,
        unit=grant.unit,
        amount=grant.amount,
        register=register,
        incarnation=grant.incarnation,
        generation=grant.generation,
        signature=grant.signature,
    )
