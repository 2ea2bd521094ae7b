"""Lots: the slices in which an account's units came in, and in which order they are spent.

Owns: that order, in memory alone. Must never: change an account.
"""

from tessera.core.quote import UnitMovement
from tessera.store.central.accounts import Lot, MemberAccounts


def add_lot(state: MemberAccounts, move: UnitMovement, amount: int, *, uid: str, line: int) -> None:
    """Add the lot of what a record's movement brings; `line` is the movement's place."""
    lot = Lot(
        uid=uid,
        line=line,
        unit=move.unit,
        granted=amount,
        remaining=amount,
        issuer=move.issuer,
        available_from=move.available_from,
        expires=move.expires,
    )
    state.lots.append(lot)
    state.changed_lots.add((uid, line))


def consume_lots(
    state: MemberAccounts, unit: str, amount: int, *, own_uid: str, prefer_uid: str
) -> list[tuple[Lot, int]]:
    """Take `amount` off the member's lots: what expires first goes first, then the oldest.

    What was taken off which lot. Lots of `prefer_uid` go first, the record's own last. ValueError
    when the lots hold less.
    """
    found: list[tuple[Lot, int]] = []
    if not amount:
        return found
    assert state.has_lots, f"lots of {state.member_id} are needed but were not read"
    # An empty expiry means never, which comes last; a uid of version 7 sorts by its time.
    order = sorted(
        (lot for lot in state.lots if lot.unit == unit and lot.remaining),
        key=lambda lot: (
            lot.uid == own_uid,
            lot.uid != prefer_uid,
            lot.expires or "9999",
            lot.uid,
            lot.line,
        ),
    )
    for lot in order:
        if not amount:
            break
        taken = min(amount, lot.remaining)
        lot.remaining -= taken
        amount -= taken
        state.changed_lots.add((lot.uid, lot.line))
        found.append((lot, taken))
    if amount:
        raise ValueError(f"lots of {unit} hold {amount} less than the account")
    return found
