"""The ledger and what is derived from it: postings, balances, lots, leases.

Owns: reading accounts under a lock and writing back what a transaction changed. Postings are only
ever inserted. Must never: compute a posting; `tessera.central.booking` does.
"""

from collections.abc import Callable, Iterable, Sequence
from operator import attrgetter

import msgspec
import sqlalchemy as sa

from tessera.core.ledger import Posting
from tessera.store.central import bulk, schema
from tessera.store.central.accounts import Account, Lease, Lot, MemberAccounts, SpentLot

MemberKey = tuple[int, str]
"""Bucket and member id."""

_BALANCE = ("bucket", "member_id", "account", "points", "leased", "version")
_LEASE = (
    "bucket",
    "member_id",
    "lease_id",
    "unit",
    "register_id",
    "incarnation",
    "granted",
    "spent",
    "returned",
    "written_off",
    "granted_ms",
    "claimed",
)
_LOT = (
    "bucket",
    "member_id",
    "uid",
    "line",
    "unit",
    "issuer",
    "granted",
    "remaining",
    "available_from",
    "expires",
)
_SPENT = (
    "bucket",
    "member_id",
    "uid",
    "line",
    "unit",
    "issuer",
    "spent",
    "returned",
    "expires",
)
_LINE = (
    "bucket",
    "member_id",
    "uid",
    "line",
    "account",
    "unit",
    "delta",
    "is_member",
    "issuer",
    "tag",
)


_LEASE_VALUES: Callable[[Lease], bulk.Row] = attrgetter(*_LEASE[2:])
_SPENT_VALUES: Callable[[SpentLot], bulk.Row] = attrgetter(*_SPENT[2:])
_LOT_VALUES: Callable[[Lot], bulk.Row] = attrgetter(*_LOT[2:])


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """One event in the ledger: its postings sum to zero by unit. `tag` marks what is bounded."""

    bucket: int
    member_id: str
    uid: str
    postings: tuple[Posting, ...]
    tag: str = ""


def load(
    tx: sa.Connection,
    keys: Iterable[MemberKey],
    *,
    lots_of: Iterable[MemberKey] | None = None,
    leases_named: Iterable[tuple[int, str, str]] = (),
    spent_by: Iterable[tuple[int, str, str]] = (),
) -> dict[MemberKey, MemberAccounts]:
    """The members' accounts with their open leases, and with lots that hold something.

    `lots_of`: only these members' lots are read (None: everybody's), since whoever only earns needs
    none. `leases_named`: leases by (bucket, member, lease) that are read also when nothing is left
    of them. `spent_by`: slices of lots that these records spent, by (bucket, member, uid). The
    member rows must be locked by the caller; what hangs on them needs no other lock.
    """
    wanted = sorted(set(keys))
    rich = set(wanted if lots_of is None else lots_of)
    found = {key: MemberAccounts(member_id=key[1], has_lots=key in rich) for key in wanted}
    by_member = ("bucket", "member_id")
    for bucket, member_id, account, points, leased, version in bulk.select(
        tx, schema.BALANCE, _BALANCE, by_member, wanted
    ):
        found[bucket, member_id].accounts[account] = Account(
            points=points, leased=leased, version=version
        )
    leases = bulk.select(
        tx,
        schema.LEASE,
        _LEASE,
        by_member,
        wanted,
        only="(granted > spent + returned + written_off OR claimed > granted)",
    )
    leases += bulk.select(tx, schema.LEASE, _LEASE, _LEASE[:3], leases_named)
    for row in leases:
        lease = Lease(**dict(zip(_LEASE[2:], row[2:], strict=True)))
        found[row[0], row[1]].leases[lease.lease_id] = lease
    for row in bulk.select(
        tx, schema.LOT, _LOT, by_member, rich & set(wanted), only="remaining > 0"
    ):
        lot = Lot(**dict(zip(_LOT[2:], row[2:], strict=True)))
        found[row[0], row[1]].lots.append(lot)
    by_uid = [key for key in sorted(set(spent_by)) if key[:2] in found]
    for row in bulk.select(tx, schema.SPENT_LOT, _SPENT, _SPENT[:3], by_uid):
        spent = SpentLot(**dict(zip(_SPENT[2:], row[2:], strict=True)))
        found[row[0], row[1]].spent_lots.append(spent)
    return found


def save(tx: sa.Connection, accounts: dict[MemberKey, MemberAccounts]) -> None:
    """Write back what changed, and forget that it had."""
    balances: list[bulk.Row] = []
    leases: list[bulk.Row] = []
    lots: list[bulk.Row] = []
    spent: list[bulk.Row] = []
    for (bucket, member_id), state in sorted(accounts.items()):
        for name in sorted(state.changed_accounts):
            account = state.accounts[name]
            balances.append(
                (bucket, member_id, name, account.points, account.leased, account.version)
            )
        leases += [
            (bucket, member_id, *_lease_values(state.leases[lease_id]))
            for lease_id in sorted(state.changed_leases)
        ]
        lots += [
            (bucket, member_id, *_lot_values(lot))
            for lot in state.lots
            if (lot.uid, lot.line) in state.changed_lots
        ]
        spent += [
            (bucket, member_id, *_SPENT_VALUES(one))
            for one in state.spent_lots
            if (one.uid, one.line) in state.changed_spent
        ]
        state.changed_spent.clear()
        state.changed_accounts.clear()
        state.changed_leases.clear()
        state.changed_lots.clear()
    bulk.insert(tx, schema.BALANCE, _BALANCE, balances, update=_BALANCE[3:])
    spending = ("granted", "spent", "returned", "written_off", "claimed")
    bulk.insert(tx, schema.LEASE, _LEASE, leases, update=spending)
    bulk.insert(tx, schema.LOT, _LOT, lots, update=("remaining",))
    bulk.insert(tx, schema.SPENT_LOT, _SPENT, spent, update=("returned",))


def post(tx: sa.Connection, entries: Sequence[Entry]) -> None:
    """Write the entries' postings; an entry that is there already is an error."""
    rows = [
        (
            entry.bucket,
            entry.member_id,
            entry.uid,
            line,
            posting.account,
            posting.unit,
            posting.delta,
            int(posting.member),
            posting.issuer,
            entry.tag,
        )
        for entry in entries
        for line, posting in enumerate(entry.postings, start=1)
    ]
    bulk.insert(tx, schema.LEDGER_LINE, _LINE, rows)


def read_lines(tx: sa.Connection, bucket: int, member_id: str) -> list[tuple[str, Posting, str]]:
    """A member's postings as (uid, posting, tag), in the order of their uids."""
    table = schema.LEDGER_LINE
    rows = tx.execute(
        sa.select(table)
        .where(table.c.bucket == bucket)
        .where(table.c.member_id == member_id)
        .order_by(table.c.uid, table.c.line)
    )
    return [
        (
            row.uid,
            Posting(
                account=row.account,
                unit=row.unit,
                delta=row.delta,
                member=bool(row.is_member),
                issuer=row.issuer,
            ),
            row.tag,
        )
        for row in rows
    ]


def holders(tx: sa.Connection, account: str) -> list[tuple[str, int]]:
    """Members whose account of this name holds something: (member, count), by member."""
    table = schema.BALANCE
    rows = tx.execute(
        sa.select(table.c.member_id, table.c.points)
        .where(table.c.account == account)
        .where(table.c.points > 0)
        .order_by(table.c.member_id)
    )
    return [(row.member_id, int(row.points)) for row in rows]


def read_leases(tx: sa.Connection, key: MemberKey) -> list[Lease]:
    """Every lease of a member, used-up ones too, oldest first."""
    rows = bulk.select(tx, schema.LEASE, _LEASE, ("bucket", "member_id"), [key])
    leases = [Lease(**dict(zip(_LEASE[2:], row[2:], strict=True))) for row in rows]
    return sorted(leases, key=lambda lease: (lease.granted_ms, lease.lease_id))


def _lease_values(lease: Lease) -> bulk.Row:
    return _LEASE_VALUES(lease)


def _lot_values(lot: Lot) -> bulk.Row:
    return _LOT_VALUES(lot)
