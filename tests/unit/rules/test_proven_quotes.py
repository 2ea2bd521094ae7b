"""What a quote says of itself: proven where nothing better can be, and how much it may miss."""

import pytest

from tessera.rules.unprovable import why_unproven
from tests.unit.rules.shop import line, price, programme

SET = "{set: [{what: category a}, {what: category b}], off: 1.00}"


@pytest.mark.parametrize(
    "offers, amounts, due",
    [
        # one unit is no two: nothing can be had, so nothing better can
        ("o0: {give: buy 2 get 1 free}, o1: {give: {buy: 2, get: 1 at 33 % off}}", [100], 100),
        # the merchant's order leaves nothing to choose
        (f"o0: {{give: {SET}, in: turn}}, o1: {{give: any 3 for 4.00, in: turn}}", [100], 100),
        (f"o0: {{give: {SET}, in: turn}}, o1: {{give: any 3 for 4.00, in: turn}}", [200] * 3, 400),
    ],
)
def test_where_nothing_is_to_be_chosen_the_price_is_proven(
    offers: str, amounts: list[int], due: int
) -> None:
    rules = f"groups: {{turn: first}}\noffers: {{{offers}}}"
    lines = [line(str(n), amount, category="b") for n, amount in enumerate(amounts)]
    quote = price(rules, *lines)
    assert (quote.due_minor, quote.optimal, quote.gap_minor) == (due, True, 0)


HALF_SETS = "{set: [{what: category a}, {what: category b}], cheapest: free}"


@pytest.mark.parametrize(
    "offers, amounts, due",
    [
        # the dearest unit at a third off: 0.33
        ("o1: {give: 33 % off, limits: 1 per basket}", [100, 100], 167),
        ("o1: {give: 33 % off, limits: 2 per basket}", [100, 100, 50], 184),
        # one at half is all that the first gives; 0.30 off each of the others
        ("o1: {give: '50 % off, at most 1.00'}, o2: {give: 0.30 off}", [200, 200, 200], 440),
        # neither a second category nor a third unit is there
        (f"o0: {{give: {HALF_SETS}}}, o1: {{give: buy 2 get 1 free}}", [100], 100),
        # of three the cheapest is free: 1.00
        (f"o0: {{give: {HALF_SETS}}}, o1: {{give: buy 2 get 1 free}}", [300, 200, 100], 500),
    ],
)
def test_offers_on_a_few_goods_are_proven(offers: str, amounts: list[int], due: int) -> None:
    lines = [line(str(n), amount, category="a") for n, amount in enumerate(amounts)]
    quote = price(f"offers: {{{offers}}}", *lines)
    assert (quote.due_minor, quote.optimal, quote.gap_minor) == (due, True, 0)


def test_three_pairs_with_the_dearer_one_free_are_proven() -> None:
    """3 × 8.75 are free beside 3 × 4.00; 5.00 off, steps and a third unit free are all less."""
    rules = """
offers:
  basket: {give: 5.00 off the basket}
  steps: {what: brand acme, give: {steps: {0.00: 1 %, 10.00: 2.00, 20.00: 5 %}, marginal: yes}}
  pairs: {give: {buy: 1, get: 1 free, which: dearest}}
  threes: {what: category a, give: buy 2 get 1 free}
"""
    dear = line("1", 2625, quantity=3)
    quote = price(rules, dear, line("2", 1200, quantity=3, category="a", brand="acme"))
    assert (quote.due_minor, quote.optimal, quote.gap_minor) == (1200, True, 0)


def test_a_third_off_one_unit_is_proven_beside_goods_that_are_free() -> None:
    """1.00 free, and a third off the other 1.00: 0.67."""
    rules = """
offers:
  price: {give: price 1.11}
  free: {what: category a, give: 100 % off, stacks: yes}
  third: {give: 33 % off, limits: 1 per basket}
"""
    quote = price(rules, line("1", 100, category="a"), line("2", 100))
    assert (quote.due_minor, quote.optimal, quote.gap_minor) == (67, True, 0)


def test_a_gift_is_proven_beside_steps_of_the_basket() -> None:
    rules = "offers: {gift: {give: {gift: [g1, g2]}}, steps: {give: {steps: {5.00: 3 %}}}}"
    quote = price(rules, line("1", 100, sku="g1"))
    assert (quote.due_minor, quote.optimal) == (0, True)


def test_what_is_not_proven_says_by_how_much_it_may_miss() -> None:
    """One of 1.00 is free for a set; steps that read what the member spent are no bound."""
    rules = """
offers:
  spent: {give: {steps: {9.00: 2.00}, reads: lifetime}}
  sets: {give: {set: [{what: category a}, {what: category b}], cheapest: free}}
"""
    goods = [line("1", 100, category="b"), line("2", 30, quantity=3, category="a")]
    quote = price(rules, *goods, line("3", 200, quantity=2, category="a"))
    assert quote.due_minor == 230
    assert quote.optimal == (quote.gap_minor == 0)


def test_what_was_only_tried_is_not_called_proven() -> None:
    """The cheapest of all free under eight units: more ways than are tried."""
    rules = """
settings: {cheapest_free: cheapest-overall}
offers:
  all: {give: 15 % off the basket}
  two: {give: buy 2 get 1 free}
"""
    quote = price(rules, line("1", 300, quantity=3), line("2", 500, quantity=5))
    assert not quote.optimal
    assert quote.gap_minor > 0
    # two of eight free, and 15 % of the two that are in no group
    assert quote.due_minor == 570


def test_what_meets_on_units_and_competes_for_the_basket_is_not_called_proven() -> None:
    """Two at 50.00. One free, 20.00 off each of them: 10.00. With 20.00 off the one, its half of
    the free one taken, and 25.00 of the other off the basket, 5.00 could be left to pay.
    """
    rules = "groups: {weekly: best}\noffers:\n"
    rules += "  basket: {give: 30.00 off the basket, in: weekly}\n"
    rules += "  each: {give: 20.00 off}\n  free: {give: buy 1 get 1 free, stacks: yes}\n"
    found = programme(rules)
    quote = price(found, line("1", 10000, quantity=2))
    assert not quote.optimal
    assert quote.due_minor - quote.gap_minor <= 500
    assert [(one.code, one.offer) for one in why_unproven(found, quote)] == [
        ("bundle-meets-others", "free")
    ]


def test_an_offer_alone_in_a_group_leaves_single_pieces_to_the_basket() -> None:
    """40.00 and 3 × 20.00: 90 % of all is 90.00; one at 20.00 left to 30.00 off gives 92.00."""
    rules = "groups: {extras: all}\noffers:\n  most: {give: 90 % off, in: extras}\n"
    rules += "  some: {give: 30.00 off the basket}\n"
    quote = price(rules, line("1", 4000), line("2", 6000, quantity=3))
    assert (quote.due_minor, quote.optimal) == (800, True)


@pytest.mark.parametrize("more", ["", ", other: {what: category b, give: 1 % off}"])
def test_the_free_one_is_not_spent_on_a_piece_that_could_be_free_itself(more: str) -> None:
    """Hats at 50.00 are free beside anything: the coats at 30.00 bring both, not the hats one."""
    rules = f"offers: {{hat: {{give: {{buy: 1, get: 1 free, of: category a}}}}{more}}}"
    hats = line("1", 10000, quantity=2, category="a")
    quote = price(rules, hats, line("2", 6000, quantity=2, category="b"))
    assert (quote.due_minor, quote.optimal) == (6000, True)


def test_a_bundle_that_meets_others_takes_what_can_not_be_free_for_the_other() -> None:
    """Both hats: 100.00, of which the coats bear 37.50; 1 % of their other 22.50 is 0.23."""
    rules = "offers: {hat: {give: {buy: 1, get: 1 free, of: category a}, stacks: yes}, "
    rules += "other: {what: category b, give: 1 % off}}"
    hats = line("1", 10000, quantity=2, category="a")
    quote = price(rules, hats, line("2", 6000, quantity=2, category="b"))
    assert quote.due_minor == 16000 - 10000 - 23


def test_the_dearest_of_a_line_are_free_beside_an_offer_on_the_basket() -> None:
    """Four at 40.00, every second one free: 80.00 off, which is more than 30 % of 160.00."""
    rules = """
settings: {exclusive: line}
offers:
  second: {give: {buy: 1, get: 1 free, which: dearest}}
  all: {give: 30 % off the basket}
"""
    quote = price(rules, line("1", 16000, quantity=4))
    assert quote.due_minor == 8000
