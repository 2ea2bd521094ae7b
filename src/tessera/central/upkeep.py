"""What central does by itself every few minutes: finish what was stopped, expire, let old rows go.

Owns: which of the feed's rows are no longer needed. Change rows go once they are in a segment;
segments after `retention.segments_days`, and whoever needs them then gets an image. A register's
own stream is kept longer than its till keeps accepted records, so that nothing it could still ask
about is gone. Must never: drop a segment above the floor, or what the ledger is computed from.
"""

from datetime import UTC, datetime
from functools import partial

import sqlalchemy as sa

from tessera.central import member_ends, tiers
from tessera.central.apart import Apart
from tessera.central.opening import Central
from tessera.store.central import feed, feed_floor, member_erasing, schema

DAY_MS = 86_400_000
REGISTER_DAYS_LEAST = 40
"""Tills keep accepted records for 35 days."""


def keep_up(central: Central, apart: Apart | None = None) -> None:
    """One round of everything; what fails holds up nothing else."""
    apart = apart or Apart(central.now_ms)
    today = datetime.fromtimestamp(central.now_ms() / 1000, tz=UTC).date().isoformat()
    steps = {
        "finishing what was stopped": partial(member_ends.finish_open, central, apart),
        "letting follow what came back": partial(member_ends.follow, central, apart),
        "expiring points": partial(member_ends.expire_points, central, today, apart),
        "following tiers": partial(tiers.follow_time, central, apart),
        "trimming the feed": partial(drop_old, central, apart),
    }
    for what, step in steps.items():
        apart.attempt(what, step, otherwise=0)


def drop_old(central: Central, apart: Apart | None = None) -> int:
    """Drop what is no longer needed of the feed; how many rows went."""
    apart = apart or Apart(central.now_ms)
    gone = 0
    for group in feed.GROUPS:
        step = partial(_drop_changes, central, group)
        gone += apart.attempt("dropping published changes", step, about=group.name, otherwise=0)
    days = central.settings.retention.segments_days
    generation = central.state().generation
    for audience, of, number in _old_segments(central, days):
        step = partial(_drop_segments, central, audience, of, number, is_present=of == generation)
        gone += apart.attempt("trimming a stream", step, about=audience, otherwise=0)
    return gone


def _drop_changes(central: Central, group: feed.Group) -> int:
    with central.engines.writer.begin() as tx:
        return member_erasing.drop_published_changes(
            tx, (group.change, group.cursor), bucket=group.bucket
        )


def _drop_segments(
    central: Central, audience: str, generation: str, number: int, *, is_present: bool
) -> int:
    with central.engines.writer.begin() as tx:
        if is_present:
            feed_floor.raise_floor(tx, audience, generation, segments_after=number)
        return member_erasing.drop_segments(tx, audience, generation, up_to=number)


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
