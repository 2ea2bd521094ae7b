"""The loose bound of a ladder is above what it takes off any part of its goods, and not by much."""

import random

import pytest

from tessera.core.basket import Basket
from tessera.rules.finding import find_offers
from tessera.rules.unproven import most_together
from tessera.rules.work import Work
from tests.unit.rules.shop import line, place, price, programme

LADDERS = (
    "{{steps: {{5.00: {a} %, 20.00: {b} %}}}}",
    "{{steps: {{5.00: {a} %, 20.00: {b}.50}}}}",
    "{{steps: {{0.00: {a} %, 20.00: {b} %}}, marginal: yes}}",
    "{{steps: {{1: {a} %, 2: {b} %, 5: 30 %}}, reads: quantity, marginal: yes}}",
    "'{a}.50 off for every whole 10.00, at most 3 times'",
    "1.{b} off for every 3 items",
)


def bound(text: str, amounts: list[tuple[int, int]]) -> int:
    lines = tuple(
        line(f"l{n}", minor * count, sku=f"s{n}", quantity=count)
        for n, (minor, count) in enumerate(amounts)
    )
    work = Work(programme(text), None, Basket(currency="EUR", lines=lines), place())
    find_offers(work)
    return most_together(work, work.programme.offers, work.goods)


@pytest.mark.parametrize("give", LADDERS)
@pytest.mark.parametrize("seed", range(8))
def test_no_part_of_the_goods_gets_more_than_the_bound(give: str, seed: int) -> None:
    chance = random.Random(seed)
    words = give.format(a=chance.randint(1, 60), b=chance.randint(10, 60))
    text = f"offers:\n  a: {{give: {words}}}\n"
    amounts = [(chance.randint(1, 900), chance.randint(1, 6)) for _ in range(4)]
    most = bound(text, amounts)
    for chosen in range(1, 16):
        part = [
            line(f"l{n}", minor * count, sku=f"s{n}", quantity=count)
            for n, (minor, count) in enumerate(amounts)
            if chosen >> n & 1
        ]
        assert price(text, *part).discount_minor <= most


def test_the_bound_of_slices_is_their_best_rate() -> None:
    """30.00 at 1 % and from 20.00 on at 10 %: at most 3.00, and a cent for each rounding."""
    text = "offers:\n  a: {give: {steps: {0.00: 1 %, 20.00: 10 %}, marginal: yes}}\n"
    assert bound(text, [(3000, 1)]) == 303
