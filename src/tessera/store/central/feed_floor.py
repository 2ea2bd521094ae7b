"""How far back streams reach, and which images are still good.

Owns: table feed_floor, and looking at heads and cursors as a whole. Floors only rise.
Must never: lower a floor, or drop a segment above one.
"""

from dataclasses import dataclass

import sqlalchemy as sa

from tessera.core.identity import bucket_of
from tessera.store.central import bulk, feed, schema


@dataclass(frozen=True, slots=True, kw_only=True)
class Floor:
    """Of a stream: segments up to `segments_after` are gone; images begin at `images_from`.

    An image of an earlier number may hold what was erased since.
    """

    segments_after: int = 0
    images_from: int = 0


def read_floor(tx: sa.Connection, audience: str, generation: str) -> Floor:
    """The floor of a stream; zeros when nothing was dropped."""
    table = schema.FEED_FLOOR
    row = tx.execute(
        sa.select(table.c.segments_after, table.c.images_from)
        .where(table.c.abucket == bucket_of(audience))
        .where(table.c.audience == audience)
        .where(table.c.generation == generation)
    ).one_or_none()
    return Floor(segments_after=int(row[0]), images_from=int(row[1])) if row else Floor()


def raise_floor(
    tx: sa.Connection,
    audience: str,
    generation: str,
    *,
    segments_after: int = 0,
    images_from: int = 0,
) -> None:
    """Raise a floor; a part that is higher already stays."""
    now = read_floor(tx, audience, generation)
    names = ("abucket", "audience", "generation", "segments_after", "images_from")
    row = (
        bucket_of(audience),
        audience,
        generation,
        max(now.segments_after, segments_after),
        max(now.images_from, images_from),
    )
    bulk.insert(tx, schema.FEED_FLOOR, names, [row], update=names[3:])


Heads = dict[tuple[str, int], int]


def read_heads(tx: sa.Connection) -> Heads:
    """The last change of each bucket of each group."""
    return {
        (group.name, int(row[0])): int(row[1])
        for group in feed.GROUPS
        for row in tx.execute(sa.select(group.head.c[group.bucket], group.head.c.v))
    }


def is_published(tx: sa.Connection, heads: Heads) -> bool:
    """Whether everything up to these heads is in segments."""
    for group in feed.GROUPS:
        for bucket, v in tx.execute(sa.select(group.cursor.c[group.bucket], group.cursor.c.v)):
            if int(v) < heads.get((group.name, int(bucket)), 0):
                return False
    return True
