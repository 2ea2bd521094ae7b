"""How much of a balance is set aside for a register, so that it can be spent there offline.

Pure: reads a member's accounts and says what to grant. In this release the register that last sold
to the member in their home store holds their lease; others follow with transfers between tills.
Must never: let the sum of leases exceed the account, or end a lease by time.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from tessera.core.uses import is_unit_account
from tessera.store.central.accounts import Lease, MemberAccounts

LEASES_OPEN_MAX = 64
"""Open leases of one member at one register: more grants wait until some are spent."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LeasePolicy:
    """`amount_max`: most units of one account that a register holds. `step_min`: smallest grant."""

    amount_max: int
    step_min: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """What is to be leased of one unit."""

    unit: str
    amount: int


def wanted_grants(state: MemberAccounts, *, register_id: str, policy: LeasePolicy) -> list[Grant]:
    """What the register should get on top of what it holds, by unit."""
    grants: list[Grant] = []
    for unit, account in sorted(state.accounts.items()):
        if not is_unit_account(unit):
            continue
        held = [
            lease.outstanding
            for lease in state.leases.values()
            if lease.unit == unit and lease.register_id == register_id and lease.outstanding
        ]
        amount = min(policy.amount_max - sum(held), account.free)
        if amount >= max(1, policy.step_min) and len(held) < LEASES_OPEN_MAX:
            grants.append(Grant(unit=unit, amount=amount))
    return grants


def grant(state: MemberAccounts, lease: Lease) -> None:
    """Set a lease aside. ValueError when the account does not hold that much that is free."""
    account = state.account(lease.unit)
    if lease.granted > account.free:
        raise ValueError(f"lease of {lease.granted} over the free part of {account.free}")
    state.leases[lease.lease_id] = lease
    account.leased += lease.granted
    account.version += 1
    state.changed_leases.add(lease.lease_id)
    state.changed_accounts.add(lease.unit)


def take_in(state: MemberAccounts, presented: Lease) -> bool:
    """Take a grant in that its holder presents again; whether it was not known whole before.

    `presented.granted` is what was signed. A restored database may know nothing of it, or only what
    records that came again spent of it. As much as is free is set aside now, the rest as soon as it
    is there. A repeat changes nothing.
    """
    known = state.leases.get(presented.lease_id)
    amount = presented.granted
    if known is not None and max(known.granted, known.claimed) >= amount:
        return False
    if known is None:
        presented.granted = 0
        state.leases[presented.lease_id] = known = presented
    known.claimed = amount
    state.changed_leases.add(known.lease_id)
    cover(state)
    return True


def cover(state: MemberAccounts) -> None:
    """Set aside what holders have proved to be granted, as far as it is free."""
    for _, lease in sorted(state.leases.items()):
        if not lease.uncovered:
            continue
        account = state.account(lease.unit)
        amount = min(lease.uncovered, max(0, account.free))
        if amount:
            lease.granted += amount
            account.leased += amount
            account.version += 1
            state.changed_leases.add(lease.lease_id)
            state.changed_accounts.add(lease.unit)


def spend_uncovered(state: MemberAccounts, lease: Lease, amount: int) -> int:
    """Count as granted what is spent of a grant before it could be covered; how much of `amount`.

    The units themselves are taken from the free part, by the posting. Where that is short, other
    presented grants wait once more: what was spent was there before what has not been spent yet.
    """
    part = min(amount, lease.uncovered)
    account = state.account(lease.unit)
    for _, other in sorted(state.leases.items()):
        short = part - account.free
        if short > 0 and other is not lease and other.unit == lease.unit and other.claimed:
            back = min(short, other.outstanding)
            other.granted -= back
            account.leased -= back
            state.changed_leases.add(other.lease_id)
    lease.granted += part
    lease.spent += part
    state.changed_leases.add(lease.lease_id)
    return part


def is_held_back(state: MemberAccounts, home_store: str, awaited: Mapping[str, str]) -> bool:
    """Whether nothing may be granted yet: a register may hold grants that were forgotten.

    `awaited`: registers that have not presented theirs, and their stores. Those of the member's
    home store count, and those that hold leases of the member's.
    """
    return home_store in awaited.values() or any(
        lease.register_id in awaited for lease in state.leases.values()
    )


def write_off(state: MemberAccounts, lease: Lease) -> int:
    """Give up what a lease's holder never gave back; how many units its member has free again.

    A spend that arrives after all is booked against what is free then, and what that does not cover
    is owed: the loss is bounded by what is written off here.
    """
    amount = lease.outstanding
    account = state.account(lease.unit)
    lease.written_off += amount
    lease.claimed = 0
    account.leased -= amount
    account.version += 1
    state.changed_leases.add(lease.lease_id)
    state.changed_accounts.add(lease.unit)
    return amount
