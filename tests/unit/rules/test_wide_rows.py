"""Many equal pieces on one line: what is left to pay, against every way to share them out."""

import random
from collections.abc import Iterator

import pytest

from tessera.core.quote import Quote
from tessera.rules.programme import parse_programme
from tessera.rules.rows import Taker
from tessera.rules.simple_answer import paying
from tests.unit.rules.shop import line, price


def due(text: str, count: int, price_minor: int) -> Quote:
    return price(
        f"groups: {{one: best}}\noffers:\n{text}", line("1", price_minor * count, quantity=count)
    )


@pytest.mark.parametrize("count", [3, 25, 51, 301, 4_001])
def test_an_odd_number_of_pieces_is_shared_out_in_whole_uses(count: int) -> None:
    """Two for 15.00 as often as they go, and 10 % off the last piece at 10.00: proven."""
    text = "  a: {give: any 2 for 15.00, in: one}\n  b: {give: 10 % off the basket, in: one}\n"
    quote = due(text, count, 1_000)
    assert (quote.due_minor, quote.optimal) == (count // 2 * 1_500 + 900, True)


def every_way(sizes: list[int], count: int) -> Iterator[list[int]]:
    """How often each bundle can be used, one after the other."""
    if not sizes:
        yield []
        return
    for uses in range(count // sizes[0] + 1):
        yield from ([uses, *rest] for rest in every_way(sizes[1:], count - uses * sizes[0]))


@pytest.mark.parametrize("seed", range(40))
def test_wide_rows_cost_what_trying_every_way_finds_or_are_within_their_gap(seed: int) -> None:
    """One or two set prices and a percentage off the rest, 25 to 400 pieces."""
    chance = random.Random(seed)
    count, each = chance.randint(25, 400), chance.choice((1000, 333, 799))
    sizes = chance.sample((2, 3, 4, 5), 1 + seed % 2)
    prices = [size * each * chance.randint(60, 98) // 100 for size in sizes]
    rate = chance.randint(1, 30)
    best = each * count
    for ways in every_way(sizes, count):
        rest = each * (count - sum(n * size for n, size in zip(ways, sizes, strict=True)))
        bundles = sum(n * minor for n, minor in zip(ways, prices, strict=True))
        best = min(best, bundles + rest - (2 * rest * rate + 100) // 200)
    text = "".join(
        f"  o{size}: {{give: any {size} for {minor // 100}.{minor % 100:02}, in: one}}\n"
        for size, minor in zip(sizes, prices, strict=True)
    )
    quote = due(text + f"  rest: {{give: {rate} % off the basket, in: one}}\n", count, each)
    assert quote.due_minor - quote.gap_minor <= best <= quote.due_minor
    assert quote.due_minor == best or not quote.optimal
    assert quote.optimal or len(sizes) > 1
    assert quote.due_minor * 100 <= best * 102


@pytest.mark.parametrize("price_minor", [50, 150, 201, 300])
def test_uses_of_a_set_price_are_counted_as_if_one_by_one(price_minor: int) -> None:
    """Any 3 for 4.50 pays while three units cost more; units at 2.00 and 1.00 beside the others."""
    text = "programme: p\ncurrency: EUR\noffers: {a: {give: any 3 for 4.50}}\n"
    programme, _ = parse_programme(text, file="p.yaml")
    assert programme is not None
    taker = Taker(programme.offers[0], size=3, rewarded=3, flat=-150)
    chance = random.Random(price_minor)
    for _ in range(200):
        prices = sorted((200, 100, price_minor), reverse=True)
        free = [(price, chance.randint(0, 9)) for price in prices]
        units = [price for price, count in free for _ in range(count)]
        most = chance.randint(0, len(units))
        uses = [units[start : start + 3] for start in range(0, most - most % 3, 3)]
        expected = next((n for n, use in enumerate(uses) if sum(use) <= 450), len(uses))
        assert paying(taker, free, most) == 3 * expected
