"""Bundles by their hash, and the numbered assignments that say which one runs where.

Owns: the rising number. Must never: change a bundle.
"""

from dataclasses import dataclass

import sqlalchemy as sa

from tessera.store.central import bulk, schema


@dataclass(frozen=True, slots=True, kw_only=True)
class BundleRow:
    """A bundle; `hash` is the SHA-256 of `body` in hexadecimal."""

    hash: str
    body: bytes
    programme: str
    released_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class AssignmentRecord:
    """Which bundle is to run from when on; `stores` empty: in every store, else ids, by spaces."""

    number: int
    bundle: str
    active_from_ms: int
    size: int
    stores: str

    def is_for(self, store_id: str) -> bool:
        """Whether it is for this store."""
        return not self.stores or store_id in self.stores.split()


def write_bundle(tx: sa.Connection, bundle: BundleRow) -> None:
    """Keep a bundle; the same one again changes nothing."""
    names = ("hash", "body", "programme", "released_ms")
    row = (bundle.hash, bundle.body, bundle.programme, bundle.released_ms)
    bulk.insert(tx, schema.BUNDLE, names, [row], ignore_known=True)


def read_bundle(tx: sa.Connection, bundle_hash: str) -> bytes | None:
    """A bundle's bytes by its hash."""
    table = schema.BUNDLE
    body = tx.execute(
        sa.select(table.c.body).where(table.c.hash == bundle_hash)
    ).scalar_one_or_none()
    return None if body is None else bytes(body)


def read_programme_id(tx: sa.Connection, bundle_hash: str) -> str:
    """The id of a kept bundle's programme."""
    table = schema.BUNDLE
    wanted = sa.select(table.c.programme).where(table.c.hash == bundle_hash)
    return str(tx.execute(wanted).scalar_one())


def add_assignment(
    tx: sa.Connection, *, bundle: str, active_from_ms: int, size: int, stores: str
) -> AssignmentRecord:
    """Add the next assignment; central's row is locked, so numbers have no gap and no twin."""
    tx.execute(sa.select(schema.CENTRAL.c.one).with_for_update()).one()
    table = schema.ASSIGNMENT
    last = tx.execute(sa.select(sa.func.max(table.c.number))).scalar_one()
    record = AssignmentRecord(
        number=(last or 0) + 1,
        bundle=bundle,
        active_from_ms=active_from_ms,
        size=size,
        stores=stores,
    )
    names = ("number", "bundle", "active_from_ms", "size", "stores")
    row = (record.number, bundle, active_from_ms, size, stores)
    bulk.insert(tx, table, names, [row])
    return record


def read_assignments(tx: sa.Connection) -> list[AssignmentRecord]:
    """Every assignment, newest first."""
    rows = tx.execute(sa.select(schema.ASSIGNMENT).order_by(schema.ASSIGNMENT.c.number.desc()))
    return [AssignmentRecord(**row._mapping) for row in rows]  # noqa: SLF001 - documented API
