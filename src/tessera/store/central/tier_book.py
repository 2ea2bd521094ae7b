"""What members' tiers are worked out from: spend, visits and earned units, each with its day.

Owns: table spend_change, and finding members whose day has come. Sales are read from the sale book
and units from the ledger; only what neither shows with its day (a claim, a return) is kept here.
Must never: say what a tier asks for.
"""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from operator import attrgetter
from uuid import UUID

import msgspec
import sqlalchemy as sa

from tessera.store.central import bulk, schema
from tessera.store.central.ledger_book import MemberKey

SPENT, VISITS = "spent", "visits"
_CHANGE = ("bucket", "member_id", "uid", "business_day", "spent_minor")
_UID_BITS_AFTER_TIME = 80


class SpendChange(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What a claim added to a member's spend, or a return took from it, by the day of the sale."""

    bucket: int
    member_id: str
    uid: str
    business_day: str
    spent_minor: int


class Gain(msgspec.Struct, frozen=True, gc=False):
    """One thing that counts for a tier. `by`: spent (minor units), visits, or a unit's name."""

    by: str
    day: str
    amount: int


def write_changes(tx: sa.Connection, changes: Sequence[SpendChange]) -> None:
    """Write what claims and returns change."""
    bulk.insert(tx, schema.SPEND_CHANGE, _CHANGE, list(map(attrgetter(*_CHANGE), changes)))


def read_gains(
    tx: sa.Connection, keys: Iterable[MemberKey], *, since: str, with_units: bool, but_tag: str
) -> dict[MemberKey, list[Gain]]:
    """What counts for these members from the day `since` on (YYYY-MM-DD; empty: from the first).

    A unit counts on the UTC day of its record, also where it is taken back. `but_tag`: entries of
    the ledger that nobody earned.
    """
    wanted = list(keys)
    of: dict[MemberKey, list[Gain]] = {key: [] for key in wanted}
    place = ("bucket", "member_id")
    only = f"business_day >= '{since}'"
    sales = ("bucket", "member_id", "business_day", "due_minor")
    for bucket, member_id, day, due_minor in bulk.select(
        tx, schema.SALE, sales, place, wanted, only=only
    ):
        of[bucket, member_id] += (Gain(SPENT, day, due_minor), Gain(VISITS, day, 1))
    for bucket, member_id, _uid, day, spent_minor in bulk.select(
        tx, schema.SPEND_CHANGE, _CHANGE, place, wanted, only=only
    ):
        of[bucket, member_id].append(Gain(SPENT, day, spent_minor))
    if with_units:
        lines = ("bucket", "member_id", "uid", "unit", "delta", "tag")
        for bucket, member_id, uid, unit, delta, tag in bulk.select(
            tx, schema.LEDGER_LINE, lines, place, wanted, only="account = 'issued'"
        ):
            if tag != but_tag:
                of[bucket, member_id].append(Gain(unit, _day_of(uid), -delta))
    return of


def members_due(tx: sa.Connection, today: str, *, limit: int) -> list[MemberKey]:
    """Members whose tier or figures time changes by today, those longest due first."""
    table = schema.MEMBER
    rows = tx.execute(
        sa.select(table.c.bucket, table.c.member_id)
        .where(table.c.tier_due != "")
        .where(table.c.tier_due <= today)
        .order_by(table.c.tier_due, table.c.bucket, table.c.member_id)
        .limit(limit)
    )
    return [(row.bucket, row.member_id) for row in rows]


def _day_of(uid: str) -> str:
    at_ms = UUID(uid).int >> _UID_BITS_AFTER_TIME
    return datetime.fromtimestamp(at_ms / 1000, tz=UTC).date().isoformat()
