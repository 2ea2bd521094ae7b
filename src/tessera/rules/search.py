"""The search for the best way to share out the units of one component: branch and bound by rows.

Owns: the walk along the rows, dominance between equal states, pruning by the relaxed bound, and the
counted limit. Must never: know what an offer is, or read a clock.

Rows go from the dearest unit down. All ways that lead to the same state of the takers differ only
in what they have gained, so only the best is kept. A state that can't reach what has been found
already is dropped. At the limit only the most promising states are followed, and the best bound of
those left behind says how far from the optimum the answer may be.
"""

from dataclasses import dataclass

from tessera.rules.bounds import Move, Sheet

BEAM = 6
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


class Budget:
    """Nodes that may still be looked at, and how many have been; the same on every machine."""

    __slots__ = ("left", "nodes")

    def __init__(self, most: int) -> None:
        self.left = most
        self.nodes = 0

    def spend(self, nodes: int) -> None:
        """Count nodes."""
        self.left -= nodes
        self.nodes += nodes


@dataclass(slots=True)
class Found:
    """The best moves of a component, row by row, what they gain, and what nothing can exceed."""

    value: int
    bound: int
    moves: list[Move]


Layer = dict[tuple[int, ...], Node]


def best_moves(sheet: Sheet, budget: Budget) -> Found:
    """Find the best moves; bound > value only when the limit was reached."""
    rows = sheet.component.rows
    if not sheet.component.takers:
        return _fill_rows(sheet, budget)
    return _walk(sheet, budget, beam=False) if rows else Found(0, 0, [])


def _fill_rows(sheet: Sheet, budget: Budget) -> Found:
    """Rows that nothing ties together: each for itself."""
    value, moves = 0, []
    for place in range(len(sheet.component.rows)):
        more, fills = sheet.fills(place, 0)[0]
        value += more
        moves.append(((), fills))
    budget.spend(len(moves))
    return Found(value, value, moves)


def _walk(sheet: Sheet, budget: Budget, *, beam: bool) -> Found:
    rows, takers = sheet.component.rows, sheet.component.takers
    layer: Layer = {(0,) * len(takers): Node(0, None, None, (0, 0))}
    floor: int | None = None
    left_behind: int | None = None
    for place in range(len(rows)):
        if not beam and floor is None and len(layer) >= PROBE_FROM:
            floor = _walk(sheet, budget, beam=True).value
        layer, dropped = _narrow(sheet, budget, place, layer, floor=floor, beam=beam)
        if dropped is not None and (left_behind is None or dropped > left_behind):
            left_behind = dropped
        layer = _expand(sheet, budget, place, layer)
    ends = [node for state, node in layer.items() if is_complete(sheet, state)]
    best = max(ends, key=lambda node: node.value, default=None)
    if best is None:  # every state that was kept had a use left open: nobody takes anything
        return _nobody(sheet)
    bound = best.value if left_behind is None else max(best.value, left_behind)
    if sheet.restricted:
        bound = max(bound, sheet.tails[0])
    return Found(best.value, bound, _path(best))


def _nobody(sheet: Sheet) -> Found:
    value, moves = 0, []
    for place, row in enumerate(sheet.component.rows):
        more, fills = sheet.fills(place, 0)[0]
        value += more
        moves.append(((0,) * len(row.takers), fills))
    return Found(value, max(value, sheet.tails[0]), moves)


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
    sheet: Sheet, budget: Budget, place: int, layer: Layer, *, floor: int | None, beam: bool
) -> tuple[Layer, int | None]:
    """Drop states that can't win, and at the limit all but the most promising ones."""
    rows_left = len(sheet.component.rows) - place
    if len(layer) <= BEAM or (len(layer) < PROBE_FROM and not beam and budget.left > 0):
        return layer, None
    bounds: dict[tuple[int, ...], int] = {}
    for state, node in layer.items():
        bound = sheet.bound(place, state)
        if bound is not None and (floor is None or node.value + bound >= floor):
            bounds[state] = node.value + bound
    budget.spend(len(layer))
    keep = BEAM
    if not beam:
        some = next(iter(layer))
        row = sheet.component.rows[place]
        steps = len(sheet.moves(place, tuple(some[number] for number in row.takers)))
        if len(bounds) * steps <= budget.left // 2:
            return {state: layer[state] for state in layer if state in bounds}, None
        keep = max(BEAM, budget.left // (4 * rows_left * steps))
    order = sorted(bounds, key=lambda state: (-bounds[state], layer[state].rank))
    kept = set(order[:keep])
    dropped = bounds[order[keep]] if len(order) > keep else None
    return {state: node for state, node in layer.items() if state in kept}, dropped


def _expand(sheet: Sheet, budget: Budget, place: int, layer: Layer) -> Layer:
    """Make all moves on one row from every state; of equal states the best, then the first stays."""
    touched = sheet.component.rows[place].takers
    grown: Layer = {}
    replaced = False
    count = 0
    for first, (state, node) in enumerate(layer.items()):
        steps = sheet.moves(place, tuple([state[number] for number in touched]))
        count += len(steps)
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
