"""Offers on single units: the best of them, or several that may meet, on each fold.

Owns: the choice fold by fold, and what follows where an offer may be had a few times only. Must
never: take units for bundles, or do an offer's arithmetic.
"""

from collections.abc import Iterator, Sequence
from itertools import combinations, islice, permutations

from tessera.rules.folds import Fold
from tessera.rules.model import Each, Offer
from tessera.rules.stacking import all_may_share, in_stacking_order, meeting_sets, none_may_share
from tessera.rules.unit_offers import apply_each, base_of, each_discount
from tessera.rules.unproven import most_of_fills
from tessera.rules.work import BETTER_OFFER, GOODS_TAKEN, Work

TRIALS_MAX = 60
"""Most ways that are tried where offers may be had a few times only."""
OMITTED_MAX = 4
"""Most offers of which every set is left out once; of more, none is."""
ROUNDS_MAX = 3
"""Most times that what was left of folds is offered again."""

BY_FOLD, EVERYWHERE, HEEDLESS = "by fold", "everywhere", "heedless"
"""How offers are put on goods: the best on each fold; all of them wherever they may meet; the best
on each fold as if no single one of them were limited."""

Way = tuple[tuple[Offer, ...], tuple[Offer, ...], str]
"""Offers that choose first, in their order; the others, and how these are put on goods."""


def is_bound(work: Work, fill: Offer) -> bool:
    """Tell whether what an offer gives one fold may depend on what it gives another."""
    return is_limited(fill) or work.settings.rounding_level == "offer"


def is_limited(offer: Offer) -> bool:
    """Tell whether an offer on single units may be had so often or so much only."""
    assert isinstance(offer.reward, Each)
    return bool(offer.limits) or offer.reward.cap_minor is not None


def settle_fills(work: Work, fills: Sequence[Offer], folds: dict[int, Fold]) -> None:
    """Apply offers on single units that compete, and say how far from the best that may be."""
    before = work.due
    fill_best(work, fills, folds)
    limited = any(is_limited(one) for one in fills)
    if len(fills) == 1 or not limited or all_may_share(work, fills):
        return  # where all of them act there was nothing to choose
    most = most_of_fills(work, fills, list(folds.values()))
    if (gap := min(before, most) - (before - work.due)) > 0:
        work.optimal = False
        work.gap_minor += gap


def fill_best(work: Work, fills: Sequence[Offer], folds: dict[int, Fold]) -> None:
    """Apply offers on single units that compete; limited ones are tried in several ways.

    What a limited offer gives one fold it can't give another, so the best for each fold may not be
    the best for all: every way is applied and judged by what is left to pay.
    """
    limited = [one for one in fills if is_limited(one)]
    if not limited or len(fills) == 1:
        fill(work, fills, folds)
        return
    before, start = work.due, work.snapshot(folds.values(), fills)
    best, done = before, start
    weight = 2 * sum([10 + 6 * len(work.found[one]) for one in fills])
    for number, way in enumerate(islice(_ways(work, fills, limited), TRIALS_MAX)):
        if number:
            if work.meter.for_trials < weight:
                break
            work.restore(start)
            work.meter.left -= weight
        _go(work, way, folds)
        if not number or work.due < best:
            best, done = work.due, work.snapshot(folds.values(), fills)
    work.restore(done)
    for one in fills:
        outcome = work.outcomes[one]
        if not outcome.uses and not outcome.reason:
            outcome.reason = BETTER_OFFER


def _ways(work: Work, fills: Sequence[Offer], limited: Sequence[Offer]) -> Iterator[Way]:
    """Give the ways to try: the quickest first, then the same without some of the offers."""
    alone = none_may_share(work, fills)
    sets: list[tuple[Offer, ...]] = [tuple(fills)]
    if len(fills) <= OMITTED_MAX:
        sets += [
            kept for size in range(len(fills) - 1, 0, -1) for kept in combinations(fills, size)
        ]
    for kept in sets:
        if kept == sets[0]:
            yield (), kept, HEEDLESS
        yield (), kept, BY_FOLD
        if not alone:
            yield (), kept, EVERYWHERE
        few = [one for one in kept if one in limited]
        others = tuple(one for one in kept if one not in limited)
        if alone and len(few) <= OMITTED_MAX:
            for order in permutations(few):
                yield order, others, BY_FOLD


def _go(work: Work, way: Way, folds: dict[int, Fold]) -> None:
    """Apply offers in one way, then offer what is left of each fold again."""
    firsts, others, manner = way
    for one in firsts:
        _apply_here(work, one, folds)
    if manner == EVERYWHERE:
        for one in in_stacking_order(work, list(others)):
            _apply_here(work, one, folds)
    for _ in range(ROUNDS_MAX):
        due = work.due
        again = [one for one in others if _may_act_again(work, one)]
        fill(work, again, folds, heedless=manner == HEEDLESS)
        if work.due == due:
            return


def _may_act_again(work: Work, offer: Offer) -> bool:
    """Tell whether nothing of what an offer may give is counted anew each time that it acts."""
    reward = offer.reward
    assert isinstance(reward, Each)
    counted = (reward.cap_minor, reward.line_units, reward.line_minor)
    return counted == (None, None, None) or not work.outcomes[offer].uses


def _apply_here(work: Work, offer: Offer, folds: dict[int, Fold]) -> None:
    apply_everywhere(work, offer, [fold for fold in work.found[offer] if fold.number in folds])


def apply_everywhere(work: Work, offer: Offer, folds: Sequence[Fold]) -> None:
    """Apply an offer on all that is open to it of some folds, as often as it may."""
    targets = [(fold, parcels) for fold in folds if (parcels := work.open_parcels(fold, offer))]
    apply_each(work, offer, targets)


def fill(
    work: Work, fills: Sequence[Offer], folds: dict[int, Fold], *, heedless: bool = False
) -> None:
    """Give every fold the best of the offers on single units, or several that may meet.

    `heedless`: a single offer is weighed as if it had no limit.
    """
    if not fills:
        return
    chosen: dict[Offer, list[Fold]] = {}
    lost: set[Offer] = set()
    competing: dict[int, list[Offer]] = {}
    for fill in fills:
        for fold in work.found[fill]:
            if fold.number in folds:
                competing.setdefault(fold.number, []).append(fill)
    for number, here in competing.items():
        fold = folds[number]
        winners = _best_on_fold(work, fold, here, heedless=heedless)
        for offer in winners:
            chosen.setdefault(offer, []).append(fold)
        if len(winners) < len(here):
            lost.update([offer for offer in here if offer not in winners])
    for offer in in_stacking_order(work, list(chosen)):
        apply_everywhere(work, offer, chosen[offer])
    for offer in lost:
        outcome = work.outcomes[offer]
        if not outcome.uses and not outcome.reason:
            outcome.reason = BETTER_OFFER if offer not in chosen else GOODS_TAKEN


def _best_on_fold(work: Work, fold: Fold, competing: list[Offer], *, heedless: bool) -> list[Offer]:
    """Give the offers, one or several that may meet, that leave the least to pay on a fold."""
    if len(competing) == 1:
        return competing
    sets = _sets_of(work, competing)
    if sets is None:
        savings = {one: _saving_together(work, fold, [one], heedless=heedless) for one in competing}
        return [min(competing, key=lambda one: (-savings[one], one.place))]
    # Goods that nothing has touched are worked out, others are tried.
    worked_out = fold.parcels is None
    worked_out = worked_out and (heedless or not any(is_bound(work, one) for one in competing))
    each = 3 if worked_out else 8 + 4 * len(fold.all_parcels)
    weight = each * sum([len(together) for together in sets])
    if weight > work.meter.for_trials:
        work.optimal = False
        return _most_hopeful(work, fold, competing, sets)
    work.meter.left -= weight
    best: tuple[Offer, ...] = ()
    best_score: tuple[object, ...] | None = None
    for together in sets:
        saving = _saving_together(work, fold, together, heedless=heedless)
        score = (-saving, len(together), [offer.place for offer in together])
        if best_score is None or score < best_score:
            best, best_score = together, score
    return [*best]


def _most_hopeful(
    work: Work, fold: Fold, competing: list[Offer], sets: Sequence[tuple[Offer, ...]]
) -> list[Offer]:
    """Give the set whose offers save most one by one, where no work is left to try any."""
    work.meter.left -= 3 * len(competing)
    alone = {offer: _saving_on_fold(work, fold, offer) for offer in competing}
    hopes = [min(fold.due, sum([alone[offer] for offer in together])) for together in sets]
    return [*sets[hopes.index(max(hopes))]]


def _sets_of(work: Work, offers: list[Offer]) -> list[tuple[Offer, ...]] | None:
    """The sets of offers that may meet, remembered; None when no two may."""
    key = tuple(offers)
    if key not in work.meetings:
        if none_may_share(work, offers):
            work.meetings[key] = None
        else:
            sets = meeting_sets(work, offers, every=False)
            if sets is None:
                work.optimal = False
            # Too many to try: the offers one by one.
            work.meetings[key] = sets or [(offer,) for offer in offers]
    return work.meetings[key]


def _saving_on_fold(work: Work, fold: Fold, offer: Offer) -> int:
    reward = offer.reward
    assert isinstance(reward, Each)
    parcels = work.open_parcels(fold, offer)
    if not parcels:
        return 0
    if len(parcels) == 1:
        base, due, count = base_of(work, parcels[0]), parcels[0].due, parcels[0].count
    else:
        base = sum(base_of(work, parcel) for parcel in parcels)
        due = sum(parcel.due for parcel in parcels)
        count = sum(parcel.count for parcel in parcels)
    return min(due, each_discount(work, reward, fold, count, base))


def _saving_together(work: Work, fold: Fold, offers: Sequence[Offer], *, heedless: bool) -> int:
    if heedless and len(offers) == 1:
        return _saving_on_fold(work, fold, offers[0])
    if not any(is_bound(work, offer) for offer in offers):
        if len(offers) == 1:
            return _saving_on_fold(work, fold, offers[0])
        parcels = fold.all_parcels
        if len(parcels) == 1 and not parcels[0].offers:
            return _saving_in_turn(work, fold, offers)
    start, before = work.snapshot([fold], offers), fold.due
    for offer in offers:
        apply_everywhere(work, offer, [fold])
    saving = before - fold.due
    work.restore(start)
    return saving


def _saving_in_turn(work: Work, fold: Fold, offers: Sequence[Offer]) -> int:
    """The same for goods that nothing has touched, without applying anything."""
    shelf = work.settings.stacked_base == "shelf"
    amount = due = fold.all_parcels[0].amount
    for offer in offers:
        reward = offer.reward
        assert isinstance(reward, Each)
        base = amount if shelf else due
        due -= max(0, min(due, each_discount(work, reward, fold, fold.count, base)))
    return amount - due
