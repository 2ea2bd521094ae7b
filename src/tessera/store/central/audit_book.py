"""Reads whole tables bucket by bucket, for checking what is derived against what it came from.

Owns: the sums that `tessera central verify` compares. Must never: change anything.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from tessera.store.central import schema

_FETCH = 5_000


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountSums:
    """One account of a member, from each of the places that know of it."""

    member_id: str
    account: str
    postings: int
    points: int
    leased: int
    outstanding: int
    lots: int
    has_balance: bool


def unbalanced_entries(tx: sa.Connection, bucket: int) -> list[tuple[str, str, str, int]]:
    """Entries whose postings do not sum to zero: (member, uid, unit, rest)."""
    line = schema.LEDGER_LINE
    rest = sa.func.sum(line.c.delta)
    rows = tx.execute(
        sa.select(line.c.member_id, line.c.uid, line.c.unit, rest)
        .where(line.c.bucket == bucket)
        .group_by(line.c.member_id, line.c.uid, line.c.unit)
        .having(rest != 0)
    )
    return [(row[0], row[1], row[2], int(row[3])) for row in rows]


def account_sums(tx: sa.Connection, bucket: int) -> list[AccountSums]:
    """Every account of a bucket, from postings, balance, leases and lots."""
    line, balance = schema.LEDGER_LINE, schema.BALANCE
    lease, lot = schema.LEASE, schema.LOT
    postings = _sums(
        tx,
        sa.select(line.c.member_id, line.c.account, sa.func.sum(line.c.delta))
        .where(line.c.bucket == bucket)
        .where(line.c.is_member == 1)
        .group_by(line.c.member_id, line.c.account),
    )
    left = lease.c.granted - lease.c.spent - lease.c.returned - lease.c.written_off
    outstanding = _sums(
        tx,
        sa.select(lease.c.member_id, lease.c.unit, sa.func.sum(left))
        .where(lease.c.bucket == bucket)
        .group_by(lease.c.member_id, lease.c.unit),
    )
    lots = _sums(
        tx,
        sa.select(lot.c.member_id, lot.c.unit, sa.func.sum(lot.c.remaining))
        .where(lot.c.bucket == bucket)
        .group_by(lot.c.member_id, lot.c.unit),
    )
    balances = {
        (row.member_id, row.account): (int(row.points), int(row.leased))
        for row in tx.execute(
            sa.select(
                balance.c.member_id, balance.c.account, balance.c.points, balance.c.leased
            ).where(balance.c.bucket == bucket)
        )
    }
    keys = sorted({*postings, *outstanding, *lots, *balances})
    return [
        AccountSums(
            member_id=key[0],
            account=key[1],
            postings=postings.get(key, 0),
            points=balances.get(key, (0, 0))[0],
            leased=balances.get(key, (0, 0))[1],
            outstanding=outstanding.get(key, 0),
            lots=lots.get(key, 0),
            has_balance=key in balances,
        )
        for key in keys
    ]


def impossible_leases(tx: sa.Connection, bucket: int) -> list[tuple[str, str]]:
    """Leases that gave out more than was granted: (member, lease)."""
    lease = schema.LEASE
    gone = lease.c.spent + lease.c.returned + lease.c.written_off
    rows = tx.execute(
        sa.select(lease.c.member_id, lease.c.lease_id)
        .where(lease.c.bucket == bucket)
        .where(
            sa.or_(
                gone > lease.c.granted,
                lease.c.spent < 0,
                lease.c.returned < 0,
                lease.c.written_off < 0,
            )
        )
    )
    return [(row[0], row[1]) for row in rows]


def posted_without_outcome(tx: sa.Connection, bucket: int, *, own: tuple[str, ...]) -> list[str]:
    """Uids with postings but no outcome that says they were applied.

    `own`: tags of entries that central made without a record.
    """
    line, outcome = schema.LEDGER_LINE, schema.OUTCOME
    rows = tx.execute(
        sa.select(line.c.uid)
        .distinct()
        .outerjoin(
            outcome,
            sa.and_(
                outcome.c.bucket == line.c.bucket,
                outcome.c.member_id == line.c.member_id,
                outcome.c.uid == line.c.uid,
            ),
        )
        .where(line.c.bucket == bucket)
        .where(line.c.tag.not_in(own))
        .where(sa.or_(outcome.c.state.is_(None), outcome.c.state != "applied"))
    )
    return list(rows.scalars())


def transit_left(tx: sa.Connection) -> list[tuple[str, str, int]]:
    """Transfers between members that do not clear, and are not on their way: (uid, unit, rest)."""
    line, deed = schema.LEDGER_LINE, schema.MEMBER_DEED
    rest = sa.func.sum(line.c.delta)
    under_way = sa.select(deed.c.uid).where(deed.c.state == "open")
    rows = tx.execute(
        sa.select(line.c.uid, line.c.unit, rest)
        .where(line.c.account == "transit")
        .where(line.c.uid.not_in(under_way))
        .group_by(line.c.uid, line.c.unit)
        .having(rest != 0)
    )
    return [(row[0], row[1], int(row[2])) for row in rows]


def buckets_in_use(tx: sa.Connection) -> list[int]:
    """Buckets that hold any posting, balance or outcome."""
    found: set[int] = set()
    for table in (schema.LEDGER_LINE, schema.BALANCE, schema.OUTCOME, schema.LEASE):
        found.update(tx.execute(sa.select(table.c.bucket).distinct()).scalars())
    return sorted(found)


def uids_of(tx: sa.Connection, rbucket: int, register_id: str) -> Iterator[tuple[str, int, str]]:
    """A register's uid rows as (uid, bucket, member)."""
    table = schema.UID
    rows = tx.execute(
        sa.select(table.c.uid, table.c.bucket, table.c.member_id)
        .where(table.c.rbucket == rbucket)
        .where(table.c.register_id == register_id)
        .order_by(table.c.uid),
        execution_options={"yield_per": _FETCH},
    )
    for row in rows:
        yield row.uid, row.bucket, row.member_id


def waiting_uids(tx: sa.Connection) -> set[str]:
    """Uids of returns that wait for their sale."""
    return set(tx.execute(sa.select(schema.WAITING.c.uid)).scalars())


def _sums(tx: sa.Connection, query: "sa.Select[Any]") -> dict[tuple[str, str], int]:
    return {(row[0], row[1]): int(row[2] or 0) for row in tx.execute(query)}
