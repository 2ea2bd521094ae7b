"""Limits over all members: what registers have of them, and what each record used.

Owns: tables shared_limit, limit_share and limit_use. Must never: decide who gets how much;
`tessera.central.sharing` does.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import sqlalchemy as sa

from tessera.core.identity import bucket_of
from tessera.store.central import bulk, schema

_LIMIT = ("kbucket", "key", "programme", "offer", "period", "stores", "most", "returned", "due")
_SHARE = ("kbucket", "key", "register_id", "incarnation", "granted", "used", "written_off")
_USE = ("kbucket", "uid", "key", "register_id", "incarnation", "amount", "returned_by")


@dataclass(slots=True, kw_only=True)
class LimitRow:
    """A limit over all members, by `key`: programme, offer and limit.

    `stores`: where its offer runs now. `due`: its shares are to be looked at.
    """

    key: str
    programme: str = ""
    offer: str = ""
    period: str = ""
    stores: str = ""
    most: int = 0
    returned: int = 0
    due: int = 0


@dataclass(slots=True, kw_only=True)
class ShareRecord:
    """What one life of a register has of a limit, in all since the beginning."""

    key: str
    register_id: str
    incarnation: str
    granted: int = 0
    used: int = 0
    written_off: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class UseRow:
    """What a record used of a limit; `returned_by` is the record that gave it back, or empty."""

    uid: str
    key: str
    register_id: str
    incarnation: str
    amount: int
    returned_by: str = ""


def lock_limits(tx: sa.Connection, keys: Iterable[str]) -> dict[str, LimitRow]:
    """These limits, locked; a row is made for each that has none."""
    wanted = sorted({(bucket_of(key), key) for key in keys})
    bulk.insert_new(tx, schema.SHARED_LIMIT, _LIMIT[:2], wanted)
    rows = bulk.select(tx, schema.SHARED_LIMIT, _LIMIT, _LIMIT[:2], wanted, lock=True)
    return {row[1]: LimitRow(**dict(zip(_LIMIT[1:], row[1:], strict=True))) for row in rows}


def write_limits(tx: sa.Connection, limits: Iterable[LimitRow]) -> None:
    """Write these limits back."""
    rows = [
        (bucket_of(limit.key), *(getattr(limit, name) for name in _LIMIT[1:])) for limit in limits
    ]
    bulk.insert(tx, schema.SHARED_LIMIT, _LIMIT, rows, update=_LIMIT[2:])


def read_limits(tx: sa.Connection, *, due: bool = False) -> list[LimitRow]:
    """Every limit by its key; with `due` those whose shares are to be looked at."""
    table = schema.SHARED_LIMIT
    query = sa.select(*(table.c[name] for name in _LIMIT[1:])).order_by(table.c.key)
    if due:
        query = query.where(table.c.due == 1)
    return [LimitRow(**row._mapping) for row in tx.execute(query)]  # noqa: SLF001 - as documented


def call_due(tx: sa.Connection) -> None:
    """Have the shares of every limit looked at, since a register has begun a new life."""
    tx.execute(sa.update(schema.SHARED_LIMIT).values(due=1))


def read_shares(tx: sa.Connection, keys: Iterable[str]) -> list[ShareRecord]:
    """Every share of these limits."""
    wanted = [(bucket_of(key), key) for key in keys]
    rows = bulk.select(tx, schema.LIMIT_SHARE, _SHARE, _SHARE[:2], wanted)
    return [ShareRecord(**dict(zip(_SHARE[1:], row[1:], strict=True))) for row in rows]


def write_shares(tx: sa.Connection, shares: Iterable[ShareRecord]) -> None:
    """Write these shares; their limits are locked."""
    rows = [
        (bucket_of(share.key), *(getattr(share, name) for name in _SHARE[1:])) for share in shares
    ]
    bulk.insert(tx, schema.LIMIT_SHARE, _SHARE, rows, update=_SHARE[4:])


def add_uses(tx: sa.Connection, uses: Sequence[UseRow]) -> list[UseRow]:
    """Write what records used; those that were not known yet."""
    rows = [(bucket_of(use.uid), *(getattr(use, name) for name in _USE[1:])) for use in uses]
    fresh = bulk.insert_new(tx, schema.LIMIT_USE, _USE, rows)
    return [use for use in uses if (bucket_of(use.uid), use.uid, use.key) in fresh]


def read_uses(tx: sa.Connection, uids: Iterable[str]) -> list[UseRow]:
    """What these records used, locked."""
    wanted = [(bucket_of(uid), uid) for uid in uids]
    rows = bulk.select(tx, schema.LIMIT_USE, _USE, _USE[:2], wanted, lock=True)
    return [UseRow(**dict(zip(_USE[1:], row[1:], strict=True))) for row in rows]


def write_uses(tx: sa.Connection, uses: Iterable[UseRow]) -> None:
    """Write these uses back."""
    rows = [(bucket_of(use.uid), *(getattr(use, name) for name in _USE[1:])) for use in uses]
    bulk.insert(tx, schema.LIMIT_USE, _USE, rows, update=_USE[5:])
