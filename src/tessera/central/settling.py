"""Books a group of records in one transaction: postings, balances, leases, outcomes, what changed.

Owns: what becomes of each record, and that it happens once. The member rows are locked first, then
the outcomes are looked up, so whoever comes second finds the first one's work; head rows of the
feed are taken last and held shortest. Called with the records of one bucket, or of many when one
database holds them all. Must never: let one record keep the others from being booked.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal, InvalidOperation

import msgspec
import sqlalchemy as sa

from tessera.central import rows
from tessera.central.booking import (
    Booked,
    Holder,
    book_claim,
    book_lease_return,
    book_return,
    book_sale,
    is_plain,
)
from tessera.central.claims import REASON_CLAIM_WAITS
from tessera.central.coupon_claims import code_changes
from tessera.central.desk import Desk
from tessera.central.enrolling import book_enrolment
from tessera.central.granting import top_up
from tessera.central.settling_books import (
    Books,
    open_books,
    outcome_of,
    parked_of,
    record_key,
    write_books,
)
from tessera.central.settling_counts import count_return, count_sale, keep_claim
from tessera.central.shared_limits import touches
from tessera.central.work import Work, read_waiting
from tessera.core.quote import ReturnedLine
from tessera.core.sale import (
    ClaimBody,
    EnrolmentBody,
    LeaseReturnBody,
    ReplacementBody,
    ReturnBody,
    SaleBody,
)
from tessera.core.uses import GUARD_FLAGS
from tessera.store.central import lease_book, register_book
from tessera.store.central.accounts import MemberAccounts
from tessera.store.central.ledger_book import Entry
from tessera.store.central.quarantine_book import ParkedRecord
from tessera.store.central.sale_book import APPLIED, PARKED, OutcomeRecord, WaitingRecord
from tessera.sync.feed_wire import AccountVersion, OutcomeRow

REASON_KEY_REUSED = "sale_key_reused"
REASON_MEMBER_UNKNOWN = "member_unknown"
REASON_TOO_MUCH = "returned_more_than_sold"
REASON_ORIGINAL_DIFFERS = "original_differs"
REASON_ORIGINAL_PARKED = "original_parked"
REASON_NOT_BOOKABLE = "not_bookable"
REASON_QUANTITY = "quantity_unreadable"


@dataclass(slots=True)
class Settled:
    """What a group left to be done: parked records, tags to be looked at, codes of ended sales.

    `ended`: returns that brought back the last item of a sale, as central alone could know.
    `shared`: records that use limits over all members, or give their uses back. `enrolled`: those
    that began a member or replaced a card.
    """

    parked: list[ParkedRecord] = field(default_factory=list)
    tagged: list[tuple[str, str, str]] = field(default_factory=list)
    applied: int = 0
    ended: list[Work] = field(default_factory=list)
    shared: list[Work] = field(default_factory=list)
    enrolled: list[Work] = field(default_factory=list)


class _ParkError(Exception):
    """The record cannot be booked; the argument is the reason."""


def settle(
    tx: sa.Connection,
    works: Sequence[Work],
    desk: Desk,
    *,
    again: bool = False,
    leases_later: bool = False,
) -> Settled:
    """Book records in the order given; those that have had their effect are passed over.

    `again`: records that were parked before are tried once more. `leases_later`: who is to be
    granted leases is only noted, since more of their records may be on the way.
    """
    books = open_books(tx, works)
    books.revival_days = desk.revival_days
    settled = Settled()
    if any(work.codes for work in works):
        books.stores = tuple(store.store_id for store in register_book.read_stores(tx))
    for work in works:
        _settle_one(books, work, settled, again=again, base=desk.version_base)
    if leases_later:
        lease_book.put_off(tx, (key for key in books.touched if books.members[key].home_store))
    else:
        _grant_leases(tx, books, desk)
    write_books(tx, books, desk)
    return settled


def _settle_one(books: Books, work: Work, settled: Settled, *, again: bool, base: int) -> None:
    key = record_key(work)
    if key in books.outcomes:
        return
    known = books.known.get(key)
    if known is not None and not (again and known.state == PARKED):
        # Its effect is there; what belongs to the register may not be, if we were stopped between.
        if known.state == PARKED:
            settled.parked.append(parked_of(work, known.reason))
        settled.tagged += [(work.register_id, tag, work.uid) for tag in known.tags.split()]
        if known.state != PARKED:
            _leave(books, work, settled)
        return
    books.changes += code_changes(work, books.stores, base)
    try:
        booked = _book_safely(books, work)
    except _ParkError as refusal:
        _park(books, work, str(refusal), settled, is_known=known is not None)
        return
    if booked is None:
        return
    settled.applied += 1
    _leave(books, work, settled)
    settled.tagged += [(work.register_id, tag, work.uid) for tag in booked.tags]
    _note(books, work, booked, is_known=known is not None, base=base)
    for row in books.waiting.pop(key, []):
        books.stop_waiting.append(row)
        _settle_one(books, read_waiting(row), settled, again=False, base=base)


def _leave(books: Books, work: Work, settled: Settled) -> None:
    """Leave to the end what does not belong to the record's member."""
    if _ends_later(books, work):
        settled.ended.append(work)
    if touches(work):
        settled.shared.append(work)
    if isinstance(work.body, EnrolmentBody | ReplacementBody):
        settled.enrolled.append(work)


def _book_safely(books: Books, work: Work) -> Booked | None:
    """Book one record; whatever it breaks is undone, and it is parked. None: it waits."""
    member = (work.bucket, work.member_id)
    state = books.accounts.setdefault(member, MemberAccounts(member_id=work.member_id))
    # A plain sale is refused before it has changed anything, and most records are plain sales.
    before = None if is_plain(work.body) else state.copied()
    try:
        return _book(books, work, state)
    except ValueError as error:
        if before is not None:
            books.accounts[member] = before
        raise _ParkError(f"{REASON_NOT_BOOKABLE}: {error}") from error


def _book(books: Books, work: Work, state: MemberAccounts) -> Booked | None:
    if work.reason:
        raise _ParkError(work.reason)
    member = (work.bucket, work.member_id)
    is_new = isinstance(work.body, EnrolmentBody)
    if work.member_id and member not in books.members and not is_new:
        raise _ParkError(REASON_MEMBER_UNKNOWN)
    holder = Holder(
        register_id=work.register_id, incarnation=work.incarnation, is_fork=work.is_fork
    )
    body = work.body
    if isinstance(body, EnrolmentBody | ReplacementBody):
        return book_enrolment(books, work, body)
    if isinstance(body, LeaseReturnBody):
        booked = book_lease_return(state, body, holder=holder)
    elif isinstance(body, ClaimBody):
        if body.quote is None:
            raise _ParkError(REASON_CLAIM_WAITS)
        booked = book_claim(state, body.quote, uid=work.uid, counted=body.counted)
        keep_claim(books, work, body)
    elif isinstance(body, ReturnBody):
        if body.original_uid and not _may_return(books, work, body):
            return None
        if (ending := body.with_last) is not None and _ends_later(books, work, body.quote.lines):
            body = replace(body, counters=ending.counters, revoked=ending.revoked)
        booked = book_return(
            state, body, uid=work.uid, holder=holder, revival_days=books.revival_days
        )
        count_return(books, work, body)
    else:
        assert isinstance(body, SaleBody)
        waits = member in books.members and bool(books.members[member].waits_for)
        booked = book_sale(state, body, uid=work.uid, holder=holder, waits=waits)
        count_sale(books, work, body)
    if work.member_id:
        books.touched.add(member)
    marked = () if isinstance(body, LeaseReturnBody) else GUARD_FLAGS.intersection(body.flags)
    return msgspec.structs.replace(booked, tags=(*booked.tags, *sorted(marked)))


def _may_return(books: Books, work: Work, body: ReturnBody) -> bool:
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
        # A gift that is kept after its trigger came back is a line of quantity 0.
        if not quantity.is_finite() or quantity < 0:
            raise _ParkError(REASON_QUANTITY)
        if before.get(line_id, Decimal(0)) + quantity > Decimal(sold.get(line_id, "0")):
            raise _ParkError(REASON_TOO_MUCH)
    return True


def _ends_later(books: Books, work: Work, coming: Sequence[ReturnedLine] = ()) -> bool:
    """Whether a return, though its register could not know it, leaves nothing of its sale.

    `coming`: its lines, as long as they are not counted.
    """
    body = work.body
    if not isinstance(body, ReturnBody) or body.with_last is None:
        return False
    original = (work.bucket, work.member_id, body.original_uid)
    sale = books.sales.get(original)
    if sale is None:
        return False
    sold: dict[str, str] = json.loads(sale.quantities)
    back = dict(books.returned.get(original, {}))
    for line in coming:
        back[line.line_id] = back.get(line.line_id, Decimal(0)) + Decimal(line.quantity)
    return all(
        back.get(line_id, Decimal(0)) >= Decimal(quantity) for line_id, quantity in sold.items()
    )


def _note(books: Books, work: Work, booked: Booked, *, is_known: bool, base: int) -> None:
    """Write down what a booked record did."""
    if booked.postings:
        tag = next((tag for tag in booked.tags if tag not in GUARD_FLAGS), "")
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
        rows.account_version(name, state.accounts[name], base)
        for name in booked.accounts
        if work.member_id
    )
    taken = " ".join(f"{kind}_taken" for kind in work.taken)
    outcome = outcome_of(work, APPLIED, reason=taken, tags=" ".join(booked.tags))
    _tell(books, work, outcome, versions, is_known=is_known)


def _park(books: Books, work: Work, reason: str, settled: Settled, *, is_known: bool) -> None:
    settled.parked.append(parked_of(work, reason))
    if is_known and books.known[record_key(work)].reason == reason:
        # It was parked for this before, and the till has heard of it.
        books.outcomes[record_key(work)] = outcome_of(work, PARKED, reason=reason)
        books.rewritten.append(books.outcomes[record_key(work)])
        return
    _tell(books, work, outcome_of(work, PARKED, reason=reason), (), is_known=is_known)


def _tell(
    books: Books,
    work: Work,
    outcome: OutcomeRecord,
    versions: tuple[AccountVersion, ...],
    *,
    is_known: bool,
) -> None:
    books.outcomes[record_key(work)] = outcome
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


def _grant_leases(tx: sa.Connection, books: Books, desk: Desk) -> None:
    members = [books.members[key] for key in sorted(books.touched)]
    for change in top_up(tx, members, books.accounts, desk):
        books.changes.append(change)
