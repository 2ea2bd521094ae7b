"""Offers that may be had a few times in a basket, beside others on the same goods."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tessera.core.basket import Line
from tessera.core.quote import Quote
from tests.unit.rules.shop import check_sums, line, price, programme

TWO = """
{settings}
offers:
  one:  {{give: {one}, limits: 1 per basket{meet}}}
  half: {{give: {half}{meet}}}
"""


def both(one: str, half: str, meet: str = "", settings: str = "") -> str:
    return TWO.format(settings=settings, one=one, half=half, meet=meet)


def taken(quote: Quote) -> dict[str, int]:
    return {one.offer: one.discount_minor for one in quote.offers if one.discount_minor}


@pytest.mark.parametrize("units", ["dearest", "cheapest"])
def test_what_one_limited_unit_leaves_goes_to_the_other_offer(units: str) -> None:
    """Ten at 1.98: 90 % of one is 1.78, half of nine is 8.91."""
    rules = both("90 % off", "50 % off", settings=f"settings: {{limited_units: {units}}}")
    quote = price(rules, line("1", 1980, quantity=10))
    assert taken(quote) == {"one": 178, "half": 891}


def test_one_limited_unit_does_not_drive_out_an_offer_that_it_stacks_with() -> None:
    """Two at 1.98, each at half is 0.99: 90 % of one of them is 0.89."""
    quote = price(both("90 % off", "50 % off", ", stacks: yes"), line("1", 396, quantity=2))
    assert taken(quote) == {"half": 198, "one": 89}


def test_the_merchants_cheapest_unit_may_be_worth_less_than_none() -> None:
    """10 % of the cheapest, 1.00, is less than the 0.50 that it would lose."""
    rules = both("10 % off", "50 % off", settings="settings: {limited_units: cheapest}")
    quote = price(rules, line("1", 900, sku="a"), line("2", 100, sku="b"))
    assert taken(quote) == {"half": 500}


REWARDS = ("10 % off", "50 % off", "90 % off", "0.30 off", "1.00 off", "price 0.50")
CAPPED = ("'50 % off, at most 0.40'", "'90 % off, at most 1.10'")
LIMITS = (
    "",
    ", limits: 1 per basket",
    ", limits: 2 per basket",
    ", limits: 1 per line",
    ", limits: {budget: 0.70}",
)
MEETS = ("", ", stacks: yes")
offers = st.lists(
    st.tuples(
        st.sampled_from(REWARDS + CAPPED), st.sampled_from(LIMITS), st.sampled_from(("", "a, b"))
    ),
    min_size=2,
    max_size=3,
)
lines = st.lists(st.tuples(st.integers(40, 300), st.integers(1, 4)), min_size=1, max_size=3)


def rules_of(given_offers: list[tuple[str, str, str]], units: str, meet: str) -> str:
    rows = []
    for number, (give, limits, what) in enumerate(given_offers):
        goods_of = f", what: 'sku {what}'" if what else ""
        rows.append(f"  o{number}: {{give: {give}{limits}{meet}{goods_of}}}")
    return f"settings: {{limited_units: {units}}}\noffers:\n" + "\n".join(rows)


def goods(drawn: list[tuple[int, int]]) -> list[Line]:
    return [
        line(str(number), each * count, sku="abc"[number], quantity=count)
        for number, (each, count) in enumerate(drawn)
    ]


@given(offers, lines, st.sampled_from(("dearest", "cheapest")))
def test_no_offer_gives_more_than_it_may(
    given_offers: list[tuple[str, str, str]], drawn: list[tuple[int, int]], units: str
) -> None:
    """Not in a basket, of an article, or in money; competing and stacking."""
    for meet in MEETS:
        quote = price(programme(rules_of(given_offers, units, meet)), *goods(drawn))
        for one in quote.offers:
            give, limits, _ = given_offers[int(one.offer[1:])]
            if match := re.search(r"(\d) per basket", limits):
                assert one.uses <= int(match[1])
            if match := re.search(r"(\d) per line", limits):
                assert one.uses <= int(match[1]) * len(drawn)
            for most in re.findall(r"(?:budget: |at most )(\d)\.(\d\d)", limits + give):
                assert one.discount_minor <= int("".join(most))


@given(offers, lines, st.sampled_from(("dearest", "cheapest")))
def test_that_fewer_offers_would_be_cheaper_is_never_hidden(
    given_offers: list[tuple[str, str, str]], drawn: list[tuple[int, int]], units: str
) -> None:
    """Offers that compete: the customer could always do without one of them. Where not every way
    was tried, the gap says how much less it might be."""
    basket = goods(drawn)
    quote = price(programme(rules_of(given_offers, units, "")), *basket)
    check_sums(quote)
    for number in range(len(given_offers)):
        fewer = given_offers[:number] + given_offers[number + 1 :]
        less = price(programme(rules_of(fewer, units, "")), *basket)
        assert quote.due_minor - quote.gap_minor <= less.due_minor
        assert quote.optimal is (quote.gap_minor == 0)


@given(offers, lines, st.sampled_from(("dearest", "cheapest")))
def test_limited_offers_that_stack_all_act(
    given_offers: list[tuple[str, str, str]], drawn: list[tuple[int, int]], units: str
) -> None:
    """Without fixed prices, which may come to nothing after others, each takes something off or
    finds nothing left; and all together take off no less than any of them alone, but for a cent of
    rounding on each article."""
    stacking = [
        (give.replace("price 0.50", "0.20 off"), limits, what)
        for give, limits, what in given_offers
    ]
    quote = price(programme(rules_of(stacking, units, ", stacks: yes")), *goods(drawn))
    check_sums(quote)
    for one in stacking:
        alone = price(programme(rules_of([one], units, "")), *goods(drawn))
        assert quote.due_minor <= alone.due_minor + len(drawn)


def test_limited_offers_are_weighed_against_a_bundle() -> None:
    """Three at 1.45: 90 % of one (1.31) and of two (2.61) is more than one free."""
    rules = """
settings: {cheapest_free: cheapest-overall}
offers:
  line: {give: 90 % off, limits: 1 per line}
  free: {give: buy 2 get 1 free, limits: 1 per basket}
  two: {give: 90 % off, limits: 2 per basket}
"""
    assert taken(price(rules, line("1", 435, quantity=3))) == {"line": 131, "two": 261}


def test_amounts_off_that_may_not_meet_share_the_goods_between_them() -> None:
    """0.70 off a, 0.70 off all: the first takes its own off a, the other off b; a bundle that is
    short of goods plays no part."""
    rules = """
settings: {cheapest_free: cheapest-overall}
offers:
  all: {give: 0.70 off the basket}
  own: {what: sku a, give: 0.70 off the basket}
  free: {give: buy 2 get 1 free}
"""
    quote = price(rules, line("1", 95, sku="a"), line("2", 191, sku="b"))
    assert taken(quote) == {"all": 70, "own": 70}
