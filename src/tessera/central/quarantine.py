"""Records that could not be booked: what they are, trying again, letting go.

Owns: an operator's decisions about parked records. Dropping settles a record without effect; its
bytes and its row in the inbox stay for ever. Must never: book a record twice.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from tessera.central import claims
from tessera.central.apart import Apart
from tessera.central.apply import REASON_UID, Round, claim
from tessera.central.finishing import finish
from tessera.central.granting import check_generation
from tessera.central.opening import Central
from tessera.central.settling import REASON_KEY_REUSED, REASON_MEMBER_UNKNOWN, settle
from tessera.central.work import Work, day_of, read_work
from tessera.core.errors import TesseraError
from tessera.store.central import member_book, quarantine_book, sale_book
from tessera.store.central.quarantine_book import DROPPED, RETRIED, ParkedRecord
from tessera.store.central.sale_book import PARKED, WaitingRecord
from tessera.sync.records import RecordMalformed

LISTED_MAX = 10_000
CLAIMS_AT_ONCE = 100
TAKEN = (REASON_UID, REASON_KEY_REUSED, claims.REASON_CLAIMED)
AGAIN = "trying a parked record again"
ANOTHERS = "another record has its place; only dropping settles it"


def parked_records(central: Central, *, register_id: str = "") -> list[ParkedRecord]:
    """Undecided records, oldest first."""
    with central.engines.reader.begin() as tx:
        return quarantine_book.read_parked(tx, register_id=register_id, limit=LISTED_MAX)


def waiting_records(central: Central) -> list[WaitingRecord]:
    """Returns that wait for their sale, longest first."""
    with central.engines.reader.begin() as tx:
        return sale_book.read_all_waiting(tx, limit=LISTED_MAX)


def find(central: Central, name: str) -> ParkedRecord:
    """A parked record by its uid, or by the beginning of its content hash (8 digits or more)."""
    found = [
        record
        for record in parked_records(central)
        if name and (record.uid == name or (len(name) >= 8 and record.hash.startswith(name)))
    ]
    if len(found) != 1:
        what = "no parked record is" if not found else f"{len(found)} parked records are"
        raise TesseraError(f"{what} named {name!r}", hint="tessera central quarantine list")
    return found[0]


def retry(central: Central, record: ParkedRecord) -> str:
    """Try to book it again; empty when it is booked now, else the reason why it is not."""
    try:
        work = _read(record)
    except RecordMalformed as error:
        return error.message
    if record.reason.startswith(TAKEN):
        return f"{record.reason}: {ANOTHERS}"
    with central.engines.writer.begin() as tx:
        # One that broke its own booking, or that was never read, has claimed nothing yet.
        turn = Round(works=[work])
        claim(tx, turn)
        if not turn.works:
            return f"{REASON_UID}: {ANOTHERS}"
        if work.reason.startswith(TAKEN):
            return f"{work.reason}: {ANOTHERS}"
        desk = central.desk()
        settled = settle(tx, [work], desk, again=True)
        check_generation(tx, desk)
        settled.tagged += turn.settled.tagged
        reason = next((one.reason for one in settled.parked if one.uid == work.uid), "")
        if reason:
            return reason
        # What is parked besides is a return that had waited for this sale.
        finish(tx, [work], settled, desk)
        quarantine_book.settle_parked(tx, record, state=RETRIED, settled_ms=central.now_ms())
    return ""


@dataclass(slots=True)
class Progress:
    """How far a round over the claims that wait has come; the next one goes on from there."""

    after: quarantine_book.Place = quarantine_book.FIRST

    @property
    def is_underway(self) -> bool:
        """Whether claims are left that this round has not looked at."""
        return self.after != quarantine_book.FIRST


def retry_claims(central: Central, progress: Progress, apart: Apart | None = None) -> int:
    """Try the next claims again that waited for their sale; how many are settled now.

    Never the same ones only: a sale that never comes must not keep other claims waiting.
    """
    apart = apart or Apart(central.now_ms)
    with central.engines.reader.begin() as tx:
        rows = quarantine_book.read_parked(
            tx, reason=claims.REASON_CLAIM_WAITS, after=progress.after, limit=CLAIMS_AT_ONCE
        )
        is_last = len(rows) < CLAIMS_AT_ONCE
        progress.after = quarantine_book.FIRST if is_last else rows[-1].place
        read = [
            (row, apart.attempt(AGAIN, partial(_read, row), about=row.uid, otherwise=None))
            for row in rows
        ]
        works = {row.place: work for row, work in read if work is not None}
        claims.resolve(tx, list(works.values()))
    ready = [row for row in rows if row.place in works and not claims.is_waiting(works[row.place])]
    return _settle_all_again(central, ready, apart)


def retry_unknown_members(central: Central, apart: Apart | None = None) -> int:
    """Try records again whose member was unknown and is here now; how many are settled.

    A return elsewhere may arrive before the enrolment that its member began with.
    """
    with central.engines.reader.begin() as tx:
        named = quarantine_book.parked_members(tx, REASON_MEMBER_UNKNOWN, limit=LISTED_MAX)
        known = member_book.read_members(tx, named)
        rows = [
            row
            for key in sorted(known)
            for row in quarantine_book.read_parked(
                tx, reason=REASON_MEMBER_UNKNOWN, member=key, limit=CLAIMS_AT_ONCE
            )
        ]
    return _settle_all_again(central, rows, apart or Apart(central.now_ms))


def _read(row: ParkedRecord) -> Work:
    return read_work(
        row.raw, received_ms=row.since_ms, received_day=day_of(row.since_ms), is_fork=False
    )


def _settle_all_again(central: Central, rows: Sequence[ParkedRecord], apart: Apart) -> int:
    steps = [(row.uid, partial(_settle_again, central, row)) for row in rows]
    return sum(apart.attempt(AGAIN, step, about=uid, otherwise=False) for uid, step in steps)


def _settle_again(central: Central, row: ParkedRecord) -> bool:
    """Book it, or say why it never will be: then it stays for somebody to look at."""
    reason = retry(central, row)
    if reason:
        with central.engines.writer.begin() as tx:
            quarantine_book.give_reason(tx, row, reason=reason)
    return True


def drop(central: Central, record: ParkedRecord) -> None:
    """Settle it without effect."""
    with central.engines.writer.begin() as tx:
        quarantine_book.settle_parked(tx, record, state=DROPPED, settled_ms=central.now_ms())


def is_undecided(record: ParkedRecord) -> bool:
    """Whether nobody has decided about it yet."""
    return record.state == PARKED
