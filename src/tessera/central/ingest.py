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

from tessera.central.placing import Reading, find_place, malformed, open_branch
from tessera.central.refusals import Refused
from tessera.central.work import PayloadTooLarge, PayloadUnreadable, inflate, split
from tessera.core.identity import bucket_of, is_uid
from tessera.core.journal import Head, chain_links
from tessera.store.central import inbox, quarantine_book
from tessera.store.central.inbox import BatchRow, BranchRow
from tessera.store.central.quarantine_book import ParkedRecord
from tessera.store.central.register_book import RegisterRow
from tessera.store.central.sale_book import PARKED
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Parcel:
    """A batch as it came: the head's signed bytes, their signature, the compressed body."""

    head: BatchHead
    head_bytes: bytes
    signature: bytes
    body: bytes


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
        raise malformed("the batch's head does not read") from error
    if not any(is_signed(key, PURPOSE_BATCH, head_bytes, signature) for key in keys):
        raise Refused(
            "the batch's head is not signed by this register",
            hint="enrol the register again if its key was lost",
            code="bad_signature",
            status=401,
        )
    if head.register != register.register_id:
        raise malformed(f"the batch is of register {head.register}")
    return Parcel(head=head, head_bytes=head_bytes, signature=signature, body=body)


def read_payload(parcel: Parcel) -> Reading:
    """Inflate and check a parcel against its head; Refused when anything disagrees."""
    head = parcel.head
    count = head.last_seq - head.first_seq + 1
    if not 1 <= count <= BATCH_RECORDS_MAX:
        raise malformed(f"a batch of {count} records; 1 to {BATCH_RECORDS_MAX} are possible")
    try:
        payload = inflate(parcel.body, limit=BATCH_BYTES_MAX)
        raws = split(payload)
    except PayloadTooLarge as error:
        raise Refused(error.message, hint=error.hint, code="too_large", status=413) from error
    except PayloadUnreadable as error:
        raise malformed(error.message) from error
    if content_hash(payload) != head.content_hash:
        raise malformed("the payload is not the one that the head names")
    if len(raws) != count:
        raise malformed(f"the payload has {len(raws)} records, its head says {count}")
    start = Head(
        register=head.register,
        incarnation=head.incarnation,
        seq=head.first_seq - 1,
        link_hash=bytes.fromhex(head.previous_link),
    )
    links = [link.hex() for link in chain_links(start, raws)]
    if links[-1] != head.last_link:
        raise malformed("the records do not make the chain that the head names")
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


def known_answer(
    tx: sa.Connection, parcel: Parcel, *, generation: str, now_ms: int
) -> BatchAnswer | None:
    """The answer to a batch that is stored under exactly this head, without reading its bytes.

    None when there is none. A resend after a lost answer, or by many tills after an outage, costs
    two lookups instead of inflating, hashing and parsing what is thrown away.
    """
    head = parcel.head
    twin = inbox.find_batch(
        tx,
        register_id=head.register,
        incarnation=head.incarnation,
        first_seq=head.first_seq,
        last_seq=head.last_seq,
        content_hash=head.content_hash,
    )
    if twin is None:
        return None
    branches = inbox.read_branches(tx, head.register, head.incarnation)
    stored = next(branch for branch in branches if branch.hash == twin.branch)
    known = msgspec.json.decode(twin.malformed or "[]", type=tuple[Malformed, ...])
    return BatchAnswer(
        generation=generation,
        incarnation=head.incarnation,
        high_water=stored.head_seq,
        central_ms=now_ms,
        fork=stored.is_fork,
        repeated=True,
        malformed=known,
    )


def store_parcel(
    tx: sa.Connection, parcel: Parcel, reading: Reading, *, generation: str, now_ms: int
) -> BatchAnswer:
    """Store a batch in its place; BatchGap when something before it is missing.

    The answer may be given once `tx` is committed.
    """
    head = parcel.head
    arrivals = inbox.lock_register(tx, head.register)
    known = known_answer(tx, parcel, generation=generation, now_ms=now_ms)
    if known is not None:
        return known
    answer = BatchAnswer(
        generation=generation,
        incarnation=head.incarnation,
        high_water=0,
        central_ms=now_ms,
        malformed=reading.malformed,
    )
    branches = inbox.read_branches(tx, head.register, head.incarnation)
    branch = find_place(tx, head, reading, branches)
    if branch is not None and head.last_seq <= branch.head_seq:
        return msgspec.structs.replace(
            answer, high_water=branch.head_seq, fork=branch.is_fork, repeated=True
        )
    if branch is None:
        branch = open_branch(tx, head, reading, branches, now_ms=now_ms)
    grown = replace(branch, head_seq=head.last_seq, head_link=head.last_link)
    inbox.write_branch(tx, register_id=head.register, branch=grown, opened_ms=now_ms)
    _store(tx, parcel, reading, branch=grown, arrival=arrivals + 1, now_ms=now_ms)
    return msgspec.structs.replace(answer, high_water=grown.head_seq, fork=grown.is_fork)


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
    quarantine_book.park(
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
