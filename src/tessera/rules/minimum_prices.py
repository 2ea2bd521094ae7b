"""The lowest prices that a POS names for its goods: no offer and no unit takes off more.

Owns: what has to stay to pay for a fold, and what is given up again of discounts that go below it.
Must never: touch a basket whose lines name no such price.

Offers choose as if there were no such prices. What goes below is given up by the basket offer that
acted last back to the first, then by the unit offers. An amount off the basket goes on its other
goods instead, as far as these have room; a percentage is lost, or goes there too
(`minimum_price_rest`). Where offers compete, another choice
might have lost less: the quote says so, with what was lost as the gap.
"""

from fractions import Fraction

from tessera.core.money import Rounding, rounded, share
from tessera.core.quote import Stage
from tessera.rules.corrections import give_up, last_first
from tessera.rules.folds import Fold, in_order, quantity_of
from tessera.rules.model import Offer
from tessera.rules.reasons import MINIMUM_PRICE
from tessera.rules.stacking import is_percent
from tessera.rules.work import Work


def kept_of(work: Work, fold: Fold) -> int:
    """What has to stay to pay for a fold: nothing, where no lowest price is named."""
    price = fold.line.minimum_price_minor
    if price is None:
        return 0
    quantity = Fraction(quantity_of(fold, work.basket.lines))
    return min(fold.amount, rounded(price * quantity, Rounding.HALF_AWAY))


def open_due(work: Work, fold: Fold) -> int:
    """What may still be taken off a fold."""
    return fold.due - kept_of(work, fold)


def keep_minimum_prices(work: Work) -> None:
    """Give up what offers take off below the lowest prices of the goods."""
    named = [
        (fold, kept_of(work, fold))
        for fold in in_order(work.goods)
        if fold.line.minimum_price_minor is not None
    ]
    lost = 0
    for offer in last_first(work) if named else ():
        if all(fold.due >= least for fold, least in named):
            break
        given_up = 0
        for fold, least in named:
            over = least - fold.due
            if over > 0:
                given_up += give_up(work, offer, over, [fold], MINIMUM_PRICE)
        if given_up and offer.stage is Stage.BASKET and _goes_elsewhere(work, offer):
            given_up -= _put_elsewhere(work, offer, given_up)
        lost += given_up
    if lost and len(work.available[Stage.UNIT]) + len(work.available[Stage.BASKET]) > 1:
        work.optimal = False
        work.gap_minor += lost


def _goes_elsewhere(work: Work, offer: Offer) -> bool:
    return not is_percent(offer) or work.settings.minimum_price_rest == "other-goods"


def _put_elsewhere(work: Work, offer: Offer, minor: int) -> int:
    """Put what an amount off could not take here on the offer's other goods; give how much."""
    folds, rooms = [], []
    for fold in in_order(work.goods):
        room = open_due(work, fold)
        if room > 0 and any(one is offer for one, _ in fold.shares):
            folds.append(fold)
            rooms.append(room)
    if not folds:
        return 0
    moved = min(minor, sum(rooms))
    for fold, part in zip(folds, share(moved, rooms), strict=True):
        _lower(offer, fold, part)
    work.outcomes[offer].discount += moved
    work.changes += 1
    return moved


def _lower(offer: Offer, fold: Fold, minor: int) -> None:
    group = next(group for one, group in fold.shares if one is offer)
    fold.shares[offer, group] += minor
    fold.due -= minor
    for parcel in fold.all_parcels:
        part = min(minor, parcel.due) if offer in parcel.offers else 0
        parcel.discount += part
        minor -= part
