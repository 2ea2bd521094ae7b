"""Single-use codes that were used, by their keyed hash, and the lots that were issued.

Owns: tables coupon_use and coupon_lot. Must never: hold a code in clear, or decide whose it is;
`tessera.central.coupon_claims` does.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import sqlalchemy as sa

from tessera.core.identity import bucket_of_hash
from tessera.store.central import bulk, schema

_USE = (
    "cbucket",
    "code_hash",
    "uid",
    "register_id",
    "member_id",
    "offer",
    "used_ms",
    "version",
)
_LOT = ("lot", "offer", "prefix", "count", "first_day", "last_day", "issued_ms")


@dataclass(slots=True, kw_only=True)
class UsedCode:
    """A code: the record that has it (empty: none any more) and the version of this state."""

    code_hash: bytes
    uid: str = ""
    register_id: str = ""
    member_id: str = ""
    offer: str = ""
    used_ms: int = 0
    version: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class CodeState:
    """A code right after a record: whether it is used up, at which version."""

    code_hash: str
    is_used: bool
    version: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Lot:
    """Codes that were issued together; `last_day` empty: without an end."""

    lot: str
    offer: str
    prefix: str
    count: int
    first_day: str
    last_day: str
    issued_ms: int


def lock_codes(tx: sa.Connection, hashes: Iterable[bytes]) -> dict[bytes, UsedCode]:
    """The state of these codes, locked; a row is made for each that has none."""
    keys = sorted({(bucket_of_hash(one), one) for one in hashes})
    bulk.insert_new(tx, schema.COUPON_USE, _USE[:2], keys)
    rows = bulk.select(tx, schema.COUPON_USE, _USE, _USE[:2], keys, lock=True)
    return {row[1]: UsedCode(**dict(zip(_USE[1:], row[1:], strict=True))) for row in rows}


def write_codes(tx: sa.Connection, codes: Iterable[UsedCode]) -> None:
    """Write these states back."""
    rows = [
        (bucket_of_hash(code.code_hash), *(getattr(code, name) for name in _USE[1:]))
        for code in codes
    ]
    bulk.insert(tx, schema.COUPON_USE, _USE, rows, update=_USE[2:])


def used_by_offer(tx: sa.Connection) -> list[tuple[str, int]]:
    """How many codes were used, by the offer that they opened."""
    table = schema.COUPON_USE
    rows = tx.execute(
        sa.select(table.c.offer, sa.func.count())
        .where(table.c.uid != "")
        .where(table.c.offer != "")
        .group_by(table.c.offer)
        .order_by(table.c.offer)
    )
    return [(str(row[0]), int(row[1])) for row in rows]


def add_lot(tx: sa.Connection, lot: Lot) -> None:
    """Note that a lot was issued."""
    bulk.insert(tx, schema.COUPON_LOT, _LOT, [tuple(getattr(lot, name) for name in _LOT)])


def read_lots(tx: sa.Connection) -> Sequence[Lot]:
    """Every lot, oldest first."""
    table = schema.COUPON_LOT
    columns = [table.c[name] for name in _LOT]
    rows = tx.execute(sa.select(*columns).order_by(table.c.issued_ms, table.c.lot))
    return [Lot(**row._mapping) for row in rows]  # noqa: SLF001 - SQLAlchemy's name for it
