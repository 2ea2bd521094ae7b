"""Makes the books and a register hold the same leases, once it has shown all that it holds.

A database that was put back grants anew, until somebody says so, what a register may hold by a
grant that the database forgot. A register is told of no lease between the beginning of a generation
and its last page; so what it has not shown by then, it never heard of and never will: it is taken
back. Owns: that, and telling the register the leases it keeps. Must never: take back what an
earlier life or a copy of the disk may hold; `lease_ends` is for that.
"""

from tessera.central import rows
from tessera.central.granting import balance_changes, elsewhere
from tessera.central.leasing import cover, write_off
from tessera.central.opening import Central
from tessera.core.identity import bucket_of
from tessera.store.central import feed, lease_book, ledger_book, member_book, register_book
from tessera.store.central.lease_book import HeldLease
from tessera.store.central.register_book import RegisterRow

AT_ONCE = 500


def agree(central: Central, register: RegisterRow, generation: str, *, keeps_all: bool) -> int:
    """Tell a register the open leases of its present life; how many units were taken back.

    `keeps_all`: also what it has not shown counts, since nobody knows what it holds. To be called
    before the register counts as having presented; after having been stopped, all of it again.
    """
    spans = central.settings.database.spans_buckets
    taken_back = 0
    after = (-1, "", "")
    while True:
        with central.engines.reader.begin() as tx:
            found = lease_book.read_open(
                tx, register_id=register.register_id, after=after, limit=AT_ONCE
            )
            lease_ids = [one.lease_id for one in found]
            shown = lease_book.read_shown(
                tx, register.register_id, lease_ids, generation=generation
            )
        if not found:
            return taken_back
        after = found[-1].key
        groups: dict[int, list[HeldLease]] = {}
        for one in found:
            if one.incarnation == register.incarnation:
                groups.setdefault(0 if spans else one.bucket, []).append(one)
        for _, group in sorted(groups.items()):
            kept = set(lease_ids) if keeps_all else shown
            taken = _agree(central, register.register_id, generation, group, kept)
            if taken is None:
                return taken_back
            taken_back += taken


def _agree(
    central: Central, register_id: str, generation: str, held: list[HeldLease], kept: set[str]
) -> int | None:
    """Take back what is not among the leases to be kept, and tell those; how many units.

    None, and nothing is touched, once the register counts as having presented: then what it showed
    is noted no longer, and it may hold what it was granted since.
    """
    taken_back = 0
    with central.engines.writer.begin() as tx:
        register = register_book.lock_register(tx, register_id)
        if register is None or register.presented == generation:
            return None
        members = member_book.lock_members(tx, sorted({one.key[:2] for one in held}))
        desk = central.desk()
        accounts = ledger_book.load(tx, members, lots_of=())
        # What was settled since it was found is not open any more.
        open_still = [
            (one, accounts[one.key[:2]])
            for one in held
            if one.key[:2] in accounts and one.lease_id in accounts[one.key[:2]].leases
        ]
        for one, state in open_still:
            if one.lease_id not in kept:
                taken_back += write_off(state, state.leases[one.lease_id])
                cover(state)
        freed = [members[one.key[:2]] for one, _ in open_still if one.lease_id not in kept]
        # Only the register's own store is swept once all of it have presented.
        lease_book.put_off(tx, elsewhere(freed, register.store_id))
        told = [
            rows.lease_row(
                one.member_id,
                state.leases[one.lease_id],
                generation=desk.generation,
                key=desk.key,
            )
            for one, state in open_still
            if one.lease_id in kept
        ]
        changes = [rows.lease_change(bucket_of(row.member_id), row) for row in told]
        changes += balance_changes(members, accounts, desk.version_base)
        ledger_book.save(tx, accounts)
        feed.append(tx, feed.MEMBERS, changes)
    return taken_back
