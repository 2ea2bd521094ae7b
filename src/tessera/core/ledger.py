"""Double entry for units: what a quote or a return posts, the same on the till and at central.

Owns: which accounts a movement touches; an entry's postings sum to zero by unit.
Must never: know a database.
"""

from collections.abc import Iterable

from tessera.core.quote import UnitMovement
from tessera.core.values import quick_value

OWED_PREFIX = "owed:"
"""Account of what a member owes, e.g. `owed:points`: never above zero."""


@quick_value
class Posting:
    """One line of an entry.

    `account`: the unit itself (`points`) or `owed:points` for the member's own accounts; `issued`,
    `redeemed`, `expired`, `donated`, `transit` for the programme's counter-accounts.
    `issuer` is the partner that issues and pays; empty: the programme's owner.
    """

    account: str
    unit: str
    delta: int
    member: bool
    issuer: str = ""


class UnbalancedError(ValueError):
    """An entry whose postings do not sum to zero; nothing of it may be written."""


def checked(postings: Iterable[Posting]) -> tuple[Posting, ...]:
    """The postings, once it is certain that each unit sums to zero."""
    kept = tuple(posting for posting in postings if posting.delta)
    sums: dict[str, int] = {}
    for posting in kept:
        sums[posting.unit] = sums.get(posting.unit, 0) + posting.delta
    wrong = {unit: rest for unit, rest in sums.items() if rest}
    if wrong:
        raise UnbalancedError(f"entry does not sum to zero: {wrong}")
    return kept


def member_delta(movements: Iterable[UnitMovement], unit: str) -> int:
    """What a sale's movements change on the member's account of `unit`: earned less spent."""
    return sum(move.earned - move.spent for move in movements if move.unit == unit)


def sale_postings(
    movements: Iterable[UnitMovement], owed_before: dict[str, int]
) -> tuple[Posting, ...]:
    """Postings of a completed sale.

    `owed_before`: what the member owes by unit, as positive counts; earned units settle it first.
    """
    postings: list[Posting] = []
    owed = dict(owed_before)
    for move in movements:
        settled = min(move.earned, owed.get(move.unit, 0))
        owed[move.unit] = owed.get(move.unit, 0) - settled
        if move.earned:
            postings.append(
                Posting(
                    account="issued",
                    unit=move.unit,
                    delta=-move.earned,
                    member=False,
                    issuer=move.issuer,
                )
            )
        if settled:
            postings.append(
                Posting(account=OWED_PREFIX + move.unit, unit=move.unit, delta=settled, member=True)
            )
        postings.append(
            Posting(
                account=move.unit,
                unit=move.unit,
                delta=move.earned - settled - move.spent,
                member=True,
                issuer=move.issuer,
            )
        )
        if move.spent:
            postings.append(
                Posting(
                    account="redeemed",
                    unit=move.unit,
                    delta=move.spent,
                    member=False,
                    issuer=move.issuer,
                )
            )
    return checked(postings)


def return_postings(
    movements: Iterable[UnitMovement], available: dict[str, int], owed_before: dict[str, int]
) -> tuple[Posting, ...]:
    """Postings of a return.

    In a return's movements `earned` is taken back and `spent` given back. `available`: by unit,
    what may be taken from the member's account (its balance less what is leased); the rest becomes
    `owed:`, so that no account and no lease goes below zero. What is given back settles what is
    owed first.
    """
    postings: list[Posting] = []
    free, owed = dict(available), dict(owed_before)
    for move in movements:
        settled = min(move.spent, owed.get(move.unit, 0))
        gained = move.spent - settled
        taken = min(move.earned, max(0, free.get(move.unit, 0)) + gained)
        short = move.earned - taken
        free[move.unit] = free.get(move.unit, 0) + gained - taken
        owed[move.unit] = owed.get(move.unit, 0) - settled + short
        postings += [
            Posting(
                account="redeemed",
                unit=move.unit,
                delta=-move.spent,
                member=False,
                issuer=move.issuer,
            ),
            Posting(
                account=OWED_PREFIX + move.unit, unit=move.unit, delta=settled - short, member=True
            ),
            Posting(
                account=move.unit,
                unit=move.unit,
                delta=gained - taken,
                member=True,
                issuer=move.issuer,
            ),
            Posting(
                account="issued",
                unit=move.unit,
                delta=move.earned,
                member=False,
                issuer=move.issuer,
            ),
        ]
    return checked(postings)
