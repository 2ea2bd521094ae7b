"""What changed and what is served: change rows by bucket, signed segments by audience.

Owns: gap-free numbers on both sides. A change's number comes from its bucket's head row, which
stays locked until the change is committed; a segment's from its audience's. Whoever reads up to a
head has therefore seen everything below it.
Must never: hand out a number by a sequence, or change a segment.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import sqlalchemy as sa

from tessera.core.identity import BUCKETS, bucket_of
from tessera.store.central import bulk, schema


@dataclass(frozen=True, slots=True)
class Group:
    """One distribution group: its head, its changes, and how far they are published."""

    name: str
    bucket: str
    head: sa.Table
    change: sa.Table
    cursor: sa.Table


MEMBERS = Group("members", "bucket", schema.MEMBER_HEAD, schema.MEMBER_CHANGE, schema.MEMBER_CURSOR)
CARDS = Group("cards", "cbucket", schema.CARD_HEAD, schema.CARD_CHANGE, schema.CARD_CURSOR)
REGISTERS = Group(
    "registers", "rbucket", schema.REGISTER_HEAD, schema.REGISTER_CHANGE, schema.REGISTER_CURSOR
)
GROUPS = (REGISTERS, MEMBERS, CARDS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """A row for an audience. `about` names what it is the state of: a later one replaces it.

    `body` is the canonical JSON of a row of the feed.
    """

    bucket: int
    audience: str
    about: str
    body: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class SegmentRow:
    """A published segment."""

    number: int
    body: bytes
    signature: bytes


def seed(tx: sa.Connection) -> None:
    """Make every bucket's head and cursor; harmless when they exist."""
    rows = [(bucket, 0) for bucket in range(BUCKETS)]
    for group in GROUPS:
        for table in (group.head, group.cursor):
            bulk.insert(tx, table, (group.bucket, "v"), rows, ignore_known=True)


def append(tx: sa.Connection, group: Group, changes: Sequence[Change]) -> None:
    """Number the changes and write them. To be called last: their buckets' heads stay locked."""
    counts = Counter(change.bucket for change in changes)
    if not counts:
        return
    buckets = sorted(counts)
    keys = [(bucket,) for bucket in buckets]
    names = (group.bucket, "v")
    heads = {
        int(bucket): int(v)
        for bucket, v in bulk.select(tx, group.head, names, (group.bucket,), keys, lock=True)
    }
    bulk.insert(
        tx,
        group.head,
        names,
        [(bucket, heads[bucket] + counts[bucket]) for bucket in buckets],
        update=("v",),
    )
    rows = []
    for change in changes:
        heads[change.bucket] += 1
        rows.append(
            (change.bucket, heads[change.bucket], change.audience, change.about, change.body)
        )
    bulk.insert(tx, group.change, (group.bucket, "v", "audience", "about", "body"), rows)


def buckets_behind(tx: sa.Connection, group: Group) -> list[int]:
    """Buckets with changes that are not published yet."""
    head, cursor = group.head, group.cursor
    query = (
        sa.select(head.c[group.bucket])
        .join(cursor, cursor.c[group.bucket] == head.c[group.bucket])
        .where(head.c.v > cursor.c.v)
        .order_by(head.c[group.bucket])
    )
    return [int(bucket) for bucket in tx.execute(query).scalars()]


def take_changes(
    tx: sa.Connection, group: Group, bucket: int, *, limit: int
) -> list[tuple[int, str, str, bytes]]:
    """The next unpublished changes of a bucket as (v, audience, about, body), cursor locked.

    Empty when another publisher has the bucket.
    """
    cursor, change = group.cursor, group.change
    held = tx.execute(
        sa.select(cursor.c.v)
        .where(cursor.c[group.bucket] == bucket)
        .with_for_update(skip_locked=True)
    ).scalar_one_or_none()
    if held is None:
        return []
    rows = tx.execute(
        sa.select(change.c.v, change.c.audience, change.c.about, change.c.body)
        .where(change.c[group.bucket] == bucket)
        .where(change.c.v > held)
        .order_by(change.c.v)
        .limit(limit)
    )
    return [(int(row.v), row.audience, row.about, bytes(row.body)) for row in rows]


def set_published(tx: sa.Connection, group: Group, published: dict[int, int]) -> None:
    """Move the cursors of buckets to what has been published."""
    bulk.insert(tx, group.cursor, (group.bucket, "v"), sorted(published.items()), update=("v",))


def take_numbers(tx: sa.Connection, generation: str, counts: dict[str, int]) -> dict[str, int]:
    """Take numbers for new segments, by audience; the last number before them.

    The audiences' heads stay locked, in order, until the transaction ends.
    """
    table = schema.AUDIENCE_HEAD
    names = ("abucket", "audience", "generation", "number")
    keys = sorted((bucket_of(audience), audience, generation) for audience in counts)
    bulk.insert(tx, table, names, [(*key, 0) for key in keys], ignore_known=True)
    before = {
        row[1]: int(row[3]) for row in bulk.select(tx, table, names, names[:3], keys, lock=True)
    }
    after = [(*key, before[key[1]] + counts[key[1]]) for key in keys]
    bulk.insert(tx, table, names, after, update=("number",))
    return before


def write_segments(
    tx: sa.Connection,
    *,
    generation: str,
    segments: Sequence[tuple[str, int, bytes, bytes, int]],
    published_ms: int,
) -> None:
    """Write segments as (audience, number, body, signature, rows); a number is only used once."""
    names = (
        "abucket",
        "audience",
        "generation",
        "number",
        "body",
        "signature",
        "rows",
        "published_ms",
    )
    rows = [
        (bucket_of(audience), audience, generation, number, body, signature, count, published_ms)
        for audience, number, body, signature, count in segments
    ]
    bulk.insert(tx, schema.SEGMENT, names, rows)


def audience_head(tx: sa.Connection, audience: str, generation: str) -> int:
    """The last number of an audience; 0 when nothing was published for it."""
    table = schema.AUDIENCE_HEAD
    number = tx.execute(
        sa.select(table.c.number)
        .where(table.c.abucket == bucket_of(audience))
        .where(table.c.audience == audience)
        .where(table.c.generation == generation)
    ).scalar_one_or_none()
    return int(number or 0)


def read_segments(
    tx: sa.Connection, audience: str, generation: str, *, after: int, limit: int
) -> list[SegmentRow]:
    """Segments after a number, in order."""
    table = schema.SEGMENT
    rows = tx.execute(
        sa.select(table.c.number, table.c.body, table.c.signature)
        .where(table.c.abucket == bucket_of(audience))
        .where(table.c.audience == audience)
        .where(table.c.generation == generation)
        .where(table.c.number > after)
        .order_by(table.c.number)
        .limit(limit)
    )
    return [
        SegmentRow(number=int(row.number), body=bytes(row.body), signature=bytes(row.signature))
        for row in rows
    ]
