"""Which offers meet on which goods: the order of groups, and the choice where they compete.

Owns: groups (`all`, `first`, `best`) at the unit and the basket stage, judged by the final total.
Must never: do an offer's arithmetic (see `unit_offers`, `basket_offers`).

Offers that can't meet on the same units compete. A group that says `first` lets its offers choose
in the merchant's order; everything else is settled for the customer. Ties fall to the offer with
the higher priority, then to the smaller id.
"""

from collections.abc import Sequence
from itertools import combinations, permutations, product

from tessera.core.quote import Stage
from tessera.rules.basket_offers import apply_off, later_needs_met, saving_of
from tessera.rules.best import settle_both, settle_units, stages_compete
from tessera.rules.bundles import apply_bundle
from tessera.rules.folds import Fold
from tessera.rules.model import Bundle, Each, Gift, GroupKind, Kind, Off, Offer
from tessera.rules.stacking import first_group_of, in_stacking_order
from tessera.rules.unit_offers import apply_each, apply_gift, base_of, each_discount
from tessera.rules.unproven import unproven
from tessera.rules.work import BETTER_OFFER, GOODS_TAKEN, Work

TRIALS_MAX = 600
"""Most plans that are tried for one competition; a count, so that all machines agree."""

Plan = tuple[tuple[Offer, int | None], ...]
"""Offers in the order in which they choose, each with the most uses it may have."""


def slots_of(work: Work, offers: Sequence[Offer]) -> list[list[Offer]]:
    """Split offers into what is settled one after the other: by group if so set, else at once."""
    if not offers:
        return []
    if work.settings.between_groups != "first":
        return [sorted(offers, key=lambda offer: offer.place)]
    groups = work.programme.groups
    slots: dict[tuple[int, int], list[Offer]] = {}
    for offer in offers:
        path = offer.path
        place = (0, groups[path[-1]].rank) if path else (1, offer.rank)
        slots.setdefault(place, []).append(offer)
    return [sorted(slots[place], key=lambda offer: offer.place) for place in sorted(slots)]


def apply_unit_stage(work: Work) -> None:
    """Settle and apply all unit offers."""
    for slot in slots_of(work, work.available[Stage.UNIT]):
        _settle_units(work, slot)


def apply_basket_stage(work: Work) -> None:
    """Settle and apply all basket offers."""
    for slot in slots_of(work, work.available[Stage.BASKET]):
        _settle_basket(work, slot)


def settle(work: Work) -> None:
    """Choose and apply the offers of the unit and the basket stage, together where they compete."""
    if settle_both(work):
        return
    compete = stages_compete(work)
    pristine = work.snapshot() if compete and work.available[Stage.UNIT] else None
    before = work.due
    apply_unit_stage(work)
    apply_basket_stage(work)
    if pristine is not None:
        _improve(work, pristine)
    if compete:
        offers = work.available[Stage.UNIT] + work.available[Stage.BASKET]
        work.gap_minor = unproven(work, offers, work.goods, before)


# -- unit stage


def _settle_units(work: Work, offers: Sequence[Offer]) -> None:
    """Apply unit offers that compete: bundles by the best plan, then the best for each fold."""
    firsts: dict[str, list[Offer]] = {}
    fills: list[Offer] = []
    movers: list[list[Offer]] = []
    for offer in offers:
        if offer.path and (name := first_group_of(work, offer)):
            firsts.setdefault(name, []).append(offer)
        elif isinstance(offer.reward, Each):
            fills.append(offer)
        else:
            movers.append([offer])
    movers += [sorted(firsts[name], key=lambda offer: offer.rank) for name in sorted(firsts)]
    if len(movers) == 1 and not fills and (len(movers[0]) > 1 or len(offers) == 1):
        _apply_in_order(work, [(offer, None) for offer in movers[0]])
        return
    if not movers and not any(_is_bound(work, fill) for fill in fills):
        _fill(work, fills, {fold.number: fold for fill in fills for fold in work.found[fill]})
        return
    bound = [fill for fill in fills if _is_bound(work, fill)]
    components = _components(work, bound, movers)
    taken = {number for _, folds in components for number in folds}
    free = {
        fold.number: fold for fill in fills for fold in work.found[fill] if fold.number not in taken
    }
    for component, folds in components:
        here = [one for one in fills if _touches(work, one, folds)]
        _settle_component(work, component, here, folds)
    _fill(work, fills, free)


def _is_bound(work: Work, fill: Offer) -> bool:
    """Tell whether what an offer gives one fold may depend on what it gives another."""
    reward = fill.reward
    assert isinstance(reward, Each)
    bound = reward.cap_minor is not None or bool(fill.limits)
    return bound or work.settings.rounding_level == "offer"


def _touches(work: Work, offer: Offer, folds: dict[int, Fold]) -> bool:
    return any(fold.number in folds for fold in work.found[offer])


def _components(
    work: Work, bound: Sequence[Offer], movers: Sequence[list[Offer]]
) -> list[tuple[list[list[Offer]], dict[int, Fold]]]:
    """Split into parts that share no goods, joined by movers and by offers bound over folds."""
    parts: list[tuple[list[list[Offer]], dict[int, Fold]]] = []
    for mover in movers:
        _join(parts, [mover], {fold.number: fold for one in mover for fold in work.found[one]})
    for fill in bound:
        _join(parts, [], {fold.number: fold for fold in work.found[fill]})
    return parts


def _join(
    parts: list[tuple[list[list[Offer]], dict[int, Fold]]],
    movers: list[list[Offer]],
    folds: dict[int, Fold],
) -> None:
    movers, folds = list(movers), dict(folds)
    for part in [part for part in parts if not part[1].keys().isdisjoint(folds)]:
        parts.remove(part)
        movers = part[0] + movers
        folds = part[1] | folds
    parts.append((movers, folds))


def _settle_component(
    work: Work, movers: list[list[Offer]], fills: list[Offer], folds: dict[int, Fold]
) -> None:
    if len(movers) == 1 and not fills and len(movers[0]) == 1 and _has_one_part(movers[0][0]):
        _apply_in_order(work, [(movers[0][0], None)])
        return
    offers = sorted(
        [offer for mover in movers for offer in mover] + fills, key=lambda one: one.place
    )
    if settle_units(work, offers, list(folds.values())):
        return
    if not movers:
        _fill(work, fills, folds)
        return
    before = work.due
    start = work.snapshot()
    best: tuple[int, int] | None = None
    best_plan: Plan = ()
    for number, plan in enumerate(_plans(work, movers)[:TRIALS_MAX]):
        _apply_in_order(work, plan)
        _fill(work, fills, folds)
        score = (work.due, number)
        work.restore(start)
        if best is None or score < best:
            best, best_plan = score, plan
    _apply_in_order(work, best_plan)
    _fill(work, fills, folds)
    work.nodes += number
    work.gap_minor += unproven(work, offers, list(folds.values()), before)


def _has_one_part(offer: Offer) -> bool:
    return not isinstance(offer.reward, Bundle) or len(offer.reward.parts) == 1


def _plans(work: Work, movers: list[list[Offer]]) -> list[Plan]:
    """All orders of the movers, with every number of uses while that stays a modest number."""
    most = [_most_uses(work, mover) for mover in movers]
    orders = list(permutations(range(len(movers)))) if len(movers) <= 4 else _rotations(len(movers))
    plans: list[Plan] = [
        tuple((offer, None) for place in order for offer in movers[place]) for order in orders
    ]
    for order in orders:
        for counts in product(*(range(most[place] + 1) for place in order)):
            if len(plans) >= TRIALS_MAX:
                return plans
            plans.append(
                tuple(
                    (offer, count if len(movers[place]) == 1 or not count else None)
                    for place, count in zip(order, counts, strict=True)
                    for offer in movers[place]
                )
            )
    return plans


def _rotations(count: int) -> list[tuple[int, ...]]:
    """Every mover once in front, the others in their documented order."""
    return [(place, *(one for one in range(count) if one != place)) for place in range(count)]


def _most_uses(work: Work, mover: list[Offer]) -> int:
    if len(mover) > 1 or not isinstance(mover[0].reward, Bundle):
        return 1
    size = sum(count for _, count in mover[0].reward.parts)
    return min(12, sum(fold.count for fold in work.found[mover[0]]) // max(1, size))


def _apply_in_order(work: Work, plan: Sequence[tuple[Offer, int | None]]) -> None:
    for offer, most in plan:
        if most == 0:
            work.outcomes[offer].reason = BETTER_OFFER
        elif isinstance(offer.reward, Bundle):
            apply_bundle(work, offer, most)
        elif isinstance(offer.reward, Gift):
            apply_gift(work, offer)
        else:
            _apply_everywhere(work, offer, work.found[offer])


def _apply_everywhere(work: Work, offer: Offer, folds: Sequence[Fold]) -> None:
    targets = [(fold, parcels) for fold in folds if (parcels := work.open_parcels(fold, offer))]
    apply_each(work, offer, targets)


def _fill(work: Work, fills: Sequence[Offer], folds: dict[int, Fold]) -> None:
    """Give every fold the best of the offers on single units, or several that may meet."""
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
        winners = _best_on_fold(work, fold, here)
        for offer in winners:
            chosen.setdefault(offer, []).append(fold)
        if len(winners) < len(here):
            lost.update([offer for offer in here if offer not in winners])
    for offer in in_stacking_order(work, list(chosen)):
        _apply_everywhere(work, offer, chosen[offer])
    for offer in lost:
        outcome = work.outcomes[offer]
        if not outcome.uses and not outcome.reason:
            outcome.reason = BETTER_OFFER if offer not in chosen else GOODS_TAKEN


def _best_on_fold(work: Work, fold: Fold, competing: list[Offer]) -> list[Offer]:
    """Give the offers, one or several that may meet, that leave the least to pay on a fold."""
    if len(competing) == 1:
        return competing
    if not any(one.stacks_all or one.stacks_with or one.path for one in competing):
        return [min(competing, key=lambda one: (-_saving_on_fold(work, fold, one), one.place))]
    best: list[Offer] = []
    best_score: tuple[object, ...] | None = None
    for together in _meeting(work, competing):
        if len(together) == 1:
            saving = _saving_on_fold(work, fold, together[0])
        else:
            saving = _saving_together(work, fold, together)
        score = (-saving, len(together), [offer.place for offer in together])
        if best_score is None or score < best_score:
            best, best_score = together, score
    return best


def _meeting(work: Work, offers: Sequence[Offer]) -> list[list[Offer]]:
    """Give every single offer and every set of at most four that may meet pairwise."""
    found = [[offer] for offer in offers]
    if len(offers) > 12:
        return found
    for size in (2, 3, 4):
        found += [
            list(chosen)
            for chosen in combinations(offers, size)
            if all(work.may_share(one, two) for one, two in combinations(chosen, 2))
        ]
    return found


def _saving_on_fold(work: Work, fold: Fold, offer: Offer) -> int:
    reward = offer.reward
    assert isinstance(reward, Each)
    parcels = work.open_parcels(fold, offer)
    if not parcels:
        return 0
    base = sum(base_of(work, parcel) for parcel in parcels)
    due = sum(parcel.due for parcel in parcels)
    count = sum(parcel.count for parcel in parcels)
    return min(due, each_discount(work, reward, fold, count, base))


def _saving_together(work: Work, fold: Fold, offers: Sequence[Offer]) -> int:
    start, before = work.snapshot(), fold.due
    for offer in in_stacking_order(work, offers):
        _apply_everywhere(work, offer, [fold])
    saving = before - fold.due
    work.restore(start)
    return saving


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
    winners = _best_together(work, ready)
    for offer in in_stacking_order(work, winners):
        apply_off(work, offer)
    for offer in ready:
        outcome = work.outcomes[offer]
        if not outcome.uses and not outcome.reason:
            outcome.reason = BETTER_OFFER


def _best_together(work: Work, ready: Sequence[Offer]) -> list[Offer]:
    kind = _common_kind(work, ready)
    if kind is GroupKind.ALL:
        return list(ready)
    singles = sorted(ready, key=lambda offer: (-saving_of(work, offer), offer.place))
    if kind is GroupKind.BEST and _same_base(work, ready):
        return singles[:1]
    start = work.snapshot()
    best: list[Offer] = []
    best_score: tuple[object, ...] | None = None
    narrowed = singles[:8]
    for size in range(1, len(narrowed) + 1):
        for chosen in combinations(narrowed, size):
            for offer in in_stacking_order(work, chosen):
                apply_off(work, offer)
            score = (work.due, size, [offer.place for offer in chosen])
            work.restore(start)
            if best_score is None or score < best_score:
                best, best_score = list(chosen), score
    return best


def _common_kind(work: Work, offers: Sequence[Offer]) -> GroupKind | None:
    """Give the kind of group that holds for every two of the offers, None when it differs."""
    first = offers[0]
    if any(one.group != first.group or one.stacks_with for one in offers) or not first.group:
        meet = [work.may_share(one, two) for one, two in combinations(offers, 2)]
        if all(meet):
            return GroupKind.ALL
        return None if any(meet) else GroupKind.BEST
    kind = work.programme.groups[first.group].kind
    return GroupKind.ALL if kind is GroupKind.ALL else GroupKind.BEST


def _same_base(work: Work, offers: Sequence[Offer]) -> bool:
    """Tell whether all offers act on the same goods."""
    first = work.found[offers[0]]
    return all(work.found[offer] is first or work.found[offer] == first for offer in offers)


# -- both stages, where the choice can't be put into numbers


def _improve(work: Work, pristine: object) -> None:
    """Try giving up unit offers, one by one and together, for a lower total."""
    used = [offer for offer in work.available[Stage.UNIT] if work.outcomes[offer].uses]
    if not used or not _would_gain(work):
        return
    best, without, done = work.due, frozenset[Offer](), work.snapshot()
    trials = 0
    for size in range(1, len(used) + 1):
        for given_up in combinations(used, size):
            trials += 1
            if trials > TRIALS_MAX:
                break
            _rerun(work, pristine, frozenset(given_up))
            if work.due < best:
                best, without, done = work.due, frozenset(given_up), work.snapshot()
    work.restore(done)
    for offer in without:
        work.outcomes[offer].reason = BETTER_OFFER


def _would_gain(work: Work) -> bool:
    """Tell whether any basket offer got less than all of the goods it found, or nothing."""
    return any(
        not work.outcomes[offer].uses
        or any(work.open_parcels(fold, offer) != fold.all_parcels for fold in work.found[offer])
        for offer in work.available[Stage.BASKET]
    )


def _rerun(work: Work, pristine: object, without: frozenset[Offer]) -> None:
    work.restore(pristine)  # type: ignore[arg-type]
    everything = work.available[Stage.UNIT]
    work.available[Stage.UNIT] = [offer for offer in everything if offer not in without]
    apply_unit_stage(work)
    work.available[Stage.UNIT] = everything
    apply_basket_stage(work)
