"""Which offers meet on which goods: the order of groups, and the choice where they compete.

Owns: groups (`all`, `first`, `best`) at the unit and the basket stage, judged by the final total.
Must never: do an offer's arithmetic (see `unit_offers`, `basket_offers`).

Offers that can't meet on the same units compete. A group that says `first` lets its offers choose
in the merchant's order; everything else is settled for the customer. Ties fall to the offer with
the higher priority, then to the smaller id.
"""

from collections.abc import Iterator, Sequence
from itertools import combinations, islice, permutations, product

from tessera.core.quote import Stage
from tessera.rules.assign import settle_units, trials_for
from tessera.rules.basket_offers import apply_off, later_needs_met, saving_of
from tessera.rules.best import settle_both, stages_compete
from tessera.rules.folds import take
from tessera.rules.model import GroupKind, Off, Offer
from tessera.rules.stacking import (
    all_may_share,
    first_group_of,
    in_stacking_order,
    none_may_share,
)
from tessera.rules.unproven import most_together, unproven
from tessera.rules.work import BETTER_OFFER, BY_PLACE, RESERVED, Snapshot, Work

ORDERED_MAX = 3
"""Most basket offers of which every order is tried, where no two may meet on the same goods."""

TOGETHER_MAX = 8
"""Most basket offers whose sets are tried out; of more, those that save most alone."""


def slots_of(work: Work, offers: Sequence[Offer]) -> list[list[Offer]]:
    """Split offers into what is settled one after the other: by group if so set, else at once."""
    if not offers:
        return []
    if work.settings.between_groups != "first":
        return [sorted(offers, key=BY_PLACE)]
    groups = work.programme.groups
    slots: dict[tuple[int, int], list[Offer]] = {}
    for offer in offers:
        path = offer.path
        place = (0, groups[path[-1]].rank) if path else (1, offer.rank)
        slots.setdefault(place, []).append(offer)
    return [sorted(slots[place], key=BY_PLACE) for place in sorted(slots)]


def apply_unit_stage(work: Work) -> None:
    """Settle and apply all unit offers."""
    for slot in slots_of(work, work.available[Stage.UNIT]):
        settle_units(work, slot)


def apply_basket_stage(work: Work) -> None:
    """Settle and apply all basket offers."""
    for slot in slots_of(work, work.available[Stage.BASKET]):
        _settle_basket(work, slot)


def settle(work: Work) -> None:
    """Run the unit and the basket stage together, and look for a lower total between them."""
    if settle_both(work):
        return
    before = work.due
    pristine = work.snapshot() if _stages_may_compete(work) else None
    apply_unit_stage(work)
    apply_basket_stage(work)
    if pristine is not None:
        _improve(work, pristine)
    if _leaves_a_choice(work):
        work.optimal = False
    if not work.optimal:
        _judge(work, before)


def _leaves_a_choice(work: Work) -> bool:
    """Tell whether stages compete in more ways than were tried.

    One offer on units and one on the basket are tried in every way. Of several, one may take some
    of the units and another the rest, and less off by one of them may leave the basket more.
    """
    units, basket = work.available[Stage.UNIT], work.available[Stage.BASKET]
    if len(units) < 2 and len(basket) < 2:
        return False
    return stages_compete(work) and not all(first_group_of(work, one) for one in units + basket)


def _judge(work: Work, before: int) -> None:
    """Say how far from the best price the tried one may be: not at all, where it meets a bound."""
    offers = work.available[Stage.UNIT] + work.available[Stage.BASKET]
    most = most_together(work, offers, work.goods)
    gap = max(0, min(before, most) - (before - work.due))
    work.gap_minor = min(gap, work.gap_minor) if work.gap_minor else gap
    work.optimal = not gap


# -- basket stage


def _settle_basket(work: Work, offers: Sequence[Offer]) -> None:
    """Apply the basket offers that together leave the least to pay."""
    ready = [offer for offer in offers if later_needs_met(work, offer, Stage.UNIT)]
    if not ready:
        return
    if len(ready) == 1:
        apply_off(work, ready[0])
        return
    firsts = [offer for offer in ready if first_group_of(work, offer)]
    if len(firsts) == len(ready):
        for offer in sorted(ready, key=lambda offer: offer.rank):
            apply_off(work, offer)
        return
    before, proven = work.due, work.optimal
    for offer in _best_together(work, ready):
        apply_off(work, offer)
    for offer in ready:
        outcome = work.outcomes[offer]
        if not outcome.uses and not outcome.reason:
            outcome.reason = BETTER_OFFER
    if proven and not work.optimal:
        work.gap_minor += unproven(work, ready, work.goods, before)


def _best_together(work: Work, ready: Sequence[Offer]) -> list[Offer]:
    """Give the offers that leave the least to pay, in the order in which they act."""
    kind = _common_kind(work, ready)
    if kind is GroupKind.ALL:
        return in_stacking_order(work, list(ready))
    singles = sorted(ready, key=lambda offer: (-saving_of(work, offer), offer.place))
    if kind is GroupKind.BEST and _same_base(work, ready):
        return singles[:1]
    start = work.snapshot()
    best: list[Offer] = []
    best_score: tuple[object, ...] | None = None
    narrowed = singles[:TOGETHER_MAX]
    work.optimal = work.optimal and len(narrowed) == len(singles)
    each, restoring = _weight_of_each(work, narrowed)
    for chosen in _orders_to_try(work, narrowed):
        weight = restoring + each * len(chosen)
        if best_score is not None and work.meter.for_trials < weight:
            work.optimal = False
            break
        work.meter.left -= weight
        for offer in chosen:
            apply_off(work, offer)
        score = (work.due, len(chosen), [offer.place for offer in chosen])
        work.restore(start)
        if best_score is None or score < best_score:
            best, best_score = list(chosen), score
    return best


def _orders_to_try(work: Work, offers: Sequence[Offer]) -> Iterator[Sequence[Offer]]:
    """Give every set in the documented order; of few that can't meet, who is first as well."""
    for chosen in _sets_to_try(offers):
        yield in_stacking_order(work, chosen)
    for chosen in _sets_to_try(offers):
        if 1 < len(chosen) <= ORDERED_MAX and none_may_share(work, chosen):
            documented = in_stacking_order(work, chosen)
            yield from (order for order in map(list, permutations(chosen)) if order != documented)


def _sets_to_try(offers: Sequence[Offer]) -> Iterator[Sequence[Offer]]:
    """Give all offers together, which is often the best, then every set, small ones first."""
    yield offers
    for size in range(1, len(offers)):
        yield from combinations(offers, size)


def _weight_of_each(work: Work, offers: Sequence[Offer]) -> tuple[int, int]:
    """The work of applying one offer, and of coming back to where things stood."""
    parcels = sum([len(fold.all_parcels) for fold in work.goods])
    there = sum([len(work.found[offer]) for offer in offers]) // len(offers)
    share = -(-parcels // max(1, len(work.goods)))
    return 10 + 3 * there * share, 10 + 2 * len(work.goods) + parcels


def _common_kind(work: Work, offers: Sequence[Offer]) -> GroupKind | None:
    """Give the kind of group that holds for every two of the offers, None when it differs."""
    first = offers[0]
    if any(one.group != first.group or one.stacks_with for one in offers) or not first.group:
        if all_may_share(work, offers):
            return GroupKind.ALL
        return GroupKind.BEST if none_may_share(work, offers) else None
    kind = work.programme.groups[first.group].kind
    return GroupKind.ALL if kind is GroupKind.ALL else GroupKind.BEST


def _same_base(work: Work, offers: Sequence[Offer]) -> bool:
    """Tell whether all offers act on the same goods."""
    first = work.found[offers[0]]
    return all(work.found[offer] is first or work.found[offer] == first for offer in offers)


# -- both stages


def _stages_may_compete(work: Work) -> bool:
    """Tell whether giving up a unit offer could make room for a better basket offer."""
    if work.settings.between_groups == "first" or not work.available[Stage.UNIT]:
        return False
    for offer in work.available[Stage.BASKET]:
        reads_later = any(need.at is not Stage.SHELF for need in offer.needs)
        if reads_later or _has_ladder(offer) or not offer.stacks_all:
            return True
    return False


def _improve(work: Work, pristine: Snapshot) -> None:
    """Try giving up unit offers, and keeping single units out of them, for a lower total.

    Every set of offers given up is tried with every number of units kept out of each fold, as long
    as that stays a modest number of trials; beyond it the quote says that it is not proven.
    """
    if not any(work.outcomes[offer].uses for offer in work.available[Stage.UNIT]):
        return
    if not _would_gain(work):
        return
    trials, weight = trials_for(work), _weight_of_a_trial(work)
    best, without, done = work.due, frozenset[Offer](), work.snapshot()
    for number, (given_up, kept) in enumerate(_sacrifices(work)):
        if number >= trials or work.meter.for_trials < weight:
            work.optimal = False
            work.gap_minor += _unused(work, pristine)
            break
        work.meter.left -= weight
        _rerun(work, pristine, given_up, kept)
        if work.due < best:
            best, without, done = work.due, given_up, work.snapshot()
    work.restore(done)
    for offer in without:
        work.outcomes[offer].reason = BETTER_OFFER


def _weight_of_a_trial(work: Work) -> int:
    offers = work.available[Stage.UNIT] + work.available[Stage.BASKET]
    return 40 + 8 * len(work.goods) + sum(10 + 6 * len(work.found[offer]) for offer in offers)


def _unused(work: Work, pristine: Snapshot) -> int:
    """Give the most that basket offers could take off if every unit were left to them."""
    work.restore(pristine)
    return sum(saving_of(work, offer) for offer in work.available[Stage.BASKET])


def _sacrifices(work: Work) -> Iterator[tuple[frozenset[Offer], tuple[int, ...]]]:
    """Give what could be given up: first whole offers, then units of each fold as well."""
    offers = list(work.available[Stage.UNIT])
    sets = [
        frozenset(chosen)
        for size in range(len(offers) + 1)
        for chosen in combinations(offers[:8], size)
    ]
    touched = {fold.number for offer in offers for fold in work.found[offer]}
    ranges = [range(fold.count + 1 if fold.number in touched else 1) for fold in work.goods]
    ways = ((given_up, kept) for kept in product(*ranges) for given_up in sets)
    yield from islice(ways, 1, None)  # the first of them gives nothing up


def _would_gain(work: Work) -> bool:
    """Tell whether any basket offer got less than all of the goods it found, or nothing."""
    return any(
        not work.outcomes[offer].uses
        or any(work.open_parcels(fold, offer) != fold.all_parcels for fold in work.found[offer])
        or _has_ladder(offer)
        for offer in work.available[Stage.BASKET]
    )


def _has_ladder(offer: Offer) -> bool:
    return isinstance(offer.reward, Off) and bool(offer.reward.ladder)


def _rerun(
    work: Work, pristine: Snapshot, without: frozenset[Offer], kept: tuple[int, ...]
) -> None:
    """Run both stages without some offers, and with some units kept out of the unit stage."""
    work.restore(pristine)
    for fold, count in zip(work.goods, kept, strict=True):
        if count:
            take(fold, fold.all_parcels[0], count).offers = (RESERVED,)
    everything = work.available[Stage.UNIT]
    work.available[Stage.UNIT] = [offer for offer in everything if offer not in without]
    apply_unit_stage(work)
    work.available[Stage.UNIT] = everything
    for fold in work.goods:
        for parcel in fold.all_parcels:
            if parcel.offers == (RESERVED,):
                parcel.offers = ()
    work.changes += 1
    apply_basket_stage(work)
