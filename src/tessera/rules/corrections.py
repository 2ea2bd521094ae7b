"""Goods lines below zero, typed in by hand: what they leave for benefits to take off.

Owns: the room that is left to benefits, and what is given up again of discounts that go beyond it.
Must never: touch a basket without such a line.

A correction of 4.00 on goods of 10.00 leaves 6.00 that can be taken off. Offers choose as if it
were not there, which leaves the best choice the best: what goes beyond the room is given up from
the basket offer that acted last back to the first, then from the unit offers in the same way.
"""

from collections.abc import Sequence

from tessera.core.money import share
from tessera.core.quote import Stage
from tessera.rules.folds import Fold, in_order
from tessera.rules.model import Offer
from tessera.rules.reasons import NO_SAVING
from tessera.rules.stacking import in_stacking_order
from tessera.rules.taxes import FoldTax
from tessera.rules.work import BY_PLACE, Work


def room_of(work: Work) -> int | None:
    """What benefits may still take off in all; None: there is no line below zero."""
    below = [fold.amount for fold in work.folds if fold.goods and fold.amount < 0]
    if not below:
        return None
    return max(0, sum(fold.due for fold in work.goods) + sum(below))


def within(most: int, room: int | None) -> int:
    """Give the smaller of what there is to pay and the room that is left."""
    return most if room is None else min(most, room)


def tender_room_of(work: Work, taxes: Sequence[FoldTax]) -> int | None:
    """What units may still settle of all that is to pay; None: no line is below zero."""
    if all(fold.amount >= 0 for fold in work.folds):
        return None
    return max(0, sum(fold.due + taxes[fold.number].on_top - fold.tendered for fold in work.folds))


def give_up_excess(work: Work) -> None:
    """Give up what offers take off beyond what the lines below zero leave."""
    below = sum(fold.amount for fold in work.folds if fold.goods and fold.amount < 0)
    if not below:
        return
    over = min(-below, sum(fold.amount for fold in work.goods)) - work.due
    for offer in last_first(work):
        if over <= 0:
            break
        over -= give_up(work, offer, over, work.goods)


def last_first(work: Work) -> list[Offer]:
    """The offers on goods, the one that acted last first: basket offers, then unit offers."""
    basket = in_stacking_order(work, work.available[Stage.BASKET])
    return basket[::-1] + sorted(work.available[Stage.UNIT], key=BY_PLACE, reverse=True)


def give_up(
    work: Work, offer: Offer, over: int, folds: Sequence[Fold], reason: str = NO_SAVING
) -> int:
    """Lower an offer's discount on some goods by at most `over`, in proportion; give how much.

    `reason`: why it is not applied, when nothing is left of it.
    """
    outcome = work.outcomes[offer]
    minor = min(over, sum(offer_share(fold, offer) for fold in folds))
    if minor <= 0:
        return 0
    places = [
        (fold, key)
        for fold in in_order(folds)
        for key in sorted((key for key in fold.shares if key[0] is offer), key=lambda key: key[1])
    ]
    parts = share(minor, [fold.shares[key] for fold, key in places])
    for (fold, key), part in zip(places, parts, strict=True):
        fold.shares[key] -= part
        if not fold.shares[key]:
            del fold.shares[key]
        _raise_parcels(fold, offer, part)
        fold.due += part
        if offer.stage is Stage.UNIT:
            fold.unit_discount -= part
            fold.line_discount -= part if offer.of_a_line else 0
    outcome.discount -= minor
    work.changes += 1
    if not outcome.discount:
        outcome.uses, outcome.reason = 0, reason
    return minor


def offer_share(fold: Fold, offer: Offer) -> int:
    """What an offer took off a fold so far."""
    return sum(minor for (one, _), minor in fold.shares.items() if one is offer)


def _raise_parcels(fold: Fold, offer: Offer, minor: int) -> None:
    for parcel in fold.all_parcels:
        part = min(minor, parcel.discount) if offer in parcel.offers else 0
        parcel.discount -= part
        minor -= part
