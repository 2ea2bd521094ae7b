"""Leases whose holder will not come back: who holds what, and writing it off.

A lease never ends by time. It is written off by a person, for a register that was revoked or for an
earlier life of one, whose disk is gone; what it set aside is free again, and who did it is on
record. Must never: write off what a living register may still be spending.
"""

from dataclasses import dataclass

from tessera.central.granting import balance_changes, top_up
from tessera.central.leasing import write_off
from tessera.central.opening import Central
from tessera.core.errors import TesseraError
from tessera.core.identity import UID_RANDOM_BYTES, new_uid
from tessera.store.central import deed_book, feed, lease_book, ledger_book, member_book
from tessera.store.central import register_book as registers
from tessera.store.central.deed_book import Deed
from tessera.store.central.lease_book import HeldLease
from tessera.store.central.ledger_book import MemberKey

AT_ONCE = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """An open lease, and whether its holder still lives."""

    lease: HeldLease
    is_living: bool


def held(central: Central, *, register_id: str = "", most: int = 10_000) -> list[Held]:
    """Open leases, of one register or of all, up to `most`."""
    with central.engines.reader.begin() as tx:
        living = {
            (one.register_id, one.incarnation)
            for one in registers.read_registers(tx, status=registers.ACTIVE)
        }
        found = lease_book.read_open(tx, register_id=register_id, after=(-1, "", ""), limit=most)
    return [
        Held(lease=one, is_living=(one.register_id, one.incarnation) in living) for one in found
    ]


def write_off_dead(central: Central, register_id: str, *, who: str) -> tuple[int, int]:
    """Write off what a register's dead lives hold: how many leases, and units in all.

    The present life of a register that is not revoked keeps what it has. TesseraError for a
    register that is unknown.
    """
    with central.engines.reader.begin() as tx:
        register = registers.read_register(tx, register_id)
    if register is None:
        raise TesseraError(
            f"register {register_id} is unknown", hint="tessera central register list"
        )
    living = register.incarnation if register.status == registers.ACTIVE else ""
    leases = units = 0
    after = (-1, "", "")
    while True:
        with central.engines.reader.begin() as tx:
            found = lease_book.read_open(tx, register_id=register_id, after=after, limit=AT_ONCE)
        if not found:
            return leases, units
        after = found[-1].key
        for one in found:
            if one.incarnation != living:
                amount = _write_off_one(central, one, who)
                leases += bool(amount)
                units += amount


def _write_off_one(central: Central, held_lease: HeldLease, who: str) -> int:
    key: MemberKey = held_lease.key[:2]
    with central.engines.writer.begin() as tx:
        members = member_book.lock_members(tx, [key])
        desk = central.desk()
        accounts = ledger_book.load(tx, [key])
        lease = accounts[key].leases.get(held_lease.lease_id)
        if lease is None:  # it was settled meanwhile
            return 0
        amount = write_off(accounts[key], lease)
        at_ms = central.now_ms()
        deed_book.write(
            tx,
            Deed(
                bucket=key[0],
                member_id=key[1],
                uid=new_uid(at_ms, central.random(UID_RANDOM_BYTES)),
                what=deed_book.WRITE_OFF,
                who=who[:100],
                at_ms=at_ms,
                other=lease.lease_id,
            ),
        )
        changes = top_up(tx, members.values(), accounts, desk)
        changes += balance_changes(members, accounts, desk.version_base)
        ledger_book.save(tx, accounts)
        feed.append(tx, feed.MEMBERS, changes)
    return amount
