"""The books while a group of records is being settled: read under a lock, changed, written back.

Owns: what is read and written, and in which order. Must never: decide what becomes of a record;
`settling` does.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal

import sqlalchemy as sa

from tessera.central import rows, tiers
from tessera.central.desk import Desk
from tessera.central.granting import balance_changes
from tessera.central.reviving import REVIVAL_DAYS
from tessera.central.work import Work
from tessera.core.sale import LeaseReturnBody, LeaseUse, ReturnBody, SaleBody
from tessera.store.central import (
    bulk,
    enrolment_book,
    feed,
    ledger_book,
    member_book,
    sale_book,
    tier_book,
)
from tessera.store.central.accounts import MemberAccounts
from tessera.store.central.enrolment_book import Enrolment
from tessera.store.central.ledger_book import Entry, MemberKey
from tessera.store.central.member_book import MemberRecord, Profile
from tessera.store.central.quarantine_book import ParkedRecord
from tessera.store.central.sale_book import (
    PARKED,
    OutcomeRecord,
    RecordKey,
    SaleRecord,
    WaitingRecord,
)
from tessera.store.central.tier_book import SpendChange


@dataclass(slots=True)
class Books:
    """The state of everything that the group touches, while it is being booked."""

    members: dict[MemberKey, MemberRecord]
    profiles: dict[MemberKey, Profile]
    accounts: dict[MemberKey, MemberAccounts]
    known: dict[RecordKey, OutcomeRecord]
    sales: dict[RecordKey, SaleRecord]
    returned: dict[RecordKey, dict[str, Decimal]]
    waiting: dict[RecordKey, list[WaitingRecord]]
    outcomes: dict[RecordKey, OutcomeRecord] = field(default_factory=dict)
    rewritten: list[OutcomeRecord] = field(default_factory=list)
    new_sales: list[SaleRecord] = field(default_factory=list)
    new_returned: list[tuple[int, str, str, str, str, str, int]] = field(default_factory=list)
    new_waiting: list[WaitingRecord] = field(default_factory=list)
    stop_waiting: list[WaitingRecord] = field(default_factory=list)
    entries: list[Entry] = field(default_factory=list)
    changes: list[feed.Change] = field(default_factory=list)
    touched: set[MemberKey] = field(default_factory=set)
    counted: set[MemberKey] = field(default_factory=set)
    new_spend_changes: list[SpendChange] = field(default_factory=list)
    new_enrolments: list[Enrolment] = field(default_factory=list)
    stores: tuple[str, ...] = ()
    revival_days: int = REVIVAL_DAYS


def open_books(tx: sa.Connection, works: Sequence[Work]) -> Books:
    """Lock the members of these records and read what they touch."""
    members = member_book.lock_members(
        tx, {(work.bucket, work.member_id) for work in works if work.member_id}
    )
    keys = {record_key(work) for work in works}
    originals = {
        (work.bucket, work.member_id, work.original_uid) for work in works if work.original_uid
    }
    sales = {record_key(work) for work in works if isinstance(work.body, SaleBody)}
    waiting: dict[RecordKey, list[WaitingRecord]] = {}
    for row in sale_book.read_waiting(tx, sales):
        waiting.setdefault((row.bucket, row.member_id, row.original_uid), []).append(row)
    return Books(
        members=members,
        profiles=member_book.read_profiles(tx, members),
        accounts=ledger_book.load(
            tx,
            members,
            lots_of=_spenders(works, waiting) & members.keys(),
            leases_named=[
                (work.bucket, work.member_id, use.lease_id)
                for work in works
                if (work.bucket, work.member_id) in members
                for use in _uses(work)
            ],
            spent_by=originals,
        ),
        known=sale_book.read_outcomes(tx, keys | originals),
        sales=sale_book.read_sales(tx, originals | sales),
        returned=sale_book.read_returned(tx, originals | sales),
        waiting=waiting,
    )


def _uses(work: Work) -> Sequence[LeaseUse]:
    body = work.body
    if isinstance(body, LeaseReturnBody):
        return [LeaseUse(lease_id=body.lease_id, unit=body.unit, amount=body.amount)]
    return body.leases if isinstance(body, SaleBody | ReturnBody) else ()


def _spenders(
    works: Sequence[Work], waiting: dict[RecordKey, list[WaitingRecord]]
) -> set[MemberKey]:
    """Members from whose accounts something may be taken, so that their lots are needed."""
    spending = {(bucket, member_id) for bucket, member_id, _ in waiting}
    for work in works:
        body = work.body
        if isinstance(body, ReturnBody) or (
            isinstance(body, SaleBody) and any(move.spent for move in body.quote.units)
        ):
            spending.add((work.bucket, work.member_id))
    return spending


def record_key(work: Work) -> RecordKey:
    """Where the record is booked."""
    return (work.bucket, work.member_id, work.uid)


def outcome_of(work: Work, state: str, *, reason: str = "", tags: str = "") -> OutcomeRecord:
    """What became of a record, to be stored."""
    return OutcomeRecord(
        bucket=work.bucket,
        member_id=work.member_id,
        uid=work.uid,
        register_id=work.register_id,
        incarnation=work.incarnation,
        seq=work.seq,
        kind=work.kind,
        sale_key=work.sale_key,
        amount_minor=work.amount_minor,
        state=state,
        reason=reason,
        tags=tags,
        received_day=work.received_day,
    )


def parked_of(work: Work, reason: str) -> ParkedRecord:
    """A record for the quarantine."""
    return ParkedRecord(
        register_id=work.register_id,
        incarnation=work.incarnation,
        seq=work.seq,
        hash=work.content_hash.hex(),
        uid=work.uid,
        bucket=work.bucket,
        member_id=work.member_id,
        state=PARKED,
        reason=reason,
        since_ms=work.received_ms,
        raw=work.raw,
    )


def write_books(tx: sa.Connection, books: Books, desk: Desk) -> None:
    """Write everything that the group did; the feed's heads come last."""
    base = desk.version_base
    fresh = [row for key, row in books.outcomes.items() if key not in books.known]
    # Outcomes come before the balances that include them, in the same stream of changes.
    changes = [*books.changes, *balance_changes(books.members, books.accounts, base)]
    with bulk.unanswered(tx):
        sale_book.write_outcomes(tx, fresh)
        sale_book.rewrite_outcomes(tx, books.rewritten)
        sale_book.write_sales(tx, books.new_sales)
        sale_book.write_returned(tx, books.new_returned)
        sale_book.write_waiting(tx, books.new_waiting)
        sale_book.stop_waiting(tx, books.stop_waiting)
        ledger_book.post(tx, books.entries)
        tier_book.write_changes(tx, books.new_spend_changes)
        enrolment_book.write(tx, books.new_enrolments)
        ledger_book.save(
            tx, {key: state for key, state in books.accounts.items() if key in books.members}
        )
    counted = {key: books.members[key] for key in sorted(books.counted)}
    counted = tiers.judge(tx, counted, desk, sales=books.new_sales, less=books.new_spend_changes)
    member_book.write_members(tx, list(counted.values()))
    for key, member in counted.items():
        if member.home_store:
            changes.append(rows.member_change(member, books.profiles.get(key, Profile()), base))
    feed.append(tx, feed.MEMBERS, changes)
