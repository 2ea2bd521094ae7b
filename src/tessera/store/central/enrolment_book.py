"""What registers enrolled: one row for each record that made a member or replaced a card.

Owns: table member_enrolment, and finding members whom a conflict keeps waiting.
Must never: hold anything personal, or a number in clear.
"""

from collections.abc import Iterable, Sequence

import msgspec
import sqlalchemy as sa

from tessera.store.central import bulk, schema
from tessera.store.central.ledger_book import MemberKey

_NAMES = (
    "bucket",
    "member_id",
    "uid",
    "register_id",
    "card_hash",
    "phone_hash",
    "replaced_hash",
    "taken",
    "at_ms",
    "is_done",
)


class Enrolment(msgspec.Struct, frozen=True, kw_only=True):
    """One record's enrolment; hashes in hexadecimal, empty where there is none.

    `taken`: card, phone or both, as far as they were another member's. `is_done` 1: its cards are
    listed with the member and told to tills.
    """

    bucket: int
    member_id: str
    uid: str
    register_id: str
    card_hash: str = ""
    phone_hash: str = ""
    replaced_hash: str = ""
    taken: str = ""
    at_ms: int = 0
    is_done: int = 0

    @property
    def key(self) -> tuple[int, str, str]:
        """Bucket, member and record."""
        return (self.bucket, self.member_id, self.uid)


def write(tx: sa.Connection, enrolments: Sequence[Enrolment]) -> None:
    """Add enrolments, or note that one is done."""
    rows = [tuple(getattr(one, name) for name in _NAMES) for one in enrolments]
    bulk.insert(tx, schema.MEMBER_ENROLMENT, _NAMES, rows, update=("is_done",))


def read(
    tx: sa.Connection, keys: Iterable[tuple[int, str, str]]
) -> dict[tuple[int, str, str], Enrolment]:
    """The enrolments of these records."""
    rows = bulk.select(tx, schema.MEMBER_ENROLMENT, _NAMES, _NAMES[:3], keys)
    return {one.key: one for one in map(_enrolment, rows)}


def read_of(tx: sa.Connection, keys: Iterable[MemberKey]) -> list[Enrolment]:
    """Everything that was enrolled of these members."""
    rows = bulk.select(tx, schema.MEMBER_ENROLMENT, _NAMES, _NAMES[:2], keys)
    return sorted(map(_enrolment, rows), key=lambda one: one.uid)


def waiting(tx: sa.Connection, *, limit: int) -> list[MemberKey]:
    """Members who wait for somebody to decide, oldest id first."""
    table = schema.MEMBER
    rows = tx.execute(
        sa.select(table.c.bucket, table.c.member_id)
        .where(table.c.waits_for != "")
        .order_by(table.c.member_id)
        .limit(limit)
    )
    return [(row.bucket, row.member_id) for row in rows]


def _enrolment(row: bulk.Row) -> Enrolment:
    return Enrolment(**dict(zip(_NAMES, row, strict=True)))
