"""A new generation: what begins when central's database came back from a backup.

A restored database has forgotten batches that tills were told are stored, and numbers of the feed
that tills have read. So it takes a new generation id: tills send again what is above central's
mark, and read the feed from its beginning, where everything they hold is told anew, with versions
that count as newer than any before. Owns: the switch and the telling.
Must never: run on its own; an operator says that a database was restored.
"""

from contextlib import suppress
from dataclasses import replace

from tessera.central import rows
from tessera.central.enrol import DAY_MS
from tessera.central.opening import GENERATION_BYTES, Central
from tessera.central.programmes import announce_current
from tessera.central.reach import noted_reach, read_reach, write_reach
from tessera.central.shared_limits import tell_shares
from tessera.central.work import day_of
from tessera.store.central import (
    backup_book,
    feed,
    ledger_book,
    member_book,
    register_book,
    sale_book,
)
from tessera.store.central.ledger_book import MemberKey
from tessera.store.central.member_book import Profile
from tessera.store.central.register_book import CentralState
from tessera.sync.feed_wire import OutcomeRow

CHUNK = 500
OUTCOMES_DAYS = 40
"""Tills keep accepted records for 35 days; outcomes of a little more are told again."""


def begin_generation(central: Central) -> CentralState:
    """Take a new generation id; the server then tells everything anew."""
    noted = noted_reach(central)
    with central.engines.writer.begin() as tx:
        state = register_book.lock_central(tx)
        if noted is not None and noted.generation_number > state.generation_number:
            # The backup is older than the last restore: no number is given to two generations.
            state = replace(state, generation_number=noted.generation_number)
        begun = begun_generation(central, state)
        register_book.write_central(tx, begun)
        backup_book.forget_told(tx)
        reached = read_reach(tx)
    with suppress(OSError):  # the server says so, if it cannot be written
        write_reach(central, reached)
    return begun


def begun_generation(central: Central, state: CentralState) -> CentralState:
    """The state of the generation after this one, not written yet."""
    return replace(
        state,
        generation=central.random(GENERATION_BYTES).hex(),
        generation_ms=central.now_ms(),
        generation_number=state.generation_number + 1,
        is_told=0,
        is_awaiting=1,
    )


def tell_everything(central: Central) -> int:
    """Put what tills hold into their streams once more; how many members there were.

    Rows are states, so telling some of them twice, after having been stopped, is harmless.
    """
    state = central.state()
    after: MemberKey = (-1, "")
    count = 0
    while keys := _next_members(central, after):
        _tell_members(central, keys, state)
        count += len(keys)
        after = keys[-1]
    with central.engines.writer.begin() as tx:
        for store in register_book.read_stores(tx):
            announce_current(tx, central, store.store_id)
        tell_shares(tx)
    with central.engines.writer.begin() as tx:
        held = register_book.lock_central(tx)
        if held.generation == state.generation:
            register_book.write_central(tx, replace(held, is_told=1))
    return count


def _next_members(central: Central, after: MemberKey) -> list[MemberKey]:
    with central.engines.reader.begin() as tx:
        return member_book.all_members(tx, after=after, limit=CHUNK)


def _tell_members(central: Central, keys: list[MemberKey], state: CentralState) -> None:
    base = state.version_base
    since_day = day_of(central.now_ms() - OUTCOMES_DAYS * DAY_MS)
    with central.engines.writer.begin() as tx:
        members = member_book.lock_members(tx, keys)
        profiles = member_book.read_profiles(tx, keys)
        accounts = ledger_book.load(tx, members, lots_of=())
        cards = member_book.read_member_cards(tx, keys)
        outcomes = sale_book.outcomes_of_members(tx, keys, since_day=since_day)
        # Others are told with the last page of what they present: by then it is known what counts.
        living = {
            (register.register_id, register.incarnation)
            for register in register_book.read_registers(tx, status=register_book.ACTIVE)
            if register.presented == state.generation
        }
        changes: list[feed.Change] = []
        for outcome in outcomes:
            known = accounts[outcome.bucket, outcome.member_id].accounts
            versions = [
                rows.account_version(name, account, base) for name, account in known.items()
            ]
            row = OutcomeRow(
                uid=outcome.uid,
                incarnation=outcome.incarnation,
                seq=outcome.seq,
                state=outcome.state,
                reason=outcome.reason.partition(":")[0],
                member_id=outcome.member_id,
                # Now includes then: the balance of any later version holds this record as well.
                accounts=tuple(versions) if outcome.state == sale_book.APPLIED else (),
            )
            changes.append(rows.outcome_change(outcome.bucket, outcome.register_id, row))
        for key, member in members.items():
            for lease in accounts[key].leases.values():
                if (lease.register_id, lease.incarnation) in living:
                    told = rows.lease_row(
                        member.member_id,
                        lease,
                        generation=state.generation,
                        key=central.keys.signing,
                    )
                    changes.append(rows.lease_change(member.bucket, told))
            if member.home_store:
                for name, account in accounts[key].accounts.items():
                    changes.append(rows.balance_change(member, name, account, base))
                profile = profiles.get(key, Profile())
                changes.append(rows.member_change(member, profile, base))
        feed.append(tx, feed.MEMBERS, changes)
    with central.engines.writer.begin() as tx:
        homes = {key: member.home_store for key, member in members.items()}
        told_cards = [
            rows.card_change(card, homes[card.bucket, card.member_id], base)
            for card in cards
            if homes.get((card.bucket, card.member_id))
        ]
        feed.append(tx, feed.CARDS, told_cards)
