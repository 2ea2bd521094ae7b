"""Mechanics that the search does not put into numbers: no quote of them is called proven wrongly.

Each is priced beside a rival on up to six units and held against every way to give units to offers,
worked out here without the engine. Prices are whole, so that nothing hangs on a rounding but where
the rounding is the mechanic.
"""

import random
from collections.abc import Callable, Sequence
from itertools import combinations

import pytest

from tessera.core.quote import Quote
from tests.unit.rules.shop import line, price

Units = Sequence[int]
"""Prices in minor units."""


def quote_of(text: str, units: Units) -> Quote:
    lines = [line(f"l{n}", minor, sku=f"s{n}") for n, minor in enumerate(units)]
    return price(text, *lines)


def splits(units: Units) -> list[tuple[list[int], list[int]]]:
    """Every way to take some of the units, and what is left."""
    places = range(len(units))
    return [
        ([units[n] for n in some], [units[n] for n in places if n not in some])
        for size in range(len(units) + 1)
        for some in combinations(places, size)
    ]


def half_up(number: int, denominator: int) -> int:
    return (2 * number + denominator) // (2 * denominator)


def cheapest_overall(chance: random.Random, units: Units) -> tuple[str, int]:
    """Buy 2 get 1 free, the cheapest of all that are taken, against a percentage on each unit."""
    rate = chance.choice((10, 20, 30))
    best = sum(units)
    for taken, rest in splits(units):
        if len(taken) % 3 == 0:
            free = sum(sorted(taken)[: len(taken) // 3])
            best = min(best, sum(taken) - free + sum(one - one * rate // 100 for one in rest))
    text = "settings: {cheapest_free: cheapest-overall}\ngroups: {one: best}\noffers:\n"
    text += "  a: {give: buy 2 get 1 free, in: one}\n"
    return text + f"  b: {{give: {rate} % off, in: one}}\n", best


def rounding_over_offer(chance: random.Random, units: Units) -> tuple[str, int]:
    """A percentage rounded once over all its goods, of odd cents, against 25 % off any two."""
    rate = chance.choice((7, 11, 13, 17))
    odd = [one + 33 for one in units]
    best = min(
        sum(odd) - half_up(sum(taken) * 25, 100) - half_up(sum(rest) * rate, 100)
        for taken, rest in splits(odd)
        if len(taken) % 2 == 0
    )
    text = "settings: {rounding_level: offer}\ngroups: {one: best}\noffers:\n"
    text += "  a: {give: {any: 2, off: 25 %}, in: one}\n"
    return text + f"  b: {{give: {rate} % off, in: one}}\n", best


def budget_of_bundle(chance: random.Random, units: Units) -> tuple[str, int]:
    """Any two for half of what they may cost, until 5.00 are given, against a percentage."""
    rate, budget = chance.choice((10, 20, 40)), chance.choice((300, 500))
    best = sum(units)
    for taken, rest in splits(units):
        if len(taken) % 2 == 0:
            off = min(budget, sum(taken) // 2)
            best = min(best, sum(taken) - off + sum(one - one * rate // 100 for one in rest))
    text = "groups: {one: best}\noffers:\n"
    text += (
        f"  a: {{give: {{any: 2, off: 50 %}}, in: one, limits: {{budget: {budget // 100}.00}}}}\n"
    )
    return text + f"  b: {{give: {rate} % off, in: one}}\n", best


def bundle_meets_others(chance: random.Random, units: Units) -> tuple[str, int]:
    """Any two at half price, and 20 % of what is left of a unit; a third takes units alone."""
    rate = chance.choice((30, 50, 70))
    best = sum(units)
    for taken, rest in splits(units):
        if len(taken) % 2 == 0:
            for alone, others in splits(rest):
                due = sum(one * 40 // 100 for one in taken) + sum(one * 80 // 100 for one in others)
                best = min(best, due + sum(one - one * rate // 100 for one in alone))
    text = "groups: {one: best}\noffers:\n  a: {give: {any: 2, off: 50 %}, stacks: b}\n"
    text += "  b: {give: 20 % off, stacks: a}\n"
    return text + f"  c: {{give: {rate} % off}}\n", best


def first_beside_others(chance: random.Random, units: Units) -> tuple[str, int]:
    """The merchant's order for two, and a third that takes any units from them."""
    rate, other = chance.choice((10, 20)), chance.choice((15, 25))
    best = sum(units)
    for taken, rest in splits(units):
        if len(taken) % 2 == 0:
            kept = sum(one - one * rate // 100 for one in rest)
            best = min(best, sum(taken) - sum(sorted(taken)[: len(taken) // 2]) // 2 + kept)
    text = "groups: {house: first}\noffers:\n"
    text += f"  a: {{give: {rate} % off, in: house}}\n  b: {{give: {other} % off, in: house}}\n"
    return text + "  c: {give: buy 1 get 1 at 50 % off}\n", best


MECHANICS: list[Callable[[random.Random, Units], tuple[str, int]]] = [
    cheapest_overall,
    rounding_over_offer,
    budget_of_bundle,
    bundle_meets_others,
    first_beside_others,
]


def judge(mechanic: Callable[[random.Random, Units], tuple[str, int]], seed: int) -> bool:
    chance = random.Random(seed)
    units = [chance.choice((200, 400, 600, 1_000, 1_200)) for _ in range(chance.randint(2, 6))]
    text, best = mechanic(chance, units)
    if mechanic is rounding_over_offer:
        units = [one + 33 for one in units]
    quote = quote_of(text, units)
    assert not quote.optimal or quote.due_minor <= best, (text, units)
    assert quote.due_minor - quote.gap_minor <= best, (text, units)
    return quote.optimal


@pytest.mark.parametrize("mechanic", MECHANICS)
def test_what_is_called_proven_is_not_beaten_by_any_way_to_give_units(
    mechanic: Callable[[random.Random, Units], tuple[str, int]],
) -> None:
    told = [judge(mechanic, seed) for seed in range(60)]
    assert not all(told), "it competes, and nothing of it is unproven: it may be put into numbers"
