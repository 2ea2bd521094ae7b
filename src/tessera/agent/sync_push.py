"""Push: the outbox to central, batch by batch, until it is empty.

Owns: reading a batch, sending it, writing down what the answer means. One batch is on its way at a
time; while it is, the one behind it is read and packed, to be sent if the answer is as expected.
Must never: decide (that is `sync.batching`'s), drop a record on any failure, or hold up a sale.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, TypeVar

import sqlalchemy as sa

from tessera.agent.sync_status import LineState
from tessera.core.identity import INCARNATION_BYTES, new_incarnation
from tessera.store.engine import Engines
from tessera.store.till import cached_members, feed_state, identity_book, outbox, shortening
from tessera.store.till.values import RegisterIdentity
from tessera.sync.batching import (
    Pace,
    Settlement,
    after_acceptance,
    after_failure,
    chosen,
    head_of,
    packed,
    payload_of,
    settle,
)
from tessera.sync.link import CentralBroken, CentralLink, CentralRefused
from tessera.sync.wire import BATCH_RECORDS_MAX, BatchAnswer, BatchHead

T = TypeVar("T")
_BISECT_STATUS = frozenset({413, 422})


class WriteRunner(Protocol):
    """The one thread that writes to the till's database."""

    async def run(self, work: Callable[[sa.Connection], T]) -> T:
        """Run `work` in a transaction of its own; what it returns, once that is durable."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class _Batch:
    head: BatchHead
    content: bytes
    count: int
    own_head_seq: int
    known_high_water: int


class Pusher:
    """Sends what waits. One at a time; the caller backs off when it raises."""

    def __init__(
        self,
        *,
        engines: Engines,
        writer: WriteRunner,
        line: LineState,
        random: Callable[[int], bytes],
    ) -> None:
        self._engines = engines
        self._writer = writer
        self._line = line
        self._random = random
        self._pace = Pace()
        self._next: _Batch | None = None

    async def push_once(self, link: CentralLink) -> tuple[bool, int]:
        """Send one batch if anything waits: (whether more may wait, seconds central asks to wait).

        Raises the CentralError of a failed call; the outbox is as it was then.
        """
        batch, self._next = self._next, None
        if batch is None:
            batch = await asyncio.to_thread(self._read_batch)
        if batch is None:
            self._line.queued = 0
            return False, 0
        try:
            answer, ahead = await self._send(link, batch)
        except (CentralBroken, CentralRefused) as error:
            if isinstance(error, CentralBroken) or error.status in _BISECT_STATUS:
                self._pace = after_failure(self._pace, batch.count)
            raise
        self._pace = after_acceptance(self._pace)
        self._line.heard()
        settlement = settle(
            batch.head,
            answer,
            own_head_seq=batch.own_head_seq,
            known_high_water=batch.known_high_water,
        )
        incarnation = batch.head.incarnation
        born = new_incarnation(self._random(INCARNATION_BYTES))

        def write(tx: sa.Connection) -> tuple[int, bool]:
            return write_settlement(
                tx, incarnation, settlement, generation=answer.generation, new_life=born
            )

        self._line.queued, began = await self._writer.run(write)
        if settlement.generation:
            self._line.tell("generation", settlement.generation)
        if began:
            self._line.tell("life", "central knows another history of this register")
        self._line.tell("pushed")
        if not began and is_plain(settlement, batch.head):
            self._next = ahead
        return self._line.queued > 0, answer.next_after_s

    async def _send(self, link: CentralLink, batch: _Batch) -> tuple[BatchAnswer, _Batch | None]:
        """Send a batch; its answer, and the batch behind it where a full one shows a backlog."""
        if batch.count < BATCH_RECORDS_MAX:
            return await link.push(batch.head, batch.content), None
        reading = asyncio.create_task(asyncio.to_thread(self._read_batch, batch.head))
        try:
            answer = await link.push(batch.head, batch.content)
        finally:
            # Awaited whatever came of the batch, so that no reader outlives its step.
            ahead = await reading
        return answer, ahead

    def _read_batch(self, behind: BatchHead | None = None) -> _Batch | None:
        """The oldest batch that waits, or that `behind` another one of the same life."""
        with self._engines.reader.connect() as connection:
            waiting = outbox.waiting(
                connection,
                limit=min(self._pace.limit, BATCH_RECORDS_MAX),
                after_seq=behind.last_seq if behind else 0,
                incarnation=behind.incarnation if behind else "",
            )
            if not waiting or (behind and waiting[0].seq != behind.last_seq + 1):
                return None
            records = chosen(waiting, self._pace)
            payload = payload_of(records)
            first = records[0]
            life = next(
                life
                for life in outbox.lives(connection)
                if life.head.incarnation == first.incarnation
            )
            identity = identity_book.read_identity(connection)
            assert identity is not None
            head = head_of(
                records,
                payload,
                register=identity.register,
                previous_link=outbox.link_before(connection, first.incarnation, first.seq),
                generation=identity.generation,
                parent=life.parent,
                opaque=self._pace.opaque,
                missing_from=missing_from(life, first.seq),
                accepted_seq=accepted_in(life, identity),
            )
            return _Batch(
                head=head,
                content=packed(payload),
                count=len(records),
                own_head_seq=life.head.seq,
                known_high_water=max(life.high_water, behind.last_seq if behind else 0),
            )


def missing_from(life: outbox.Life, first_seq: int) -> int:
    """The first record that central lacks and this till no longer has; 0 when there is none.

    Central was restored from a backup that is older than the one it had named.
    """
    is_torn = first_seq == life.dropped_seq + 1 and life.high_water < life.dropped_seq
    return life.high_water + 1 if is_torn else 0


def accepted_in(life: outbox.Life, identity: RegisterIdentity) -> int:
    """What central has acknowledged of the present life in its present generation.

    By it central can tell that its database went back. 0 while it has not spoken in that
    generation, and for former lives: of one that forked, neither history need reach that far.
    """
    is_present = (life.head.incarnation, life.generation) == (
        identity.incarnation,
        identity.generation,
    )
    return life.high_water if is_present else 0


def is_plain(settlement: Settlement, head: BatchHead) -> bool:
    """Whether an answer says no more than that central stores just what was sent."""
    return (
        settlement.high_water == head.last_seq
        and settlement.resend_after is None
        and not settlement.forked
        and not settlement.generation
    )


def write_settlement(
    tx: sa.Connection,
    incarnation: str,
    settlement: Settlement,
    *,
    generation: str,
    new_life: str,
) -> tuple[int, bool]:
    """Write down what an answer means: (how many records wait, whether a new life began)."""
    if settlement.generation:
        begin_generation(tx, settlement.generation)
    if settlement.resend_after is not None:
        outbox.resend_after(tx, incarnation, settlement.resend_after, generation=generation)
    queued = outbox.settle(
        tx, incarnation, settlement.high_water, settlement.malformed, generation=generation
    )
    identity = identity_book.read_identity(tx)
    assert identity is not None
    began = settlement.forked and identity.incarnation == incarnation
    if began:
        identity_book.begin_new_life(tx, new_life)
    return queued, began


def begin_generation(tx: sa.Connection, generation: str) -> None:
    """Central came back from a backup: read its feed anew, and ask what it still has of ours."""
    identity_book.write_generation(tx, generation)
    cached_members.forget_versions(tx)
    feed_state.begin_generation(tx, generation)
    shortening.forget_backups(tx)
    outbox.ask_again(tx)
