"""Everyday offers are priced the quick way: ten offers on a till's processor may not take long."""

import pytest

from tessera.core.basket import Basket
from tessera.rules.evaluate import ENGINE_VERSION, evaluate_in_full
from tessera.rules.quick_quote import quick_quote
from tests.unit.rules.shop import line, member, place, programme

GOODS = (
    line("1", 600, sku="tea", quantity=3, category="drinks"),
    line("2", 250, sku="mug", category="cups"),
    line("3", 450, sku="jam", quantity=2, category="food"),
)


@pytest.mark.parametrize(
    "offers, due",
    [
        ("a: {what: category drinks, give: 10 % off}", 1240),
        ("a: {what: category drinks, give: 0.50 off}", 1150),
        ("a: {what: category drinks, give: price 1.50}", 1150),
        # a third tea of 2.00
        ("a: {what: category drinks, give: buy 2 get 1 free}", 1100),
        ("a: {what: category drinks, give: any 3 for 5.00}", 1200),
        ("a: {what: category drinks, give: {any: 2, cheapest: 50 %}}", 1200),
        ("a: {give: {buy: 1, get: 1 free, which: dearest}, what: category drinks}", 1100),
        ("a: {give: {set: [{what: category drinks}, {what: category cups}], for: 4.00}}", 1250),
        # of two that compete the better one: 2.00, not 0.60
        (
            "a: {what: category drinks, give: buy 2 get 1 free, in: w},"
            " b: {what: category drinks, give: 10 % off, in: w}",
            1100,
        ),
        # the merchant's order: the first takes all three
        (
            "a: {what: category drinks, give: any 3 for 5.00, in: f},"
            " b: {what: category drinks, give: buy 2 get 1 free, in: f}",
            1200,
        ),
        ("a: {what: category drinks, give: buy 2 get 1 free, in: f}", 1100),
        ("a: {give: 1.00 off the basket}", 1200),
        ("a: {give: 10 % off the basket}", 1170),
        ("a: {needs: basket from 10.00, give: 2.00 off the basket}", 1100),
        ("a: {give: {steps: {5.00: 3 %, 20.00: 5 %}}}", 1261),
        ("a: {give: 5 points, limits: 1 a day}", 1300),
    ],
)
def test_everyday_offers_are_priced_the_quick_way(offers: str, due: int) -> None:
    rules = programme(
        f"units: {{points: {{}}}}\ngroups: {{w: best, f: first}}\noffers: {{{offers}}}"
    )
    basket = Basket(currency="EUR", lines=GOODS)
    quick = quick_quote(rules, member(), basket, place(), ENGINE_VERSION)
    assert quick is not None
    assert quick.due_minor == due
    assert quick == evaluate_in_full(rules, member(), basket, place())
