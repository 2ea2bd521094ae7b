"""Open leases by the register that holds them, and the members who are to be granted some.

Owns: finding them, the list of members whose grants were put off, and which grants a register has
shown while it presents them. Must never: change a lease; that takes the member's lock, and
`ledger_book`.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import sqlalchemy as sa

from tessera.core.identity import bucket_of
from tessera.store.central import bulk, schema
from tessera.store.central.ledger_book import MemberKey

LeaseKey = tuple[int, str, str]
"""Bucket, member and lease."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldLease:
    """What one life of a register may still spend of a member's units."""

    bucket: int
    member_id: str
    lease_id: str
    unit: str
    register_id: str
    incarnation: str
    outstanding: int
    granted_ms: int

    @property
    def key(self) -> LeaseKey:
        """Bucket, member and lease."""
        return (self.bucket, self.member_id, self.lease_id)


def read_open(
    tx: sa.Connection, *, register_id: str, after: LeaseKey, limit: int
) -> list[HeldLease]:
    """Leases of a register (or of all, when empty) that hold or claim something, by key."""
    table = schema.LEASE
    left = table.c.granted - table.c.spent - table.c.returned - table.c.written_off
    names = ("bucket", "member_id", "lease_id", "unit", "register_id", "incarnation")
    query = (
        sa.select(*(table.c[name] for name in names), left, table.c.granted_ms)
        .where(sa.or_(left > 0, table.c.claimed > table.c.granted))
        .where(sa.tuple_(table.c.bucket, table.c.member_id, table.c.lease_id) > sa.tuple_(*after))
        .order_by(table.c.bucket, table.c.member_id, table.c.lease_id)
        .limit(limit)
    )
    if register_id:
        query = query.where(table.c.register_id == register_id)
    return [
        HeldLease(
            bucket=row[0],
            member_id=row[1],
            lease_id=row[2],
            unit=row[3],
            register_id=row[4],
            incarnation=row[5],
            outstanding=int(row[6]),
            granted_ms=int(row[7]),
        )
        for row in tx.execute(query)
    ]


def put_off(tx: sa.Connection, members: Iterable[MemberKey]) -> None:
    """Note members whose leases are to be granted later; harmless for those noted already.

    Their rows must be locked, as for granting.
    """
    names = ("bucket", "member_id")
    bulk.insert(tx, schema.LEASE_DUE, names, sorted(set(members)), ignore_known=True)


def read_due(tx: sa.Connection, *, limit: int) -> list[MemberKey]:
    """Members whose leases were put off, by bucket."""
    table = schema.LEASE_DUE
    query = sa.select(table.c.bucket, table.c.member_id).order_by(*table.primary_key).limit(limit)
    return [(int(row.bucket), row.member_id) for row in tx.execute(query)]


def forget_due(tx: sa.Connection, members: Sequence[MemberKey]) -> None:
    """These members have their leases; their rows must have been locked before that."""
    bulk.delete(tx, schema.LEASE_DUE, ("bucket", "member_id"), members)


def note_shown(
    tx: sa.Connection, register_id: str, lease_ids: Iterable[str], *, generation: str
) -> None:
    """Note that a register holds these leases, as it showed in this generation."""
    rbucket = bucket_of(register_id)
    names = ("rbucket", "register_id", "lease_id", "generation")
    rows = [(rbucket, register_id, lease_id, generation) for lease_id in sorted(set(lease_ids))]
    bulk.insert(tx, schema.GRANT_SHOWN, names, rows, update=names[3:])


def read_shown(
    tx: sa.Connection, register_id: str, lease_ids: Iterable[str], *, generation: str
) -> set[str]:
    """Which of these leases a register has shown in this generation."""
    rbucket = bucket_of(register_id)
    names = ("rbucket", "register_id", "lease_id")
    keys = [(rbucket, register_id, lease_id) for lease_id in lease_ids]
    found = bulk.select(tx, schema.GRANT_SHOWN, ("lease_id", "generation"), names, keys)
    return {lease_id for lease_id, shown_in in found if shown_in == generation}


def forget_shown(tx: sa.Connection, register_id: str) -> None:
    """The register has shown all: what it showed stands in the books now."""
    table = schema.GRANT_SHOWN
    tx.execute(
        sa.delete(table)
        .where(table.c.rbucket == bucket_of(register_id))
        .where(table.c.register_id == register_id)
    )
