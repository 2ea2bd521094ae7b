"""What central received from a register, record by record, with what became of each.

Must never: show anything personal, or change anything.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import sqlalchemy as sa

from tessera.central.opening import Central
from tessera.central.work import Work, inflate, read_batch, split
from tessera.core.errors import TesseraError
from tessera.core.sale import ReturnBody, SaleBody
from tessera.store.central import inbox, register_book, sale_book
from tessera.store.central.inbox import BatchRow
from tessera.sync.records import RecordMalformed, read_envelope

_BATCHES_AT_ONCE = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceivedRecord:
    """One record; `due_minor` is what the customer paid, below zero what was paid back.

    `state` is applied, parked or dropped; waiting while it is not booked; malformed when its bytes
    do not read.
    """

    register: str
    incarnation: str
    seq: int
    state: str
    uid: str = ""
    kind: str = ""
    business_day: str = ""
    sale_id: str = ""
    member_id: str = ""
    due_minor: int = 0
    reason: str = ""
    flags: tuple[str, ...] = ()


def received_records(central: Central, register_id: str) -> Iterator[ReceivedRecord]:
    """All records of a register in the order in which they were stored, repeated ones once.

    TesseraError when the register is unknown.
    """
    seen: set[tuple[str, int, bytes]] = set()
    arrival = 0
    with central.engines.reader.begin() as tx:
        if register_book.read_register(tx, register_id) is None:
            raise TesseraError(
                f"register {register_id!r} is unknown",
                hint="tessera central register list names them",
            )
        while batches := inbox.read_batches(
            tx, register_id, after_arrival=arrival, limit=_BATCHES_AT_ONCE
        ):
            arrival = batches[-1].arrival
            whole = [batch for batch in batches if not batch.purged_ms]
            works = [work for batch in whole for work in _readable(batch)]
            keys = {(work.bucket, work.member_id, work.uid) for work in works}
            outcomes = {
                outcome.uid: (outcome.state, outcome.reason)
                for outcome in sale_book.read_outcomes(tx, keys).values()
            }
            for work in works:
                key = (work.incarnation, work.seq, work.content_hash)
                if key not in seen:
                    seen.add(key)
                    yield _received(work, *outcomes.get(work.uid, ("waiting", "")))
            for batch in batches:
                yield from _let_go(batch) if batch.purged_ms else _malformed(batch)


def readable_works(tx: sa.Connection, register_id: str) -> Iterator[Work]:
    """Every record of a register that reads, in the order stored, repeated ones once."""
    seen: set[tuple[str, int, bytes]] = set()
    arrival = 0
    while batches := inbox.read_batches(
        tx, register_id, after_arrival=arrival, limit=_BATCHES_AT_ONCE
    ):
        arrival = batches[-1].arrival
        whole = [batch for batch in batches if not batch.purged_ms]
        for work in (one for batch in whole for one in _readable(batch)):
            key = (work.incarnation, work.seq, work.content_hash)
            if key not in seen:
                seen.add(key)
                yield work


def _unreadable(batch: BatchRow) -> frozenset[int]:
    """The numbers of records whose envelope does not read; their bytes lie in the quarantine."""
    bad = set()
    for seq, raw in enumerate(split(inflate(batch.body)), start=batch.first_seq):
        try:
            read_envelope(raw)
        except RecordMalformed:
            bad.add(seq)
    return frozenset(bad)


def _readable(batch: BatchRow) -> list[Work]:
    return read_batch(batch, skip=_unreadable(batch), is_fork=False)


def _let_go(batch: BatchRow) -> Iterator[ReceivedRecord]:
    """What is left to tell of records whose bytes are kept no longer: they were booked."""
    for seq in range(batch.first_seq, batch.last_seq + 1):
        yield ReceivedRecord(
            register=batch.register_id, incarnation=batch.incarnation, seq=seq, state="let-go"
        )


def _malformed(batch: BatchRow) -> Iterator[ReceivedRecord]:
    for seq in sorted(_unreadable(batch)):
        yield ReceivedRecord(
            register=batch.register_id, incarnation=batch.incarnation, seq=seq, state="malformed"
        )


def _received(work: Work, state: str, reason: str) -> ReceivedRecord:
    sale_id, business_day, due_minor = "", "", 0
    if isinstance(work.body, SaleBody):
        due_minor = work.body.quote.due_minor
    elif isinstance(work.body, ReturnBody):
        due_minor = -work.body.quote.refund_minor
    if isinstance(work.body, SaleBody | ReturnBody):
        sale_id = work.body.key.sale_id
        business_day = work.body.key.business_day.isoformat()
    return ReceivedRecord(
        register=work.register_id,
        incarnation=work.incarnation,
        seq=work.seq,
        uid=work.uid,
        kind=work.kind,
        business_day=business_day,
        sale_id=sale_id,
        member_id=work.member_id,
        due_minor=due_minor,
        state=state,
        reason=reason,
        flags=work.body.flags if isinstance(work.body, SaleBody | ReturnBody) else (),
    )
