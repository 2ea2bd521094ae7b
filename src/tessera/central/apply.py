"""Books what is in the inbox: each record once, whatever happens in between.

Owns: the three steps from stored batches to settled ones. First, by register, the uid rows fix
where each record belongs and the sale keys whose they are; then each group of records is booked
(`settling`); last, by register, the batches leave the queue and what could not be booked is parked.
On one database all three are one transaction. Spread over shards each bucket has its own, and a
step that was done before is found done, so being killed anywhere between changes nothing.
Must never: drop a batch from the queue before all of its records are settled.
"""

from collections.abc import Callable, Sequence
from copy import copy
from dataclasses import dataclass, field
from functools import partial

import msgspec
import sqlalchemy as sa

from tessera.central import claims, enrolling, rows
from tessera.central.apart import NOT_ITS_FAULT, Apart
from tessera.central.claims import REASON_CLAIMED
from tessera.central.coupon_claims import claim_codes
from tessera.central.desk import Desk
from tessera.central.finishing import finish
from tessera.central.granting import check_generation
from tessera.central.settling import REASON_KEY_REUSED, Settled, settle
from tessera.central.settling_books import parked_of
from tessera.central.work import Work, read_batch, read_waiting
from tessera.core.identity import bucket_of
from tessera.core.sale import ClaimBody
from tessera.store.central import feed, inbox, quarantine_book, sale_book
from tessera.store.central.inbox import BatchRow
from tessera.store.central.quarantine_book import ParkedRecord
from tessera.store.central.sale_book import PARKED, UidRow, WaitingRecord
from tessera.sync.feed_wire import OutcomeRow
from tessera.sync.wire import BATCH_RECORDS_MAX, Malformed

REGISTERS_AT_ONCE = 64
BATCHES_AT_ONCE = 16
"""Most registers and, of each, batches in one round; bounds a round's memory and time."""

RECORDS_AT_ONCE = 2_000
LEASES_LATER_FROM = BATCH_RECORDS_MAX
"""Records in a round from which it counts as a backlog: leases are granted once that is booked."""

ALARM_UID = "uid-conflict"
REASON_UID = "uid_conflict"
REASON_FAILED = "central_failed"

_MALFORMED = msgspec.json.Decoder(tuple[Malformed, ...])


@dataclass(slots=True)
class Round:
    """Everything of one round, or of a record that is tried again, between its steps."""

    batches: list[tuple[str, int]] = field(default_factory=list)
    works: list[Work] = field(default_factory=list)
    settled: Settled = field(default_factory=Settled)


def apply_waiting(
    engine: sa.Engine, desk: Desk, *, spans_buckets: bool = True, records_max: int = RECORDS_AT_ONCE
) -> int:
    """Book one round of what waits; how many batches were settled, 0 when nothing waits.

    `spans_buckets`: one transaction for all buckets, which SQLite and a single PostgreSQL allow.
    """
    if spans_buckets:
        with engine.begin() as tx:
            turn = _take(tx, records_max)
            claim(tx, turn)
            later = len(turn.works) >= LEASES_LATER_FROM
            _settle_group(tx, turn.works, desk, turn.settled, leases_later=later)
            _finish(tx, turn, desk)
        return len(turn.batches)
    with engine.begin() as tx:
        turn = _take(tx, records_max)
        claim(tx, turn)
    later = len(turn.works) >= LEASES_LATER_FROM
    groups: dict[int, list[Work]] = {}
    for work in turn.works:
        groups.setdefault(work.bucket, []).append(work)
    for _bucket, works in sorted(groups.items()):
        with engine.begin() as tx:
            _settle_group(tx, works, desk, turn.settled, leases_later=later)
    with engine.begin() as tx:
        _finish(tx, turn, desk)
    return len(turn.batches)


def apply_carefully(
    engine: sa.Engine, desk: Desk, *, note: Callable[[str, Exception], None]
) -> int:
    """Book a round by halves, after one has failed; a record that fails alone is parked.

    Only for getting past records that this release cannot book: `note` hears of each by its uid,
    the others are booked as usual, in their order. How many batches were settled.
    """
    with engine.begin() as tx:
        turn = _take(tx, RECORDS_AT_ONCE)
    parts = [turn.works]
    while parts:
        part = parts.pop()
        # Copies, since claiming changes them, and what is rolled back is claimed once more.
        attempt = Round(works=[copy(work) for work in part])
        try:
            with engine.begin() as tx:
                claim(tx, attempt)
                later = len(attempt.works) >= LEASES_LATER_FROM
                _settle_group(tx, attempt.works, desk, attempt.settled, leases_later=later)
                _finish(tx, attempt, desk)
        except NOT_ITS_FAULT:
            raise  # the database is away, or another generation began: no record is at fault
        except Exception as error:  # noqa: BLE001 - whatever it is, the others must not wait for it
            if len(part) > 1:
                middle = len(part) // 2
                parts += [part[middle:], part[:middle]]
                continue
            note(part[0].uid, error)
            with engine.begin() as tx:
                _park_failed(tx, part[0])
    with engine.begin() as tx:
        inbox.settle_batches(tx, turn.batches)
    return len(turn.batches)


def book_overdue_returns(engine: sa.Engine, desk: Desk, apart: Apart | None = None) -> int:
    """Book returns that still wait though what became of their sale is known; how many.

    Seldom needed: where nobody's member row kept a sale and its return apart, both may have been
    booked at the same moment by two workers that did not see each other.
    """
    apart = apart or Apart(desk.now_ms)
    with engine.connect() as tx:
        overdue = sale_book.read_overdue(tx, limit=RECORDS_AT_ONCE)
    return sum(
        apart.attempt(
            "booking an overdue return",
            partial(_book_overdue, engine, desk, row),
            about=row.uid,
            otherwise=False,
        )
        for row in overdue
    )


def _book_overdue(engine: sa.Engine, desk: Desk, row: WaitingRecord) -> bool:
    alone = Round(works=[read_waiting(row)])
    with engine.begin() as tx:
        _settle_group(tx, alone.works, desk, alone.settled)
        sale_book.stop_waiting(tx, [row])
    with engine.begin() as tx:
        _finish(tx, alone, desk)
    return True


def _park_failed(tx: sa.Connection, work: Work) -> None:
    """Park a record that broke its own booking; its till hears of it."""
    quarantine_book.park(tx, [_set_apart(work, REASON_FAILED)])
    row = OutcomeRow(
        uid=work.uid,
        incarnation=work.incarnation,
        seq=work.seq,
        state=PARKED,
        reason=REASON_FAILED,
    )
    change = rows.outcome_change(bucket_of(work.register_id), work.register_id, row)
    feed.append(tx, feed.REGISTERS, [change])


def _take(tx: sa.Connection, records_max: int) -> Round:
    turn = Round()
    for register_id in inbox.registers_due(tx, limit=REGISTERS_AT_ONCE):
        if len(turn.works) >= records_max:
            break
        if not inbox.try_lock_booking(tx, register_id):
            continue
        forks = {
            branch.hash for branch in inbox.read_all_branches(tx, register_id) if branch.is_fork
        }
        for batch in inbox.batches_due(tx, register_id, limit=BATCHES_AT_ONCE):
            if turn.batches and len(turn.works) >= records_max:
                break
            turn.batches.append((batch.register_id, batch.arrival))
            turn.works += _records(batch, is_fork=batch.branch in forks)
    return turn


def _records(batch: BatchRow, *, is_fork: bool) -> list[Work]:
    if batch.is_opaque:
        return []
    parked = _MALFORMED.decode(batch.malformed) if batch.malformed else ()
    skip = frozenset(row.seq for row in parked)
    return read_batch(batch, skip=skip, is_fork=is_fork)


def claim(tx: sa.Connection, turn: Round) -> None:
    """Fix by uid and by sale key where records belong; what conflicts with earlier ones is parked.

    A uid that comes again with the same content is the same record; with other content somebody
    has rewritten history, and nothing of the newcomer is booked.
    """
    uids = [
        UidRow(
            register_id=work.register_id,
            uid=work.uid,
            content_hash=work.content_hash,
            incarnation=work.incarnation,
            seq=work.seq,
            bucket=work.bucket,
            member_id=work.member_id,
            received_day=work.received_day,
        )
        for work in turn.works
    ]
    held = sale_book.claim_uids(tx, uids)
    kept: list[Work] = []
    for work in turn.works:
        row = held[work.register_id, work.uid]
        if row.content_hash != work.content_hash:
            turn.settled.parked.append(_set_apart(work, REASON_UID))
            turn.settled.tagged.append((work.register_id, ALARM_UID, work.uid))
            continue
        work.received_day = row.received_day
        kept.append(work)
    keys = [
        (work.kbucket, work.sale_key, work.uid, work.register_id, work.member_id)
        for work in kept
        if work.sale_key
    ]
    owners = sale_book.claim_sale_keys(tx, keys)
    for work in kept:
        if work.sale_key and owners[work.kbucket, work.sale_key][0] != work.uid:
            taken = REASON_CLAIMED if isinstance(work.body, ClaimBody) else REASON_KEY_REUSED
            work.reason = work.reason or taken
    enrolling.claim_numbers(tx, kept)
    claims.resolve(tx, kept)
    turn.settled.tagged += claim_codes(tx, kept)
    turn.works = kept


def _settle_group(
    tx: sa.Connection,
    works: Sequence[Work],
    desk: Desk,
    settled: Settled,
    *,
    leases_later: bool = False,
) -> None:
    part = settle(tx, works, desk, leases_later=leases_later)
    check_generation(tx, desk)
    settled.parked += part.parked
    settled.tagged += part.tagged
    settled.applied += part.applied
    settled.ended += part.ended
    settled.shared += part.shared
    settled.enrolled += part.enrolled


def _finish(tx: sa.Connection, turn: Round, desk: Desk) -> None:
    finish(tx, turn.works, turn.settled, desk)
    inbox.settle_batches(tx, turn.batches)


def _set_apart(work: Work, reason: str) -> ParkedRecord:
    """A record of which nothing is booked anywhere, filed under its register."""
    whole = parked_of(work, reason)
    return msgspec.structs.replace(whole, bucket=bucket_of(work.register_id), member_id="")
