"""What goods can be worth at most: the worth of moves under weights, relaxed bounds.

Owns: the value of giving units of a row to a taker, to fills, or to nobody, and a bound on all rows
that are left which is never too low. Must never: choose, or apply anything.

Values are minor units times the choice's scale times the weights' denominator. A unit that stays in
the base of a basket offer is worth that offer's rate of what it still costs.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from tessera.rules.rows import Clique, Component, Row, Taker, clique_discount
from tessera.rules.spending import WORK_MAX, Budget
from tessera.rules.weights import Weights
from tessera.rules.work import Work

MOVES_MAX = 220
"""Most ways to share one row out that are looked at; beyond it only even ones are."""
MANY_UNITS = 24
"""In a row of more units than this, only some numbers of units are looked at."""

Fills = tuple[tuple[Clique, int], ...]
"""Which fills act on how many units of a row, one after the other."""
Move = tuple[tuple[int, ...], Fills]
"""How many units each of a row's takers takes, and what fills the rest."""
Step = tuple[int, tuple[int, ...], Move]
"""What a move is worth, the states of the row's takers after it, and the move."""

_USED = 1 << 32


@dataclass(slots=True, eq=False)
class Sheet:
    """The worth of every move in one component under some weights."""

    work: Work
    component: Component
    weights: Weights
    by_line: bool
    budget: Budget
    labels: bool = False
    off: list[int] = field(default_factory=list)
    restricted: bool = False
    tails: list[int] = field(default_factory=list)
    steps: dict[tuple[int, tuple[int, ...]], list[Step]] = field(default_factory=dict)
    filled: dict[tuple[int, int], list[tuple[int, Fills]]] = field(default_factory=dict)
    units_after: list[list[int]] = field(default_factory=list)
    hopes: list[int] = field(default_factory=list)
    rivals: dict[int, list[Clique]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        component = self.component
        whole, work, weights = self.weights.whole, self.work, self.weights
        current = work.settings.stacked_base != "shelf"
        there: list[list[int]] = [[] for _ in component.takers] if weights.bases else []
        for row in component.rows if weights.bases else ():
            for place in row.takers:
                there[place].append(row.fold.number)
        for taker, numbers in zip(component.takers, there, strict=True) if there else ():
            lost = min(weights.kept(work, number, taker.offer) for number in numbers)
            self.off.append(max(0, whole - lost) if current else whole)
        if not there:
            self.off = [whole] * len(component.takers)
        if len(component.rows) > 1 or component.takers:
            self._add_tails()

    # -- fills

    def fills(self, place: int, taken: int) -> list[tuple[int, Fills]]:
        """Give what the rest of a row is worth when `taken` units are gone: the best, or all."""
        known = self.filled.get((place, taken))
        if known is None:
            known = self.filled[place, taken] = self._fills(self.component.rows[place], taken)
        return known

    def _fills(self, row: Row, taken: int) -> list[tuple[int, Fills]]:
        rest = row.count - taken
        free = self.weights.kept(self.work, row.fold.number, None) * self.component.scale
        amount = row.base(taken, rest)
        if not rest or not row.cliques:
            return [(free * amount, ())]
        rivals = row.cliques if self.labels or not row.split else self._rivals(row)
        alone = len(rivals) == 1 and not free and not self.labels
        if not row.split or self.by_line or rest == 1 or alone:
            found: list[tuple[int, Fills]] = [
                (self._filled(row, clique, rest, amount), ((clique, rest),)) for clique in rivals
            ]
            if free or self.labels:
                found.append((free * amount, ()))
            return self._kept(found)
        labels: dict[tuple[int, int], Fills] = {(taken, 0): ()}
        for clique in rivals:
            labels = self._next_fill(row, clique, labels)
        return self._kept(
            [
                (value + free * row.base(start, row.count - start), fills)
                for (start, value), fills in labels.items()
            ]
        )

    def _next_fill(
        self, row: Row, clique: Clique, labels: dict[tuple[int, int], Fills]
    ) -> dict[tuple[int, int], Fills]:
        """Let one more fill act on any number of the units that are left."""
        grown: dict[tuple[int, int], Fills] = {}
        best: dict[int, int] = {}
        for (start, value), fills in labels.items():
            counts: Sequence[int] = range(row.count - start, -1, -1)
            if len(counts) > MANY_UNITS and not self.labels:
                counts = [*counts[: MANY_UNITS // 2], *counts[-MANY_UNITS // 2 :]]
                self.restricted = True
            self.budget.work(4 * len(counts))
            for count in counts:
                more = value
                if count:
                    more += self._filled(row, clique, count, row.base(start, count))
                end = start + count
                if not self.labels:
                    if end in best and best[end] >= more:
                        continue
                    grown.pop((end, best.get(end, 0)), None)
                    best[end] = more
                after = (*fills, (clique, count)) if count else fills
                grown.setdefault((end, more), after)
        return grown

    def _rivals(self, row: Row) -> list[Clique]:
        """Leave out fills that another beats on every unit by more than rounding could make up.

        Then its units do better with the other. Three minor units a unit: half of one is lost or
        won by each rounding, and by each unit of a parcel that is a minor unit dearer.
        """
        known = self.rivals.get(row.fold.number)
        if known is not None:
            return known
        number, unit = row.fold.number, row.amount // row.count
        self.budget.work(3 * len(row.cliques))
        found: list[tuple[int, int, int, Clique]] = []
        for clique in row.cliques:
            kept = min(self.weights.kept(self.work, number, offer) for offer in clique)
            least, most = (
                clique_discount(self.work, row, clique, 1, price) for price in (unit, unit + 1)
            )
            found.append((kept, least, most, clique))
        known = [
            clique
            for kept, _, most, clique in found
            if len(clique) > 1
            or not any(
                other == kept <= self.weights.whole and least >= most + 4 and len(rival) == 1
                for other, least, _, rival in found
            )
        ]
        self.rivals[number] = known
        return known

    def _filled(self, row: Row, clique: Clique, count: int, amount: int) -> int:
        """What units are worth that fills act on."""
        work, number = self.work, row.fold.number
        minor = clique_discount(work, row, clique, count, amount)
        worth = minor * self.weights.whole
        if self.weights.bases:
            kept = min(self.weights.kept(work, number, offer) for offer in clique)
            base = amount if work.settings.stacked_base == "shelf" else amount - minor
            worth += kept * base
        return worth * self.component.scale

    def _kept(self, found: list[tuple[int, Fills]]) -> list[tuple[int, Fills]]:
        if not self.labels:
            return [max(found, key=lambda one: one[0])]
        once: dict[int, Fills] = {}
        for value, fills in found:
            once.setdefault(value, fills)
        return list(once.items())

    # -- takers

    def moves(self, place: int, states: tuple[int, ...]) -> list[Step]:
        """Give all ways to share out a row, in the documented order, given its takers' states."""
        known = self.steps.get((place, states))
        if known is None:
            row = self.component.rows[place]
            known = self.steps[place, states] = self._moves(place, row, states)
        return known

    def _moves(self, place: int, row: Row, states: tuple[int, ...]) -> list[Step]:
        found: list[Step] = []
        ways: list[tuple[int, tuple[int, ...], tuple[int, ...], int]] = [(0, (), (), 0)]
        for position, number in enumerate(row.takers):
            taker = self.component.takers[number]
            grown = []
            for worth, after, counts, taken in ways:
                closed = self.by_line and taken
                most = 0 if closed else row.count - taken
                some = self._counts(row, taker, states[position], most, MOVES_MAX // len(ways))
                self.budget.work(2 * len(some) + 2)
                for count in some:
                    step = self.take(number, row, states[position], count)
                    if step is not None:
                        more, state = step
                        grown.append(
                            (worth + more, (*after, state), (*counts, count), taken + count)
                        )
            if len(grown) > MOVES_MAX:
                self.restricted = True
                grown = grown[:: len(grown) // MOVES_MAX + 1]
            ways = grown
        for worth, after, counts, taken in ways:
            if taken and self.by_line:
                found.append((worth + self.closed(row, counts, taken), after, (counts, ())))
                continue
            found += [
                (worth + value, after, (counts, fills)) for value, fills in self.fills(place, taken)
            ]
        return found

    def _counts(self, row: Row, taker: Taker, state: int, most: int, numbers: int) -> Sequence[int]:
        """How many units a taker may take, what the documented order prefers first.

        Of many only `numbers` are looked at, both ends among them.
        """
        if taker.table is not None and taker.most is not None:
            most = min(most, taker.most)
        counts: Sequence[int] = range(most + 1)
        if most >= MANY_UNITS and self._is_straight(row, taker) and 2 * taker.size <= MANY_UNITS:
            counts = [*range(taker.size), *range(most - taker.size + 1, most + 1)]
        elif most >= MANY_UNITS:
            self.restricted = True
            counts = _some(taker, state, most, max(3, min(numbers, MANY_UNITS)))
        first = min((clique[0].place for clique in row.cliques), default=1 << 60)
        return counts if first < taker.offer.place else counts[::-1]

    def _is_straight(self, row: Row, taker: Taker) -> bool:
        """Tell whether a row is worth a straight line between counts that leave the same state.

        Then one of its ends is best, and no other count need be looked at.
        """
        return (
            len(row.takers) == 1
            and not row.cliques
            and taker.table is None
            and taker.most is None
            and taker.part < 0
            and not self.by_line
            and not self.labels
        )

    def closed(self, row: Row, counts: tuple[int, ...], taken: int) -> int:
        """The rest of a line that serves one offer: closed by it, or open to the basket."""
        rest = row.base(taken, row.count - taken)
        by = next(
            self.component.takers[number].offer
            for number, count in zip(row.takers, counts, strict=True)
            if count
        )
        kept = self.weights.kept(self.work, row.fold.number, by if by.of_a_line else None)
        return kept * rest * self.component.scale

    def take(self, number: int, row: Row, state: int, count: int) -> tuple[int, int] | None:
        """What it is worth that a taker takes `count` units of a row, and its state then."""
        if not count:
            return 0, state
        taker, scale = self.component.takers[number], self.component.scale
        if taker.table is not None:
            used, so_far = state % _USED + count, state // _USED
            if taker.most is not None and used > taker.most:
                return None
            minor = taker.table(row, count)
            if taker.cap is not None:
                minor = min(minor, taker.cap - so_far)
            off = minor * scale
            after = used + ((so_far + minor) * _USED if taker.cap is not None else 0)
            after = after if taker.most is not None else after - used
        else:
            total = state + count
            if taker.most is not None and total > taker.most:
                return None
            rewarded = _rewarded(taker, total) - _rewarded(taker, state)
            off = taker.flat * count + row.price * rewarded * taker.rate[0] // taker.rate[1]
            after = total if taker.most is not None or taker.part >= 0 else total % taker.size
        worth = self.off[number] * off
        if self.weights.bases:
            kept = self.weights.kept(self.work, row.fold.number, taker.offer)
            worth += kept * row.price * count
        return worth, after

    # -- bounds

    def _add_tails(self) -> None:
        """Bound what the rows from each place on can be worth: every unit at its best."""
        rows, takers = self.component.rows, self.component.takers
        self.tails, self.hopes = [0] * (len(rows) + 1), [0] * len(takers)
        self.units_after = [[0] * len(takers) for _ in range(len(rows) + 1)]
        for place in range(len(rows) - 1, -1, -1):
            row = rows[place]
            units = [self._unit_bound(number, row) for number in row.takers]
            unit = max(units, default=0)
            for number, each in zip(row.takers, units, strict=True):
                self.hopes[number] += each * row.count
            short = self.budget.meter.left < WORK_MAX // 2
            ends = self._even(row) or row.count > MANY_UNITS or short
            self.budget.work((2 if ends else row.count) + len(row.takers))
            most = max(
                value + unit * taken
                for taken in ([0, row.count] if ends else range(row.count + 1))
                for value, _ in self.fills(place, taken)
            )
            # Between its ends a row is worth a straight line, but for what rounding may add.
            most += 0 if self._even(row) else self._rounding_of(row) if ends else 0
            self.tails[place] = self.tails[place + 1] + most
            after = self.units_after[place]
            after[:] = self.units_after[place + 1]
            for number in row.takers:
                after[number] += row.count

    def _even(self, row: Row) -> bool:
        return not row.cliques

    def _rounding_of(self, row: Row) -> int:
        """What roundings can add to the worth of a row at most: one for each fill, and one."""
        minor = self.weights.whole * self.component.scale
        if self.work.settings.rounding_level == "unit":
            return minor * row.count
        return minor * (len(row.cliques) + 1)

    def loose(self) -> int:
        """What may be lost where only some ways to split rows between fills were looked at."""
        return sum(self._rounding_of(row) for row in self.component.rows if self._is_thinned(row))

    def _is_thinned(self, row: Row) -> bool:
        return row.count > MANY_UNITS and row.split and len(self._rivals(row)) > 1

    def _unit_bound(self, number: int, row: Row) -> int:
        """What one unit of a row brings at most, its share of a whole use."""
        taker, scale = self.component.takers[number], self.component.scale
        if taker.table is not None:
            most = min(row.count, taker.most or row.count, MOVES_MAX)
            self.budget.work(2 * most)
            off = max(-(-taker.table(row, count) * scale // count) for count in range(1, most + 1))
        else:
            above = row.price * taker.rate[0] * taker.rewarded
            off = taker.flat - (-above // (taker.rate[1] * taker.size))
        kept = self.weights.kept(self.work, row.fold.number, taker.offer)
        return self.off[number] * off + kept * row.price

    def bound(self, place: int, state: tuple[int, ...]) -> int | None:
        """Bound what is left from a row on; None when an open use can't be filled any more."""
        most = self.tails[place]
        rows = self.component.rows
        self.budget.work(1 + len(self.component.takers) // 8)
        for number, taker in enumerate(self.component.takers):
            if taker.part >= 0 or taker.table is not None or taker.rewarded == taker.size:
                missing = -state[number] % taker.size if taker.table is None else 0
                if missing and taker.part < 0 and missing > self.units_after[place][number]:
                    return None
                continue
            filled = state[number] % taker.size
            if not filled:
                continue
            if taker.size - filled > self.units_after[place][number]:
                return None
            waiting = min(taker.rewarded, taker.size - filled)
            over = rows[place].price * taker.rate[0] * waiting * (taker.size - taker.rewarded)
            most -= self.off[number] * (-over // (taker.rate[1] * taker.size))
        return most


def _rewarded(taker: Taker, count: int) -> int:
    """How many of the first `count` units are rewarded: the last ones of every use."""
    uses, rest = divmod(count, taker.size)
    return uses * taker.rewarded + max(0, rest - (taker.size - taker.rewarded))


def _some(taker: Taker, state: int, most: int, numbers: int) -> list[int]:
    """Give some of the counts up to `most`: the ends, and between them those that end a use.

    What a row is worth runs along straight lines, so that mostly an end is best: nothing, or all
    that makes up whole uses. A count that leaves a use open is only of use to a later row.
    """
    size = taker.size if taker.table is None else 1
    whole = range(-state % size, most + 1, size)
    if len(whole) > numbers - 2:
        last = len(whole) - 1
        some = [whole[last * n // (numbers - 3)] for n in range(numbers - 2)] if numbers > 3 else []
    else:
        some = [*whole]
    some += whole[-1:]
    near = [count for n in range(size) for count in (n, most - n)]
    more = max(2, numbers - len(set(some)))
    return sorted({*some, *near[:more]})
