"""Programme bundles on the till: the active one and those before it, and which is wanted.

Owns: tables kept_bundle and assignment. Must never: drop the active bundle, or judge a text.
"""

import sqlalchemy as sa

from tessera.store.till.tables import assignment, kept_bundle
from tessera.store.till.values import Assignment, KeptBundle

KEPT_MAX = 4


def active(connection: sa.Connection) -> KeptBundle | None:
    """The bundle that prices sales now; None before the first."""
    row = connection.execute(
        sa.select(kept_bundle.c.hash, kept_bundle.c.text, kept_bundle.c.number).where(
            kept_bundle.c.active == 1
        )
    ).one_or_none()
    return None if row is None else KeptBundle(hash=row[0], text=row[1], number=row[2])


def find(connection: sa.Connection, bundle_hash: str) -> KeptBundle | None:
    """A bundle that is kept here, by its hash."""
    row = connection.execute(
        sa.select(kept_bundle.c.hash, kept_bundle.c.text, kept_bundle.c.number).where(
            kept_bundle.c.hash == bundle_hash
        )
    ).one_or_none()
    return None if row is None else KeptBundle(hash=row[0], text=row[1], number=row[2])


def keep(connection: sa.Connection, bundle: KeptBundle) -> None:
    """Keep a bundle beside the last ones; its text was parsed without errors on this till."""
    if find(connection, bundle.hash) is not None:
        connection.execute(
            sa.update(kept_bundle)
            .where(kept_bundle.c.hash == bundle.hash)
            .values(number=bundle.number)
        )
        return
    newest = connection.execute(sa.select(sa.func.max(kept_bundle.c.kept_order))).scalar() or 0
    connection.execute(
        sa.insert(kept_bundle).values(
            hash=bundle.hash,
            text=bundle.text,
            number=bundle.number,
            kept_order=newest + 1,
            active=0,
        )
    )
    connection.execute(
        sa.delete(kept_bundle).where(
            kept_bundle.c.active == 0, kept_bundle.c.kept_order <= newest + 1 - KEPT_MAX
        )
    )


def activate(connection: sa.Connection, bundle_hash: str) -> None:
    """Let a kept bundle price sales from the next quote on. KeyError when it is not kept."""
    if find(connection, bundle_hash) is None:
        raise KeyError(bundle_hash)
    connection.execute(
        sa.update(kept_bundle).values(
            active=sa.case((kept_bundle.c.hash == bundle_hash, 1), else_=0)
        )
    )


def read_assignment(connection: sa.Connection) -> Assignment | None:
    """The newest assignment that central signed for this register."""
    row = connection.execute(sa.select(assignment)).mappings().one_or_none()
    if row is None:
        return None
    return Assignment(
        number=row["number"],
        bundle=row["bundle"],
        active_from_ms=row["active_from_ms"],
        size=row["size"],
        generation=row["generation"],
    )


def assign(connection: sa.Connection, wanted: Assignment) -> bool:
    """Keep an assignment; False when its number is not above the one known in its generation."""
    known = read_assignment(connection)
    if (
        known is not None
        and known.generation == wanted.generation
        and known.number >= wanted.number
    ):
        return False
    connection.execute(sa.delete(assignment))
    connection.execute(
        sa.insert(assignment).values(
            id=1,
            number=wanted.number,
            bundle=wanted.bundle,
            active_from_ms=wanted.active_from_ms,
            size=wanted.size,
            generation=wanted.generation,
        )
    )
    return True
