"""What changed and what is served: change rows by bucket, signed segments by audience.

Owns: gap-free numbers on both sides. A change's number comes from its bucket's head row, which
stays locked until the change is committed; a segment's from its audience's. Whoever reads up to a
head has therefore seen everything below it.
Must never: hand out a number by a sequence, or change a segment.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import msgspec
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


class Change(msgspec.Struct, frozen=True, kw_only=True, gc=False):
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
    raised = [(bucket, heads[bucket] + counts[bucket]) for bucket in buckets]
    rows = []
    for change in changes:
        heads[change.bucket] += 1
        rows.append(
            (change.bucket, heads[change.bucket], change.audience, change.about, change.body)
        )
    with bulk.unanswered(tx):
        bulk.insert(tx, group.head, names, raised, update=("v",))
        bulk.insert(tx, group.change, (group.bucket, "v", "audience", "about", "body"), rows)


def count_changes(tx: sa.Connection) -> int:
    """How many changes were ever numbered; it never falls, unless the database itself went back."""
    parts = [sa.select(sa.func.sum(group.head.c.v)).scalar_subquery() for group in GROUPS]
    return sum(int(part) for part in tx.execute(sa.select(*parts)).one())


def is_behind(tx: sa.Connection, group: Group) -> bool:
    """Whether any bucket has changes that are not published yet."""
    return bool(_behind(tx, group))


def _behind(tx: sa.Connection, group: Group) -> list[tuple[int, int, int]]:
    """Buckets with unpublished changes: (bucket, last published, last change)."""
    head, cursor = group.head, group.cursor
    query = (
        sa.select(head.c[group.bucket], cursor.c.v, head.c.v)
        .join(cursor, cursor.c[group.bucket] == head.c[group.bucket])
        .where(head.c.v > cursor.c.v)
        .order_by(head.c[group.bucket])
    )
    return [(int(bucket), int(low), int(high)) for bucket, low, high in tx.execute(query)]


def take_changes(
    tx: sa.Connection, group: Group, *, limit: int, of_a_bucket: int
) -> list[tuple[int, int, str, str, bytes]]:
    """The next unpublished changes as (bucket, v, audience, about, body), in that order.

    Their buckets' cursors stay locked; buckets that another publisher has are left to it. At most
    `limit` changes or little more, of each bucket at most `of_a_bucket`.
    """
    ends: dict[int, int] = {}
    taken = 0
    for bucket, low, high in _behind(tx, group):
        if taken >= limit:
            break
        ends[bucket] = min(high, low + of_a_bucket)
        taken += ends[bucket] - low
    names = (group.bucket, "v")
    held = bulk.select(
        tx, group.cursor, names, names[:1], [(bucket,) for bucket in ends], skip_locked=True
    )
    # Heads count without gaps, so whatever lies between is committed and there.
    ranges = [(int(bucket), int(low), ends[bucket]) for bucket, low in held if low < ends[bucket]]
    found = (group.bucket, "v", "audience", "about", "body")
    return [
        (bucket, int(v), audience, about, bytes(body))
        for bucket, v, audience, about, body in bulk.select_ranges(
            tx, group.change, found, (group.bucket, "v"), ranges
        )
    ]


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
