"""The best price: unit and basket offers chosen together, judged by what is left to pay.

Owns: the order in which cases are looked at, the proof (bound, gap, nodes), and putting the found
plan into effect. Must never: do an offer's arithmetic; every plan is judged by applying it.

Each case of the basket stage gives weights, by which the units are shared out as well as can be.
The plan is then applied and measured. A case whose bound is no better than what has been found is
not looked at; what remains between the best plan and the highest bound left is the gap.
"""

from collections.abc import Sequence
from contextlib import suppress

from tessera.core.quote import Stage
from tessera.rules.basket_cases import Case, cases_of, is_steady
from tessera.rules.choice import choice_of
from tessera.rules.folds import Fold
from tessera.rules.labels import close
from tessera.rules.looking import (
    Search,
    founds_of,
    look_at,
    measure,
    paths_of,
    rough_bound,
    search_of,
    units_bound,
    unlisted_bound,
)
from tessera.rules.model import Offer
from tessera.rules.plan import apply_case, apply_units, say_why_not
from tessera.rules.spending import OutOfWork
from tessera.rules.stacking import first_group_of
from tessera.rules.unproven import most_together
from tessera.rules.weights import Weights
from tessera.rules.work import Work


def settle_by_search(work: Work, offers: Sequence[Offer], folds: Sequence[Fold]) -> bool:
    """Apply unit offers that compete for some folds in the best way; False: not put in numbers."""
    choice = choice_of(work, offers, folds)
    if choice is None:
        return False
    search = search_of(work, choice)
    try:
        founds = founds_of(search, Weights())
    except OutOfWork:
        return False
    bound, start = units_bound(search, founds), work.snapshot() if choice.rounds else None
    paths = paths_of(founds)
    if start is not None:
        case = Case((), (), [()])
        with suppress(OutOfWork):
            measure(search, case, paths, start)
            if bound > search.best:
                bound = close(search, case, bound, start)
        paths = search.best_paths or paths
    before = work.due
    apply_units(work, choice, paths)
    say_why_not(work, offers, ())
    _note(work, search, bound, before - work.due)
    return True


def settle_both(work: Work) -> bool:
    """Apply unit and basket offers in the best way; False when the stages don't compete."""
    if not stages_compete(work):
        return False
    units, basket = work.available[Stage.UNIT], work.available[Stage.BASKET]
    if any(offer.path and first_group_of(work, offer) for offer in basket):
        return False
    folds = {fold.number: fold for offer in units for fold in work.found[offer]}
    choice = choice_of(work, sorted(units, key=lambda one: one.place), list(folds.values()))
    if choice is None:
        return False
    search = search_of(work, choice)
    cases, whole = cases_of(work, sorted(basket, key=lambda one: one.place))
    start = work.snapshot()
    try:
        bound = _look(search, cases, start)
    except OutOfWork:
        return False
    if not whole:
        try:
            bound = min(search.shelf, max(bound, unlisted_bound(search, basket)))
        except OutOfWork:
            bound = search.shelf
    if bound > search.best:
        bound = max(search.best, min(bound, most_together(work, [*units, *basket], work.goods)))
    assert search.best_case is not None
    assert search.best_paths is not None
    apply_units(work, choice, search.best_paths)
    apply_case(work, search.best_case)
    say_why_not(work, units, basket)
    _note(work, search, bound, search.shelf - work.due)
    return True


def stages_compete(work: Work) -> bool:
    """Tell whether a choice between unit offers could change what basket offers give."""
    basket, units = work.available[Stage.BASKET], work.available[Stage.UNIT]
    if work.settings.between_groups == "first" or not basket:
        return False
    if not units and len(basket) == 1:
        return False
    for offer in basket:
        if not is_steady(offer):
            return True
        if not all(work.may_share(offer, other) for other in (*basket, *units) if other != offer):
            return True
    return work.settings.stacked_base == "shelf" and bool(units)


def _note(work: Work, search: Search, bound: int, saved: int) -> None:
    """Add what is proven to the work's proof."""
    work.nodes += search.budget.nodes
    if bound > saved:
        work.optimal = False
        work.gap_minor += bound - saved


# -- cases


def _look(search: Search, cases: Sequence[Case], start: object) -> int:
    """Look at the cases, the most promising first; give a bound on what any plan takes off.

    Raises OutOfWork when there was no time for any.
    """
    plain = founds_of(search, Weights())
    units = units_bound(search, plain)
    first = [(rough_bound(search, case, units), -place, case) for place, case in enumerate(cases)]
    first.sort(key=lambda one: (-one[0], -one[1]))
    looked: list[tuple[int, Case]] = []
    bound = 0
    for rough, _, case in first:
        if rough <= search.best:
            break
        if search.budget.left <= 0 and search.best >= 0:
            bound = rough
            break
        try:
            looked.append((look_at(search, case, rough, start), case))
        except OutOfWork:
            if search.best_case is None:
                work = search.work
                work.meter.left = max(work.meter.left, search.weight)
                measure(search, case, paths_of(plain), start)
            bound = rough
            break
    for most, case in looked:
        closed = most
        if most > search.best:
            with suppress(OutOfWork):
                closed = close(search, case, most, start)
        bound = max(bound, closed)
    return max(bound, search.best)
