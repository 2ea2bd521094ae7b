"""Offers on single units and on the basket: every kind, cap, ladder, order and rounding."""

import pytest

from tests.unit.rules.shop import line, member, outcome, price


def test_an_amount_off_each_unit_never_goes_below_zero() -> None:
    """0.50 off each of 3 × 0.40 takes all of 1.20."""
    assert price("offers: {a: {give: 0.50 off}}", line("1", 120, quantity=3)).due_minor == 0
    assert price("offers: {a: {give: 0.50 off}}", line("1", 300, quantity=3)).due_minor == 150


def test_a_fixed_price_lowers_and_never_raises() -> None:
    """3 × 2.49 at 1.99 each saves 1.50; at 1.49 there is nothing to save."""
    rules = "offers: {a: {give: price 1.99}}"
    assert price(rules, line("1", 747, quantity=3)).discount_minor == 150
    low = price(rules, line("1", 447, quantity=3))
    assert low.discount_minor == 0
    assert outcome(low, "a").reason == "no-saving"


def test_a_cap_bounds_the_sum_over_all_lines() -> None:
    """10 % of 100.00 and 50.00 is 15.00, at most 9.00: 6.00 and 3.00."""
    quote = price(
        "offers: {a: {give: '10 % off, at most 9.00'}}", line("1", 10000), line("2", 5000)
    )
    assert [one.discount_minor for one in quote.lines] == [600, 300]


def test_a_metered_amount_counts_the_measure() -> None:
    """0.05 off a litre of 42.37 l: 2.1185, rounded to 2.12."""
    quote = price(
        "offers: {a: {what: sku diesel, give: 0.05 off per l}}",
        line("1", 6313, sku="diesel", quantity="42.37", measure="l"),
    )
    assert quote.discount_minor == 212


def test_a_price_for_the_measure_replaces_the_shelf_price() -> None:
    """1.250 kg at 4.99/kg is 6.24; at 3.99/kg 4.9875, rounded 4.99: 1.25 off."""
    quote = price(
        "offers: {a: {give: price 3.99 per kg}}",
        line("1", 624, quantity="1.250", measure="kg"),
    )
    assert quote.discount_minor == 125


def test_a_weighed_line_is_one_unit_for_an_offer_by_the_piece() -> None:
    quote = price("offers: {a: {give: 0.50 off}}", line("1", 624, quantity="1.250", measure="kg"))
    assert quote.discount_minor == 50


@pytest.mark.parametrize(
    "rounding, off",
    [("half-away", 13), ("half-down", 12), ("half-even", 12), ("floor", 12)],
)
def test_rounding_is_a_setting(rounding: str, off: int) -> None:
    """5 % of 2.50 is 0.125."""
    rules = f"settings: {{rounding: {rounding}}}\noffers: {{a: {{give: 5 % off}}}}"
    assert price(rules, line("1", 250)).discount_minor == off


@pytest.mark.parametrize("level, off", [("fold", 44), ("unit", 45), ("offer", 58)])
def test_the_level_of_rounding_is_a_setting(level: str, off: int) -> None:
    """15 % of 3 × 0.97: 43.65 → 44, or three times 14.55 → 15; with 0.98 more: 58.35 → 58."""
    rules = f"settings: {{rounding_level: {level}}}\noffers: {{a: {{give: 15 % off}}}}"
    lines = [line("1", 291, quantity=3)] + ([line("2", 98)] if level == "offer" else [])
    assert price(rules, *lines).discount_minor == off


@pytest.mark.parametrize(
    "order, due", [("amount-first", 8550), ("percent-first", 8500), ("listed", 8500)]
)
def test_a_percent_and_a_fixed_coupon_in_both_orders(order: str, due: int) -> None:
    """100.00: less 5.00, less 10 % is 85.50; less 10 %, less 5.00 is 85.00."""
    rules = f"""
settings: {{basket_order: {order}}}
groups: {{coupons: all}}
offers:
  tenth: {{trigger: coupon TEN, give: 10 % off the basket, in: coupons}}
  five: {{trigger: coupon FIVE, give: 5.00 off the basket, in: coupons}}
"""
    assert price(rules, line("1", 10000), coupons=("FIVE", "TEN")).due_minor == due
    assert price(rules, line("1", 10000), coupons=("TEN", "FIVE")).due_minor == due


@pytest.mark.parametrize("base, due", [("current", 7200), ("shelf", 7000)])
def test_a_second_percentage_reads_what_is_left_or_the_shelf(base: str, due: int) -> None:
    """100.00 less 10 %, less 20 %: of 90.00 → 72.00, of 100.00 → 70.00."""
    rules = f"""
settings: {{stacked_base: {base}}}
offers:
  tenth: {{give: 10 % off, stacks: yes}}
  fifth: {{give: 20 % off}}
"""
    assert price(rules, line("1", 10000)).due_minor == due


LADDER = "offers: {a: {give: {steps: {50.00: 5 %, 100.00: 10 %, 200.00: 30.00}, MORE}}}"


@pytest.mark.parametrize(
    "minor, off", [(4999, 0), (5000, 250), (9999, 500), (10000, 1000), (20000, 3000)]
)
def test_the_highest_step_that_is_reached_counts_for_the_whole(minor: int, off: int) -> None:
    assert price(LADDER.replace(", MORE", ""), line("1", minor)).discount_minor == off


def test_marginal_steps_count_for_their_own_slice() -> None:
    """150.00: 5 % of 50.00 … 100.00 is 2.50, 10 % of the rest 5.00."""
    assert price(LADDER.replace("MORE", "marginal: yes"), line("1", 15000)).discount_minor == 750


def test_a_ladder_says_what_is_missing_for_its_first_step() -> None:
    found = outcome(price(LADDER.replace(", MORE", ""), line("1", 4200)), "a")
    assert (found.reason, found.missing_minor) == ("amount-short", 800)


def test_a_ladder_may_read_what_was_spent_before() -> None:
    rules = (
        "offers: {a: {who: members, give: {steps: {100.00: 3 %, 500.00: 7 %}, reads: lifetime}}}"
    )
    quote = price(rules, line("1", 1000), who=member(lifetime_spend_minor=50_000))
    assert quote.discount_minor == 70
    quote = price(rules, line("1", 1000), who=member(lifetime_spend_minor=49_999))
    assert quote.discount_minor == 30


def test_a_ladder_may_count_items() -> None:
    rules = "offers: {a: {give: {steps: {3: 5 %, 6: 10 %}, reads: quantity}}}"
    assert price(rules, line("1", 500, quantity=5)).discount_minor == 25
    assert price(rules, line("1", 600, quantity=6)).discount_minor == 60


def test_a_group_that_says_first_follows_the_merchants_order() -> None:
    rules = """
groups: {house: first}
offers:
  small: {what: category dairy, give: 5 % off, in: house}
  large: {give: 20 % off, in: house}
"""
    quote = price(rules, line("1", 1000, category="dairy"), line("2", 1000))
    assert [one.discount_minor for one in quote.lines] == [50, 200]


def test_a_group_that_says_all_lets_its_offers_meet() -> None:
    """10.00 less 1.00, less 10 % of 9.00."""
    rules = """
groups: {both: all}
offers:
  euro: {give: 1.00 off, in: both}
  tenth: {give: 10 % off, in: both}
"""
    assert price(rules, line("1", 1000)).due_minor == 810


def test_groups_nest() -> None:
    """The two of `pair` meet (8.10); alone `fifth` leaves 8.00, and the better wins."""
    rules = """
groups:
  weekly: best
  pair: {kind: all, in: weekly}
offers:
  euro: {give: 1.00 off, in: pair}
  tenth: {give: 10 % off, in: pair}
  fifth: {give: 20 % off, in: weekly}
"""
    assert price(rules, line("1", 1000)).due_minor == 800
    assert price(rules, line("1", 500)).due_minor == 360  # 5.00 − 1.00, − 10 %


def test_an_offer_may_name_whom_it_stacks_with() -> None:
    rules = """
offers:
  tenth: {give: 10 % off}
  euro: {give: 1.00 off the basket, stacks: tenth}
  two: {give: 2.00 off the basket, needs: basket from 500.00}
"""
    assert price(rules, line("1", 1000)).due_minor == 800


def test_two_basket_offers_that_do_not_stack_compete() -> None:
    rules = """
offers:
  ten: {give: 10 % off the basket}
  three: {give: 3.00 off the basket}
"""
    quote = price(rules, line("1", 2000))
    assert quote.due_minor == 1700
    assert outcome(quote, "ten").reason == "better-offer"


def test_basket_offers_on_different_goods_both_apply() -> None:
    rules = """
offers:
  wine: {what: category wine, give: 10 % off the basket}
  cheese: {what: category cheese, give: 20 % off the basket}
"""
    quote = price(rules, line("1", 1000, category="wine"), line("2", 1000, category="cheese"))
    assert quote.due_minor == 1700


def test_exclusive_by_line_closes_the_rest_of_a_line() -> None:
    """4 × 3.00: buy 2 get 1 free is 3.00 off; by unit the fourth still gets 10 %."""
    rules = """
settings: {exclusive: HOW}
offers:
  free: {what: sku 1, give: buy 2 get 1 free}
  tenth: {give: 10 % off}
"""
    cola = line("1", 1200, sku="1", quantity=4)
    assert price(rules.replace("HOW", "unit"), cola).discount_minor == 330
    assert price(rules.replace("HOW", "line"), cola).discount_minor == 300


def test_tobacco_and_changed_prices_are_left_out() -> None:
    rules = "offers: {a: {give: 10 % off}, b: {give: 10 % off, changed_prices: yes}}"
    smoke = price(rules, line("1", 1000, discountable=False))
    assert smoke.discount_minor == 0
    assert outcome(smoke, "a").reason == "nothing-selected"
    cut = price("offers: {a: {give: 10 % off}}", line("1", 800, list_price_minor=1000))
    assert cut.discount_minor == 0
    assert price(rules, line("1", 800, list_price_minor=1000)).discount_minor == 80


def test_deposits_fees_and_returned_lines_meet_no_offer() -> None:
    quote = price(
        "offers: {a: {needs: basket from 10.00, give: 50 % off the basket}}",
        line("1", 1000),
        line("2", 25, kind="deposit"),
        line("3", 500, kind="fee"),
        line("4", -300, kind="return"),
    )
    assert [one.discount_minor for one in quote.lines] == [500, 0, 0, 0]
    assert quote.due_minor == 725


def test_thresholds_do_not_count_what_came_back() -> None:
    rules = "offers: {a: {needs: basket from 20.00, give: 1.00 off the basket}}"
    quote = price(rules, line("1", 1500), line("2", 600), line("3", -700, kind="return"))
    assert quote.discount_minor == 100


@pytest.mark.parametrize("currency, give, off", [("JPY", "1", 1), ("KWD", "0.001", 1)])
def test_currencies_have_their_own_digits(currency: str, give: str, off: int) -> None:
    from tests.unit.rules.shop import programme

    rules = programme(f"offers: {{a: {{give: {give} off}}}}", currency=currency)
    assert price(rules, line("1", 500)).discount_minor == off


def test_one_hundred_percent_off_is_nothing_to_pay() -> None:
    assert price("offers: {a: {give: free}}", line("1", 997, quantity=3)).due_minor == 0


def test_only_what_nothing_has_touched_where_that_is_asked_for() -> None:
    rules = """
offers:
  tenth: {what: category dairy, give: 10 % off}
  rest: {give: 50 % off, stacks: yes, undiscounted_only: yes}
settings: {basket_order: listed}
"""
    quote = price(rules, line("1", 1000, category="dairy"), line("2", 1000))
    assert [one.discount_minor for one in quote.lines] == [500, 500]


@pytest.mark.parametrize("more", ["", "changed_prices: yes, ", "in: best, ", "in: first, "])
@pytest.mark.parametrize(
    "amount_minor, due_minor, reasons",
    [
        (999, 999, ["amount-short", "amount-short"]),
        (1000, 900, ["", "amount-short"]),
        (1999, 1899, ["", "amount-short"]),
        (2000, 1700, ["better-offer", ""]),
    ],
)
def test_of_thresholds_that_were_reached_the_dearest_counts(
    more: str, amount_minor: int, due_minor: int, reasons: list[str]
) -> None:
    """1.00 off from 10.00, 3.00 off from 20.00."""
    rules = f"""
groups: {{best: best, first: first}}
offers:
  a: {{needs: basket from 10.00, give: 1.00 off the basket}}
  b: {{{more}needs: basket from 20.00, give: 3.00 off the basket}}
"""
    quote = price(rules, line("1", amount_minor))
    assert quote.due_minor == due_minor
    assert [outcome(quote, name).reason for name in "ab"] == reasons


def test_a_threshold_counts_goods_whose_price_was_changed_only_where_the_offer_takes_them() -> None:
    """5.00 as usual and 16.00 marked down: 21.00 in all, on which only `b` looks."""
    rules = """
offers:
  a: {needs: basket from 10.00, give: 1.00 off the basket}
  b: {changed_prices: yes, needs: basket from 20.00, give: 3.00 off the basket}
"""
    quote = price(rules, line("1", 500), line("2", 1600, list_price_minor=2000))
    assert quote.due_minor == 1800


def test_bundles_of_two_groups_are_settled_whatever_both_groups_say() -> None:
    """Four pieces of 2.00: any 2 for 1.00 twice leaves 2.00; one of two free would leave 4.00."""
    rules = """
groups: {one: first, two: first}
settings: {between_groups: HOW}
offers:
  a: {in: one, give: any 2 for 1.00}
  b: {in: two, give: buy 1 get 1 free}
"""
    for how in ("best", "first"):
        quote = price(rules.replace("HOW", how), line("1", 800, quantity=4))
        assert quote.due_minor == 200
