"""Every number that the description of the mechanics works out."""

from decimal import Decimal

from tessera.core.basket import Basket
from tessera.core.money import share
from tessera.rules.returns import quote_return
from tests.unit.rules.shop import line, price


def test_fifteen_percent_of_three_is_the_same_scanned_as_one_line_or_three() -> None:
    """2.91 × 15 % = 0.4365, rounded once: 0.44; three times 0.15 would be 0.45."""
    rules = "offers: {off: {what: sku pen, give: 15 % off}}"
    once = price(rules, line("1", 291, sku="pen", quantity=3))
    thrice = price(rules, *(line(str(n), 97, sku="pen") for n in range(3)))
    assert once.discount_minor == thrice.discount_minor == 44
    assert sorted(one.discount_minor for one in thrice.lines) == [14, 15, 15]


def test_goods_of_a_unit_offer_leave_the_base_of_a_basket_offer() -> None:
    """Bread 2 × 2.00 with 1+1: 2.00; wine 20.00 less 10 %: 18.00."""
    quote = price(
        """
offers:
  bread: {what: sku bread, give: buy 1 get 1 free}
  tenth: {give: 10 % off the basket}
""",
        line("1", 400, sku="bread", quantity=2),
        line("2", 2000, sku="wine"),
    )
    assert quote.due_minor == 2000


def test_a_unit_offer_is_given_up_for_a_better_basket_offer() -> None:
    """30.00: 20 % off makes 24.00, but then 25.00 is not reached and 7.00 off is lost."""
    quote = price(
        """
groups: {weekly: best}
offers:
  a: {what: everything, give: 20 % off, in: weekly}
  b: {needs: basket from 25.00 after unit offers, give: 7.00 off the basket, in: weekly}
""",
        line("1", 3000),
    )
    assert quote.due_minor == 2300


def test_four_with_three_for_five_and_one_returned() -> None:
    """4 × 1.99 = 7.96, 3 for 5.00 leaves 6.99; D = 0.97, of which 0.24 is one unit's: 1.75."""
    cola = line("1", 796, sku="cola", quantity=4)
    quote = price("offers: {three: {what: sku cola, give: any 3 for 5.00}}", cola)
    assert quote.due_minor == 699
    back = quote_return(quote, Basket(currency="EUR", lines=(cola,)), {"1": Decimal(1)}, {})
    assert back.refund_minor == 175


def test_fiscal_lines_are_exact() -> None:
    """3 × 10.00 − 1.00 → 2 × 9.67 + 1 × 9.66."""
    quote = price("offers: {one: {give: 1.00 off the basket}}", line("1", 3000, quantity=3))
    assert [(one.quantity, one.unit_price_minor) for one in quote.fiscal_lines] == [
        (2, 967),
        (1, 966),
    ]


def test_a_single_piece_needs_no_fiscal_line_and_the_next_line_still_has_its_own() -> None:
    """3 × 10.00 less 1.00: 2 × 9.67 and 1 × 9.66; 2 × 5.00 and 1 × 5.00 are exact as they stand."""
    rules = "offers: {a: {what: category a, give: 1.00 off the basket}}"
    quote = price(
        rules,
        line("1", 500),
        line("2", 3000, quantity=3, category="a"),
        line("3", 1000, quantity=2),
    )
    assert [(one.line_id, one.quantity, one.unit_price_minor) for one in quote.fiscal_lines] == [
        ("2", 2, 967),
        ("2", 1, 966),
    ]


def test_left_over_cents_go_to_the_largest_remainder() -> None:
    """3.00 off over 43.00, 14.00 and 23.00."""
    assert share(300, [4300, 1400, 2300]) == [161, 53, 86]
    quote = price(
        "offers: {three: {give: 3.00 off the basket}}",
        line("1", 4300),
        line("2", 1400),
        line("3", 2300),
    )
    assert [one.discount_minor for one in quote.lines] == [161, 53, 86]


def test_the_largest_saving_first_is_not_the_best() -> None:
    """38, 25, 25, 1: half off the cheaper of 25 + 25 is 12.50, 20 % of 38 + 1 is 7.80: 20.30.

    The largest first would be 20 % of 38 + 25 (12.60), then 20 % of 25 + 1 (5.20): 17.80.
    """
    quote = price(
        """
groups: {weekly: best}
offers:
  half: {give: {any: 2, cheapest: 50 %}, in: weekly}
  fifth: {give: {any: 2, off: 20 %}, in: weekly}
""",
        *(line(str(n), minor) for n, minor in enumerate((3800, 2500, 2500, 100))),
    )
    assert quote.discount_minor == 2030
    assert quote.optimal
