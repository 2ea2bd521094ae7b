"""What central does by itself every few minutes: finish what was stopped, expire, let old rows go.

Owns: which of the feed's rows are no longer needed. Change rows go once they are in a segment;
segments after `retention.segments_days`, and whoever needs them then gets an image. A register's
own stream is kept longer than its till keeps accepted records, so that nothing it could still ask
about is gone. Must never: drop a segment above the floor, or what the ledger is computed from.
"""

from datetime import UTC, datetime

import sqlalchemy as sa

from tessera.central import member_ends, tiers
from tessera.central.opening import Central
from tessera.store.central import feed, feed_floor, member_erasing, schema

DAY_MS = 86_400_000
REGISTER_DAYS_LEAST = 40
"""Tills keep accepted records for 35 days."""


def keep_up(central: Central) -> None:
    """One round of everything."""
    member_ends.finish_open(central)
    member_ends.follow(central)
    today = datetime.fromtimestamp(central.now_ms() / 1000, tz=UTC).date().isoformat()
    member_ends.expire_points(central, today)
    tiers.follow_time(central)
    drop_old(central)


def drop_old(central: Central) -> int:
    """Drop what is no longer needed of the feed; how many rows went."""
    gone = 0
    for group in feed.GROUPS:
        with central.engines.writer.begin() as tx:
            gone += member_erasing.drop_published_changes(
                tx, (group.change, group.cursor), bucket=group.bucket
            )
    days = central.settings.retention.segments_days
    generation = central.state().generation
    for audience, of, number in _old_segments(central, days):
        with central.engines.writer.begin() as tx:
            if of == generation:
                feed_floor.raise_floor(tx, audience, of, segments_after=number)
            gone += member_erasing.drop_segments(tx, audience, of, up_to=number)
    return gone


def _old_segments(central: Central, days: int) -> list[tuple[str, str, int]]:
    """By audience and generation, the last segment that is old enough to go."""
    table = schema.SEGMENT
    now_ms = central.now_ms()
    of_stores = now_ms - days * DAY_MS
    of_registers = now_ms - max(days, REGISTER_DAYS_LEAST) * DAY_MS
    before = sa.case((table.c.audience.like("register:%"), of_registers), else_=of_stores)
    with central.engines.reader.begin() as tx:
        rows = tx.execute(
            sa.select(table.c.audience, table.c.generation, sa.func.max(table.c.number))
            .where(table.c.published_ms < before)
            .group_by(table.c.audience, table.c.generation)
        )
        return [(row[0], row[1], int(row[2])) for row in rows]
