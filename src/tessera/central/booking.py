"""From a record to its postings: what a sale, a return or a given-back lease does to accounts.

Pure: changes the working copy of a member's accounts in memory, nothing else. Central never
re-prices; it books what the till's frozen quote says. Three rules hold whatever a record says:
postings sum to zero by unit, no account goes below zero, and the sum of leases never exceeds the
account. What a register spent beyond its leases and the free part is owed by the member, under a
tag that bounds and names it. Must never: touch a database, a clock or chance.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

import msgspec

from tessera.central.confirming import confirm_return, confirm_sale
from tessera.central.leasing import spend_uncovered
from tessera.central.lots import add_lot, consume_lots
from tessera.central.reviving import REVIVAL_DAYS, Revival, note_spent, revived
from tessera.core.ledger import OWED_PREFIX, Posting, checked, return_postings, sale_postings
from tessera.core.money import UNITS_MAX
from tessera.core.quote import CounterUse, Quote, UnitMovement
from tessera.core.sale import LeaseReturnBody, LeaseUse, ReturnBody, SaleBody
from tessera.core.uses import is_for_tills, is_unit_account
from tessera.store.central.accounts import Lease, Lot, MemberAccounts

TAG_OVERSPENT = "overspent"
TAG_FORK_LOSS = "fork-loss"
TAG_LEASE_UNKNOWN = "lease-unknown"
TAG_LEASE_FOREIGN = "lease-foreign"
TAG_LEASE_OVERSPENT = "lease-overspent"
TAG_CLAWBACK = "clawback"
TAG_NOBODY = "units-without-member"

UNIT_LENGTH_MAX = 40


class Holder(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Which life of which register wrote the record that is being booked."""

    register_id: str
    incarnation: str
    is_fork: bool = False


class Booked(msgspec.Struct, frozen=True, kw_only=True):
    """What a record did: its postings, tags of what was unusual, and the accounts it touched."""

    postings: tuple[Posting, ...]
    tags: tuple[str, ...]
    accounts: tuple[str, ...]


def is_plain(body: object) -> bool:
    """Whether a record only gives units: booking it either raises at once or does not raise."""
    return (
        isinstance(body, SaleBody)
        and not body.leases
        and not body.quote.counters
        and not body.counted
        and not body.quote.issued
        and not any(move.spent for move in body.quote.units)
    )


def book_sale(
    state: MemberAccounts, body: SaleBody, *, uid: str, holder: Holder, waits: bool = False
) -> Booked:
    """Book a sale: earned units settle what is owed first, spent ones come off leases.

    `waits`: nobody has decided yet whether the member is another one's second account.
    """
    movements = body.quote.units
    _check_bounds(state, movements, body.leases)
    if not state.member_id:
        return _without_member(movements)
    confirmed = confirm_sale(state, body.quote, uid=uid, counted=body.counted, waits=waits)
    movements = confirmed.movements
    used = _spend_leases(state, body.leases, holder)
    used.tags += confirmed.tags
    owed = _owed(state, movements)
    postings, is_short = _covered(state, sale_postings(movements, owed))
    postings += confirmed.postings
    if is_short:
        used.tags.append(TAG_FORK_LOSS if holder.is_fork else TAG_OVERSPENT)
    gains = _gains([move.earned for move in movements], movements, owed)
    taken = _post(state, postings, uid=uid, movements=movements, gains=gains)
    note_spent(state, taken, uid=uid)
    _put_back(state, body.leases, holder, used)
    return _booked(state, postings, movements, used)


def book_return(
    state: MemberAccounts,
    body: ReturnBody,
    *,
    uid: str,
    holder: Holder,
    revival_days: int = REVIVAL_DAYS,
) -> Booked:
    """Book a return: what cannot be taken from the free part or the given leases is owed."""
    movements = body.quote.units
    _check_bounds(state, movements, body.leases)
    if not state.member_id:
        return _without_member(movements)
    confirmed = confirm_return(state, body)
    movements = confirmed.movements
    used = _spend_leases(state, body.leases, holder)
    owed = _owed(state, movements)
    available = {move.unit: state.account(move.unit).free for move in movements}
    postings = return_postings(movements, available, owed)
    postings += confirmed.postings
    if any(p.account.startswith(OWED_PREFIX) and p.delta < 0 for p in postings):
        used.tags.append(TAG_CLAWBACK)
    gains = _gains([move.spent for move in movements], movements, owed)
    lots = revived(
        state,
        movements,
        gains,
        uid=uid,
        original_uid=body.original_uid,
        revival=Revival(body.key.business_day, revival_days),
    )
    back = _Back(lots, body.original_uid)
    _post(state, postings, uid=uid, movements=movements, gains=gains, back=back)
    _put_back(state, body.leases, holder, used)
    return _booked(state, postings, movements, used)


def book_lease_return(state: MemberAccounts, body: LeaseReturnBody, *, holder: Holder) -> Booked:
    """Free what the holder of a lease states it gives back; nothing is posted."""
    lease = state.leases.get(body.lease_id)
    if lease is None or lease.unit != body.unit:
        use = LeaseUse(lease_id=body.lease_id, unit=body.unit, amount=body.amount)
        _note_unknown(state, use, holder, returned=max(0, body.amount))
        return Booked(postings=(), tags=(TAG_LEASE_UNKNOWN,), accounts=())
    if lease.register_id != holder.register_id:
        # Only its holder can know that it spends no more of it.
        return Booked(postings=(), tags=(TAG_LEASE_FOREIGN,), accounts=())
    tags: list[str] = []
    freed = max(0, min(body.amount, lease.outstanding))
    if freed < body.amount:
        tags.append(TAG_LEASE_OVERSPENT)
    account = state.account(lease.unit)
    lease.returned += freed
    account.leased -= freed
    account.version += 1
    state.changed_leases.add(lease.lease_id)
    state.changed_accounts.add(lease.unit)
    return Booked(postings=(), tags=tuple(tags), accounts=(lease.unit,))


def book_claim(
    state: MemberAccounts, quote: Quote, *, uid: str, counted: tuple[CounterUse, ...] = ()
) -> Booked:
    """Book what a past sale earns for a forgotten card; a claim spends nothing."""
    movements = tuple(replace(move, spent=0, spent_value_minor=0) for move in quote.units)
    _check_bounds(state, movements, ())
    confirmed = confirm_sale(state, replace(quote, units=movements), uid=uid, counted=counted)
    movements = confirmed.movements
    owed = _owed(state, movements)
    postings = (*sale_postings(movements, owed), *confirmed.postings)
    gains = _gains([move.earned for move in movements], movements, owed)
    _post(state, postings, uid=uid, movements=movements, gains=gains)
    return _booked(state, postings, movements, _Used(tags=list(confirmed.tags)))


def book_opening(state: MemberAccounts, unit: str, amount: int, *, uid: str) -> Booked:
    """Give a member a first balance, brought from another system: an issue like any other."""
    movements = (UnitMovement(unit=unit, earned=amount),)
    owed = _owed(state, movements)
    postings = sale_postings(movements, owed)
    gains = _gains([amount], movements, owed)
    _post(state, postings, uid=uid, movements=movements, gains=gains)
    return _booked(state, postings, movements, _Used())


@dataclass(frozen=True, slots=True)
class _Back:
    """The lots in which units of a returned sale come back."""

    lots: list[Lot]
    original_uid: str


@dataclass(slots=True)
class _Used:
    """What leases did for a record: tags of what was unusual, and the units they are of."""

    tags: list[str] = field(default_factory=list)
    units: set[str] = field(default_factory=set)


def _spend_leases(state: MemberAccounts, uses: Iterable[LeaseUse], holder: Holder) -> _Used:
    """Take uses off their leases, as far as these reach."""
    used = _Used()
    for use in uses:
        if use.amount < 0:
            continue
        lease = _lease(state, use, holder, used)
        if lease is None:
            _note_unknown(state, use, holder, spent=use.amount)
            continue
        taken = min(use.amount, lease.outstanding)
        _move_lease(state, lease, taken)
        if taken + spend_uncovered(state, lease, use.amount - taken) < use.amount:
            used.tags.append(TAG_LEASE_OVERSPENT)
    return used


def _note_unknown(
    state: MemberAccounts, use: LeaseUse, holder: Holder, *, spent: int = 0, returned: int = 0
) -> None:
    """Keep what was used of a lease that is not known, should its grant be presented later.

    It holds nothing: what is granted is what is gone.
    """
    if use.lease_id in state.leases or not spent + returned:
        return
    state.leases[use.lease_id] = Lease(
        lease_id=use.lease_id,
        unit=use.unit,
        register_id=holder.register_id,
        incarnation=holder.incarnation,
        granted=spent + returned,
        spent=spent,
        returned=returned,
    )
    state.changed_leases.add(use.lease_id)


def _put_back(state: MemberAccounts, uses: Iterable[LeaseUse], holder: Holder, used: _Used) -> None:
    """Put back what a reversal gives to a lease: at most what was spent and the account can back.

    After the postings, since they bring what is put back.
    """
    for use in uses:
        if use.amount >= 0:
            continue
        lease = _lease(state, use, holder, used)
        if lease is not None:
            free = max(0, state.account(lease.unit).free)
            _move_lease(state, lease, -min(-use.amount, lease.spent, free))


def _lease(state: MemberAccounts, use: LeaseUse, holder: Holder, used: _Used) -> Lease | None:
    lease = state.leases.get(use.lease_id)
    if lease is None or lease.unit != use.unit:
        used.tags.append(TAG_LEASE_UNKNOWN)
        return None
    if not _is_holder(lease, holder):
        used.tags.append(TAG_LEASE_FOREIGN)
    used.units.add(lease.unit)
    return lease


def _move_lease(state: MemberAccounts, lease: Lease, spent: int) -> None:
    lease.spent += spent
    state.account(lease.unit).leased -= spent
    state.changed_leases.add(lease.lease_id)


def _check_bounds(
    state: MemberAccounts, movements: Iterable[UnitMovement], uses: Iterable[LeaseUse]
) -> None:
    """ValueError for counts that no account could hold; nothing has been changed yet."""
    for move in movements:
        room = UNITS_MAX - abs(state.account(move.unit).points)
        if not (0 <= move.earned <= room and 0 <= move.spent <= room):
            raise ValueError(f"movement of {move.unit} is out of bounds")
        if not move.unit or not is_unit_account(move.unit) or len(move.unit) > UNIT_LENGTH_MAX:
            raise ValueError("movement names no unit")
    if any(abs(use.amount) > UNITS_MAX for use in uses):
        raise ValueError("lease use is out of bounds")


def _without_member(movements: Iterable[UnitMovement]) -> Booked:
    """A sale without a member is kept for analysis; units that it names belong to nobody."""
    strange = any(move.earned or move.spent for move in movements)
    return Booked(postings=(), tags=(TAG_NOBODY,) if strange else (), accounts=())


def _is_holder(lease: Lease, holder: Holder) -> bool:
    return (lease.register_id, lease.incarnation) == (holder.register_id, holder.incarnation)


def _owed(state: MemberAccounts, movements: Iterable[UnitMovement]) -> dict[str, int]:
    return {move.unit: -state.account(OWED_PREFIX + move.unit).points for move in movements}


def _covered(
    state: MemberAccounts, postings: tuple[Posting, ...]
) -> tuple[tuple[Posting, ...], bool]:
    """Shift what an account cannot cover to what is owed; whether anything had to be shifted."""
    net: dict[str, int] = {}
    for posting in postings:
        if posting.member and posting.account == posting.unit:
            net[posting.unit] = net.get(posting.unit, 0) + posting.delta
    missing = {
        unit: -(state.account(unit).free + delta)
        for unit, delta in net.items()
        if state.account(unit).free + delta < 0
    }
    if not missing:
        return postings, False
    kept: list[Posting] = []
    for posting in postings:
        short = missing.get(posting.unit, 0)
        if short and posting.delta < 0 and posting.member and posting.account == posting.unit:
            part = min(short, -posting.delta)
            missing[posting.unit] = short - part
            owed = replace(posting, account=OWED_PREFIX + posting.unit, delta=-part, issuer="")
            kept += [replace(posting, delta=posting.delta + part), owed]
        else:
            kept.append(posting)
    return checked(kept), True


def _gains(
    amounts: Iterable[int], movements: Iterable[UnitMovement], owed_before: dict[str, int]
) -> list[int]:
    """What of each movement's amount reaches the account once what is owed is settled."""
    owed = dict(owed_before)
    gains: list[int] = []
    for amount, move in zip(amounts, movements, strict=True):
        settled = min(amount, owed[move.unit])
        owed[move.unit] -= settled
        gains.append(amount - settled)
    return gains


def _post(
    state: MemberAccounts,
    postings: tuple[Posting, ...],
    *,
    uid: str,
    movements: tuple[UnitMovement, ...],
    gains: list[int],
    back: "_Back | None" = None,
) -> list[tuple[Lot, int]]:
    """Bring accounts and lots to where the postings leave them; what was taken off which lot.

    A lot's id is (uid, place of its movement), but of those that come `back`. What left the account
    is taken off older lots, those of the sale that is returned first, and off the record's own only
    when nothing else is left.
    """
    consumed: dict[str, int] = {}
    for posting in postings:
        if posting.member:
            state.account(posting.account).points += posting.delta
            if posting.account == posting.unit:
                consumed[posting.unit] = consumed.get(posting.unit, 0) - posting.delta
    for line, (move, gain) in enumerate(zip(movements, gains, strict=True), start=1):
        consumed[move.unit] = consumed.get(move.unit, 0) + gain
        if gain and back is None:
            add_lot(state, move, gain, uid=uid, line=line)
    if back is not None:
        state.lots += back.lots
        state.changed_lots |= {(lot.uid, lot.line) for lot in back.lots}
    original = back.original_uid if back is not None else ""
    taken: list[tuple[Lot, int]] = []
    for unit, amount in consumed.items():
        taken += consume_lots(state, unit, amount, own_uid=uid, prefer_uid=original)
    return taken


def _booked(
    state: MemberAccounts,
    postings: tuple[Posting, ...],
    movements: tuple[UnitMovement, ...],
    used: _Used,
) -> Booked:
    """Give every account that the record speaks of a new version, also where nothing moved.

    A till drops its own effect on an account by that version, and what was earned may have gone
    wholly to what was owed.
    """
    touched = {posting.account for posting in postings if posting.member}
    touched |= {move.unit for move in movements} | used.units
    for name in touched:
        state.account(name).version += 1
    state.changed_accounts |= touched
    return Booked(
        postings=postings,
        tags=tuple(dict.fromkeys(used.tags)),
        accounts=tuple(sorted(name for name in touched if is_for_tills(name))),
    )
