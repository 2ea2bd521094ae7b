"""Grants leases to members' home registers, and tells stores of accounts that changed.

Owns: which register is a member's home register, and the granting that a backlog put off. Must
never: grant to a member whose row is not locked; `top_up` leaves that to its callers.
"""

from collections.abc import Iterable, Sequence
from functools import partial

import sqlalchemy as sa

from tessera.central import rows
from tessera.central.apart import Apart
from tessera.central.desk import Desk, GenerationBegan
from tessera.central.leasing import cover, grant, is_held_back, wanted_grants
from tessera.core.uses import is_for_tills
from tessera.store.central import feed, lease_book, ledger_book, member_book, register_book
from tessera.store.central.accounts import Lease, MemberAccounts
from tessera.store.central.ledger_book import MemberKey
from tessera.store.central.member_book import MemberRecord
from tessera.store.engine import Engines

LEASE_ID_BYTES = 16
AT_ONCE = 500


def top_up(
    tx: sa.Connection,
    members: Iterable[MemberRecord],
    accounts: dict[MemberKey, MemberAccounts],
    desk: Desk,
) -> list[feed.Change]:
    """Lease what is free to each member's home register; the rows that tell it.

    What registers presented comes first; nothing else is granted while one may hold more.
    """
    awaited = register_book.read_awaited(tx, desk.generation) if desk.is_awaiting else {}
    members = list(members)
    for member in members:
        cover(accounts[member.key])
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
        if not choice or member.status != "active" or member.waits_for:
            continue
        home = next((r for r in choice if r.register_id == member.home_register), choice[0])
        state = accounts[member.key]
        if awaited and is_held_back(state, member.home_store, awaited):
            continue
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


def check_generation(tx: sa.Connection, desk: Desk) -> None:
    """GenerationBegan when a desk is of an earlier generation; its members' rows must be locked.

    Whoever tells a member anew waits for that lock. So what passes here is told once more with it,
    and nothing of an earlier generation, whose versions are lower, comes after.
    """
    state = register_book.read_central(tx)
    if state is None or state.generation != desk.generation:
        raise GenerationBegan(
            f"generation {desk.generation} has ended meanwhile", hint="do the same again"
        )


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


def put_off_elsewhere(
    engines: Engines, register: register_book.RegisterRow, *, spans_buckets: bool
) -> None:
    """Have the worker grant to members of other stores who hold leases at this register.

    Nothing was granted to them while it was awaited; those of its own store are swept. To be called
    once that is in the database. Harmless when run again, so whoever was stopped does all of it.
    """
    after = (-1, "", "")
    while True:
        with engines.reader.begin() as tx:
            found = lease_book.read_open(
                tx, register_id=register.register_id, after=after, limit=AT_ONCE
            )
        if not found:
            return
        after = found[-1].key
        groups: dict[int, set[MemberKey]] = {}
        for one in found:
            groups.setdefault(0 if spans_buckets else one.bucket, set()).add(one.key[:2])
        for _bucket, keys in sorted(groups.items()):
            with engines.writer.begin() as tx:
                members = member_book.lock_members(tx, sorted(keys)).values()
                lease_book.put_off(tx, elsewhere(members, register.store_id))


def elsewhere(members: Iterable[MemberRecord], store_id: str) -> list[MemberKey]:
    """Those of these members whose home is another store."""
    return [one.key for one in members if one.home_store not in {"", store_id}]


def grant_put_off(
    engines: Engines, desk: Desk, *, spans_buckets: bool, limit: int, apart: Apart | None = None
) -> int:
    """Grant what was put off to at most `limit` members; how many wait no longer.

    Killed in between, the members not yet granted to are found again.
    """
    apart = apart or Apart(desk.now_ms)
    done = 0
    with engines.reader.begin() as tx:
        due = lease_book.read_due(tx, limit=limit)
    groups: dict[int, list[MemberKey]] = {}
    for key in due:
        groups.setdefault(0 if spans_buckets else key[0], []).append(key)
    for _bucket, keys in sorted(groups.items()):
        done += apart.each("granting to a member", keys, partial(_grant_group, engines, desk))
    return done


def _grant_group(engines: Engines, desk: Desk, keys: Sequence[MemberKey]) -> None:
    with engines.writer.begin() as tx:
        members = member_book.lock_members(tx, keys)
        accounts = ledger_book.load(tx, members, lots_of=())
        changes = top_up(tx, members.values(), accounts, desk)
        changes += balance_changes(members, accounts, desk.version_base)
        check_generation(tx, desk)
        ledger_book.save(tx, accounts)
        lease_book.forget_due(tx, keys)
        feed.append(tx, feed.MEMBERS, changes)
