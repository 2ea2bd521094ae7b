"""Books a group of records in one transaction: postings, balances, leases, outcomes, what changed.

Owns: what becomes of each record, and that it happens once. The member rows are locked first, then
the outcomes are looked up, so whoever comes second finds the first one's work; head rows of the
feed are taken last and held shortest. Called with the records of one bucket, or of many when one
database holds them all. Must never: let one record keep the others from being booked.
"""

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal, InvalidOperation

import sqlalchemy as sa

from tessera.central import rows
from tessera.central.booking import Booked, Holder, book_lease_return, book_return, book_sale
from tessera.central.leasing import LeasePolicy, grant, wanted_grants
from tessera.central.work import Work, read_waiting
from tessera.core.sale import LeaseReturnBody, ReturnBody, SaleBody
from tessera.store.central import feed, ledger_book, member_book, register_book, sale_book
from tessera.store.central.accounts import Lease, MemberAccounts
from tessera.store.central.ledger_book import Entry, MemberKey
from tessera.store.central.member_book import MemberRecord, Profile
from tessera.store.central.sale_book import (
    APPLIED,
    PARKED,
    OutcomeRecord,
    ParkedRecord,
    RecordKey,
    SaleRecord,
    WaitingRecord,
)
from tessera.sync.signing import SigningKey
from tessera.sync.wire import AccountVersion, OutcomeRow

LEASE_ID_BYTES = 16

REASON_KEY_REUSED = "sale_key_reused"
REASON_MEMBER_UNKNOWN = "member_unknown"
REASON_TOO_MUCH = "returned_more_than_sold"
REASON_ORIGINAL_DIFFERS = "original_differs"
REASON_ORIGINAL_PARKED = "original_parked"
REASON_NOT_BOOKABLE = "not_bookable"
REASON_QUANTITY = "quantity_unreadable"


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """What booking needs beside the records: who signs, what leases are granted, chance, time."""

    key: SigningKey
    generation: str
    policy: LeasePolicy
    random: Callable[[int], bytes]
    now_ms: Callable[[], int]


@dataclass(slots=True)
class Settled:
    """What a group left to be written by register: parked records, and tags to be looked at."""

    parked: list[ParkedRecord] = field(default_factory=list)
    tagged: list[tuple[str, str, str]] = field(default_factory=list)
    applied: int = 0


@dataclass(slots=True)
class _Books:
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


class _ParkError(Exception):
    """The record cannot be booked; the argument is the reason."""


def settle(tx: sa.Connection, works: Sequence[Work], desk: Desk, *, again: bool = False) -> Settled:
    """Book records in the order given; those that have had their effect are passed over.

    `again`: records that were parked before are tried once more.
    """
    books = _open(tx, works)
    settled = Settled()
    for work in works:
        _settle_one(books, work, settled, again=again)
    _grant_leases(tx, books, desk)
    _write(tx, books)
    return settled


def _open(tx: sa.Connection, works: Sequence[Work]) -> _Books:
    members = member_book.lock_members(
        tx, {(work.bucket, work.member_id) for work in works if work.member_id}
    )
    keys = {_key(work) for work in works}
    originals = {
        (work.bucket, work.member_id, work.original_uid) for work in works if work.original_uid
    }
    sales = {_key(work) for work in works if isinstance(work.body, SaleBody)}
    waiting: dict[RecordKey, list[WaitingRecord]] = {}
    for row in sale_book.read_waiting(tx, sales):
        waiting.setdefault((row.bucket, row.member_id, row.original_uid), []).append(row)
    return _Books(
        members=members,
        profiles=member_book.read_profiles(tx, members),
        accounts=ledger_book.load(tx, members),
        known=sale_book.read_outcomes(tx, keys | originals),
        sales=sale_book.read_sales(tx, originals | sales),
        returned=sale_book.read_returned(tx, originals | sales),
        waiting=waiting,
    )


def _key(work: Work) -> RecordKey:
    return (work.bucket, work.member_id, work.uid)


def _settle_one(books: _Books, work: Work, settled: Settled, *, again: bool) -> None:
    key = _key(work)
    if key in books.outcomes:
        return
    known = books.known.get(key)
    if known is not None and not (again and known.state == PARKED):
        # Its effect is there; what belongs to the register may not be, if we were stopped between.
        if known.state == PARKED:
            settled.parked.append(_parked(work, known.reason))
        settled.tagged += [(work.register_id, tag, work.uid) for tag in known.tags.split()]
        return
    try:
        booked = _book_safely(books, work)
    except _ParkError as refusal:
        _park(books, work, str(refusal), settled, is_known=known is not None)
        return
    if booked is None:
        return
    settled.applied += 1
    settled.tagged += [(work.register_id, tag, work.uid) for tag in booked.tags]
    _note(books, work, booked, is_known=known is not None)
    for row in books.waiting.pop(key, []):
        books.stop_waiting.append(row)
        _settle_one(books, read_waiting(row), settled, again=False)


def _book_safely(books: _Books, work: Work) -> Booked | None:
    """Book one record; whatever it breaks is undone, and it is parked. None: it waits."""
    member = (work.bucket, work.member_id)
    state = books.accounts.setdefault(member, MemberAccounts(member_id=work.member_id))
    before = state.copied()
    try:
        return _book(books, work, state)
    except ValueError as error:
        books.accounts[member] = before
        raise _ParkError(f"{REASON_NOT_BOOKABLE}: {error}") from error


def _book(books: _Books, work: Work, state: MemberAccounts) -> Booked | None:
    if work.reason:
        raise _ParkError(work.reason)
    member = (work.bucket, work.member_id)
    if work.member_id and member not in books.members:
        raise _ParkError(REASON_MEMBER_UNKNOWN)
    holder = Holder(
        register_id=work.register_id, incarnation=work.incarnation, is_fork=work.is_fork
    )
    body = work.body
    if isinstance(body, LeaseReturnBody):
        booked = book_lease_return(state, body, holder=holder)
    elif isinstance(body, ReturnBody):
        if not _may_return(books, work, body):
            return None
        booked = book_return(state, body, uid=work.uid, holder=holder)
        _count_return(books, work, body)
    else:
        assert isinstance(body, SaleBody)
        booked = book_sale(state, body, uid=work.uid, holder=holder)
        _count_sale(books, work, body)
    if work.member_id:
        books.touched.add(member)
    return booked


def _may_return(books: _Books, work: Work, body: ReturnBody) -> bool:
    """Whether the return can be booked now; False: it waits for its sale."""
    original = (work.bucket, work.member_id, work.original_uid)
    sale = books.sales.get(original)
    if sale is None:
        known = books.outcomes.get(original) or books.known.get(original)
        if known is not None and known.state == PARKED:
            raise _ParkError(REASON_ORIGINAL_PARKED)
        row = WaitingRecord(
            bucket=work.bucket,
            member_id=work.member_id,
            original_uid=work.original_uid,
            uid=work.uid,
            since_ms=work.received_ms,
            received_day=work.received_day,
            is_fork=int(work.is_fork),
            raw=work.raw,
        )
        books.new_waiting.append(row)
        books.waiting.setdefault(original, []).append(row)
        return False
    if sale.sale_key != body.original.text():
        raise _ParkError(REASON_ORIGINAL_DIFFERS)
    sold: dict[str, str] = json.loads(sale.quantities)
    before = books.returned.get(original, {})
    coming: dict[str, Decimal] = {}
    try:
        for line in body.quote.lines:
            coming[line.line_id] = coming.get(line.line_id, Decimal(0)) + Decimal(line.quantity)
    except InvalidOperation as error:
        raise _ParkError(REASON_QUANTITY) from error
    for line_id, quantity in coming.items():
        if not quantity.is_finite() or quantity <= 0:
            raise _ParkError(REASON_QUANTITY)
        if before.get(line_id, Decimal(0)) + quantity > Decimal(sold.get(line_id, "0")):
            raise _ParkError(REASON_TOO_MUCH)
    return True


def _count_sale(books: _Books, work: Work, body: SaleBody) -> None:
    sale = SaleRecord(
        bucket=work.bucket,
        member_id=work.member_id,
        uid=work.uid,
        received_day=work.received_day,
        business_day=body.key.business_day.isoformat(),
        store_id=body.key.store,
        register_id=work.register_id,
        sale_key=body.key.text(),
        bundle=work.bundle,
        engine=work.engine,
        currency=body.quote.currency,
        shelf_minor=body.quote.shelf_minor,
        discount_minor=body.quote.discount_minor,
        due_minor=body.quote.due_minor,
        quantities=json.dumps({line.line_id: str(line.quantity) for line in body.basket.lines}),
        flags=" ".join(body.flags),
    )
    books.new_sales.append(sale)
    books.sales[_key(work)] = sale
    member = books.members.get((work.bucket, work.member_id))
    if member is not None:
        home = work.register_id if body.key.store == member.home_store else member.home_register
        seen = member.after_visit(body.key.business_day, body.quote.due_minor)
        books.members[member.key] = replace(seen, home_register=home)
        books.counted.add(member.key)


def _count_return(books: _Books, work: Work, body: ReturnBody) -> None:
    original = (work.bucket, work.member_id, work.original_uid)
    lines = books.returned.setdefault(original, {})
    for line in body.quote.lines:
        lines[line.line_id] = lines.get(line.line_id, Decimal(0)) + Decimal(line.quantity)
    merged: dict[str, tuple[Decimal, int]] = {}
    for line in body.quote.lines:
        quantity, refund = merged.get(line.line_id, (Decimal(0), 0))
        merged[line.line_id] = (quantity + Decimal(line.quantity), refund + line.refund_minor)
    books.new_returned += [
        (*original, work.uid, line_id, str(quantity), refund)
        for line_id, (quantity, refund) in merged.items()
    ]
    member = books.members.get((work.bucket, work.member_id))
    if member is not None:
        books.members[member.key] = member.after_return(body.quote.refund_minor)
        books.counted.add(member.key)


def _note(books: _Books, work: Work, booked: Booked, *, is_known: bool) -> None:
    """Write down what a booked record did."""
    if booked.postings:
        tag = booked.tags[0] if booked.tags else ""
        books.entries.append(
            Entry(
                bucket=work.bucket,
                member_id=work.member_id,
                uid=work.uid,
                postings=booked.postings,
                tag=tag,
            )
        )
    state = books.accounts[work.bucket, work.member_id]
    versions = tuple(
        rows.account_version(name, state.accounts[name])
        for name in booked.accounts
        if work.member_id
    )
    outcome = _outcome(work, APPLIED, tags=" ".join(booked.tags))
    _tell(books, work, outcome, versions, is_known=is_known)


def _park(books: _Books, work: Work, reason: str, settled: Settled, *, is_known: bool) -> None:
    settled.parked.append(_parked(work, reason))
    if is_known:  # it was parked before and the till has heard of it
        books.outcomes[_key(work)] = _outcome(work, PARKED, reason=reason)
        books.rewritten.append(books.outcomes[_key(work)])
        return
    _tell(books, work, _outcome(work, PARKED, reason=reason), (), is_known=False)


def _tell(
    books: _Books,
    work: Work,
    outcome: OutcomeRecord,
    versions: tuple[AccountVersion, ...],
    *,
    is_known: bool,
) -> None:
    books.outcomes[_key(work)] = outcome
    if is_known:
        books.rewritten.append(outcome)
    row = OutcomeRow(
        uid=work.uid,
        incarnation=work.incarnation,
        seq=work.seq,
        state=outcome.state,
        reason=outcome.reason.partition(":")[0],
        member_id=work.member_id,
        accounts=versions,
    )
    books.changes.append(rows.outcome_change(work.bucket, work.register_id, row))


def _outcome(work: Work, state: str, *, reason: str = "", tags: str = "") -> OutcomeRecord:
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


def _parked(work: Work, reason: str) -> ParkedRecord:
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


def _grant_leases(tx: sa.Connection, books: _Books, desk: Desk) -> None:
    members = [books.members[key] for key in sorted(books.touched)]
    for change in top_up(tx, members, books.accounts, desk):
        books.changes.append(change)


def top_up(
    tx: sa.Connection,
    members: Iterable[MemberRecord],
    accounts: dict[MemberKey, MemberAccounts],
    desk: Desk,
) -> list[feed.Change]:
    """Lease what is free to each member's home register; the rows that tell it."""
    at_home = [member for member in members if member.home_store]
    stores = {member.home_store for member in at_home}
    active: dict[str, list[register_book.RegisterRow]] = {}
    if stores:
        for register in register_book.read_registers(
            tx, stores=stores, status=register_book.ACTIVE
        ):
            active.setdefault(register.store_id, []).append(register)
    changes: list[feed.Change] = []
    for member in at_home:
        choice = active.get(member.home_store, [])
        if not choice or member.status != "active":
            continue
        home = next((r for r in choice if r.register_id == member.home_register), choice[0])
        state = accounts[member.key]
        for wanted in wanted_grants(state, register_id=home.register_id, policy=desk.policy):
            lease = Lease(
                lease_id=desk.random(LEASE_ID_BYTES).hex(),
                unit=wanted.unit,
                register_id=home.register_id,
                incarnation=home.incarnation,
                granted=wanted.amount,
                granted_ms=desk.now_ms(),
            )
            grant(state, lease)
            row = rows.lease_row(member.member_id, lease, generation=desk.generation, key=desk.key)
            changes.append(rows.lease_change(member.bucket, row))
    return changes


def balance_changes(
    members: dict[MemberKey, MemberRecord], accounts: dict[MemberKey, MemberAccounts]
) -> list[feed.Change]:
    """The accounts that changed, as the home store's tills hear of them."""
    return [
        rows.balance_change(members[key], name, state.accounts[name])
        for key, state in sorted(accounts.items())
        if key in members and members[key].home_store
        for name in sorted(state.changed_accounts)
    ]


def _write(tx: sa.Connection, books: _Books) -> None:
    fresh = [row for key, row in books.outcomes.items() if key not in books.known]
    sale_book.write_outcomes(tx, fresh)
    sale_book.rewrite_outcomes(tx, books.rewritten)
    sale_book.write_sales(tx, books.new_sales)
    sale_book.write_returned(tx, books.new_returned)
    sale_book.write_waiting(tx, books.new_waiting)
    sale_book.stop_waiting(tx, books.stop_waiting)
    ledger_book.post(tx, books.entries)
    # Outcomes come before the balances that include them, in the same stream of changes.
    changes = [*books.changes, *balance_changes(books.members, books.accounts)]
    for key in sorted(books.counted):
        member = books.members[key]
        if member.home_store:
            changes.append(rows.member_change(member, books.profiles.get(key, Profile())))
    member_book.write_members(tx, [books.members[key] for key in sorted(books.counted)])
    ledger_book.save(
        tx, {key: state for key, state in books.accounts.items() if key in books.members}
    )
    feed.append(tx, feed.MEMBERS, changes)
