"""A first answer for one component: takers one after the other, each from the dearest unit down.

Owns: the answer that is there when the search has to stop, and that prunes it before. Must never:
claim to be the best.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from tessera.rules.bounds import Move, Sheet
from tessera.rules.rows import Taker
from tessera.rules.spending import WORK_SIMPLE, Budget

TAKERS_MAX = 12
"""Takers that are tried where no work is left for more."""


@dataclass(slots=True)
class Found:
    """The best moves of a component, row by row, what they gain, and what nothing can exceed."""

    value: int
    bound: int
    moves: list[Move]


def nobody_takes(sheet: Sheet) -> Found:
    """Leave all rows to fills and to the basket."""
    return _answer(sheet, [[0] * len(row.takers) for row in sheet.component.rows])


def one_after_the_other(sheet: Sheet, budget: Budget) -> Found:
    """Try the takers in a few orders, by what each could take alone; the best of the answers."""
    takers = sheet.component.takers
    budget.spend(4 * len(takers) * len(sheet.component.rows))
    if len(takers) > TAKERS_MAX and budget.meter.left < WORK_SIMPLE:
        return _quick(sheet)
    nothing = [[0] * len(row.takers) for row in sheet.component.rows]
    alone = [_gain(sheet, number, nothing) for number in range(len(takers))]
    by_gain = sorted(range(len(takers)), key=lambda number: (-alone[number], number))
    best = nobody_takes(sheet)
    orders = [by_gain] if len(takers) > 8 else [by_gain, list(range(len(takers))), by_gain[::-1]]
    for order in orders:
        counts = [list(row) for row in nothing]
        found = nobody_takes(sheet)
        for number in order:
            trial = [list(row) for row in counts]
            _take_all(sheet, number, trial)
            other = _answer(sheet, trial)
            if other.value > found.value:
                counts, found = trial, other
        if found.value > best.value:
            best = found
    return Found(best.value, max(best.value, sheet.tails[0]), best.moves)


def _quick(sheet: Sheet) -> Found:
    """Try only the takers that promise most, where there is no work left for all of them."""
    order = sorted(range(len(sheet.hopes)), key=lambda number: (-sheet.hopes[number], number))
    counts = [[0] * len(row.takers) for row in sheet.component.rows]
    found = nobody_takes(sheet)
    for number in order[:TAKERS_MAX]:
        trial = [list(row) for row in counts]
        _take_all(sheet, number, trial)
        other = _answer(sheet, trial)
        if other.value > found.value:
            counts, found = trial, other
    return Found(found.value, max(found.value, sheet.tails[0]), found.moves)


def _gain(sheet: Sheet, number: int, counts: Sequence[Sequence[int]]) -> int:
    trial = [list(row) for row in counts]
    _take_all(sheet, number, trial)
    return _answer(sheet, trial).value


def _take_all(sheet: Sheet, number: int, counts: list[list[int]]) -> None:
    """Let a taker fill as many uses as pay, the dearest units first."""
    taker = sheet.component.takers[number]
    if taker.part >= 0:
        return
    sheet.budget.work(1 + len(sheet.component.rows) // 2)
    free = [
        (place, row.count - sum(counts[place]))
        for place, row in enumerate(sheet.component.rows)
        if number in row.takers and (not sheet.by_line or not any(counts[place]))
    ]
    most = sum(count for _, count in free)
    priced = [(sheet.component.rows[place].price, count) for place, count in free]
    most = paying(taker, priced, most if taker.most is None else min(most, taker.most))
    for place, count in free:
        row = sheet.component.rows[place]
        part = min(count, most)
        counts[place][row.takers.index(number)] += part
        most -= part


def paying(taker: Taker, free: Sequence[tuple[int, int]], most: int) -> int:
    """How many of the free units, the dearest first, fill uses that are worth something.

    `free`: price and count; at most `most` units in all.
    """
    most -= most % taker.size
    if taker.flat >= 0 or taker.rewarded < taker.size:
        return most
    needed = -taker.flat * taker.size
    whole = filled = worth = 0
    for price, there in free:
        count = there
        while count and whole < most:
            part = min(count, taker.size - filled)
            filled, worth, count = filled + part, worth + part * price, count - part
            if filled < taker.size:
                break
            if worth <= needed:
                return whole
            # What is left of the row makes up uses that are alike.
            alike = min(count, most - whole - taker.size) // taker.size
            if price * taker.size <= needed:
                alike = 0
            whole += taker.size * (1 + alike)
            count -= taker.size * alike
            filled = worth = 0
    return whole


def _answer(sheet: Sheet, counts: Sequence[Sequence[int]]) -> Found:
    """What counts of units by row and taker come to, with the fills on the rest."""
    sheet.budget.work(2 * len(sheet.component.rows))
    states = [0] * len(sheet.component.takers)
    value, moves = 0, []
    for place, row in enumerate(sheet.component.rows):
        taken = sum(counts[place])
        if not taken:
            more, rest = sheet.fills(place, 0)[0]
            value += more
            moves.append((tuple(counts[place]), rest))
            continue
        for number, count in zip(row.takers, counts[place], strict=True):
            if not count:
                continue
            step = sheet.take(number, row, states[number], count)
            assert step is not None
            value += step[0]
            states[number] = step[1]
        if taken and sheet.by_line:
            value += sheet.closed(row, tuple(counts[place]), taken)
            fills: Move = (tuple(counts[place]), ())
        else:
            more, rest = sheet.fills(place, taken)[0]
            value += more
            fills = (tuple(counts[place]), rest)
        moves.append(fills)
    return Found(value, value, moves)
