"""The best price against trying everything: proven means that nobody can find a lower total."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tessera.core.quote import Quote
from tests.unit.rules.brute_force import Rule, Shop, Trial, least_to_pay, programme_of, random_shop
from tests.unit.rules.shop import line, outcome, price

PAIRS = """
groups: {weekly: best}
offers:
  cheaper-half: {give: buy 1 get 1 at 50 % off, in: weekly}
  two-at-20: {give: {any: 2, off: 20 %}, in: weekly}
"""


def quote_of(shop: Shop) -> Quote:
    lines = [line(str(n), amount, sku=sku) for n, (sku, amount) in enumerate(shop.units)]
    return price(programme_of(shop), *lines)


def judge(shop: Shop) -> Quote:
    """A proven quote is what trying everything finds; any other lies within its gap."""
    quote, least = quote_of(shop), least_to_pay(shop)
    assert quote.due_minor - quote.gap_minor <= least <= quote.due_minor
    assert quote.optimal == (quote.gap_minor == 0)
    return quote


# -- the numbers of the description


def test_a_unit_offer_is_given_up_for_a_better_basket_offer() -> None:
    """30.00: 20 % off leaves 24.00 and no 25.00 to reach; 7.00 off alone leaves 23.00."""
    everything = frozenset({"s"})
    shop = Shop(
        (
            Rule("a", "percent", everything, 20),
            Rule("b", "basket-amount", everything, 700, needs=2500, after=True),
        ),
        (("s", 3000),),
    )
    assert Trial(shop).stage_by_stage() == 2400
    quote = judge(shop)
    assert (quote.due_minor, quote.optimal) == (2300, True)
    assert outcome(quote, "a").reason == "better-offer"


def test_the_largest_saving_first_is_not_good_enough() -> None:
    """38 + 1 at 20 %: 7.80; the cheaper of 25 and 25 at half: 12.50; together 20.30, not 17.80."""
    everything = frozenset({"a", "b", "c", "d"})
    shop = Shop(
        (
            Rule("cheaper-half", "cheapest", everything, 50, n=2),
            Rule("two-at-20", "share", everything, 20, n=2),
        ),
        (("a", 3800), ("b", 2500), ("c", 2500), ("d", 100)),
    )
    assert 8900 - Trial(shop).largest_saving_first() == 1780
    quote = judge(shop)
    assert (quote.discount_minor, quote.optimal, quote.gap_minor) == (2030, True, 0)
    assert quote.nodes > 0


# -- trying everything


@pytest.mark.parametrize("rounding", ["half-away", "floor"])
def test_small_shops_are_proven_and_right(rounding: str) -> None:
    proven = 0
    for seed in range(300):
        proven += judge(random_shop(seed, 6, rounding=rounding)).optimal
    assert proven >= 290


def test_eight_units_are_proven_and_right() -> None:
    for seed in range(3_000, 3_060):
        judge(random_shop(seed, 8))


@pytest.mark.soak
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("rounding", ["half-away", "floor"])
def test_thousands_of_shops_with_eight_units_are_right(rounding: str) -> None:
    proven = 0
    for seed in range(100_000, 105_000):
        proven += judge(random_shop(seed, 8, rounding=rounding)).optimal
    assert proven >= 4_800


@settings(max_examples=150, deadline=None)
@given(st.integers(0, 10**9), st.integers(2, 6))
def test_any_small_shop_is_within_its_gap(seed: int, units: int) -> None:
    judge(random_shop(seed, units))


def test_simple_ways_are_seen_to_fail_on_the_same_shops() -> None:
    """Settling stage by stage, or the largest saving first, leaves more to pay again and again."""
    staged = greedy = 0
    for seed in range(200):
        shop = random_shop(seed, 5)
        due, trial = quote_of(shop).due_minor, Trial(shop)
        assert due <= trial.stage_by_stage()
        staged += due < trial.stage_by_stage()
        if not any(rule.most or rule.cap for rule in shop.rules):  # which a single use can't know
            assert due <= trial.largest_saving_first()
            greedy += due < trial.largest_saving_first()
    assert staged >= 3
    assert greedy >= 3


# -- what changes nothing


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10**6), st.integers(0, 10**6))
def test_the_order_of_lines_and_offers_changes_nothing(seed: int, shuffle: int) -> None:
    shop = random_shop(seed, 6)
    chance = random.Random(shuffle)
    rules = Shop(
        tuple(chance.sample(shop.rules, len(shop.rules))), shop.units, shop.stacks, shop.rounding
    )
    lines = [line(str(n), amount, sku=sku) for n, (sku, amount) in enumerate(shop.units)]
    one = price(programme_of(shop), *lines)
    two = price(programme_of(rules), *chance.sample(lines, len(lines)))
    assert {line.line_id: line.offers for line in one.lines} == {
        line.line_id: line.offers for line in two.lines
    }
    assert (one.due_minor, one.nodes, one.gap_minor) == (two.due_minor, two.nodes, two.gap_minor)


def test_equal_goods_in_one_line_or_in_several_cost_the_same() -> None:
    once = price(PAIRS, line("1", 10000, sku="a", quantity=4), line("2", 100, sku="b"))
    lines = [line(f"1{n}", 2500, sku="a") for n in range(4)]
    split = price(PAIRS, *lines, line("2", 100, sku="b"))
    assert once.due_minor == split.due_minor
    assert once.nodes == split.nodes


def test_equal_savings_go_to_the_higher_priority_then_to_the_smaller_id() -> None:
    rules = """
groups: {{weekly: best}}
offers:
  b: {{give: 10 % off, in: weekly}}
  a: {{give: 10 % off, in: weekly}}
  c: {{give: 10 % off, in: weekly{priority}}}
"""
    first = price(rules.format(priority=""), line("1", 1000))
    assert outcome(first, "a").applied
    second = price(rules.format(priority=", priority: 1"), line("1", 1000))
    assert outcome(second, "c").applied


# -- the limit


def crowded(lines: int, offers: int) -> tuple[str, list[tuple[str, int]]]:
    """Overlapping sets of all sizes over goods whose prices have nothing in common."""
    chance = random.Random(5)
    goods = [(f"s{n}", 101 + 37 * n) for n in range(lines)]
    text = "groups: {one: best}\noffers:\n"
    for number in range(offers):
        some = chance.sample([sku for sku, _ in goods], lines * 2 // 3)
        size = 3 + number % 5
        give = f"any {size} for {size}.{number:02}"
        text += f"  o{number}: {{what: {{sku: [{', '.join(some)}]}}, give: {give}, in: one}}\n"
    return text, goods


def test_at_the_limit_the_best_found_comes_with_its_gap() -> None:
    text, goods = crowded(40, 14)
    lines = [line(str(n), amount * 3, sku=sku, quantity=3) for n, (sku, amount) in enumerate(goods)]
    quote = price(text, *lines)
    assert not quote.optimal
    assert 0 < quote.gap_minor < quote.due_minor
    again = price(text, *reversed(lines))
    assert (again.due_minor, again.gap_minor, again.nodes) == (
        quote.due_minor,
        quote.gap_minor,
        quote.nodes,
    )
