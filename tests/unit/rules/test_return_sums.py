"""Returns in any order pay what the sale cost: gifts that are kept, partners' shares, repricing."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tessera.core.basket import Basket, Line, Redemption
from tessera.core.quote import Quote, ReturnQuote
from tessera.rules.evaluate import evaluate
from tessera.rules.returns import quote_return, reprice_return
from tests.unit.rules.random_programmes import OFF, UNITS, Drawn, sales
from tests.unit.rules.shop import FULL, line, member, place, price, programme

GIFT = "offers: {mug: {needs: from 5.00 of category tea, give: {gift: sku mug}}}"
TEA = line("tea", 500, category="tea")
MUG = line("mug", 1000, sku="mug")
HAT = line("hat", 2000)


def one_by_one(
    quote: Quote, lines: tuple[Line, ...], steps: Sequence[dict[str, int]]
) -> list[ReturnQuote]:
    before: dict[str, Decimal] = {}
    basket, found = Basket(currency="EUR", lines=lines), []
    for step in steps:
        wish = {name: Decimal(count) for name, count in step.items()}
        found.append(quote_return(quote, basket, wish, before))
        before |= {name: before.get(name, Decimal(0)) + count for name, count in wish.items()}
    return found


@pytest.mark.parametrize(
    "steps, refunds",
    [
        ([{"tea": 1}, {"mug": 1}, {"hat": 1}], [0, 500, 2000]),
        ([{"hat": 1}, {"tea": 1}, {"mug": 1}], [2000, 0, 500]),
        ([{"hat": 1, "tea": 1}, {"mug": 1}], [2000, 500]),
        ([{"mug": 1}, {"tea": 1}, {"hat": 1}], [0, 500, 2000]),
    ],
)
def test_a_kept_gift_costs_no_more_than_its_trigger_brings(
    steps: list[dict[str, int]], refunds: list[int]
) -> None:
    """25.00 were paid: the mug (10.00) keeps the 5.00 of the tea, and gives just these back."""
    lines = (TEA, MUG, HAT)
    quote = price(GIFT, *lines)
    assert quote.due_minor == 2500
    assert [one.refund_minor for one in one_by_one(quote, lines, steps)] == refunds


def test_two_gifts_of_one_trigger_share_what_it_brings() -> None:
    """12.00 are kept as far as the pot's 8.00 go; once the mug is back the towel keeps its 7.00."""
    rules = (
        "offers:\n  mug: {needs: from 5.00 of category tea, give: {gift: sku mug}}\n"
        "  towel: {needs: from 5.00 of category tea, give: {gift: sku towel}}\n"
    )
    lines = (
        line("pot", 800, category="tea"),
        line("mug", 500, sku="mug"),
        line("towel", 700, sku="towel"),
    )
    steps = [{"pot": 1}, {"mug": 1}, {"towel": 1}]
    found = one_by_one(price(rules, *lines), lines, steps)
    assert [one.refund_minor for one in found] == [0, 100, 700]


def test_what_a_partner_paid_comes_back_with_its_tax_group() -> None:
    """4 × 1.19, half of it the partner's: 4.00 and 0.76 tax in all, a quarter with each piece."""
    funding = "funding: {partner: maker, third_party_paid: yes}"
    rules = f"partners: [maker]\noffers: {{half: {{give: 50 % off, {funding}}}}}"
    lines = (line("1", 476, quantity=4, tax=FULL),)
    found = one_by_one(price(rules, *lines), lines, [{"1": 1}, {"1": 3}])
    groups = [group for one in found for group in one.taxes]
    assert [(one.net_minor, one.tax_minor) for one in groups] == [(100, 19), (300, 57)]


def test_tax_that_comes_back_is_never_more_than_what_it_is_on() -> None:
    """3 at 0.01 with 0.01 off: 0, 0.01 and 0.01 come back; the cent of tax on one with money."""
    rules = "offers: {cent: {give: 0.01 off the basket}}"
    lines = (line("1", 3, quantity=3, tax=FULL),)
    found = one_by_one(price(rules, *lines), lines, [{"1": 1}, {"1": 1}, {"1": 1}])
    assert all(group.net_minor >= 0 for one in found for group in one.taxes)


def repriced(rules: str, lines: tuple[Line, ...], *, points: int = 0) -> list[tuple[int, int]]:
    """Refunds and what goes back as units, the lines coming back one after the other."""
    found, who = programme(f"settings: {{return_policy: repriced}}\n{rules}"), member(points=points)
    spent = (Redemption(unit="points", amount=points),) if points else ()
    basket = Basket(currency="EUR", lines=lines, redemptions=spent)
    quote = evaluate(found, who, basket, place())
    before: dict[str, Decimal] = {}
    sums = []
    for one in lines:
        wish = {one.line_id: one.quantity}
        back = reprice_return(
            quote, basket, wish, before, lambda kept: evaluate(found, who, kept, place())
        )
        sums.append((back.refund_minor, back.tendered_units_minor))
        before |= wish
    assert sum(refund for refund, _ in sums) == quote.due_minor
    return sums


def test_repriced_goods_that_cost_more_alone_bring_no_more_than_was_paid() -> None:
    """50.00 less 5.00: without the 1.00 the rest costs 49.00, but only 45.00 were paid."""
    rules = "offers: {five: {needs: basket from 50.00, give: 5.00 off the basket}}"
    assert repriced(rules, (line("1", 100), line("2", 4900))) == [(0, 0), (4500, 0)]


def test_repriced_goods_that_points_paid_half_of_bring_half_in_money() -> None:
    """20.00, 10.00 of it in points: each half of the goods is 5.00 in money and 5.00 in points."""
    rules = "units: {points: {value: 0.01, redeem: tender}}"
    rules += "\noffers: {five: {needs: basket from 50.00, give: 5.00 off the basket}}"
    lines = (line("1", 1000), line("2", 1000))
    assert repriced(rules, lines, points=1000) == [(500, 500), (500, 500)]


@settings(max_examples=80)
@given(
    sale=sales(gives=(*OFF, *UNITS, *["{gift: [g1, g2]}"] * 12)),
    mixer=st.randoms(use_true_random=False),
)
def test_refunds_in_any_order_are_what_was_paid(sale: Drawn, mixer: Any) -> None:
    """The money handed out, never cut off at nothing, and net and tax of each group."""
    quote = sale.priced()
    pieces = [
        (one.line_id, 1) for one in sale.lines if not one.measure for _ in range(int(one.quantity))
    ]
    mixer.shuffle(pieces)
    weighed = {one.line_id: one.quantity for one in sale.lines if one.measure}
    basket, before = sale.basket(), dict[str, Decimal]()
    refund, sums = 0, dict[tuple[str, str], tuple[int, int]]()
    steps = [{name: Decimal(count)} for name, count in pieces]
    for wish in [*steps, weighed]:
        back = quote_return(quote, basket, wish, before)
        refund += back.refund_minor
        assert sum(one.refund_minor for one in back.lines) >= back.tendered_units_minor
        for group in back.taxes:
            assert min(group.net_minor, group.tax_minor) >= 0
            net, tax = sums.get((group.code, group.rate), (0, 0))
            sums[group.code, group.rate] = (net + group.net_minor, tax + group.tax_minor)
        before |= {name: before.get(name, Decimal(0)) + count for name, count in wish.items()}
    assert refund == quote.due_minor
    sold = dict[tuple[str, str], tuple[int, int]]()
    for group in quote.taxes:  # a tax may be inside one price and on top of another
        net, tax = sold.get((group.code, group.rate), (0, 0))
        sold[group.code, group.rate] = (net + group.net_minor, tax + group.tax_minor)
    assert sums == sold
