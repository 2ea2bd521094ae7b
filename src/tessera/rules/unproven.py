"""A loose bound for competitions that can't be put into numbers, so that a gap is never hidden.

Owns: what a set of offers could take off at most if each had all its goods to itself. Must never:
apply or choose anything.
"""

from collections.abc import Sequence

from tessera.rules.basket_cases import lines_of
from tessera.rules.folds import Fold
from tessera.rules.model import Bundle, Each, Kind, Off, Offer
from tessera.rules.stacking import all_may_share, none_may_share
from tessera.rules.unit_offers import each_discount
from tessera.rules.work import Work


def unproven(work: Work, offers: Sequence[Offer], folds: Sequence[Fold], before: int) -> int:
    """Give what more might be taken off at most than has been since `before` was due.

    0 when all offers may meet: then there was nothing to choose.
    """
    if all_may_share(work, offers):
        return 0
    most = most_together(work, offers, folds)
    return max(0, min(before, most) - (before - work.due))


def most_of_fills(work: Work, offers: Sequence[Offer], folds: Sequence[Fold]) -> int:
    """Give what offers on single units take off some folds at most, heeding how often they may.

    Those without a limit: the best on each fold, or all of them where some may meet. A limited one
    takes off so many times what it takes off one unit.
    """
    free = [one for one in offers if one not in work.left or work.left[one] is None]
    alone = none_may_share(work, free)
    most = 0
    for fold in folds:
        here = [_most_of_fold(work, one, fold) for one in free if fold in work.found[one]]
        most += min(fold.amount, max(here, default=0) if alone else sum(here))
    for one in offers:
        if one not in free:
            most += _most_of_uses(work, one, [fold for fold in work.found[one] if fold in folds])
    return most


def _most_of_fold(work: Work, offer: Offer, fold: Fold) -> int:
    """What an offer takes off a fold; parts of it may each round up by a unit."""
    reward = offer.reward
    assert isinstance(reward, Each)
    minor = each_discount(work, reward, fold, fold.count, fold.amount)
    number, denominator = reward.value
    even = reward.kind is not Kind.PERCENT or (
        fold.count == 1 and fold.amount * number % denominator == 0
    )
    return min(fold.amount, minor if even else minor + 1)


def _most_of_uses(work: Work, offer: Offer, folds: Sequence[Fold]) -> int:
    """What an offer takes off that may be had a few times, of the dearest units."""
    reward, left = offer.reward, work.left[offer] or 0
    assert isinstance(reward, Each)
    units = [
        (each_discount(work, reward, fold, 1, -(-fold.amount // fold.count)), fold.count)
        for fold in folds
    ]
    most = 0
    for minor, count in sorted(units, reverse=True):
        most += minor * min(left, count)
        left -= min(left, count)
    return min(most, sum([_most_of_fold(work, offer, fold) for fold in folds]))


def most_together(work: Work, offers: Sequence[Offer], folds: Sequence[Fold]) -> int:
    """Give what some offers take off some goods at most, each of them by itself."""
    wanted = {fold.number for fold in folds}
    return sum([_most_of(work, offer, wanted) for offer in offers])


def _most_of(work: Work, offer: Offer, wanted: set[int]) -> int:
    """The same for one offer; what all its goods come to is remembered, it hangs on the shelf."""
    folds = [fold for fold in work.found[offer] if fold.number in wanted]
    if len(folds) < len(work.found[offer]):
        return _most(work, offer, folds)
    known = work.most.get(offer)
    if known is None:
        known = work.most[offer] = _most(work, offer, folds)
    return known


def _most(work: Work, offer: Offer, folds: Sequence[Fold]) -> int:
    """What an offer takes off at most when all its goods are open to it at the shelf price."""
    amount = sum(fold.amount for fold in folds)
    reward = offer.reward
    if isinstance(reward, Each):
        return sum(each_discount(work, reward, fold, fold.count, fold.amount) + 1 for fold in folds)
    if isinstance(reward, Bundle):
        return min(amount, _most_of_bundle(reward, folds, amount))
    if isinstance(reward, Off) and not reward.ladder:
        return min(amount, _most_off(reward, amount))
    if isinstance(reward, Off):
        return min(amount, _most_of_ladder(work, offer, reward, amount))
    return amount


def _most_of_ladder(work: Work, offer: Offer, reward: Off, amount: int) -> int:
    """What a ladder takes off at most, by the straight lines above it; each step may round up."""
    if any(limit.period == "budget" for limit in offer.limits):
        return amount  # what is left of it has been lowered by what the offer took already
    most = min(fixed + rate * amount for fixed, rate in lines_of(work, offer, amount))
    return int(most) + 1 + len(reward.ladder)


def _most_off(reward: Off, amount: int) -> int:
    number, denominator = reward.value
    most = -(-amount * number // denominator) if reward.kind is Kind.PERCENT else number
    return most if reward.cap_minor is None else min(most, reward.cap_minor)


def _most_of_bundle(reward: Bundle, folds: Sequence[Fold], amount: int) -> int:
    size = sum(count for _, count in reward.parts)
    uses = sum(fold.count for fold in folds) // size
    number, denominator = reward.value
    if reward.kind is Kind.AMOUNT:
        return number * uses
    if reward.kind is Kind.PRICE:
        over = [fold.amount * size - number * fold.count for fold in folds]
        return sum([one for one in over if one > 0]) // size + 1
    return -(-amount * number // denominator)
