"""The search for the best way to share out the units of one component: branch and bound by rows.

Owns: the walk along the rows, dominance between equal states, pruning by the relaxed bound, and the
counted limit. Must never: know what an offer is, or read a clock.

Rows go from the dearest unit down. All ways that lead to the same state of the takers differ only
in what they have gained, so only the best is kept. A state that can't reach what has been found
already is dropped. At the limit only the most promising states are followed, and the best bound of
those left behind says how far from the optimum the answer may be.
"""

from tessera.rules.bounds import Move, Sheet
from tessera.rules.simple_answer import Found, nobody_takes, one_after_the_other
from tessera.rules.spending import WORK_SIMPLE, Budget, OutOfWork

BEAM = 4
"""States that are followed on each row when the limit is reached."""
PROBE_FROM = 96
"""States on one row from which on a first answer is looked for, to prune by it."""


class Node:
    """A state reached: what it gained, and by which moves."""

    __slots__ = ("move", "parent", "rank", "value")

    def __init__(
        self, value: int, parent: "Node | None", move: Move | None, rank: tuple[int, int]
    ) -> None:
        self.value = value
        self.parent = parent
        self.move = move
        self.rank = rank


Layer = dict[tuple[int, ...], Node]


def best_moves(sheet: Sheet, budget: Budget) -> Found:
    """Find the best moves; bound > value only when the limit was reached."""
    if not sheet.component.takers:
        return _fill_rows(sheet, budget)
    try:
        return _walk(sheet, budget)
    except OutOfWork:
        # The simple answer is worth some more work: without it nothing would be known.
        budget.meter.left = max(budget.meter.left, 0) + WORK_SIMPLE - 1
        found = one_after_the_other(sheet, budget)
        budget.meter.left = min(budget.meter.left, 0)
        found.bound = max(found.value, sheet.tails[0])
        return found


def _fill_rows(sheet: Sheet, budget: Budget) -> Found:
    """Rows that nothing ties together: each for itself."""
    found = nobody_takes(sheet)
    budget.spend(len(found.moves))
    return Found(found.value, found.value + sheet.loose(), found.moves)


def _walk(sheet: Sheet, budget: Budget) -> Found:
    rows, takers = sheet.component.rows, sheet.component.takers
    layer: Layer = {(0,) * len(takers): Node(0, None, None, (0, 0))}
    first: Found | None = None
    left_behind: int | None = None
    half = budget.left // 2
    for place in range(len(rows)):
        if len(layer) >= PROBE_FROM and first is None:
            first = one_after_the_other(sheet, budget)
        if budget.left <= 0:
            return _stopped(
                sheet, place, layer, first or one_after_the_other(sheet, budget), left_behind
            )
        floor = None if first is None else first.value
        layer, dropped = _narrow(sheet, budget, place, layer, floor, half)
        if dropped is not None and (left_behind is None or dropped > left_behind):
            left_behind = dropped
        if not layer:  # nothing that was kept can beat the simple answer
            break
        layer = _expand(sheet, budget, place, layer)
    ends = [node for state, node in layer.items() if is_complete(sheet, state)]
    best = max(ends, key=lambda node: node.value, default=None)
    # Where every state that was kept has a use left open, the simple answer is the better one.
    if best is None or (first is not None and first.value > best.value):
        found = first or one_after_the_other(sheet, budget)
    else:
        found = Found(best.value, best.value, _path(best))
    found.bound = max(found.value, left_behind or 0)
    if sheet.restricted:
        found.bound = max(found.bound, sheet.tails[0])
    return found


def _stopped(
    sheet: Sheet, place: int, layer: Layer, found: Found, left_behind: int | None
) -> Found:
    """Give the simple answer, with what the states that were reached might still become."""
    if sheet.restricted or len(layer) > PROBE_FROM:
        found.bound = sheet.tails[0]
        return found
    bounds = [
        node.value + more
        for state, node in layer.items()
        if (more := sheet.bound(place, state)) is not None
    ]
    found.bound = max([found.value, left_behind or 0, *bounds])
    return found


def _path(node: Node) -> list[Move]:
    moves: list[Move] = []
    here: Node | None = node
    while here is not None and here.move is not None:
        moves.append(here.move)
        here = here.parent
    moves.reverse()
    return moves


def is_complete(sheet: Sheet, state: tuple[int, ...]) -> bool:
    """Tell whether no use is half filled, and all parts of an offer are there equally often."""
    uses: dict[int, int] = {}
    for number, taker in enumerate(sheet.component.takers):
        if not taker.done(state[number]):
            return False
        if taker.part >= 0:
            count, rest = divmod(state[number], taker.size)
            if rest or uses.setdefault(id(taker.offer), count) != count:
                return False
    return True


def _narrow(
    sheet: Sheet, budget: Budget, place: int, layer: Layer, floor: int | None, half: int
) -> tuple[Layer, int | None]:
    """Drop states that can't win; from half of the limit on keep only the most promising ones."""
    some = next(iter(layer))
    row = sheet.component.rows[place]
    steps = 2 * len(sheet.moves(place, tuple(some[number] for number in row.takers)))
    affordable = len(layer) * steps <= budget.left - half
    if len(layer) <= BEAM or (len(layer) < PROBE_FROM and affordable):
        return layer, None
    budget.spend(len(layer) * (1 + len(sheet.component.takers) // 4))
    bounds: dict[tuple[int, ...], int] = {}
    for state, node in layer.items():
        bound = sheet.bound(place, state)
        if bound is not None and (floor is None or node.value + bound >= floor):
            bounds[state] = node.value + bound
    if len(bounds) * steps <= budget.left - half:
        return {state: layer[state] for state in layer if state in bounds}, None
    rows_left = len(sheet.component.rows) - place
    keep = max(BEAM, budget.left // (4 * rows_left * steps))
    order = sorted(bounds, key=lambda state: (-bounds[state], layer[state].rank))
    kept = set(order[:keep])
    dropped = bounds[order[keep]] if len(order) > keep else None
    return {state: node for state, node in layer.items() if state in kept}, dropped


def _expand(sheet: Sheet, budget: Budget, place: int, layer: Layer) -> Layer:
    """Make all moves on one row from every state; of equal states the best stays."""
    touched = sheet.component.rows[place].takers
    grown: Layer = {}
    weight = 1 + (len(sheet.component.takers) + len(touched)) // 16
    replaced = False
    count = 0
    for first, (state, node) in enumerate(layer.items()):
        steps = sheet.moves(place, tuple([state[number] for number in touched]))
        count += 2 * len(steps)
        budget.work(len(steps) * weight)
        value = node.value
        for second, (gain, after, move) in enumerate(steps):
            patched = list(state)
            for number, part in zip(touched, after, strict=True):
                patched[number] = part
            key = tuple(patched)
            total = value + gain
            there = grown.get(key)
            if there is None:
                grown[key] = Node(total, node, move, (first, second))
            elif total > there.value:
                grown[key] = Node(total, node, move, (first, second))
                replaced = True
    budget.spend(count)
    if replaced:
        return dict(sorted(grown.items(), key=lambda item: item[1].rank))
    return grown
