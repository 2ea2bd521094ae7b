"""What staff did to members: who, when, what; and what of it is still to be finished.

Owns: table member_deed, and finding what a merge, an erasure or an expiry has yet to reach.
Must never: hold anything personal; a deed outlives the member it is about.
"""

from dataclasses import dataclass

import sqlalchemy as sa

from tessera.store.central import bulk, schema
from tessera.store.central.ledger_book import MemberKey

OPEN, DONE = "open", "done"
BLOCK, UNBLOCK, ERASE, MERGE, MERGED_FROM = "block", "unblock", "erase", "merge", "merged-from"
WRITE_OFF = "write-off"
TIER = "tier"
RELEASE = "release"

_DEED = ("bucket", "member_id", "uid", "what", "who", "at_ms", "other", "state", "body")


@dataclass(frozen=True, slots=True, kw_only=True)
class Deed:
    """One thing that was done to a member. `other`: the member on the other side of a merge.

    `body`: JSON of what is on its way to them. `state` is open until every part of it stands.
    """

    bucket: int
    member_id: str
    uid: str
    what: str
    who: str
    at_ms: int
    other: str = ""
    state: str = DONE
    body: bytes = b"[]"

    @property
    def key(self) -> MemberKey:
        """Bucket and id of the member."""
        return (self.bucket, self.member_id)


def write(tx: sa.Connection, deed: Deed) -> None:
    """Write a deed, or its new state."""
    row = tuple(getattr(deed, name) for name in _DEED)
    bulk.insert(tx, schema.MEMBER_DEED, _DEED, [row], update=("state",))


def read(tx: sa.Connection, key: MemberKey) -> list[Deed]:
    """What was done to a member, oldest first."""
    rows = bulk.select(tx, schema.MEMBER_DEED, _DEED, ("bucket", "member_id"), [key])
    return sorted((_deed(row) for row in rows), key=lambda deed: deed.uid)


def read_open(tx: sa.Connection, *, limit: int) -> list[Deed]:
    """Deeds that were begun and not finished."""
    table = schema.MEMBER_DEED
    rows = tx.execute(
        sa.select(*(table.c[name] for name in _DEED))
        .where(table.c.state == OPEN)
        .order_by(table.c.uid)
        .limit(limit)
    )
    return [_deed(tuple(row)) for row in rows]


def read_arrived(tx: sa.Connection, *, limit: int) -> list[tuple[Deed, str]]:
    """Members who are gone and whose accounts hold something that is not leased: deed, account."""
    deed, balance = schema.MEMBER_DEED, schema.BALANCE
    rows = tx.execute(
        sa.select(*(deed.c[name] for name in _DEED), balance.c.account)
        .join(
            balance,
            sa.and_(balance.c.bucket == deed.c.bucket, balance.c.member_id == deed.c.member_id),
        )
        .where(deed.c.what.in_((ERASE, MERGE)))
        .where(deed.c.state == DONE)
        .where(balance.c.points != balance.c.leased)
        .where(balance.c.account.not_like("withheld:%"))
        .where(
            # Debts and uses of an erased member stay: they are nobody's any more.
            sa.or_(
                deed.c.what == MERGE,
                sa.and_(balance.c.account.not_like("owed:%"), balance.c.account.not_like("uses:%")),
            )
        )
        .order_by(deed.c.bucket, deed.c.member_id)
        .limit(limit)
    )
    return [(_deed(tuple(row)[:-1]), str(row[-1])) for row in rows]


def members_with_expired(
    tx: sa.Connection, today: str, *, after: MemberKey = (-1, ""), limit: int
) -> list[MemberKey]:
    """Members with lots whose day has come and whose account has something that is not leased."""
    lot, balance = schema.LOT, schema.BALANCE
    rows = tx.execute(
        sa.select(lot.c.bucket, lot.c.member_id)
        .distinct()
        .join(
            balance,
            sa.and_(
                balance.c.bucket == lot.c.bucket,
                balance.c.member_id == lot.c.member_id,
                balance.c.account == lot.c.unit,
            ),
        )
        .where(lot.c.remaining > 0)
        .where(lot.c.expires != "")
        .where(lot.c.expires <= today)
        .where(balance.c.points > balance.c.leased)
        .where(sa.tuple_(lot.c.bucket, lot.c.member_id) > sa.tuple_(*after))
        .order_by(lot.c.bucket, lot.c.member_id)
        .limit(limit)
    )
    return [(row.bucket, row.member_id) for row in rows]


def _deed(row: bulk.Row) -> Deed:
    values = dict(zip(_DEED, row, strict=True))
    values["body"] = bytes(values["body"])
    return Deed(**values)
