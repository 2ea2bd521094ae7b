"""When units expire that come back because goods paid with them do.

Owns: which slices of lots a sale spent, and what of them a return brings back. Must never: move a
unit; `booking` does.

What comes back keeps the day on which it would have expired. Where that day has come meanwhile, it
revives for some days from the return. What lasts longest comes back first, and settles a debt last.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from tessera.core.quote import UnitMovement
from tessera.store.central.accounts import Lot, MemberAccounts, SpentLot

REVIVAL_DAYS = 30
NEVER = "9999"
"""Sorts behind every day."""


@dataclass(frozen=True, slots=True)
class Revival:
    """A return's business day, and for how many days, that one included, expired units revive."""

    returned_on: date
    days: int = REVIVAL_DAYS

    def expiry_of(self, expires: str) -> str:
        """Give the day on which units expire that come back; a lot is gone on that day."""
        if not expires or expires > self.returned_on.isoformat():
            return expires
        return (self.returned_on + timedelta(days=self.days)).isoformat()


def note_spent(state: MemberAccounts, taken: Sequence[tuple[Lot, int]], *, uid: str) -> None:
    """Note what a sale takes off lots; nothing where none of it ever expires."""
    if not any(lot.expires for lot, _ in taken):
        return
    for line, (lot, amount) in enumerate(taken, start=1):
        spent = SpentLot(
            uid=uid,
            line=line,
            unit=lot.unit,
            issuer=lot.issuer,
            spent=amount,
            expires=lot.expires,
        )
        state.spent_lots.append(spent)
        state.changed_spent.add((uid, line))


def revived(
    state: MemberAccounts,
    movements: Iterable[UnitMovement],
    gains: Iterable[int],
    *,
    uid: str,
    original_uid: str,
    revival: Revival,
) -> list[Lot]:
    """Give the lots in which the units of a return come back, under its `uid`.

    `gains`: what of each movement the account gets, the rest settles a debt. What no slice tells
    of, of a sale before slices were noted or one without lots that expire, comes back without an
    end.
    """
    found: list[Lot] = []
    for move, gain in zip(movements, gains, strict=True):
        coming, left = move.spent, gain
        for slice_ in _longest_first(state, original_uid, move.unit):
            taken = min(coming, slice_.left)
            if not taken:
                continue
            slice_.returned += taken
            coming -= taken
            state.changed_spent.add((slice_.uid, slice_.line))
            kept = min(left, taken)
            left -= kept
            if kept:
                expires = revival.expiry_of(slice_.expires)
                found.append(_lot(move, kept, uid, len(found) + 1, slice_.issuer, expires))
        if left:
            found.append(_lot(move, left, uid, len(found) + 1, move.issuer, move.expires))
    return found


def _longest_first(state: MemberAccounts, uid: str, unit: str) -> list[SpentLot]:
    slices = [one for one in state.spent_lots if one.uid == uid and one.unit == unit and one.left]
    return sorted(slices, key=lambda one: (one.expires or NEVER, -one.line), reverse=True)


def _lot(move: UnitMovement, amount: int, uid: str, line: int, issuer: str, expires: str) -> Lot:
    return Lot(
        uid=uid,
        line=line,
        unit=move.unit,
        granted=amount,
        remaining=amount,
        issuer=issuer,
        available_from=move.available_from,
        expires=expires,
    )
