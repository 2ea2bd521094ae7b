"""Which unit offers act on which goods, where several would.

Owns: the competition for units: bundles by an exact search where savings add up, by trying orders
and numbers of uses where they do not; then the best offer, or several that may meet, on what is
left of each fold. Must never: do an offer's arithmetic, or look at basket offers.
"""

from collections.abc import Iterator, Sequence
from itertools import islice, permutations, product

from tessera.rules.best import settle_by_search
from tessera.rules.bundle_uses import fitting_of
from tessera.rules.bundles import apply_bundle, book_uses
from tessera.rules.fills import (
    apply_everywhere,
    fill,
    fill_best,
    is_bound,
    is_limited,
    settle_fills,
)
from tessera.rules.folds import Fold
from tessera.rules.model import Bundle, Each, Gift, Offer
from tessera.rules.stacking import (
    first_group_of,
    none_may_share,
)
from tessera.rules.unit_offers import apply_gift
from tessera.rules.unproven import most_together, unproven
from tessera.rules.use_search import Search, uses_of
from tessera.rules.work import BETTER_OFFER, BY_PLACE, Snapshot, Work

SEARCHED_RUNS_MAX = 60
"""Most different units in one competition for which the search over uses is tried."""
TRIALS_MAX = 240
"""Most plans that are tried for one small competition; a count, so that all machines agree."""

ORDERED_MAX = 4
"""Most offers of which all orders are tried; of more, each once in front."""

Plan = tuple[tuple[Offer, int | None], ...]
"""Offers in the order in which they choose, each with the most uses it may have."""


def settle_units(work: Work, offers: Sequence[Offer]) -> None:
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
    in_turn = len(movers) == 1 and not fills and (len(movers[0]) > 1 or len(offers) == 1)
    if in_turn and (len(movers[0]) > 1 or not _parts_meet(work, movers[0][0])):
        _apply_in_order(work, [(offer, None) for offer in movers[0]])
        return
    if not movers and not any(is_bound(work, one) for one in fills):
        fill(work, fills, {fold.number: fold for fill in fills for fold in work.found[fill]})
        return
    bound = [one for one in fills if is_bound(work, one)]
    components = _components(work, bound, movers)
    taken = {number for _, folds in components for number in folds}
    free = {
        fold.number: fold for fill in fills for fold in work.found[fill] if fold.number not in taken
    }
    for component, folds in components:
        here = [one for one in fills if _touches(work, one, folds)]
        _settle_component(work, component, here, folds)
    fill(work, fills, free)


def _touches(work: Work, offer: Offer, folds: dict[int, Fold]) -> bool:
    return any(fold.number in folds for fold in work.found[offer])


def _components(
    work: Work, bound: Sequence[Offer], movers: Sequence[list[Offer]]
) -> list[tuple[list[list[Offer]], dict[int, Fold]]]:
    """Split into parts that share no goods, joined by movers and by offers bound over folds."""
    parts: list[tuple[list[list[Offer]], dict[int, Fold]]] = []
    for mover in movers:
        _join(parts, [mover], {fold.number: fold for one in mover for fold in work.found[one]})
    for one in bound:
        _join(parts, [], {fold.number: fold for fold in work.found[one]})
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
    offers = [offer for mover in movers for offer in mover] + fills
    offers.sort(key=BY_PLACE)
    if settle_by_search(work, offers, list(folds.values())):
        return
    if not movers:
        settle_fills(work, fills, folds)
        return
    if _can_be_searched(work, movers, fills, folds) and _apply_searched(
        work, [mover[0] for mover in movers], fills, folds
    ):
        return
    before = work.due
    _apply_best_plan(work, movers, fills, folds)
    gap = unproven(work, offers, list(folds.values()), before)
    if any(_parts_meet(work, one) for one in offers):
        most = most_together(work, offers, list(folds.values()))
        gap = max(0, min(before, most) - (before - work.due))
    if gap > 0:
        work.optimal = False
        work.gap_minor += gap


def _apply_best_plan(
    work: Work, movers: list[list[Offer]], fills: list[Offer], folds: dict[int, Fold]
) -> None:
    """Try orders and numbers of uses, as many as there is work left for; apply the best of them."""
    offers = [offer for mover in movers for offer in mover] + fills
    start = work.snapshot(folds.values(), offers)
    best: tuple[int, int, Plan] | None = None
    plans = islice(_plans(work, movers), trials_for(work))
    there = sum([len(fold.all_parcels) for fold in folds.values()])
    for number, plan in enumerate(plans):
        if number:
            work.restore(start)
        left = work.meter.left
        work.meter.left -= 40 + 4 * there + 4 * sum([len(work.found[fill]) for fill in fills])
        _apply_in_order(work, plan)
        fill(work, fills, folds)
        due = sum([fold.due for fold in folds.values()])
        if best is None or due < best[0]:
            best = due, number, plan
        # The next one takes about as long, and so does coming back to the best.
        if work.meter.for_trials < 2 * (left - work.meter.left):
            break
    if best is not None and best[1] != number:
        work.restore(start)
        _apply_in_order(work, best[2])
        fill(work, fills, folds)
    if best is not None and any(is_limited(one) for one in fills):
        _look_closer(work, fills, folds, start, [best[2], _nothing(movers)])


def _look_closer(
    work: Work,
    fills: Sequence[Offer],
    folds: dict[int, Fold],
    start: Snapshot,
    plans: Sequence[Plan],
) -> None:
    """Try what limited offers could do better after some plans, as long as there is work left."""
    asked = [offer for offer, _ in plans[0]] + list(fills)
    due, done = work.due, work.snapshot(folds.values(), asked)
    for plan in plans:
        if work.meter.for_trials <= 0:
            break
        work.restore(start)
        _apply_in_order(work, plan)
        fill_best(work, fills, folds)
        if work.due < due:
            due, done = work.due, work.snapshot(folds.values(), asked)
    work.restore(done)


def _nothing(movers: Sequence[list[Offer]]) -> Plan:
    return tuple((offer, 0) for mover in movers for offer in mover)


def _has_one_part(offer: Offer) -> bool:
    return not isinstance(offer.reward, Bundle) or len(offer.reward.parts) == 1


def _parts_meet(work: Work, offer: Offer) -> bool:
    """Tell whether some goods fit several parts of a bundle, so that it matters for which.

    Offers in a group that says `first` take the dearest goods for each part, whatever it costs.
    """
    reward = offer.reward
    if not isinstance(reward, Bundle) or len(reward.parts) == 1:
        return False
    if offer.path and first_group_of(work, offer):
        return False
    parts = fitting_of(work, offer, reward)
    return sum([len(part) for part in parts]) > len(frozenset[int]().union(*parts))


def _can_be_searched(
    work: Work, movers: list[list[Offer]], fills: list[Offer], folds: dict[int, Fold]
) -> bool:
    """Tell whether savings of single uses add up, so that the exact search holds."""
    settings = work.settings
    plain = all(
        len(mover) == 1 and isinstance(mover[0].reward, Bundle) and not mover[0].undiscounted_only
        for mover in movers
    )
    if not plain or settings.exclusive == "line" or settings.cheapest_free != "best-groups":
        return False
    if settings.set_price_units != "dearest" or settings.amounts_off != "as-priced":
        return False
    if settings.rounding_level == "offer" or any(is_bound(work, one) for one in fills):
        return False
    offers = [mover[0] for mover in movers] + fills
    if any(limit.period == "budget" for offer in offers for limit in offer.limits):
        return False
    if not none_may_share(work, offers):
        return False
    pieces = sum(fold.count for fold in folds.values())
    if 2 * pieces * (1 + len(fills)) > work.meter.left:
        return False
    return sum(len(fold.all_parcels) for fold in folds.values()) <= SEARCHED_RUNS_MAX


def _apply_searched(
    work: Work, bundles: list[Offer], fills: list[Offer], folds: dict[int, Fold]
) -> bool:
    """Solve a competition exactly and apply the solution; False at the limit of steps."""
    search = Search(work, bundles, fills, [folds[number] for number in sorted(folds)])
    solution = search.solve()
    work.nodes += search.steps
    if solution is None:
        work.gap_minor += search.bound(0, [run.left for run in search.runs])
        return False
    uses = uses_of(search, solution[1])
    for offer in bundles:
        if offer in uses:
            book_uses(work, offer, uses[offer])
    for offer in bundles:
        # Trying one out replaces the parcels, so it waits until all uses are booked.
        if offer not in uses and not _apply_quietly(work, offer):
            work.outcomes[offer].reason = BETTER_OFFER
    fill(work, fills, folds)
    return True


def _apply_quietly(work: Work, offer: Offer) -> bool:
    """Let a bundle that the solution does not use say what it is short of."""
    start = work.snapshot(work.found[offer], [offer])
    done = apply_bundle(work, offer)
    outcome = work.outcomes[offer]
    reason, missing = outcome.reason, outcome.missing_quantity
    work.restore(start)
    if not done and missing:
        outcome.reason, outcome.missing_quantity = reason, missing
        return True
    return False


def trials_for(work: Work) -> int:
    """Give how many plans may be tried: fewer in a large basket, where each costs more."""
    work.meter.try_plans()
    return max(24, min(TRIALS_MAX, 1_500 // max(1, len(work.goods))))


def _plans(work: Work, movers: list[list[Offer]]) -> Iterator[Plan]:
    """All orders of the movers, with every number of uses while that stays a modest number."""
    most = [_most_uses(work, mover) for mover in movers]
    small = len(movers) <= ORDERED_MAX
    orders = list(permutations(range(len(movers)))) if small else _rotations(len(movers))
    for order in orders:
        yield tuple((offer, None) for place in order for offer in movers[place])
    for order in orders:
        for counts in product(*(range(most[place] + 1) for place in order)):
            yield tuple(
                (offer, count if len(movers[place]) == 1 or not count else None)
                for place, count in zip(order, counts, strict=True)
                for offer in movers[place]
            )


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
            work.meter.left -= 10 + 3 * len(work.goods)
            apply_gift(work, offer)
        else:
            apply_everywhere(work, offer, work.found[offer])
