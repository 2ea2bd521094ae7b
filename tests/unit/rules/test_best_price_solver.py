"""The best price of larger baskets against an independent solver (HiGHS)."""

import pytest

from tests.unit.rules.brute_force import programme_of
from tests.unit.rules.mixed_integer import least_to_pay, whole_shop
from tests.unit.rules.shop import line, price


def agrees(seed: int, lines: int) -> bool:
    """Whether the quote is proven; proven or not, it has to fit what the solver finds."""
    shop = whole_shop(seed, lines)
    goods = [line(str(n), amount, sku=sku) for n, (sku, amount) in enumerate(shop.units)]
    quote = price(programme_of(shop), *goods)
    least = least_to_pay(shop)
    assert quote.due_minor - quote.gap_minor <= least <= quote.due_minor, seed
    return quote.optimal


def test_the_solver_agrees_on_twelve_lines() -> None:
    assert sum(agrees(seed, 12) for seed in range(20)) >= 16


def test_the_solver_agrees_on_thirty_lines() -> None:
    assert sum(agrees(seed, 30) for seed in range(500, 512)) >= 3


@pytest.mark.soak
@pytest.mark.timeout(3600)
def test_the_solver_agrees_on_hundreds_of_baskets() -> None:
    assert sum(agrees(seed, 24) for seed in range(10_000, 10_400)) >= 250
