"""However a basket is made, the searches of one evaluation end, and tell what they left open."""

import random

import pytest

from benchmarks._best_price_shapes import shape
from tessera.core.basket import Basket
from tessera.rules.bundles import PIECES_APART
from tessera.rules.combine import settle
from tessera.rules.evaluate import evaluate
from tessera.rules.finding import find_offers
from tessera.rules.programme import parse_programme
from tessera.rules.spending import WORK_MAX, WORK_SIMPLE
from tessera.rules.work import Work
from tests.unit.rules.shop import line, outcome, place, price, programme

LINES = 12


def wide(give: str, offers: int, *, settings: str = "") -> str:
    """Offers over most of the goods, in one group."""
    chance = random.Random(offers)
    rows = []
    for number in range(offers):
        some = ", ".join(chance.sample([f"s{place}" for place in range(LINES)], LINES - 3))
        words = give.format(more=number + 3, cents=f"{number:02}")
        rows.append(f"  o{number}: {{what: {{sku: [{some}]}}, give: {words}, in: one}}\n")
    return f"{settings}groups: {{one: best}}\noffers:\n" + "".join(rows)


def spent(text: str, count: int) -> int:
    """The work that all searches and trials over LINES lines of `count` pieces come to."""
    lines = tuple(
        line(f"{n}", (101 + 37 * n) * count, sku=f"s{n}", quantity=count) for n in range(LINES)
    )
    work = Work(programme(text), None, Basket(currency="EUR", lines=lines), place())
    find_offers(work)
    settle(work)
    assert work.optimal or work.gap_minor > 0
    return WORK_MAX - work.meter.left


@pytest.mark.parametrize("count", [1, 40, 400])
@pytest.mark.parametrize(
    "give, offers",
    [
        ("{more} % off", 20),
        ("'{more} % off, at most 3.{cents}'", 12),
        ("any 3 for 3.{cents}", 20),
        ("{{any: 4, off: {more} %}}", 30),
        ("buy 5 get 1 free", 30),
        ("{more} % off the basket", 12),
    ],
)
@pytest.mark.parametrize("settings", ["", "settings: {exclusive: line}\n"])
def test_the_work_of_one_evaluation_is_bounded(
    give: str, offers: int, count: int, settings: str
) -> None:
    """At most the limit, a simple answer for each search that ended early, and two trials."""
    trials = 2 * (40 + offers * (10 + 6 * LINES) + 4 * LINES * count)
    assert (
        spent(wide(give, offers, settings=settings), count) <= WORK_MAX + 3 * WORK_SIMPLE + trials
    )


def test_hundreds_of_pieces_get_the_best_of_many_percentages() -> None:
    """400 × 1.01 under 3 % … 22 %: 22 % of 404.00 is 88.88; splitting could win a cent at most."""
    rows = "".join(f"  o{n}: {{give: {n + 3} % off, in: one}}\n" for n in range(20))
    quote = price(
        f"groups: {{one: best}}\noffers:\n{rows}", line("1", 40_400, sku="a", quantity=400)
    )
    assert quote.discount_minor == 8888
    assert outcome(quote, "o0").reason == "better-offer"
    assert (quote.optimal, quote.gap_minor) == (True, 0)


# -- many pieces, many offers that meet


def test_a_million_pairs_are_one_group() -> None:
    """1,000,000 at 3.00, every second one free: 500,000 × 3.00, in one share of the line."""
    quote = price(
        "offers:\n  pair: {give: buy 1 get 1 free}\n",
        line("1", 300_000_000, sku="a", quantity=1_000_000),
    )
    assert quote.discount_minor == 150_000_000
    assert [(one.group, one.discount_minor) for one in quote.lines[0].offers] == [(1, 150_000_000)]


def test_uses_stay_apart_up_to_a_number_of_pieces() -> None:
    """300 pieces are 150 pairs and as many groups; 302 are one group of 151 pairs."""
    rules = "offers:\n  pair: {give: buy 1 get 1 free}\n"
    groups = []
    for pieces in (PIECES_APART, PIECES_APART + 2):
        quote = price(rules, line("1", 100 * pieces, sku="a", quantity=pieces))
        assert quote.discount_minor == 50 * pieces
        groups.append(len(quote.lines[0].offers))
    assert groups == [PIECES_APART // 2, 1]


def test_alike_sets_of_two_parts_are_booked_at_once() -> None:
    """400 × 2.00 and 301 × 3.00, a pair of them for 4.50: 301 pairs, 0.50 each."""
    quote = price(
        "offers:\n  pair: {give: {set: [{what: sku a}, {what: sku b}], for: 4.50}}\n",
        line("1", 80_000, sku="a", quantity=400),
        line("2", 90_300, sku="b", quantity=301),
    )
    assert quote.discount_minor == 301 * 50
    assert [len(one.offers) for one in quote.lines] == [1, 1]


def test_a_budget_reaches_some_of_many_alike_uses() -> None:
    """500 pairs at 1.00, one of two free, budget 10.50: 10 whole uses and half of one."""
    quote = price(
        "offers:\n  pair: {give: buy 1 get 1 free, limits: {budget: 10.50}}\n",
        line("1", 100_000, sku="a", quantity=1_000),
    )
    assert quote.discount_minor == 1_050
    assert outcome(quote, "pair").uses == 11


@pytest.mark.parametrize("words", [", stacks: yes", ", in: house"])
def test_all_offers_that_may_meet_do(words: str) -> None:
    """Six of 10 … 15 % on 100.00, one after the other: 44.83 is left (44.829…), 55.17 is off."""
    rows = "".join(f"  o{n}: {{give: {10 + n} % off{words}}}\n" for n in range(6))
    quote = price(
        f"groups: {{house: all}}\noffers:\n{rows}", line("1", 10_000, sku="a", quantity=10)
    )
    assert quote.discount_minor == 5_517
    assert quote.optimal


def test_of_many_that_meet_those_that_do_not_are_kept_apart() -> None:
    """Fourteen of 1 … 14 % meet; 60 % meets none of them, and beats their 66.9 % on nothing.

    0.99 × 0.98 × … × 0.86 = 0.3311: 66.89 off 100.00, against 60.00.
    """
    rows = "".join(f"  o{n}: {{give: {1 + n} % off, in: house}}\n" for n in range(14))
    quote = price(
        "groups: {house: all, other: best}\noffers:\n"
        f"{rows}  alone: {{give: 60 % off, in: other}}\n",
        line("1", 10_000, sku="a", quantity=10),
    )
    assert quote.discount_minor == 6_689
    assert outcome(quote, "alone").reason == "better-offer"


@pytest.mark.parametrize("number", [0, 24, 103, 145, 189, 235, 297, 298, 2159, 2367])
def test_shapes_that_took_long_spend_what_they_may(number: int) -> None:
    """At most the limit, and one plan by each way that is tried."""
    text, basket = shape(number)
    rules, problems = parse_programme(text, file="shape.yaml")
    assert rules is not None, problems
    work = Work(rules, None, basket, place())
    find_offers(work)
    settle(work)
    one_plan = sum(60 + 60 * len(folds) for folds in work.found.values())
    assert WORK_MAX - work.meter.left <= WORK_MAX + 3 * WORK_SIMPLE + 2 * one_plan
    assert work.optimal or work.gap_minor > 0
    again = evaluate(rules, None, basket, place())
    assert again == evaluate(rules, None, basket, place())
