"""Turns changes into segments: signed, numbered without gaps, never changed.

Owns: which changes go into which segment. A round takes the next changes of every bucket in their
order, so an outcome is never published after a balance that includes it: both are changes of one
bucket, the outcome first. Numbers, segments and how far the buckets are published are one
transaction; killed anywhere before its end, the round has not happened.
Must never: publish from a bucket whose cursor another publisher holds.
"""

import msgspec
import sqlalchemy as sa

from tessera.central.rows import is_signed
from tessera.store.central import feed
from tessera.sync.feed_wire import SEGMENT_ROWS_MAX
from tessera.sync.records import encoded
from tessera.sync.signing import PURPOSE_SEGMENT, SigningKey

CHANGES_AT_ONCE = 20_000
CHANGES_OF_A_BUCKET = 2_000
SEGMENT_BYTES_MAX = 786_432
"""Bytes of rows in one segment; tills accept a segment of up to 1 MiB."""


def publish_waiting(
    engine: sa.Engine, *, key: SigningKey, generation: str, now_ms: int
) -> dict[str, int]:
    """Publish one round; by audience the new last number, empty when nothing waits."""
    heads: dict[str, int] = {}
    for group in feed.GROUPS:
        with engine.begin() as tx:
            heads |= _publish_group(tx, group, key=key, generation=generation, now_ms=now_ms)
    return heads


def is_behind(tx: sa.Connection) -> bool:
    """Whether any change waits to be published."""
    return any(feed.is_behind(tx, group) for group in feed.GROUPS)


def _publish_group(
    tx: sa.Connection, group: feed.Group, *, key: SigningKey, generation: str, now_ms: int
) -> dict[str, int]:
    published: dict[int, int] = {}
    rows: dict[str, dict[str, bytes]] = {}
    for bucket, v, audience, about, body in feed.take_changes(
        tx, group, limit=CHANGES_AT_ONCE, of_a_bucket=CHANGES_OF_A_BUCKET
    ):
        published[bucket] = v
        if _is_outdated(about, body, generation):
            continue
        # A later state of the same thing replaces an earlier one, at the later place.
        kept = rows.setdefault(audience, {})
        kept.pop(about, None)
        kept[about] = body
    if not published:
        return {}
    cut = {audience: cut_rows(list(kept.values())) for audience, kept in rows.items()}
    before = feed.take_numbers(
        tx, generation, {audience: len(parts) for audience, parts in cut.items()}
    )
    segments = []
    for audience, parts in sorted(cut.items()):
        for number, part in enumerate(parts, start=before[audience] + 1):
            body = segment_body(
                generation=generation,
                audience=audience,
                number=number,
                rows=part,
                central_ms=now_ms,
            )
            segments.append((audience, number, body, key.sign(PURPOSE_SEGMENT, body), len(part)))
    feed.write_segments(tx, generation=generation, segments=segments, published_ms=now_ms)
    feed.set_published(tx, group, published)
    return {audience: before[audience] + len(parts) for audience, parts in cut.items()}


def _is_outdated(about: str, body: bytes, generation: str) -> bool:
    """Whether this is a signed row of an earlier generation, which had to wait until that ended.

    All of them are told anew in this one, leases once their register has shown what it holds. The
    key that signed it may have been dropped, and a page with one such row is refused whole.
    """
    # Canonical JSON escapes quotation marks, so no id can look like this.
    return is_signed(about) and f'"generation":"{generation}"'.encode() not in body


def cut_rows(bodies: list[bytes]) -> list[list[bytes]]:
    """Rows in portions that fit a segment by count and by bytes."""
    parts: list[list[bytes]] = [[]]
    size = 0
    for body in bodies:
        if parts[-1] and (
            len(parts[-1]) >= SEGMENT_ROWS_MAX or size + len(body) > SEGMENT_BYTES_MAX
        ):
            parts.append([])
            size = 0
        parts[-1].append(body)
        size += len(body) + 1
    return parts


class _Body(msgspec.Struct, frozen=True, kw_only=True):
    generation: str
    audience: str
    number: int
    rows: tuple[msgspec.Raw, ...]
    central_ms: int


def segment_body(
    *, generation: str, audience: str, number: int, rows: list[bytes], central_ms: int
) -> bytes:
    """The canonical JSON of a SegmentBody, from rows that are canonical already."""
    return encoded(
        _Body(
            generation=generation,
            audience=audience,
            number=number,
            rows=tuple(msgspec.Raw(row) for row in rows),
            central_ms=central_ms,
        )
    )
