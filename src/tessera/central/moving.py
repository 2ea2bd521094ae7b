"""What a merge, an expiry or an erasure does to a member's accounts: units that nobody sold.

Pure: changes the working copy of the accounts in memory, as `booking` does. Only what is not leased
moves; a register may still spend the rest, which follows once it has come back. Every entry sums to
zero by unit; between two members units pass through `transit`, which clears once both have theirs.
Must never: take an account or the part that is leased below zero.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from tessera.core.ledger import OWED_PREFIX, Posting, checked
from tessera.core.uses import USES_PREFIX, is_unit_account
from tessera.store.central.accounts import Lot, MemberAccounts

TRANSIT = "transit"
EXPIRED = "expired"


@dataclass(frozen=True, slots=True, kw_only=True)
class Moved:
    """Something on its way from one member to another.

    `account` is the unit itself, `owed:…` (then `amount` is below zero) or `uses:…`.
    """

    account: str
    unit: str
    amount: int
    issuer: str = ""
    available_from: str = ""
    expires: str = ""


def take_free(
    state: MemberAccounts,
    unit: str,
    *,
    to: str,
    wanted: Callable[[Lot], bool] = lambda _lot: True,
) -> tuple[list[Posting], list[Moved]]:
    """Take what is free of a unit off its lots, what expires first before the others."""
    account = state.account(unit)
    left = max(0, account.free)
    postings: list[Posting] = []
    moved: list[Moved] = []
    order = sorted(
        (lot for lot in state.lots if lot.unit == unit and lot.remaining and wanted(lot)),
        key=lambda lot: (lot.expires or "9999", lot.uid, lot.line),
    )
    for lot in order:
        taken = min(left, lot.remaining)
        if not taken:
            break
        left -= taken
        lot.remaining -= taken
        state.changed_lots.add((lot.uid, lot.line))
        moved.append(
            Moved(
                account=unit,
                unit=unit,
                amount=taken,
                issuer=lot.issuer,
                available_from=lot.available_from,
                expires=lot.expires,
            )
        )
        postings += _pair(unit, unit, -taken, to=to, issuer=lot.issuer)
    if moved:
        _touch(state, unit, -sum(one.amount for one in moved))
    return postings, moved


def take_everything(state: MemberAccounts) -> tuple[tuple[Posting, ...], list[Moved]]:
    """Take all that is free, what is owed, and uses of offers, towards another member."""
    postings: list[Posting] = []
    moved: list[Moved] = []
    for name, account in sorted(state.accounts.items()):
        if is_unit_account(name):
            of_unit, lots = take_free(state, name, to=TRANSIT)
            postings += of_unit
            moved += lots
        elif account.points and name.startswith((OWED_PREFIX, USES_PREFIX)):
            unit = name.removeprefix(OWED_PREFIX) if name.startswith(OWED_PREFIX) else "uses"
            moved.append(Moved(account=name, unit=unit, amount=account.points))
            postings += _pair(name, unit, -account.points, to=TRANSIT)
            _touch(state, name, -account.points)
    return checked(postings), moved


def put_in(state: MemberAccounts, moved: Iterable[Moved], *, uid: str) -> tuple[Posting, ...]:
    """Give a member what came from another; what is owed is settled by it first.

    A lot's id is (uid, its place); when it expires stays as it was.
    """
    postings: list[Posting] = []
    ordered = sorted(moved, key=lambda one: is_unit_account(one.account))  # debts come first
    for line, one in enumerate(ordered, start=1):
        if not is_unit_account(one.account):
            postings += _pair(one.account, one.unit, one.amount, to=TRANSIT)
            _touch(state, one.account, one.amount)
            continue
        owed = OWED_PREFIX + one.unit
        settled = min(one.amount, -state.account(owed).points)
        if settled:
            postings += _pair(owed, one.unit, settled, to=TRANSIT, issuer=one.issuer)
            _touch(state, owed, settled)
        gain = one.amount - settled
        if gain:
            postings += _pair(one.unit, one.unit, gain, to=TRANSIT, issuer=one.issuer)
            _touch(state, one.unit, gain)
            _add_lot(state, one, gain, uid=uid, line=line)
    return checked(postings)


def expire(state: MemberAccounts, today: str) -> tuple[Posting, ...]:
    """Take lots whose day has come, as far as they are not leased."""
    postings: list[Posting] = []
    for unit in sorted({lot.unit for lot in state.lots}):
        of_unit, _ = take_free(
            state, unit, to=EXPIRED, wanted=lambda lot: bool(lot.expires) and lot.expires <= today
        )
        postings += of_unit
    return checked(postings)


def forfeit(state: MemberAccounts) -> tuple[Posting, ...]:
    """Take everything that is free from a member who was erased."""
    postings: list[Posting] = []
    for name in sorted(state.accounts):
        if is_unit_account(name):
            postings += take_free(state, name, to=EXPIRED)[0]
    return checked(postings)


def _pair(account: str, unit: str, delta: int, *, to: str, issuer: str = "") -> list[Posting]:
    return [
        Posting(account=account, unit=unit, delta=delta, member=True, issuer=issuer),
        Posting(account=to, unit=unit, delta=-delta, member=False, issuer=issuer),
    ]


def _touch(state: MemberAccounts, name: str, delta: int) -> None:
    account = state.account(name)
    account.points += delta
    account.version += 1
    state.changed_accounts.add(name)


def _add_lot(state: MemberAccounts, moved: Moved, amount: int, *, uid: str, line: int) -> None:
    state.lots.append(
        Lot(
            uid=uid,
            line=line,
            unit=moved.unit,
            granted=amount,
            remaining=amount,
            issuer=moved.issuer,
            available_from=moved.available_from,
            expires=moved.expires,
        )
    )
    state.changed_lots.add((uid, line))
