"""Grants that registers present again once central came back from a backup.

A restored database has forgotten grants that tills still spend. Each was signed, so a till proves
it by showing it; until all tills of a store have shown theirs, nothing of its members is granted
anew. Owns: what a presented grant is worth, who is still awaited, and giving up on a register. Must
never: take in what central did not sign, or set aside more than an account holds.
"""

from dataclasses import dataclass

import msgspec
import sqlalchemy as sa

from tessera.central import refusals, rows
from tessera.central.agreeing import agree
from tessera.central.granting import balance_changes, put_off_elsewhere
from tessera.central.leasing import take_in
from tessera.central.opening import Central
from tessera.core.errors import TesseraError
from tessera.core.identity import bucket_of
from tessera.core.money import UNITS_MAX
from tessera.core.uses import is_unit_account
from tessera.store.central import feed, lease_book, ledger_book, member_book, register_book
from tessera.store.central.accounts import Lease
from tessera.store.central.ledger_book import MemberKey
from tessera.store.central.register_book import RegisterRow
from tessera.sync.feed_wire import LeaseRow
from tessera.sync.grant_wire import PresentAnswer, PresentRequest
from tessera.sync.records import encoded
from tessera.sync.trust import LEASE, Trust

ALARM_REFUSED = "grant-refused"
ALARM_GIVEN_UP = "grants-given-up"
WAITING_MAX = 20
"""Most registers that an answer names."""

FOREIGN = "it is another register's"
FORGED = "central did not sign it, or it was changed"
IMPOSSIBLE = "no account could hold it"
NOBODY = "its member is unknown here"


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """What is wrong with a presented grant, empty for nothing."""

    row: LeaseRow
    reason: str = ""


def judge(row: LeaseRow, known: Lease | None, *, register_id: str, trust: Trust) -> Judged:
    """Whether a presented grant counts. Pure.

    What is in the books as it is presented needs no proof: a key that signed it may be gone.
    """
    if row.register != register_id:
        return Judged(row=row, reason=FOREIGN)
    if not row.amount or row.amount > UNITS_MAX or not is_unit_account(row.unit):
        return Judged(row=row, reason=IMPOSSIBLE)
    if known is not None and (known.unit, known.register_id) != (row.unit, row.register):
        return Judged(row=row, reason=FOREIGN)
    if known is not None and row.amount in {known.granted, known.claimed}:
        return Judged(row=row)
    unsigned = msgspec.structs.replace(row, signature="")
    if not trust.is_signed(LEASE, encoded(unsigned), row.signature):
        return Judged(row=row, reason=FORGED)
    return Judged(row=row)


def present(
    central: Central, register: RegisterRow, asked: PresentRequest, *, incarnation: str
) -> PresentAnswer:
    """Take in what a register presents; with its last page it is no longer awaited.

    `incarnation` is the life that asks. With the last page what the present life has not shown is
    taken back; an earlier one, or a copy of its disk, knows nothing of that. Refused when another
    generation has begun. Any page may come again.
    """
    state = central.state()
    if asked.generation != state.generation:
        raise refusals.generation_changed(state.generation)
    groups: dict[int, list[LeaseRow]] = {}
    spans = central.settings.database.spans_buckets
    for row in asked.grants:
        groups.setdefault(0 if spans else bucket_of(row.member_id), []).append(row)
    taken = taken_back = 0
    refused: list[Judged] = []
    held: list[str] = []
    for _, shown in sorted(groups.items()):
        with central.engines.writer.begin() as tx:
            page = _take(tx, central, register.register_id, shown)
        taken += page.taken
        refused += page.refused
        held += page.held
    with central.engines.writer.begin() as tx:
        for one in refused:
            register_book.raise_alarm(
                tx,
                register_id=register.register_id,
                kind=ALARM_REFUSED,
                about=one.row.lease_id,
                detail=one.reason,
                raised_ms=central.now_ms(),
            )
        lease_book.note_shown(tx, register.register_id, held, generation=state.generation)
    if asked.is_last and register.presented != state.generation:
        knows_all = incarnation == register.incarnation
        taken_back = agree(central, register, state.generation, keeps_all=not knows_all)
        with central.engines.writer.begin() as tx:
            _note_presented(tx, register.register_id, state.generation)
            lease_book.forget_shown(tx, register.register_id)
    if asked.is_last:  # also when it comes again: it may have been stopped in between
        put_off_elsewhere(central.engines, register, spans_buckets=spans)
    with central.engines.reader.begin() as tx:
        awaited = register_book.read_awaited(tx, state.generation)
    waiting = [one for one, store in awaited.items() if store == register.store_id]
    waiting.sort(key=lambda one: one != register.register_id)
    return PresentAnswer(
        generation=state.generation,
        taken=taken,
        refused=len(refused),
        taken_back=taken_back,
        waiting=tuple(waiting[:WAITING_MAX]),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Page:
    """What a page brought. `held`: leases in the books of which the register knows."""

    taken: int
    refused: list[Judged]
    held: list[str]


def _take(tx: sa.Connection, central: Central, register_id: str, shown: list[LeaseRow]) -> _Page:
    keys = sorted({(bucket_of(row.member_id), row.member_id) for row in shown})
    members = member_book.lock_members(tx, keys)
    desk = central.desk()
    trust = central.roots.trust()
    named = [(*_key(row), row.lease_id) for row in shown if _key(row) in members]
    accounts = ledger_book.load(tx, members, lots_of=(), leases_named=named)
    taken = 0
    refused: list[Judged] = []
    held: list[str] = []
    changes: list[feed.Change] = []
    for row in shown:
        if _key(row) not in members:
            refused.append(Judged(row=row, reason=NOBODY))
            continue
        state = accounts[_key(row)]
        judged = judge(row, state.leases.get(row.lease_id), register_id=register_id, trust=trust)
        if judged.reason:
            refused.append(judged)
        if judged.reason != FOREIGN and (not judged.reason or row.lease_id in state.leases):
            held.append(row.lease_id)
        if judged.reason:
            continue
        lease = Lease(
            lease_id=row.lease_id,
            unit=row.unit,
            register_id=row.register,
            incarnation=row.incarnation,
            granted=row.amount,
            granted_ms=central.now_ms(),
        )
        # A copied disk may have shown what its holder has not heard of, and never will otherwise.
        told = rows.lease_row(row.member_id, lease, generation=desk.generation, key=desk.key)
        if take_in(state, lease):
            taken += 1
            changes.append(rows.lease_change(bucket_of(row.member_id), told))
    changes += balance_changes(members, accounts, desk.version_base)
    ledger_book.save(tx, accounts)
    feed.append(tx, feed.MEMBERS, changes)
    return _Page(taken=taken, refused=refused, held=held)


def _key(row: LeaseRow) -> MemberKey:
    return (bucket_of(row.member_id), row.member_id)


def _note_presented(tx: sa.Connection, register_id: str, generation: str) -> bool:
    """A register is no longer awaited; False when it was not."""
    register = register_book.lock_register(tx, register_id)
    assert register is not None
    if register.presented == generation:
        return False
    register_book.update_register(tx, register_id, presented=generation)
    register_book.settle_awaiting(tx, register.store_id)
    return True


def give_up(central: Central, register_id: str, *, who: str) -> bool:
    """Wait no longer for a register's grants; False when it was not awaited.

    What it still spends of grants that are not in the books is taken from what its member has then;
    the rest is owed. TesseraError for a register that is unknown.
    """
    with central.engines.writer.begin() as tx:
        state = register_book.read_central(tx)
        assert state is not None
        register = register_book.read_register(tx, register_id)
        if register is None:
            raise TesseraError(
                f"register {register_id} is unknown", hint="tessera central register list"
            )
        is_awaited = register_id in register_book.read_awaited(tx, state.generation)
    if is_awaited:
        agree(central, register, state.generation, keeps_all=True)
        with central.engines.writer.begin() as tx:
            _note_presented(tx, register_id, state.generation)
            register_book.raise_alarm(
                tx,
                register_id=register_id,
                kind=ALARM_GIVEN_UP,
                about=state.generation,
                detail=f"{who[:100]} waits no longer for the grants it holds",
                raised_ms=central.now_ms(),
            )
    spans = central.settings.database.spans_buckets
    put_off_elsewhere(central.engines, register, spans_buckets=spans)
    return is_awaited
