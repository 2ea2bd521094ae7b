"""A plan put into effect: moves become uses of bundles and pieces of folds, then basket offers.

Owns: the way from counts of units back to parcels, and the reasons of offers that lost. Must
never: choose; the amounts come from the same functions that apply any offer.
"""

from collections.abc import Sequence

from tessera.core.quote import Stage
from tessera.rules.basket_cases import Case
from tessera.rules.basket_offers import apply_off, later_needs_met, saving_of
from tessera.rules.bounds import Move
from tessera.rules.bundle_uses import Pick, Run, Use, aimed, in_groups, price_of
from tessera.rules.bundles import book_uses, say_short
from tessera.rules.choice import Choice
from tessera.rules.folds import Fold, Parcel, take
from tessera.rules.model import Bundle, Gift, Offer
from tessera.rules.rows import Component, Taker
from tessera.rules.stacking import in_stacking_order
from tessera.rules.unit_offers import Target, apply_each, apply_gift
from tessera.rules.work import BETTER_OFFER, GOODS_TAKEN, Work

Paths = list[list[Move]]
"""The moves of every component, row by row."""


def apply_units(work: Work, choice: Choice, paths: Paths) -> None:
    """Apply the unit offers of a plan: those that take several units first, then the fills."""
    picked: dict[Offer, list[tuple[Taker, Fold, Run, int]]] = {}
    rests: list[tuple[Fold, Move]] = []
    for component, moves in zip(choice.components, paths, strict=True):
        _gather(component, moves, picked, rests)
    for offer in sorted(picked, key=lambda one: one.place):
        if isinstance(offer.reward, Bundle):
            book_uses(work, offer, _uses_of(offer, picked[offer]))
        elif isinstance(offer.reward, Gift):
            _give(work, offer, [fold for _, fold, _, _ in picked[offer]])
        else:
            pieces = [(fold, [_cut(fold, count)]) for _, fold, _, count in picked[offer]]
            apply_each(work, offer, pieces)
    _fill_rests(work, rests)


def _gather(
    component: Component,
    moves: Sequence[Move],
    picked: dict[Offer, list[tuple[Taker, Fold, Run, int]]],
    rests: list[tuple[Fold, Move]],
) -> None:
    for row, move in zip(component.rows, moves, strict=True):
        counts, fills = move
        fold = row.fold
        if any(counts):
            parcel = _free(fold)
            for number, count in zip(row.takers, counts, strict=True):
                if count:
                    taker = component.takers[number]
                    run = Run(fold, parcel, price_of(parcel))
                    picked.setdefault(taker.offer, []).append((taker, fold, run, count))
        if fills:
            rests.append((fold, move))


def _free(fold: Fold) -> Parcel:
    """The units of a fold that nobody has taken; they lie in one parcel."""
    return next(parcel for parcel in fold.all_parcels if not parcel.offers)


def _cut(fold: Fold, count: int) -> Parcel:
    return take(fold, _free(fold), count)


def _uses_of(offer: Offer, picks: Sequence[tuple[Taker, Fold, Run, int]]) -> list[Use]:
    """Group the units of a bundle, the dearest first; each item, or each part, for itself."""
    reward = offer.reward
    assert isinstance(reward, Bundle)
    lists: dict[int, tuple[Taker, list[Pick]]] = {}
    for taker, _, run, count in picks:
        lists.setdefault(id(taker), (taker, []))[1].append((run, count))
    if any(taker.part >= 0 for taker, _ in lists.values()):
        return _uses_of_parts(reward, [*lists.values()])
    uses = []
    for taker, found in lists.values():
        most = sum(count for _, count in found) // taker.size
        for (group,), times in in_groups([found], [taker.size], most):
            uses.append(Use(group, aimed(reward, group), times))
    return uses


def _uses_of_parts(reward: Bundle, lists: list[tuple[Taker, list[Pick]]]) -> list[Use]:
    lists.sort(key=lambda one: one[0].part)
    uses = []
    most = sum(count for _, count in lists[0][1]) // lists[0][0].size
    picked, sizes = [found for _, found in lists], [taker.size for taker, _ in lists]
    for groups, times in in_groups(picked, sizes, most):
        picks = [pick for group in groups for pick in group]
        rewarded = picks
        if reward.aim == "dearest":
            picks.sort(key=lambda pick: -pick[0].price)
            rewarded = aimed(reward, picks)
        elif reward.aim != "all":
            rewarded = groups[int(reward.aim.removeprefix("part:"))]
        uses.append(Use(picks, rewarded, times))
    return uses


def _give(work: Work, offer: Offer, folds: list[Fold]) -> None:
    """Give a gift from these folds only."""
    found = work.found[offer]
    work.found[offer] = folds
    apply_gift(work, offer)
    work.found[offer] = found


def _fill_rests(work: Work, rests: Sequence[tuple[Fold, Move]]) -> None:
    targets: dict[Offer, list[Target]] = {}
    for fold, (_, fills) in rests:
        parcel = _free(fold)
        for clique, count in fills:
            piece = take(fold, parcel, count)
            for offer in clique:
                targets.setdefault(offer, []).append((fold, [piece]))
    for offer in in_stacking_order(work, list(targets)):
        together: dict[int, Target] = {}
        for fold, pieces in targets[offer]:
            together.setdefault(fold.number, (fold, []))[1].extend(pieces)
        apply_each(work, offer, list(together.values()))


def apply_case(work: Work, case: Case) -> None:
    """Apply the basket offers of a case whose thresholds hold after the unit offers."""
    for offer in case.offers:
        outcome = work.outcomes[offer]
        outcome.missing_minor = outcome.missing_quantity = 0
    for offer in [one for one in case.offers if later_needs_met(work, one, Stage.UNIT)]:
        apply_off(work, offer)


def say_why_not(work: Work, units: Sequence[Offer], basket: Sequence[Offer]) -> None:
    """Give every offer that was not used its reason."""
    for offer in units:
        outcome = work.outcomes[offer]
        if outcome.uses:
            continue
        reward = offer.reward
        if isinstance(reward, Bundle):
            say_short(work, offer, reward)
        elif isinstance(reward, Gift) and not work.found[offer]:
            apply_gift(work, offer)
        if outcome.missing_quantity == 0 and (work.found[offer] or outcome.reason == ""):
            outcome.reason = BETTER_OFFER
    for offer in basket:
        outcome = work.outcomes[offer]
        if outcome.uses:
            continue
        outcome.reason, outcome.missing_minor, outcome.missing_quantity = "", 0, 0
        if not all(later_needs_met(work, offer, stage) for stage in (Stage.UNIT, Stage.BASKET)):
            continue
        if saving_of(work, offer) > 0:
            outcome.reason = BETTER_OFFER
        else:
            apply_off(work, offer)  # takes nothing off, and says why
            if outcome.reason == GOODS_TAKEN:
                outcome.reason = BETTER_OFFER
