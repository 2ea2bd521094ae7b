"""Sums at their edges: the last cent, the last unit, what was taken before, what a line is left."""

from decimal import Decimal
from fractions import Fraction

import pytest

from tessera.core.basket import Basket, LineTax
from tessera.core.money import Rounding
from tessera.core.quote import Quote
from tessera.rules.evaluate import evaluate_in_full
from tessera.rules.taxes import tax_of
from tests.unit.rules.shop import (
    FULL,
    check_sums,
    line,
    member,
    outcome,
    place,
    price,
    problems_of,
    programme,
)


def in_full(rules: str, *lines: object) -> Quote:
    basket = Basket(currency="EUR", lines=lines)  # type: ignore[arg-type]
    quote = evaluate_in_full(programme(rules), None, basket, place())
    check_sums(quote)
    return quote


def test_a_last_cent_can_be_paid_with_a_point() -> None:
    rules = "units: {points: {value: 0.01, redeem: discount}}"
    quote = price(rules, line("1", 1), who=member(points=5), spend={"points": 5})
    assert (quote.due_minor, quote.units[0].spent) == (0, 1)


def test_a_gift_for_points_may_not_go_below_the_lowest_price() -> None:
    """A mug of 5.00 that may not be sold below it is no gift, and no point is spent."""
    rules = "units: {points: {}}\noffers: {a: {give: {spend: 10 points, gift: sku mug}}}"
    mug = line("1", 500, sku="mug", minimum_price_minor=500)
    quote = price(rules, mug, who=member(points=10), spend={"!a": 0})
    assert quote.due_minor == 500
    assert outcome(quote, "a").reason == "gift-not-in-basket"


def test_gifts_for_points_share_the_room_that_a_correction_leaves() -> None:
    """4.00 taken off by hand leave 6.00: room for one gift of 5.00, not for the second."""
    rules = (
        "units: {points: {}}\noffers: {a: {give: {spend: 10 points, gift: [mug, cup], count: 2}}}"
    )
    lines = [line("1", 500, sku="mug"), line("2", 500, sku="cup"), line("3", -400, sku="hand")]
    quote = price(rules, *lines, who=member(points=10), spend={"!a": 0})
    assert (quote.discount_minor, quote.due_minor) == (500, 100)


def test_a_discount_on_the_rewarded_alone_counts_only_the_units_that_are_rewarded() -> None:
    """Two of 5.00 and one of 3.00: one of each is free, and each bears its own price."""
    rules = "settings: {attribution: reward-only}\noffers: {a: {give: buy 1 get 2 free}}"
    quote = in_full(rules, line("1", 1000, quantity=2), line("2", 300))
    assert [one.discount_minor for one in quote.lines] == [500, 300]


def test_what_a_bundle_leaves_of_a_line_is_closed_where_lines_are_exclusive() -> None:
    """Two of three for the price of one, 1.00 off; the third may not have 10 % besides."""
    rules = (
        "settings: {exclusive: line}\ngroups: {f: first}\noffers:\n"
        "  a: {what: sku tea, give: buy 1 get 1 free, in: f}\n  b: {give: 10 % off, in: f}\n"
    )
    assert in_full(rules, line("1", 300, sku="tea", quantity=3)).due_minor == 200


def test_a_threshold_after_the_basket_offers_is_told_beside_others_that_all_meet() -> None:
    """Amounts come before percentages: 15.00 are 5.00 short of 20.00."""
    rules = (
        "settings: {between_groups: first}\ngroups: {g: all}\noffers:\n"
        "  a: {give: 10 % off the basket, in: g}\n"
        "  b: {needs: basket from 20.00 after basket offers, give: 1.00 off the basket, in: g}\n"
    )
    found = outcome(in_full(rules, line("1", 1500)), "b")
    assert (found.reason, found.missing_minor) == ("amount-short", 500)


@pytest.mark.parametrize("setting", ["", "settings: {rounding_level: offer}\n"])
def test_a_part_that_is_used_up_in_the_middle_is_passed_over(setting: str) -> None:
    """Two of a kind and a special for 4.00: the special is the middle one in price."""
    rules = (
        f"{setting}groups: {{turn: first}}\n"
        "offers: {a: {give: {set: [{what: category kind, count: 2},"
        " {what: tag special}], for: 4.00}, in: turn}}"
    )
    lines = [
        line("1", 300, category="kind"),
        line("2", 200, category="kind", tags=("special",)),
        line("3", 100, category="kind"),
    ]
    quote = in_full(rules, *lines)
    # 6.00 becomes 4.00
    assert quote.due_minor == 400
    assert sum(len(one.offers) for one in quote.lines) == 3


def test_a_single_tax_is_not_taken_apart() -> None:
    quote = price("offers: {a: {give: 1 % off}}", line("1", 1190, tax=FULL))
    assert [group.parts for group in quote.taxes] == [()]


def test_two_taxes_inside_one_price_are_each_rounded_by_themselves() -> None:
    """1.26 with twice 10 % inside: 1.05 net, 0.105 each, rounded up; 1.04 are left."""
    taxes = [LineTax(code=code, rate=Decimal("0.10")) for code in "AB"]
    assert tax_of(taxes, 126, Fraction(1), Rounding.HALF_AWAY) == (104, [11, 11], 0)


def test_an_amount_off_with_tax_takes_less_off_a_price_without() -> None:
    """1.00 of the customer's money is 0.80 of a price that 25 % come on top of."""
    tax = LineTax(code="T", rate=Decimal("0.25"), included=False)
    rules = "settings: {amounts_off: with-tax}\noffers: {a: {give: 1.00 off the basket}}"
    assert price(rules, line("1", 1000, tax=tax)).discount_minor == 80


def test_an_amount_off_each_item_with_tax_takes_less_off_a_price_without() -> None:
    """1.00 of the customer's money off each of two is 0.80 of their prices each."""
    tax = LineTax(code="T", rate=Decimal("0.25"), included=False)
    rules = (
        "settings: {amounts_off: with-tax}\n"
        "offers: {a: {give: {steps: {1: 1.00}, reads: quantity, marginal: yes}}}"
    )
    assert price(rules, line("1", 2000, quantity=2, tax=tax)).discount_minor == 160


def test_every_unit_that_an_offer_acts_on_is_a_use() -> None:
    """Two go in a pair at 1.50 for 2.00, one remains; 10 % of 2.50 come off all three."""
    rules = "offers: {a: {give: any 2 for 1.50, stacks: yes}, b: {give: 10 % off, stacks: yes}}"
    quote = in_full(rules, line("1", 300, quantity=3))
    assert quote.due_minor == 225
    assert outcome(quote, "b").uses == 3


def test_a_gift_is_found_beside_the_goods_that_it_is_given_for() -> None:
    rules = "offers: {a: {what: category tea, give: {gift: sku mug}}}"
    tea, mug = line("1", 900, category="tea"), line("2", 500, sku="mug", category="cups")
    assert price(rules, tea, mug).due_minor == 900


def test_a_cent_to_pay_is_less_than_the_least_that_may_be_spent() -> None:
    rules = "units: {points: {}}\noffers: {a: {give: {spend: 1 points, for: 0.01, at_least: 5}}}"
    quote = price(rules, line("1", 1), who=member(points=10), spend={"!a": 5})
    assert (quote.due_minor, outcome(quote, "a").reason) == (1, "least-not-reached")


def test_a_limit_holds_over_all_articles_of_a_bundle_of_one_article() -> None:
    """Three articles could each give one of three for nothing; two uses are allowed."""
    rules = "offers: {a: {give: {buy: 2, get: 1 free, same_item: yes}, limits: 2 per basket}}"
    lines = [line(str(number), 300, quantity=3) for number in range(3)]
    assert price(rules, *lines).due_minor == 700


@pytest.mark.parametrize("trigger", ["letter X1", "event", "coupon"])
def test_a_trigger_is_a_coupon_or_an_event_with_its_name(trigger: str) -> None:
    (problem,) = problems_of(
        f"programme: p\ncurrency: EUR\noffers: {{a: {{trigger: {trigger}, give: 1 % off}}}}"
    )
    assert "is no trigger" in problem.message


def test_a_draw_that_says_nothing_of_itself_is_a_problem() -> None:
    problems = problems_of(
        "programme: p\ncurrency: EUR\ndraws: {bike: yes}\noffers: {a: {give: 1 entry in bike}}"
    )
    assert problems
