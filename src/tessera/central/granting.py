"""Grants leases to members' home registers, and tells stores of accounts that changed.

Owns: which register is a member's home register. Must never: lock anything; callers hold the
member rows.
"""

from collections.abc import Iterable

import sqlalchemy as sa

from tessera.central import rows
from tessera.central.desk import Desk
from tessera.central.leasing import grant, wanted_grants
from tessera.core.uses import is_for_tills
from tessera.store.central import feed, register_book
from tessera.store.central.accounts import Lease, MemberAccounts
from tessera.store.central.ledger_book import MemberKey
from tessera.store.central.member_book import MemberRecord

LEASE_ID_BYTES = 16


def top_up(
    tx: sa.Connection,
    members: Iterable[MemberRecord],
    accounts: dict[MemberKey, MemberAccounts],
    desk: Desk,
) -> list[feed.Change]:
    """Lease what is free to each member's home register; the rows that tell it."""
    at_home = [member for member in members if member.home_store]
    stores = {member.home_store for member in at_home}
    active: dict[str, list[register_book.RegisterRow]] = {}
    if stores:
        for register in register_book.read_registers(
            tx, stores=stores, status=register_book.ACTIVE
        ):
            active.setdefault(register.store_id, []).append(register)
    changes: list[feed.Change] = []
    for member in at_home:
        choice = active.get(member.home_store, [])
        if not choice or member.status != "active":
            continue
        home = next((r for r in choice if r.register_id == member.home_register), choice[0])
        state = accounts[member.key]
        for wanted in wanted_grants(state, register_id=home.register_id, policy=desk.policy):
            lease = Lease(
                lease_id=desk.random(LEASE_ID_BYTES).hex(),
                unit=wanted.unit,
                register_id=home.register_id,
                incarnation=home.incarnation,
                granted=wanted.amount,
                granted_ms=desk.now_ms(),
            )
            grant(state, lease)
            row = rows.lease_row(member.member_id, lease, generation=desk.generation, key=desk.key)
            changes.append(rows.lease_change(member.bucket, row))
    return changes


def balance_changes(
    members: dict[MemberKey, MemberRecord],
    accounts: dict[MemberKey, MemberAccounts],
    base: int,
) -> list[feed.Change]:
    """The accounts that changed, as the home store's tills hear of them."""
    return [
        rows.balance_change(members[key], name, state.accounts[name], base)
        for key, state in sorted(accounts.items())
        if key in members and members[key].home_store
        for name in sorted(state.changed_accounts)
        if is_for_tills(name)
    ]
