"""Closing a gap: every combination that could still be better than what has been found.

Owns: the second look at a case whose bound is above the best plan, where thresholds, caps, steps
and roundings keep straight lines from meeting. Must never: claim a bound lower than it has shown.

A label is what unit offers take off together with what stays open to each basket offer, packed
into one number, so that labels of components add up. A label that can't reach one minor unit more
than the best plan, even if everything else went as well as it can, is dropped. What is left is
worked out in whole minor units and measured, the most promising first.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from tessera.core.money import Rounding
from tessera.core.quote import Stage
from tessera.rules.basket_cases import Case
from tessera.rules.basket_offers import off_discount
from tessera.rules.bounds import Move, Sheet
from tessera.rules.looking import Search, idle_in, measure, slack, solve
from tessera.rules.model import Off, Offer
from tessera.rules.plan import Paths
from tessera.rules.search import Node, is_complete
from tessera.rules.weights import Weights

BITS = 64
"""Bits for each number in a label."""
LABELS_MAX = 50
"""Most labels that are kept from one component to the next."""
COMPONENT_LABELS_MAX = 600
"""Most labels of one component; with more, a case is left as it is."""
NODES_CLOSE = 9_000
"""Nodes that are set aside for closing gaps, all cases together."""
MEASURED_MAX = 4
"""Most plans that are applied and measured for one case."""

State = tuple[tuple[int, ...], int]
"""The states of a component's takers, and the label."""


@dataclass(slots=True, eq=False)
class View:
    """One line of a case: the worth of a label under it, and what it must reach with the rest."""

    whole: int
    parts: tuple[int, ...]
    needed: int
    sheets: list[Sheet]
    most: list[int]

    def worth(self, label: int) -> int:
        """What a label is worth under this line."""
        found = 0
        for parts in reversed(self.parts):
            found += (label & _MASK) * parts
            label >>= BITS
        return found + label * self.whole


_MASK = (1 << BITS) - 1


def close(search: Search, case: Case, bound: int, start: object) -> int:
    """Look for anything better in a case; give its bound after that."""
    views = _views(search, case)
    packed = Weights(
        1 << (BITS * len(case.offers)),
        tuple(
            (1 << (BITS * (len(case.offers) - 1 - place)), base, offer)
            for place, (base, offer) in enumerate(zip(case.bases, case.offers, strict=True))
        ),
    )
    if search.budget.left < NODES_CLOSE and not search.closing:
        search.closing, search.budget.left = True, NODES_CLOSE
    ends: dict[int, Node] = {0: Node(0, None, None, (0, 0))}
    choices: list[list[tuple[int, list[Move]]]] = []
    lost = 0
    for place, component in enumerate(search.choice.components):
        by_line, budget = search.choice.by_line, search.budget
        sheet = Sheet(search.work, component, packed, by_line, budget, labels=True)
        found = _labels_of(search, views, place, sheet)
        if found is None or sheet.restricted:
            return bound
        choices.append(found)
    for place in range(len(choices)):
        ends, dropped = _joined(search, case, views, place, ends, choices[place])
        if dropped:
            lost = bound
    return min(bound, max(lost, _measured(search, case, ends, choices, start)))


def _views(search: Search, case: Case) -> list[View]:
    """Prepare every line of a case: only what may beat the best plan is of interest."""
    views = []
    fractions = sum(component.fractions for component in search.choice.components)
    for line in case.lines:
        weights = case.weights(line)
        solved = solve(search, weights)
        fixed = sum((alpha for alpha, _ in line), Fraction(0)) + slack(search, line, fractions)
        fixed += idle_in(search, weights)
        needed = (search.best + 1 - fixed) * search.choice.scale * weights.whole
        parts = tuple(int(rate * weights.whole) for _, rate in line)
        views.append(
            View(
                weights.whole,
                parts,
                -(-needed.numerator // needed.denominator),
                [sheet for sheet, _ in solved],
                [found.bound for _, found in solved],
            )
        )
    return views


def _labels_of(
    search: Search, views: Sequence[View], place: int, sheet: Sheet
) -> list[tuple[int, list[Move]]] | None:
    """Give all labels of one component that could still win; None at the limit."""
    rest = [sum(view.most) - view.most[place] for view in views]
    layer: dict[State, Node] = {
        ((0,) * len(sheet.component.takers), 0): Node(0, None, None, (0, 0))
    }
    rows = sheet.component.rows
    for row_place, row in enumerate(rows):
        grown: dict[State, Node] = {}
        for (state, _), node in layer.items():
            steps = sheet.moves(row_place, tuple([state[number] for number in row.takers]))
            search.budget.spend(len(steps))
            search.budget.work(len(steps) * (1 + len(views)))
            for gain, after, move in steps:
                patched = list(state)
                for number, part in zip(row.takers, after, strict=True):
                    patched[number] = part
                key = (tuple(patched), node.value + gain)
                if key not in grown and _may_win(views, place, rest, row_place + 1, key):
                    grown[key] = Node(key[1], node, move, (0, 0))
            if search.budget.left <= 0 or len(grown) > COMPONENT_LABELS_MAX:
                return None
        layer = grown
    return [
        (label, _moves(node))
        for (state, label), node in layer.items()
        if is_complete(sheet, state) and label >= 0
    ]


def _may_win(
    views: Sequence[View], place: int, rest: Sequence[int], row_place: int, key: State
) -> bool:
    state, label = key
    for view, others in zip(views, rest, strict=True):
        sheet = view.sheets[place]
        bound = sheet.bound(row_place, state) if sheet.tails else 0
        if bound is None or view.worth(label) + bound + others < view.needed:
            return False
    return True


def _moves(node: Node) -> list[Move]:
    moves = []
    here: Node | None = node
    while here is not None and here.move is not None:
        moves.append(here.move)
        here = here.parent
    return moves[::-1]


def _joined(
    search: Search,
    case: Case,
    views: Sequence[View],
    place: int,
    ends: dict[int, Node],
    choices: Sequence[tuple[int, list[Move]]],
) -> tuple[dict[int, Node], bool]:
    """Add the labels of one more component to all sums so far; True: some had to be left out."""
    rest = [sum(view.most[place + 1 :]) for view in views]
    checks = list(zip(views, rest, strict=True))
    bits, most = BITS * len(case.offers), None
    if case.most_off is not None:
        fractions = sum(component.fractions for component in search.choice.components)
        most = (case.most_off + fractions) * search.choice.scale
    some = max(2, max(0, search.budget.left) // max(1, len(ends)))
    grown: dict[int, Node] = {}
    search.budget.spend(len(ends) * min(some, len(choices)))
    search.budget.work(len(ends) * min(some, len(choices)) * len(views) * (1 + len(case.offers)))
    for label, node in ends.items():
        for number, (more, _) in enumerate(choices[:some]):
            total = label + more
            if total in grown or (most is not None and total >> bits > most):
                continue
            if all(view.worth(total) + others >= view.needed for view, others in checks):
                grown[total] = Node(number, node, None, (0, 0))
    cut = some < len(choices)
    if len(grown) <= LABELS_MAX:
        return grown, cut
    order = sorted(grown, key=lambda label: -views[0].worth(label))
    step = len(order) / LABELS_MAX
    # Some of all heights are kept: the highest alone would all break the same threshold.
    kept = order if most is None else [order[int(step * n)] for n in range(LABELS_MAX)]
    return {label: grown[label] for label in kept[:LABELS_MAX]}, True


def _measured(
    search: Search,
    case: Case,
    ends: dict[int, Node],
    choices: Sequence[Sequence[tuple[int, list[Move]]]],
    start: object,
) -> int:
    """Measure the labels that promise most, until none promises more than what was found."""
    promised = [(_promise(search, case, label), label) for label in ends]
    promised.sort(key=lambda one: (-one[0], one[1]))
    rounded = sum(component.fractions for component in search.choice.components) > 1
    unkept = 0
    for number, (promise, label) in enumerate(promised):
        if promise <= search.best:
            break
        if number >= MEASURED_MAX:
            return promise
        saved = measure(search, case, _paths_to(ends[label], choices), start)
        if saved < promise and rounded:  # another plan with this label may round to more
            unkept = max(unkept, promise)
    return max(search.best, unkept)


def _paths_to(node: Node, choices: Sequence[Sequence[tuple[int, list[Move]]]]) -> Paths:
    paths: Paths = []
    here = node
    for found in reversed(choices):
        paths.append(found[here.value][1])
        assert here.parent is not None
        here = here.parent
    return paths[::-1]


def _promise(search: Search, case: Case, label: int) -> int:
    """Work out what a label takes off, offer after offer; where in doubt, too much."""
    scale, work = search.choice.scale, search.work
    open_to: list[int] = []
    for base in reversed(case.bases):
        idle = sum(due for number, due in search.idle.items() if number in base)
        open_to.append(idle + -(-(label & _MASK) // scale))
        label >>= BITS
    open_to.reverse()
    fractions = sum(component.fractions for component in search.choice.components)
    half = 0 if work.settings.rounding is Rounding.FLOOR else scale
    off = (2 * label + half * fractions) // (2 * scale)
    if case.most_off is not None and label // scale - fractions > case.most_off:
        return 0
    taken: list[int] = []
    for place, offer in enumerate(case.offers):
        left = open_to[place]
        for before, minor in enumerate(taken):
            if case.bases[before] <= case.bases[place] and work.may_share(
                case.offers[before], offer
            ):
                left -= minor
        taken.append(_discount(search, case, place, offer, max(0, left)))
    return min(search.shelf, off + sum(taken))


def _discount(search: Search, case: Case, place: int, offer: Offer, left: int) -> int:
    work, reward = search.work, offer.reward
    assert isinstance(reward, Off)
    in_doubt = work.settings.stacked_base == "shelf" or reward.reads == "quantity"
    if in_doubt or any(need.at is Stage.BASKET for need in offer.needs):
        rates = [line[place] for line in case.lines]
        return min(int(fixed + rate * left) + 1 for fixed, rate in rates)
    return off_discount(work, offer, left, left, 0)
