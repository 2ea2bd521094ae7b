"""Bundles: n for a price, buy and get, the cheapest free, sets, gifts, and what is left over."""

import pytest

from tests.unit.rules.shop import line, outcome, price


def shares(rules: str, *prices: int, **fields: object) -> list[int]:
    lines = [line(str(n), minor, **fields) for n, minor in enumerate(prices)]
    return [one.discount_minor for one in price(rules, *lines).lines]


def test_a_set_price_takes_the_dearest_and_leaves_the_rest_at_its_price() -> None:
    """3 for 5.00 of 3.00, 2.50, 2.00, 1.00: 7.50 → 5.00, and 1.00 is left over."""
    rules = "offers: {a: {give: any 3 for 5.00}}"
    quote = price(rules, *(line(str(n), m) for n, m in enumerate((300, 100, 250, 200))))
    assert quote.due_minor == 600
    assert quote.lines[1].discount_minor == 0


def test_a_set_price_stops_where_it_no_longer_saves() -> None:
    """2 for 3.00: 4.00 + 2.00 saves 3.00; 1.00 + 1.00 would cost more."""
    assert sum(shares("offers: {a: {give: any 2 for 3.00}}", 400, 200, 100, 100)) == 300


def test_left_over_units_get_the_next_best_offer() -> None:
    """4 × 1.99: three for 5.00, the fourth at 10 % off: 0.97 + 0.20."""
    rules = "offers: {a: {give: any 3 for 5.00}, b: {give: 10 % off}}"
    assert price(rules, line("1", 796, quantity=4)).discount_minor == 117


def test_the_free_one_is_the_cheapest_of_its_group() -> None:
    """10, 9, 8, 3, 2, 1: groups (10, 9, 8) and (3, 2, 1) make 8 + 1 free."""
    rules = "offers: {a: {give: buy 2 get 1 free}}"
    assert sum(shares(rules, 1000, 900, 800, 300, 200, 100)) == 900


def test_the_merchants_reading_frees_the_cheapest_of_all() -> None:
    """The same six: two free, the cheapest two of all, 2.00 + 1.00."""
    rules = "settings: {cheapest_free: cheapest-overall}\noffers: {a: {give: buy 2 get 1 free}}"
    assert sum(shares(rules, 1000, 900, 800, 300, 200, 100)) == 300


def test_a_limit_caps_the_free_units() -> None:
    """9 × 1.00 make three free; a limit of two per basket leaves it at two."""
    rules = "offers: {a: {give: buy 2 get 1 free, limits: 2 per basket}}"
    quote = price(rules, line("1", 900, quantity=9))
    assert quote.discount_minor == 200
    assert outcome(quote, "a").uses == 2


def test_a_limit_on_single_units_takes_the_dearest() -> None:
    rules = "offers: {a: {give: 50 % off, limits: 2 per basket}}"
    assert shares(rules, 100, 1000, 400) == [0, 500, 200]


@pytest.mark.parametrize(
    "attribution, expected", [("all-units", [533, 267]), ("reward-only", [0, 800])]
)
def test_the_discount_belongs_to_triggers_too_or_to_the_reward_alone(
    attribution: str, expected: list[int]
) -> None:
    """Buy a coat (16.00) and get a hat (8.00) free; 8.00 over 24.00 in proportion."""
    rules = f"""
settings: {{attribution: {attribution}}}
offers: {{a: {{what: sku coat, give: {{buy: 1, get: 1 free, of: sku hat}}}}}}
"""
    quote = price(rules, line("1", 1600, sku="coat"), line("2", 800, sku="hat"))
    assert [one.discount_minor for one in quote.lines] == expected


def test_one_gets_so_many_as_one_buys() -> None:
    rules = "offers: {a: {what: sku pen, give: {buy: 2, get: 1 at 50 % off, of: sku ink}}}"
    rules = rules.replace("1 at 50 % off", "1 50 % off")
    quote = price(
        rules, line("1", 500, sku="pen", quantity=5), line("2", 900, sku="ink", quantity=3)
    )
    assert quote.discount_minor == 300
    assert outcome(quote, "a").uses == 2


def test_the_same_item_is_asked_for_where_it_must_be() -> None:
    rules = "offers: {a: {give: {buy: 1, get: 1 free, same_item: yes}}}"
    assert sum(shares(rules, 500, 400)) == 0
    assert price(rules, line("1", 800, quantity=2)).discount_minor == 400


def test_a_set_of_parts_has_its_own_price() -> None:
    """Menu: burger 5.00, drink 2.50, side 3.00 for 8.00; the second drink stays."""
    rules = """
offers:
  menu:
    give:
      set: [{what: category burger}, {what: category drink}, {what: category side}]
      for: 8.00
"""
    quote = price(
        rules,
        line("1", 500, category="burger"),
        line("2", 500, category="drink", quantity=2),
        line("3", 300, category="side"),
    )
    assert quote.discount_minor == 250
    assert quote.due_minor == 1050


def test_a_set_with_a_missing_part_says_how_many_are_missing() -> None:
    rules = "offers: {a: {give: {set: [{what: sku x}, {what: sku y, count: 2}], for: 1.00}}}"
    found = outcome(price(rules, line("1", 500, sku="x")), "a")
    assert (found.reason, found.missing_quantity) == ("quantity-short", 2)


def test_half_a_cent_is_rounded_once_over_all_uses() -> None:
    """The cheaper at half: 0.745 twice is 1.49, not 2 × 0.75."""
    rules = "offers: {a: {give: {any: 2, cheapest: 50 %}}}"
    assert price(rules, line("1", 596, quantity=4)).discount_minor == 149


def test_a_gift_is_free_once_its_threshold_is_met_without_it() -> None:
    rules = "offers: {a: {needs: basket from 20.00, give: {gift: sku mug}}}"
    mug = line("2", 500, sku="mug")
    assert price(rules, line("1", 2000), mug).due_minor == 2000
    short = price(rules, line("1", 1600), mug)
    assert short.due_minor == 2100
    assert outcome(short, "a").missing_minor == 400


def test_a_gift_that_is_not_in_the_basket_is_asked_for() -> None:
    rules = "offers: {a: {needs: basket from 20.00, give: {gift: [sku mug, sku pen]}}}"
    quote = price(rules, line("1", 2000))
    assert quote.prompts[0].kind == "gift"
    assert quote.prompts[0].choices == ("mug", "pen")


def test_the_chosen_gift_is_given() -> None:
    rules = "offers: {a: {needs: basket from 20.00, give: {gift: [sku mug, sku pen]}}}"
    lines = (line("1", 2000), line("2", 500, sku="mug"), line("3", 300, sku="pen"))
    assert price(rules, *lines).discount_minor == 500
    assert price(rules, *lines, chosen=("pen",)).discount_minor == 300


def test_many_units_take_no_longer_than_few_lines_need() -> None:
    quote = price("offers: {a: {give: buy 2 get 1 free}}", line("1", 99_900, quantity=999))
    assert quote.discount_minor == 33_300


def test_two_of_a_line_close_the_whole_line_by_setting() -> None:
    """3 × 2.00: 1.00 off two; the third is of the same line, so that its tenth is not had."""
    rules = """
settings: {exclusive: line}
offers:
  two: {what: sku tea, give: any 2 for 3.00}
  ten: {what: sku tea, give: 10 % off}
"""
    assert price(rules, line("1", 600, sku="tea", quantity=3)).due_minor == 500
    assert price(rules, line("1", 200, sku="tea")).due_minor == 180
