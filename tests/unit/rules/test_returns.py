"""Returns by the frozen quote: exact over any number of them, gifts, units, taxes."""

from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tessera.core.basket import Basket, Line, LineTax, TaxRounding
from tessera.core.quote import Quote, ReturnQuote
from tessera.rules.evaluate import evaluate
from tessera.rules.returns import ReturnRefused, quote_return, reprice_return, what_is_left
from tessera.rules.spent_short import reduce_refund
from tessera.rules.wording import say
from tests.unit.rules.shop import line, member, place, price, programme

RULES = """
units: {points: {value: 0.01, redeem: tender, step: 100}}
offers:
  three: {what: category cola, give: any 3 for 5.00}
  tenth: {what: category wine, give: 10 % off}
  seven: {give: 7.00 off the basket, stacks: yes}
  points: {give: 1 point for every whole 1.00}
"""


def back(
    quote: Quote, lines: tuple[Line, ...], now: dict[str, str], before: dict[str, str] | None = None
) -> ReturnQuote:
    return quote_return(
        quote,
        Basket(currency=quote.currency, lines=lines),
        {name: Decimal(quantity) for name, quantity in now.items()},
        {name: Decimal(quantity) for name, quantity in (before or {}).items()},
    )


def test_four_units_come_back_one_by_one() -> None:
    """D = 0.97 over four: 0.24, 0.49, 0.73, 0.97 in sum; each refund takes the difference."""
    rules = "offers: {three: {give: any 3 for 5.00}}"
    cola = (line("1", 796, quantity=4),)
    quote = price(rules, *cola)
    refunds = [back(quote, cola, {"1": "1"}, {"1": str(n)}).refund_minor for n in range(4)]
    assert refunds == [175, 174, 175, 175]
    assert sum(refunds) == quote.due_minor == 699


def test_equal_lines_share_the_discount_of_their_fold() -> None:
    rules = "offers: {three: {give: any 3 for 5.00}}"
    cola = tuple(line(str(n), 199, sku="cola") for n in range(4))
    quote = price(rules, *cola)
    assert back(quote, cola, {"3": "1"}).refund_minor == 175
    assert back(quote, cola, {"0": "1", "1": "1"}, {"3": "1", "2": "1"}).refund_minor == 350


def test_a_weighed_part_comes_back_by_its_weight() -> None:
    """1.250 kg for 6.24 less 10 %: 5.62; 0.5 kg of it: 2.50 − 0.25."""
    rules = "offers: {tenth: {give: 10 % off}}"
    cheese = (line("1", 624, quantity="1.250", measure="kg"),)
    assert back(price(rules, *cheese), cheese, {"1": "0.5"}).refund_minor == 225


def test_tax_on_top_comes_back_with_the_goods() -> None:
    taxes = (LineTax(code="S", rate=Decimal("0.08"), included=False),)
    lines = (line("1", 3000, quantity=3, taxes=taxes),)
    quote = price(RULES.replace("seven", "none").replace("7.00", "0.01"), *lines)
    found = back(quote, lines, {"1": "3"})
    assert found.refund_minor == quote.due_minor
    assert found.taxes[0].tax_minor == quote.taxes[0].tax_minor


def test_points_come_back_and_spent_points_are_given_back() -> None:
    """20.00, half of it paid with 1,000 points: one of two bottles is 5.00 and 500 points."""
    rules = RULES.replace("seven: {give: 7.00 off the basket, stacks: yes}", "")
    rules = rules.replace("tenth: {what: category wine, give: 10 % off}", "")
    lines = (line("1", 2000, quantity=2),)
    quote = price(rules, *lines, who=member(points=1000), spend={"points": 1000})
    found = back(quote, lines, {"1": "1"})
    assert (found.refund_minor, found.tendered_units_minor) == (500, 500)
    assert [(one.earned, one.spent) for one in found.units] == [(5, 500)]


GIFT = "SETTINGS\noffers: {mug: {needs: from 10.00 of category tea, give: {gift: sku mug}}}"
TEA = line("1", 1200, quantity=2, category="tea")
MUG = line("2", 500, sku="mug")


def test_a_gift_that_is_kept_is_charged_once_its_trigger_is_back() -> None:
    """Half the tea: 6.00. The rest: 6.00 − 5.00 for the mug. The mug later: its 5.00."""
    quote = price(GIFT.replace("SETTINGS", ""), TEA, MUG)
    lines = (TEA, MUG)
    assert back(quote, lines, {"1": "1"}).refund_minor == 600
    rest = back(quote, lines, {"1": "1"}, {"1": "1"})
    assert rest.refund_minor == 100
    assert [one.gift_charge_minor for one in rest.lines if one.line_id == "2"] == [500]
    assert back(quote, lines, {"2": "1"}, {"1": "2"}).refund_minor == 500
    assert back(quote, lines, {"1": "2", "2": "1"}).refund_minor == 1200


def test_a_gift_that_costs_nothing_yet_is_no_line_of_the_return() -> None:
    """Half the tea leaves 6.00 of it, and the mug is charged with the other half alone."""
    quote = price(GIFT.replace("SETTINGS", ""), TEA, MUG)
    assert [one.line_id for one in back(quote, (TEA, MUG), {"1": "1"}).lines] == ["1"]


def test_a_gift_may_be_kept_for_nothing_by_setting() -> None:
    quote = price(GIFT.replace("SETTINGS", "settings: {gift_kept: keep}"), TEA, MUG)
    assert back(quote, (TEA, MUG), {"1": "2"}).refund_minor == 1200


def test_the_other_policy_prices_what_is_kept_again() -> None:
    """3 × 2.00 for 5.00; one back: 5.00 − 4.00. The next: 4.00 − 2.00, the last 2.00."""
    rules = programme("offers: {three: {give: any 3 for 5.00}}")
    lines = (line("1", 600, quantity=3),)
    quote = price(rules, *lines)
    basket = Basket(currency="EUR", lines=lines)

    def again(kept: Basket) -> Quote:
        return evaluate(rules, None, kept, place())

    refunds = [
        reprice_return(quote, basket, {"1": Decimal(1)}, {"1": Decimal(n)}, again) for n in range(3)
    ]
    assert [one.refund_minor for one in refunds] == [100, 200, 200]
    assert {one.policy for one in refunds} == {"repriced"}


def test_the_policy_for_spent_points_is_named() -> None:
    quote = price("settings: {spent_short: reduce-refund}", line("1", 100))
    assert back(quote, (line("1", 100),), {"1": "1"}).spent_short == "reduce-refund"


EARNING = """
settings: {spent_short: reduce-refund}
units: {points: {value: 0.01}, stamps: {}}
offers:
  points: {who: members, give: 10 points for every whole 1.00}
  stamp: {who: members, give: 1 stamp per item}
"""


def test_points_that_are_spent_are_kept_of_the_refund() -> None:
    """10.00 earned 100 points at 0.01 and a stamp; 60 points are left: 0.40 are kept, the stamp
    has no value and is owed."""
    bread = line("1", 1000)
    quote = back(price(EARNING, bread, who=member()), (bread,), {"1": "1"})
    less = reduce_refund(quote, {"points": 60}, {"points": (1, 1)})
    assert (less.refund_minor, less.spent_short_minor) == (960, 40)
    assert {one.unit: one.earned for one in less.units} == {"points": 60, "stamps": 1}
    assert sum(one.earned for part in less.lines for one in part.units) == 61
    said = [say(one.text, "en", "EUR") for one in less.receipt]
    assert said[-1] == "points spent already, 40: -0.40"


def test_no_more_is_kept_than_is_refunded() -> None:
    """500 points were earned on 0.50 with a present; nothing is left, 0.50 pay for 50 of them."""
    rules = EARNING + "  present: {who: members, give: 495 points}\n"
    mint = line("1", 50)
    quote = back(price(rules, mint, who=member()), (mint,), {"1": "1"})
    taken = sum(one.earned for one in quote.units if one.unit == "points")
    less = reduce_refund(quote, {}, {"points": (1, 1)})
    assert (less.refund_minor, less.spent_short_minor) == (0, 50)
    assert {one.unit: one.earned for one in less.units}["points"] == taken - 50


def test_units_that_come_back_with_the_return_pay_first() -> None:
    """100 points paid 1.00 of 10.00, which earned 90: of these the 100 that come back give all."""
    rules = EARNING.replace("value: 0.01", "value: 0.01, redeem: tender")
    bread = line("1", 1000)
    sold = price(rules, bread, who=member(points=100), spend={"points": 100})
    quote = back(sold, (bread,), {"1": "1"})
    assert reduce_refund(quote, {"stamps": 1}, {"points": (1, 1)}) == quote


@pytest.mark.parametrize("quantity", ["0", "-1", "NaN", "Infinity", "1e999999"])
def test_impossible_quantities_are_refused(quantity: str) -> None:
    quote = price(RULES, line("1", 100))
    with pytest.raises(ReturnRefused):
        back(quote, (line("1", 100),), {"1": quantity})


@settings(max_examples=150, deadline=None)
@given(
    amounts=st.lists(
        st.tuples(st.integers(1, 5000), st.integers(1, 6), st.sampled_from(("cola", "wine", ""))),
        min_size=1,
        max_size=5,
    ),
    order=st.randoms(use_true_random=False),
    points=st.sampled_from((0, 500, 2000)),
    level=st.sampled_from(list(TaxRounding)),
)
def test_any_order_of_partial_returns_adds_up_to_the_sale(
    amounts: list[tuple[int, int, str]], order: object, points: int, level: TaxRounding
) -> None:
    taxes = (LineTax(code="A", rate=Decimal("0.19"), included=False),)
    lines = tuple(
        line(str(n), unit * count, sku=f"{unit}{kind}", quantity=count, category=kind, taxes=taxes)
        for n, (unit, count, kind) in enumerate(amounts)
    )
    quote = price(
        RULES,
        *lines,
        who=member(points=points),
        spend={"points": points},
        where=place(tax_rounding=level),
    )
    basket = Basket(currency="EUR", lines=lines)
    units = [one.line_id for one in lines for _ in range(int(one.quantity))]
    order.shuffle(units)  # type: ignore[attr-defined]
    before: dict[str, Decimal] = {}
    refund = earned = spent = tax = 0
    for line_id in units:
        found = quote_return(quote, basket, {line_id: Decimal(1)}, before)
        before[line_id] = before.get(line_id, Decimal(0)) + 1
        assert found.refund_minor >= 0
        refund += found.refund_minor
        tax += sum(group.tax_minor for group in found.taxes)
        earned += sum(one.earned for one in found.units)
        spent += sum(one.spent for one in found.units)
    assert what_is_left(basket, before) == {}
    assert refund == quote.due_minor
    assert tax == sum(group.tax_minor for group in quote.taxes)
    assert (earned, spent) == (
        sum(one.earned for one in quote.units),
        sum(one.spent for one in quote.units),
    )


def test_a_gift_is_not_charged_while_its_only_trigger_is_kept() -> None:
    rules = "offers: {mug: {needs: from 10.00 of category tea, give: {gift: sku mug}}}"
    lines = (line("1", 1200, category="tea"), line("2", 500, sku="mug"), line("3", 300))
    assert back(price(rules, *lines), lines, {"3": "1"}).refund_minor == 300
