"""Accepts a batch: proves who sent it, that it is whole, and where it belongs in its history.

Owns: the answer to a batch. A till may send anything again, cut differently, or from a cloned disk,
so what counts is the hash chain: a batch either goes on from a stored head, repeats what is stored,
leaves a gap, or is another history under the same incarnation (a fork), which is stored as well.
The batch is written as it came, and answered only after the commit. Must never: book anything.
"""

import base64
import binascii
from dataclasses import dataclass, replace

import msgspec
import sqlalchemy as sa

from tessera.central.refusals import Refused
from tessera.central.work import PayloadTooLarge, PayloadUnreadable, inflate, split
from tessera.core.errors import TesseraError
from tessera.core.identity import bucket_of, is_uid
from tessera.core.journal import Head, chain_links, genesis
from tessera.store.central import inbox, register_book, sale_book
from tessera.store.central.inbox import BatchRow, BranchRow
from tessera.store.central.register_book import RegisterRow
from tessera.store.central.sale_book import PARKED, ParkedRecord
from tessera.sync.records import RecordMalformed, encoded, read_envelope
from tessera.sync.signing import PURPOSE_BATCH, is_signed
from tessera.sync.wire import (
    BATCH_BYTES_MAX,
    BATCH_RECORDS_MAX,
    BatchAnswer,
    BatchHead,
    Malformed,
    content_hash,
)

HEAD_TEXT_MAX = 4_096
REASON_OPAQUE = "opaque: central failed on it before"
ALARM_FORK = "fork"
ALARM_LIFE = "new-incarnation"
ALARM_MISSING = "records-missing"


class BatchGap(TesseraError):
    """A batch that begins behind a gap: `high_water` is where the till goes on."""

    code = "gap"

    def __init__(self, message: str, *, incarnation: str, high_water: int) -> None:
        super().__init__(message, hint="send what follows the high-water mark")
        self.incarnation = incarnation
        self.high_water = high_water


@dataclass(frozen=True, slots=True, kw_only=True)
class Parcel:
    """A batch as it came: the head's signed bytes, their signature, the compressed body."""

    head: BatchHead
    head_bytes: bytes
    signature: bytes
    body: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What a parcel holds once inflated: its records, their links, and which cannot be read."""

    raws: list[bytes]
    links: list[str]
    malformed: tuple[Malformed, ...]


def read_parcel(
    *, head_text: str, signature_text: str, body: bytes, register: RegisterRow, keys: list[bytes]
) -> Parcel:
    """The parcel that two headers and a body make; Refused when the register did not sign it.

    `keys`: the register's public keys that are accepted now.
    """
    try:
        if len(head_text) > HEAD_TEXT_MAX:
            raise ValueError("too long")
        head_bytes = base64.b64decode(head_text, altchars=b"-_", validate=True)
        signature = base64.b64decode(signature_text, altchars=b"-_", validate=True)
        head = msgspec.json.decode(head_bytes, type=BatchHead)
    except (ValueError, binascii.Error, msgspec.DecodeError, RecursionError) as error:
        raise _malformed("the batch's head does not read") from error
    if not any(is_signed(key, PURPOSE_BATCH, head_bytes, signature) for key in keys):
        raise Refused(
            "the batch's head is not signed by this register",
            hint="enrol the register again if its key was lost",
            code="bad_signature",
            status=401,
        )
    if head.register != register.register_id:
        raise _malformed(f"the batch is of register {head.register}")
    return Parcel(head=head, head_bytes=head_bytes, signature=signature, body=body)


def read_payload(parcel: Parcel) -> Reading:
    """Inflate and check a parcel against its head; Refused when anything disagrees."""
    head = parcel.head
    count = head.last_seq - head.first_seq + 1
    if not 1 <= count <= BATCH_RECORDS_MAX:
        raise _malformed(f"a batch of {count} records; 1 to {BATCH_RECORDS_MAX} are possible")
    try:
        payload = inflate(parcel.body, limit=BATCH_BYTES_MAX)
        raws = split(payload)
    except PayloadTooLarge as error:
        raise Refused(error.message, hint=error.hint, code="too_large", status=413) from error
    except PayloadUnreadable as error:
        raise _malformed(error.message) from error
    if content_hash(payload) != head.content_hash:
        raise _malformed("the payload is not the one that the head names")
    if len(raws) != count:
        raise _malformed(f"the payload has {len(raws)} records, its head says {count}")
    start = Head(
        register=head.register,
        incarnation=head.incarnation,
        seq=head.first_seq - 1,
        link_hash=bytes.fromhex(head.previous_link),
    )
    links = [link.hex() for link in chain_links(start, raws)]
    if links[-1] != head.last_link:
        raise _malformed("the records do not make the chain that the head names")
    return Reading(raws=raws, links=links, malformed=_unreadable(head, raws))


def _unreadable(head: BatchHead, raws: list[bytes]) -> tuple[Malformed, ...]:
    """Records that cannot be read, or are not what their place says."""
    if head.opaque:
        places = range(head.first_seq, head.last_seq + 1)
        return tuple(Malformed(seq=seq, reason=REASON_OPAQUE) for seq in places)
    wrong: list[Malformed] = []
    for seq, raw in enumerate(raws, start=head.first_seq):
        try:
            envelope = read_envelope(raw)
        except RecordMalformed as error:
            wrong.append(Malformed(seq=seq, reason=error.message[:500]))
            continue
        place = (envelope.register, envelope.incarnation, envelope.seq)
        if place != (head.register, head.incarnation, seq):
            wrong.append(Malformed(seq=seq, reason="record names another place than its own"))
        elif not is_uid(envelope.uid):
            wrong.append(Malformed(seq=seq, reason="record has no uid"))
    return tuple(wrong)


def store_parcel(
    tx: sa.Connection, parcel: Parcel, reading: Reading, *, generation: str, now_ms: int
) -> BatchAnswer:
    """Store a batch in its place; BatchGap when something before it is missing.

    The answer may be given once `tx` is committed.
    """
    head = parcel.head
    arrivals = inbox.lock_register(tx, head.register)
    answer = BatchAnswer(
        generation=generation,
        incarnation=head.incarnation,
        high_water=0,
        central_ms=now_ms,
        malformed=reading.malformed,
    )
    branches = inbox.read_branches(tx, head.register, head.incarnation)
    twin = inbox.find_batch(
        tx,
        register_id=head.register,
        incarnation=head.incarnation,
        first_seq=head.first_seq,
        last_seq=head.last_seq,
        content_hash=head.content_hash,
    )
    if twin is not None:
        stored = next(branch for branch in branches if branch.hash == twin.branch)
        return msgspec.structs.replace(
            answer, high_water=stored.head_seq, fork=stored.is_fork, repeated=True
        )
    branch = _find_place(tx, head, reading, branches)
    if branch is not None and head.last_seq <= branch.head_seq:
        return msgspec.structs.replace(
            answer, high_water=branch.head_seq, fork=branch.is_fork, repeated=True
        )
    if branch is None:
        branch = _open_branch(tx, head, reading, branches, now_ms=now_ms)
    grown = replace(branch, head_seq=head.last_seq, head_link=head.last_link)
    inbox.write_branch(tx, register_id=head.register, branch=grown, opened_ms=now_ms)
    _store(tx, parcel, reading, branch=grown, arrival=arrivals + 1, now_ms=now_ms)
    return msgspec.structs.replace(answer, high_water=grown.head_seq, fork=grown.is_fork)


def _find_place(
    tx: sa.Connection, head: BatchHead, reading: Reading, branches: list[BranchRow]
) -> BranchRow | None:
    """The branch that this batch goes on from, overlaps with, or lies within; None: of none.

    Equal links at one number mean equal histories up to it, so one comparison decides.
    """
    for branch in branches:
        if head.first_seq == branch.head_seq + 1:
            if head.previous_link == branch.head_link:
                return branch
        elif head.first_seq <= branch.head_seq <= head.last_seq:
            if reading.links[branch.head_seq - head.first_seq] == branch.head_link:
                return branch
        elif head.last_seq < branch.head_seq and (
            _stored_link(tx, head, branch, head.last_seq) == head.last_link
        ):
            return branch
    return None


def _first_differing(
    tx: sa.Connection, head: BatchHead, reading: Reading, branches: list[BranchRow]
) -> int:
    """The number of the first record that no stored history has: where the fork is."""
    for seq in range(head.last_seq, head.first_seq - 1, -1):
        link = reading.links[seq - head.first_seq]
        if any(_stored_link(tx, head, branch, seq) == link for branch in branches):
            return seq + 1
    return head.first_seq


def _is_attached(tx: sa.Connection, head: BatchHead, branches: list[BranchRow]) -> bool:
    """Whether the record before this batch is stored in some history of its life."""
    seq = head.first_seq - 1
    return any(
        branch.head_link == head.previous_link
        if seq == branch.head_seq
        else _stored_link(tx, head, branch, seq) == head.previous_link
        for branch in branches
    )


def _stored_link(tx: sa.Connection, head: BatchHead, branch: BranchRow, seq: int) -> str:
    """The link that central holds at a number; empty when it holds none."""
    stored = inbox.find_batch_with(
        tx,
        register_id=head.register,
        incarnation=head.incarnation,
        branch=branch.hash,
        seq=seq,
    )
    if stored is None:
        return ""
    known = msgspec.json.decode(stored.head, type=BatchHead)
    start = Head(
        register=known.register,
        incarnation=known.incarnation,
        seq=known.first_seq - 1,
        link_hash=bytes.fromhex(known.previous_link),
    )
    links = chain_links(start, split(inflate(stored.body)))
    return links[seq - known.first_seq].hex()


def _open_branch(
    tx: sa.Connection,
    head: BatchHead,
    reading: Reading,
    branches: list[BranchRow],
    *,
    now_ms: int,
) -> BranchRow:
    """A new history: the first of an incarnation, or a fork of it."""
    main = next((branch for branch in branches if not branch.is_fork), None)
    reach = max((branch.head_seq for branch in branches), default=0)
    is_torn = 0 < head.missing_from < head.first_seq and not _is_attached(tx, head, branches)
    if head.first_seq > reach + 1 and not is_torn:
        mark = main.head_seq if main is not None else 0
        raise BatchGap(
            f"records {mark + 1} to {head.first_seq - 1} are missing",
            incarnation=head.incarnation,
            high_water=mark,
        )
    if head.first_seq == 1 and head.previous_link != _genesis(head):
        raise _malformed("the chain does not begin at this register and incarnation")
    if head.first_seq > 1 and not is_torn and not _is_attached(tx, head, branches):
        # A history that parted earlier, and whose records up to here a restored central has
        # forgotten. Where they part only the till can tell: it goes back by halves until it fits.
        raise BatchGap(
            f"record {head.first_seq} follows one that is not stored here",
            incarnation=head.incarnation,
            high_water=(head.first_seq - 1) // 2,
        )
    seq = head.first_seq if is_torn else _first_differing(tx, head, reading, branches)
    branch = BranchRow(
        incarnation=head.incarnation,
        seq=seq,
        hash=reading.links[seq - head.first_seq],
        is_fork=main is not None,
        previous_link=head.previous_link,
        head_seq=head.last_seq,
        head_link=head.last_link,
        parent=head.parent,
        parent_seq=head.parent_seq,
        parent_link=head.parent_link,
    )
    if is_torn:
        if main is None:
            register_book.update_register(tx, head.register, incarnation=head.incarnation)
        # Its beginning is nowhere but in the backup that central named, and not in the present one.
        _alarm(
            tx,
            head,
            kind=ALARM_MISSING,
            about=f"{head.incarnation} {head.missing_from}-{head.first_seq - 1}",
            detail="in a later backup than this database was restored from; the till dropped them",
            now_ms=now_ms,
        )
    elif branch.is_fork:
        _alarm(
            tx,
            head,
            kind=ALARM_FORK,
            about=f"{head.incarnation} {branch.seq} {branch.hash[:16]}",
            detail="two histories under one incarnation: a cloned or restored disk",
            now_ms=now_ms,
        )
    elif head.parent:
        register_book.update_register(tx, head.register, incarnation=head.incarnation)
        _alarm(
            tx,
            head,
            kind=ALARM_LIFE,
            about=head.incarnation,
            detail=f"goes on from {head.parent} at {head.parent_seq}",
            now_ms=now_ms,
        )
    return branch


def _genesis(head: BatchHead) -> str:
    parent = None
    if head.parent:
        try:
            link = bytes.fromhex(head.parent_link)
        except ValueError as error:
            raise _malformed("the parent's link does not read") from error
        parent = Head(
            register=head.register,
            incarnation=head.parent,
            seq=head.parent_seq,
            link_hash=link,
        )
    return genesis(head.register, head.incarnation, parent).link_hash.hex()


def _store(
    tx: sa.Connection,
    parcel: Parcel,
    reading: Reading,
    *,
    branch: BranchRow,
    arrival: int,
    now_ms: int,
) -> None:
    head = parcel.head
    inbox.store_batch(
        tx,
        BatchRow(
            register_id=head.register,
            incarnation=head.incarnation,
            first_seq=head.first_seq,
            last_seq=head.last_seq,
            hash=head.content_hash,
            arrival=arrival,
            branch=branch.hash,
            is_opaque=head.opaque,
            head=parcel.head_bytes,
            signature=parcel.signature,
            body=parcel.body,
            received_ms=now_ms,
            malformed=encoded(reading.malformed).decode() if reading.malformed else "",
        ),
    )
    sale_book.park(
        tx,
        [
            ParkedRecord(
                register_id=head.register,
                incarnation=head.incarnation,
                seq=row.seq,
                hash=content_hash(reading.raws[row.seq - head.first_seq]),
                uid="",
                bucket=bucket_of(head.register),
                member_id="",
                state=PARKED,
                reason=f"malformed: {row.reason}",
                since_ms=now_ms,
                raw=reading.raws[row.seq - head.first_seq],
            )
            for row in reading.malformed
        ],
    )


def _alarm(
    tx: sa.Connection, head: BatchHead, *, kind: str, about: str, detail: str, now_ms: int
) -> None:
    register_book.raise_alarm(
        tx, register_id=head.register, kind=kind, about=about, detail=detail, raised_ms=now_ms
    )


def _malformed(what: str) -> Refused:
    return Refused(
        what,
        hint="the till keeps its records; check for a damaged line or disk",
        code="malformed_batch",
        status=422,
    )
