"""One search for the best price: cases solved under weights, plans measured, and bounds of cases.

Owns: what has been solved and found so far, and how the parts of a bound add up. Must never: decide
which case comes next, or when to stop.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import lcm

from tessera.core.money import Rounding
from tessera.rules.basket_cases import Case, Line, lines_of
from tessera.rules.bounds import MANY_UNITS, Sheet
from tessera.rules.choice import Choice
from tessera.rules.model import Offer
from tessera.rules.plan import Paths, apply_case, apply_units
from tessera.rules.rows import Component
from tessera.rules.search import best_moves
from tessera.rules.simple_answer import Found
from tessera.rules.spending import Budget
from tessera.rules.stacking import none_may_share
from tessera.rules.weights import Weights
from tessera.rules.work import Work

NODES_MAX = 4_500
"""Most nodes that one evaluation looks at: a count, so that every machine stops at the same."""

MEASURE_NODES = 60
"""What applying and measuring a plan counts for."""


@dataclass(slots=True, eq=False)
class Search:
    """One search under way: what has been solved under which weights, and what was found."""

    work: Work
    choice: Choice
    budget: Budget
    shelf: int
    idle: dict[int, int]
    solved: dict[object, tuple[Sheet, Found]]
    amounts: dict[frozenset[int], int]
    best: int = -1
    closing: bool = False
    best_case: Case | None = None
    best_paths: Paths | None = None

    @property
    def weight(self) -> int:
        """The work of applying and measuring a plan."""
        return 12 * len(self.work.goods) + 4 * len(self.choice.offers)

    def amount_of(self, base: frozenset[int]) -> int:
        """What the goods of a base cost on the shelf."""
        found = self.amounts.get(base)
        if found is None:
            found = sum(fold.due for fold in self.work.goods if fold.number in base)
            self.amounts[base] = found
        return found


def search_of(work: Work, choice: Choice) -> Search:
    """Start a search; goods that no unit offer finds are idle, and stay open to the basket."""
    rows = {row.fold.number for component in choice.components for row in component.rows}
    idle = {fold.number: fold.due for fold in work.goods if fold.number not in rows}
    # Applying a plan use by use is work as well; half of all is left to find one.
    pieces = sum(min(row.count, MANY_UNITS) for one in choice.components for row in one.rows)
    work.meter.left -= min(2 * pieces, work.meter.left // 2)
    return Search(work, choice, Budget(NODES_MAX - work.nodes, work.meter), work.due, idle, {}, {})


def rough_bound(search: Search, case: Case, units: int) -> int:
    """Bound a case before it is solved: all the goods open, and all the unit offers as well."""
    if case.most_off is not None:
        units = min(units, case.most_off)
    most = min(
        sum(
            fixed + (rate * search.amount_of(base) if rate else 0)
            for (fixed, rate), base in zip(line, case.bases, strict=True)
        )
        for line in case.lines
    )
    return min(search.shelf, units + int(most + slack(search, case.lines[0], 0)))


def unlisted_bound(search: Search, offers: Sequence[Offer]) -> int:
    """Bound the cases that were too many to list: every good at the best rate that finds it.

    Offers that may meet add up their rates; fixed amounts add up in any case.
    """
    alone = none_may_share(search.work, offers)
    fixed, rates = Fraction(0), dict.fromkeys(search.work.found, Fraction(0))
    best: dict[int, tuple[Fraction, Offer]] = {}
    for offer in offers:
        base = [fold.number for fold in search.work.found[offer]]
        amount = search.amount_of(frozenset(base))
        flat, rate = min(
            lines_of(search.work, offer, amount), key=lambda line: line[0] + line[1] * amount
        )
        fixed += flat + 1
        rates[offer] = rate
        for number in base:
            if number not in best or rate > best[number][0]:
                best[number] = (rate, offer)
    if not alone:
        amounts = [
            search.amount_of(frozenset(f.number for f in search.work.found[one])) for one in offers
        ]
        fixed += sum(rates[one] * amount for one, amount in zip(offers, amounts, strict=True))
        best = {}
    whole = lcm(*(rate.denominator for rate, _ in best.values()))
    bases = tuple(
        (
            int(rates[offer] * whole),
            frozenset(number for number, (_, by) in best.items() if by is offer),
            offer,
        )
        for offer in offers
        if rates[offer]
    )
    weights = Weights(whole, bases if best else ())
    founds = founds_of(search, weights)
    total = Fraction(sum(found.bound for found in founds), search.choice.scale * weights.whole)
    rounding = sum(component.fractions for component in search.choice.components)
    return int(total + fixed + idle_in(search, weights) + rounding)


def look_at(search: Search, case: Case, rough: int, start: object) -> int:
    """Solve a case under each of its lines, measure the plans found, and give its bound."""
    bound = rough
    if case.most_off is not None:
        measure(search, case, _paths_within(search, case.most_off), start)
    for line in case.lines:
        weights = case.weights(line)
        founds = founds_of(search, weights)
        bound = min(bound, line_bound(search, case, line, weights, founds))
        measure(search, case, paths_of(founds), start)
        if bound <= search.best:
            break
    return bound


def _paths_within(search: Search, most_off: int) -> Paths:
    """Take the components that save most, as many as a threshold leaves room for."""
    components = search.choice.components
    founds = founds_of(search, Weights())
    left = most_off * search.choice.scale
    taken: set[int] = set()
    for place in sorted(range(len(founds)), key=lambda place: (-founds[place].value, place)):
        if founds[place].value <= left:
            left -= founds[place].value
            taken.add(place)
    return [
        found.moves if place in taken else [((0,) * len(row.takers), ()) for row in component.rows]
        for place, (component, found) in enumerate(zip(components, founds, strict=True))
    ]


def paths_of(founds: Sequence[Found]) -> Paths:
    """The moves of all components."""
    return [found.moves for found in founds]


def measure(search: Search, case: Case, paths: Paths, start: object) -> int:
    """Apply a plan, give what it takes off, and keep it when it is better than all before."""
    work = search.work
    search.budget.work(search.weight)
    apply_units(work, search.choice, paths)
    apply_case(work, case)
    saved = search.shelf - work.due
    work.restore(start)  # type: ignore[arg-type]
    search.budget.spend(MEASURE_NODES)
    if saved > search.best:
        search.best, search.best_case, search.best_paths = saved, case, paths
    return saved


# -- bounds


def founds_of(search: Search, weights: Weights) -> list[Found]:
    """Share the units out under some weights, component by component."""
    return [found for _, found in solve(search, weights)]


def solve(search: Search, weights: Weights) -> list[tuple[Sheet, Found]]:
    """Share the units out under some weights; every component once for equal weights."""
    solved = []
    for component in search.choice.components:
        key = _key(component, weights)
        known = search.solved.get(key)
        if known is None:
            sheet = Sheet(search.work, component, weights, search.choice.by_line, search.budget)
            known = search.solved[key] = (sheet, best_moves(sheet, search.budget))
        solved.append(known)
    return solved


def _key(component: Component, weights: Weights) -> tuple[object, ...]:
    """What of the weights makes a difference to a component."""
    return (
        id(component),
        weights.whole,
        *(
            (parts, offer, tuple(row.fold.number in numbers for row in component.rows))
            for parts, numbers, offer in weights.bases
        ),
    )


def units_bound(search: Search, founds: Sequence[Found]) -> int:
    """Bound what unit offers take off; every component rounds for itself."""
    half = 0 if search.work.settings.rounding is Rounding.FLOOR else search.choice.scale
    return sum(
        (2 * found.bound + half * component.fractions) // (2 * search.choice.scale)
        for found, component in zip(founds, search.choice.components, strict=True)
    )


def line_bound(
    search: Search,
    case: Case,
    line: tuple[Line, ...],
    weights: Weights,
    founds: Sequence[Found],
) -> int:
    """Bound what a case takes off under one of its lines."""
    fixed = sum((alpha for alpha, _ in line), Fraction(0))
    if not weights.bases:
        units = units_bound(search, founds)
        if case.most_off is not None:
            units = min(units, case.most_off)
        return units + int(fixed)
    fractions = sum(component.fractions for component in search.choice.components)
    total = Fraction(sum(found.bound for found in founds), search.choice.scale * weights.whole)
    total += idle_in(search, weights)
    return int(total + fixed + slack(search, line, fractions))


def idle_in(search: Search, weights: Weights) -> Fraction:
    """What goods that no unit offer finds are worth to basket offers."""
    worth = sum(
        parts * due
        for parts, numbers, _ in weights.bases
        for number, due in search.idle.items()
        if number in numbers
    )
    return Fraction(worth, weights.whole)


def slack(search: Search, line: tuple[Line, ...], fractions: int) -> Fraction:
    """What rounding may add at most: half a minor unit each time, nothing when it goes down."""
    if search.work.settings.rounding is Rounding.FLOOR:
        return Fraction(0)
    return Fraction(fractions + sum(1 for _, rate in line if rate), 2)
