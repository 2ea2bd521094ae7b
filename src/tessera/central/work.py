"""From a stored batch to records that are ready to be booked.

Owns: inflating within bounds, splitting a payload, and saying where a record belongs: the bucket
of its member, or of its sale key when there is none. Must never: touch a database.
"""

import hashlib
import zlib
from datetime import UTC, datetime

import msgspec

from tessera.core.errors import TesseraError
from tessera.core.identity import SaleKey, bucket_of
from tessera.core.sale import (
    ClaimBody,
    EnrolmentBody,
    LeaseReturnBody,
    ReplacementBody,
    ReturnBody,
    SaleBody,
)
from tessera.store.central.coupon_book import CodeState
from tessera.store.central.inbox import BatchRow
from tessera.store.central.sale_book import WaitingRecord
from tessera.sync.records import Body, RecordMalformed, read_body, read_envelope
from tessera.sync.wire import BATCH_BYTES_MAX

_GZIP = 16 + zlib.MAX_WBITS
_NUL = b"\\u0000"
CLAIM_KEY = "claim"
"""Begins the sale key that stands for the right to claim a sale; no store has this name alone."""


class PayloadUnreadable(TesseraError):
    """A batch's bytes that do not inflate within their bounds."""

    code = "malformed_batch"


class PayloadTooLarge(PayloadUnreadable):
    """A batch that inflates beyond the limit."""

    code = "too_large"


class Work(msgspec.Struct, kw_only=True):
    """A record on its way through a round, and where it belongs.

    `reason` is set when its body cannot be read: it will be parked. `original_uid` is set for
    returns. `member_id` empty: no member. `codes`: what it did to single-use coupons.
    `taken`: what of an enrolment is another member's already.
    """

    register_id: str
    incarnation: str
    seq: int
    uid: str
    kind: str
    raw: bytes
    content_hash: bytes
    body: Body | None
    member_id: str
    bucket: int
    received_ms: int
    received_day: int
    bundle: str = ""
    engine: str = ""
    sale_key: str = ""
    kbucket: int = 0
    original_uid: str = ""
    amount_minor: int = 0
    is_fork: bool = False
    reason: str = ""
    codes: tuple[CodeState, ...] = ()
    taken: tuple[str, ...] = ()


def inflate(body: bytes, *, limit: int = BATCH_BYTES_MAX) -> bytes:
    """The payload of a gzip body; never more than `limit` bytes are made.

    PayloadTooLarge beyond it, PayloadUnreadable when it is no complete gzip member.
    """
    inflater = zlib.decompressobj(_GZIP)
    try:
        payload = inflater.decompress(body, limit)
        if not inflater.eof and (inflater.unconsumed_tail or len(payload) == limit):
            # Exactly at the limit the trailer may still be unread: one more byte tells.
            payload += inflater.decompress(inflater.unconsumed_tail, 1)
    except zlib.error as error:
        raise PayloadUnreadable(
            "batch does not inflate as gzip", hint="send it again; check the line in between"
        ) from error
    if len(payload) > limit:
        raise PayloadTooLarge(
            f"batch inflates to more than {limit} bytes", hint="send fewer records at once"
        )
    if not inflater.eof or inflater.unused_data:
        raise PayloadUnreadable(
            "batch is cut off or has bytes behind its end",
            hint="send it again; check the line in between",
        )
    return payload


def split(payload: bytes) -> list[bytes]:
    """The raw records of a payload: each ends in a line feed. PayloadUnreadable otherwise."""
    if not payload.endswith(b"\n"):
        raise PayloadUnreadable(
            "payload does not end in a line feed", hint="each record ends in one"
        )
    return payload[:-1].split(b"\n")


def content_hashes(batch: BatchRow) -> list[bytes]:
    """The content hash of each record of a batch, also of one whose bytes were let go."""
    if batch.purged_ms:
        size = hashlib.sha256().digest_size
        return [batch.body[at : at + size] for at in range(0, len(batch.body), size)]
    return [hashlib.sha256(raw).digest() for raw in split(inflate(batch.body))]


def day_of(wall_ms: int) -> int:
    """The UTC day of a time as a whole number: 20261121."""
    day = datetime.fromtimestamp(wall_ms / 1000, tz=UTC).date()
    return day.year * 10_000 + day.month * 100 + day.day


def read_batch(batch: BatchRow, *, skip: frozenset[int], is_fork: bool) -> list[Work]:
    """The records of a stored batch, but those in `skip`, parked when they arrived."""
    received_day = day_of(batch.received_ms)
    works: list[Work] = []
    for seq, raw in enumerate(split(inflate(batch.body)), start=batch.first_seq):
        if seq not in skip:
            works.append(
                read_work(
                    raw,
                    received_ms=batch.received_ms,
                    received_day=received_day,
                    is_fork=is_fork,
                )
            )
    return works


def read_waiting(row: WaitingRecord) -> Work:
    """A return out of the waiting room."""
    work = read_work(
        row.raw,
        received_ms=row.since_ms,
        received_day=row.received_day,
        is_fork=bool(row.is_fork),
    )
    work.bucket, work.member_id = row.bucket, row.member_id
    return work


def read_work(raw: bytes, *, received_ms: int, received_day: int, is_fork: bool) -> Work:
    """One record, its envelope known to be good."""
    envelope = read_envelope(raw)
    body: Body | None = None
    reason = ""
    if _NUL in raw:  # PostgreSQL's text cannot hold one, and no honest POS sends one
        reason = "malformed_body: it holds a NUL character"
    else:
        try:
            body = read_body(envelope)
        except RecordMalformed as error:
            reason = f"malformed_body: {error.message}"[:500]
    work = Work(
        register_id=envelope.register,
        incarnation=envelope.incarnation,
        seq=envelope.seq,
        uid=envelope.uid,
        kind=envelope.kind,
        raw=raw,
        content_hash=hashlib.sha256(raw).digest(),
        body=body,
        member_id="",
        bucket=bucket_of(envelope.register),
        received_ms=received_ms,
        received_day=received_day,
        bundle=envelope.bundle,
        engine=envelope.engine,
        is_fork=is_fork,
        reason=reason,
    )
    if isinstance(body, SaleBody):
        work.amount_minor = body.quote.due_minor
        _place(work, body.member.member_id if body.member is not None else "", body.key, body.key)
    elif isinstance(body, ReturnBody):
        work.original_uid = body.original_uid
        work.amount_minor = -body.quote.refund_minor
        _place(work, body.member_id, body.key, body.original)
    elif isinstance(body, ClaimBody):
        work.member_id = body.member.member_id
        work.bucket = bucket_of(work.member_id)
        # The key is the sale's, not the claim's: whoever claims it first holds it.
        work.kbucket, work.sale_key = claim_key(body.original_uid)
    elif isinstance(body, LeaseReturnBody | EnrolmentBody | ReplacementBody):
        work.member_id, work.bucket = body.member_id, bucket_of(body.member_id)
    return work


def claim_key(original_uid: str) -> tuple[int, str]:
    """Bucket and name of the key that stands for the right to claim a sale."""
    return bucket_of(original_uid), f"{CLAIM_KEY} {original_uid}"


def _place(work: Work, member_id: str, key: SaleKey, original: SaleKey) -> None:
    """A record is booked with its member, or with its POS, so that a return finds its sale."""
    work.sale_key, work.kbucket = key.text(), bucket_of(_pos(key))
    work.member_id = member_id
    work.bucket = bucket_of(member_id or _pos(original))


def _pos(key: SaleKey) -> str:
    return f"{key.store} {key.pos}"
