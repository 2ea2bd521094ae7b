"""What to send next, and what an answer means. Pure.

Owns: how records are cut into batches, what a batch head says, the steps after an answer or a
failure, and back-off. Must never: read a clock, draw a random number, or send anything.
"""

import base64
import gzip
from collections.abc import Sequence
from dataclasses import dataclass

from tessera.core.journal import Head, SealedRecord
from tessera.sync.link import CentralConfused
from tessera.sync.records import encoded
from tessera.sync.signing import PURPOSE_BATCH, SigningKey
from tessera.sync.wire import (
    BATCH_BYTES_MAX,
    BATCH_RECORDS_MAX,
    BatchAnswer,
    BatchHead,
    content_hash,
)

BACKOFF_S_BASE = 0.5
BACKOFF_S_MAX = 60.0
BISECT_S_MAX = 4.0
"""While a failing batch is being halved, waits stay below this: others wait behind it."""

GZIP_LEVEL = 6
SINGLES_BEFORE_OPAQUE = 5
_BISECT_FAILURES_MAX = 16
_DOUBLINGS_MAX = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """How many records the next batch may hold, and whether it is sent unread.

    `limit` halves while central fails on what it gets, until a single record is left. That one is
    tried a few times more, since central may just be ill, and then sent `opaque`, to be parked, so
    that it delays nobody behind it.
    """

    limit: int = BATCH_RECORDS_MAX
    singles_failed: int = 0

    @property
    def opaque(self) -> bool:
        """Whether the next record is sent to be parked unread."""
        return self.singles_failed >= SINGLES_BEFORE_OPAQUE


def after_failure(pace: Pace, sent: int) -> Pace:
    """The pace after central failed inside on a batch of `sent` records."""
    if sent > 1:
        return Pace(limit=max(1, sent // 2))
    return Pace(limit=1, singles_failed=pace.singles_failed + 1)


def after_acceptance(pace: Pace) -> Pace:
    """The pace after a batch was accepted: back up by doubling, so that a poison costs little."""
    return Pace(limit=min(BATCH_RECORDS_MAX, pace.limit * 2))


def chosen(records: Sequence[SealedRecord], pace: Pace) -> tuple[SealedRecord, ...]:
    """The records of the next batch: the first ones without a gap, by count and by bytes."""
    kept: list[SealedRecord] = []
    size = 0
    for record in records[: pace.limit]:
        size += len(record.raw) + 1
        if kept and (size > BATCH_BYTES_MAX or record.seq != kept[-1].seq + 1):
            break
        kept.append(record)
    return tuple(kept)


def payload_of(records: Sequence[SealedRecord]) -> bytes:
    """A batch's content: each record's raw bytes, ended by a line feed."""
    return b"".join(record.raw + b"\n" for record in records)


def packed(payload: bytes) -> bytes:
    """A batch's content as it is sent: one gzip member, the same for the same payload."""
    return gzip.compress(payload, GZIP_LEVEL, mtime=0)


def head_of(  # noqa: PLR0913 - all that a head says
    records: Sequence[SealedRecord],
    payload: bytes,
    *,
    register: str,
    previous_link: bytes,
    generation: str,
    parent: Head | None,
    opaque: bool = False,
    missing_from: int = 0,
    accepted_seq: int = 0,
) -> BatchHead:
    """What is signed of a batch; `parent` is named in the first batch of a life only."""
    first, last = records[0], records[-1]
    born = parent if first.seq == 1 else None
    return BatchHead(
        register=register,
        incarnation=first.incarnation,
        first_seq=first.seq,
        last_seq=last.seq,
        previous_link=previous_link.hex(),
        last_link=last.link_hash.hex(),
        content_hash=content_hash(payload),
        generation=generation,
        parent=born.incarnation if born else "",
        parent_seq=born.seq if born else 0,
        parent_link=born.link_hash.hex() if born else "",
        opaque=opaque,
        missing_from=missing_from,
        accepted_seq=accepted_seq,
    )


def head_headers(head: BatchHead, key: SigningKey) -> dict[str, str]:
    """The two headers of a batch: its head and the register's signature over the head's bytes."""
    raw = encoded(head)
    return {
        "Tessera-Batch": base64.urlsafe_b64encode(raw).decode(),
        "Tessera-Batch-Signature": base64.urlsafe_b64encode(key.sign(PURPOSE_BATCH, raw)).decode(),
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class Settlement:
    """What an answer makes of the outbox.

    `high_water`: everything up to it is stored at central. `resend_after`: central stores less
    than it once said (it was restored), so what follows that mark is to be queued again. `forked`:
    central holds another history under this incarnation, so this till goes on under a new one.
    `generation`: central's present one, when it is not the one we knew.
    """

    high_water: int
    malformed: tuple[tuple[int, str], ...] = ()
    resend_after: int | None = None
    forked: bool = False
    generation: str = ""


def settle(
    head: BatchHead, answer: BatchAnswer, *, own_head_seq: int, known_high_water: int
) -> Settlement:
    """Read an answer to a batch.

    `own_head_seq`: the last record of that life here; `known_high_water`: what central had stored
    by its latest word. CentralConfused when the answer is about another life.
    """
    if answer.incarnation != head.incarnation:
        raise CentralConfused(
            f"central answered about incarnation {answer.incarnation}, not {head.incarnation}"
        )
    generation = answer.generation if answer.generation != head.generation else ""
    # More than this till ever wrote in that life: somebody else (a clone, or what this disk held
    # before it was restored) wrote it.
    overtaken = answer.high_water > own_head_seq
    mark = head.last_seq if overtaken else answer.high_water
    behind = mark < max(known_high_water, head.first_seq - 1) and not answer.fork
    return Settlement(
        high_water=mark,
        malformed=tuple((one.seq, one.reason) for one in answer.malformed),
        resend_after=mark if behind else None,
        forked=answer.fork or overtaken,
        generation=generation,
    )


def delay_s(
    failures: int,
    chance: float,
    *,
    retry_after_s: float = 0,
    most_s: float = BACKOFF_S_MAX,
    bisecting: bool = False,
) -> float:
    """How long to wait after `failures` failures in a row: full jitter up to `most_s`.

    `chance`: drawn evenly from [0, 1). A time that central named is added in full, so that tills
    that were told the same time do not return together. `bisecting`: central was there and failed
    on what it was given.
    """
    if bisecting and failures <= _BISECT_FAILURES_MAX:
        most_s = min(most_s, BISECT_S_MAX)
    doublings = min(max(failures, 0), _DOUBLINGS_MAX)
    bound = min(most_s, BACKOFF_S_BASE * float(1 << doublings))
    return retry_after_s + chance * bound
