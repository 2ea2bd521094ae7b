"""What must hold for every programme that uses any mechanic, under any setting, on any basket."""

from decimal import Decimal
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from tessera.core.quote import Quote
from tessera.rules.returns import quote_return
from tests.unit.rules.random_programmes import OFF, Drawn, offers, sales, split
from tests.unit.rules.shop import check_sums, programme

COMPETING = tuple(one for one in OFF if "steps" not in one and "every" not in one)


def totals(quote: Quote) -> tuple[object, ...]:
    return (
        quote.due_minor,
        quote.discount_minor,
        quote.taxes,
        quote.units,
        {(one.offer, one.discount_minor, one.units, one.reason) for one in quote.offers},
    )


@settings(max_examples=150)
@given(sales())
def test_parts_are_their_totals_and_nothing_is_below_zero(sale: Drawn) -> None:
    """By line, offer, tax group, unit and partner."""
    quote = sale.priced()
    check_sums(quote)
    assert quote.due_minor >= 0
    assert quote.gap_minor >= 0
    shares = [part for one in quote.lines for part in one.offers]
    assert sum(part.third_party_minor for part in shares) == quote.third_party_minor
    for part in shares:
        assert 0 <= part.third_party_minor <= part.partner_minor <= part.discount_minor
        if part.discount_minor and not part.offer.startswith("unit:"):
            funded = "funding" in sale.offers[int(part.offer.removeprefix("o"))]
            assert bool(part.partner) == funded
    for group in quote.taxes:
        assert min(group.net_minor, group.tax_minor, group.gross_minor) >= 0
    for movement in quote.units:
        units = [part for one in quote.lines for part in one.units if part.unit == movement.unit]
        units = [part for part in units if part.issuer == movement.issuer]
        assert sum(part.spent for part in units) == movement.spent
        assert sum(part.earned for part in units) == movement.earned
    assert sum(one.spent for one in quote.units) <= sale.points


@settings(max_examples=80)
@given(sale=sales(), mixer=st.randoms(use_true_random=False))
def test_the_order_of_scanning_and_listing_changes_nothing(sale: Drawn, mixer: Any) -> None:
    scanned, listed = list(sale.lines), list(range(len(sale.offers)))
    mixer.shuffle(scanned)
    mixer.shuffle(listed)
    one = sale.priced()
    other = sale.priced(programme(sale.text(listed)), tuple(scanned))
    assert totals(one) == totals(other)
    assert {each.line_id: each.due_minor for each in one.lines} == {
        each.line_id: each.due_minor for each in other.lines
    }


@settings(max_examples=80)
@given(sales())
def test_splitting_lines_changes_nothing(sale: Drawn) -> None:
    assert totals(sale.priced()) == totals(sale.priced(lines=split(sale.lines)))


@settings(max_examples=80)
@given(sales(gives=OFF))
def test_with_everything_off_nothing_is_to_pay_under_any_taxes(sale: Drawn) -> None:
    rules = programme(sale.text(extra="  all: {give: 100 % off the basket, stacks: yes}\n"))
    quote = sale.priced(rules)
    assert quote.discount_minor == quote.shelf_minor
    # What a partner pays like a third party is taxed, and the tax on top of it is the customer's.
    if not quote.third_party_minor:
        assert quote.due_minor == 0
        assert all(group.gross_minor == group.tax_minor == 0 for group in quote.taxes)


@settings(max_examples=80)
@given(sale=sales(gives=COMPETING, meets=False), more=offers(COMPETING, meets=False))
def test_one_more_offer_to_choose_from_never_costs_more(sale: Drawn, more: str) -> None:
    """Where the best choice is proven: up to the cent that each choice may be rounded."""
    before = sale.priced()
    after = sale.priced(programme(sale.text(extra=f"  more: {{{more}}}\n")))
    if after.optimal:
        assert after.discount_minor >= before.discount_minor


@settings(max_examples=80)
@given(sales())
def test_a_full_return_gives_everything_back(sale: Drawn) -> None:
    quote, basket = sale.priced(), sale.basket()
    back = quote_return(quote, basket, {one.line_id: one.quantity for one in sale.lines}, {})
    assert back.refund_minor == quote.due_minor
    assert back.tendered_units_minor == quote.tendered_units_minor
    assert {(one.unit, one.issuer): (one.earned, one.spent) for one in back.units} == {
        (one.unit, one.issuer): (one.earned, one.spent) for one in quote.units
    }
    assert sum(one.tax_minor for one in back.taxes) == sum(one.tax_minor for one in quote.taxes)


@settings(max_examples=80)
@given(sale=sales(), mixer=st.randoms(use_true_random=False))
def test_any_sequence_of_partial_returns_is_the_full_one(sale: Drawn, mixer: Any) -> None:
    quote, basket = sale.priced(), sale.basket()
    pieces = [
        (one.line_id, one.quantity if one.measure else Decimal(1))
        for one in sale.lines
        for _ in range(1 if one.measure else int(one.quantity))
    ]
    mixer.shuffle(pieces)
    before: dict[str, Decimal] = {}
    refund, tendered, units, tax = 0, 0, [0, 0], 0
    for line_id, quantity in pieces:
        back = quote_return(quote, basket, {line_id: quantity}, before)
        assert back.refund_minor >= 0
        refund += sum(one.refund_minor for one in back.lines)
        tendered += back.tendered_units_minor
        tax += sum(one.tax_minor for one in back.taxes)
        units = [
            units[0] + sum(one.earned for one in back.units),
            units[1] + sum(one.spent for one in back.units),
        ]
        before[line_id] = before.get(line_id, Decimal(0)) + quantity
    assert refund - tendered == quote.due_minor
    assert tendered == quote.tendered_units_minor
    assert units == [sum(one.earned for one in quote.units), sum(one.spent for one in quote.units)]
    assert tax == sum(one.tax_minor for one in quote.taxes)
