"""Is the journal whole? Every record's bytes, place and link, from the first one on.

Owns: the walk and its findings. Must never: change anything, or stop at the first finding.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import sqlalchemy as sa

from tessera.core.errors import TesseraError
from tessera.core.journal import SealedRecord, link_after
from tessera.store.till import committed_sales, outbox
from tessera.sync.records import read_body, read_envelope

PAGE_RECORDS = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class JournalFinding:
    """Something that is not as it was committed. `seq` 0: the life as a whole."""

    incarnation: str
    seq: int
    what: str


@dataclass(frozen=True, slots=True, kw_only=True)
class JournalReport:
    """How many records were read, and what is wrong."""

    records: int
    findings: tuple[JournalFinding, ...]


def check_journal(
    connection: sa.Connection, *, progress: Callable[[int], None] = lambda _: None
) -> JournalReport:
    """Read the whole journal. `progress` hears how many records were read, now and then."""
    count = 0
    findings: list[JournalFinding] = []
    lives = outbox.lives(connection)
    heads = {life.head.incarnation: life for life in lives}
    for life in lives:
        incarnation, link, seq = life.head.incarnation, life.start.link_hash, 0
        if life.dropped_seq:
            # Shortened, or salvaged from there on: what came before is an anchor only.
            seq, link = life.dropped_seq, life.dropped_link
        if life.parent is not None and life.parent.incarnation in heads:
            findings += _check_parent(life, heads[life.parent.incarnation])
        for record in _records(connection, life.number):
            if record.seq <= life.dropped_seq:
                continue
            if seq == 0 and 1 < record.seq <= life.high_water:
                # A life that an earlier release salvaged: the same, its anchor not noted.
                seq, link = record.seq, record.link_hash
                continue
            seq += 1
            if record.seq != seq:
                findings.append(_finding(record, f"comes after {seq - 1}: records are missing"))
                seq = record.seq
            link = link_after(link, record.content_hash)
            if link != record.link_hash:
                findings.append(_finding(record, "its bytes do not fit the chain"))
                link = record.link_hash
            findings += _check_content(record)
            count += 1
            if count % PAGE_RECORDS == 0:
                progress(count)
        if (seq, link) != (life.head.seq, life.head.link_hash):
            findings.append(
                JournalFinding(
                    incarnation=incarnation,
                    seq=0,
                    what=f"ends at {seq}, not at {life.head.seq} as noted",
                )
            )
    return JournalReport(records=count, findings=tuple(findings))


def _check_parent(life: outbox.Life, parent: outbox.Life) -> Iterator[JournalFinding]:
    assert life.parent is not None
    if life.parent.seq > parent.head.seq:
        yield JournalFinding(
            incarnation=life.head.incarnation,
            seq=0,
            what=f"began after record {life.parent.seq} of a life that ends at {parent.head.seq}",
        )


def _records(connection: sa.Connection, life: int) -> Iterator[SealedRecord]:
    after = 0
    while True:
        page = committed_sales.read_page(connection, life, after_seq=after, limit=PAGE_RECORDS)
        yield from page
        if len(page) < PAGE_RECORDS:
            return
        after = page[-1].seq


def _check_content(record: SealedRecord) -> Iterator[JournalFinding]:
    try:
        envelope = read_envelope(record.raw)
        read_body(envelope)
    except TesseraError as error:
        yield _finding(record, error.message)
        return
    told = (envelope.uid, envelope.kind, envelope.incarnation, envelope.seq)
    if told != (record.uid, record.kind, record.incarnation, record.seq):
        yield _finding(record, "it is filed under another place than its bytes say")


def _finding(record: SealedRecord, what: str) -> JournalFinding:
    return JournalFinding(incarnation=record.incarnation, seq=record.seq, what=what)
