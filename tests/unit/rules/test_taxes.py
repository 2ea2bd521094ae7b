"""Taxes: none, inside, on top, several, compound, per unit; by line and by group."""

from decimal import Decimal

import pytest

from tessera.core.basket import LineTax, TaxRounding
from tests.unit.rules.shop import line, member, place, price

NO_OFFERS = "units: {points: {value: 0.01, redeem: tender}}"
FREE = "offers: {a: {give: free}}"


def tax(code: str, rate: str, **fields: object) -> LineTax:
    return LineTax(code=code, rate=Decimal(rate), **fields)  # type: ignore[arg-type]


INSIDE = (tax("A", "0.19"),)
ON_TOP = (tax("S", "0.08", included=False),)
TWO_ON_TOP = (tax("GST", "0.05", included=False), tax("PST", "0.07", included=False))
COMPOUND = (
    tax("GST", "0.05", included=False),
    tax("QST", "0.10", included=False, compound_on=("GST",)),
)
TWO_INSIDE = (tax("A", "0.10"), tax("B", "0.05"))
PER_UNIT = (tax("A", "0.20"), tax("ECO", "0", per_unit_minor=25))
TREATMENTS = [(), INSIDE, ON_TOP, TWO_ON_TOP, COMPOUND, TWO_INSIDE, PER_UNIT]


def test_no_tax() -> None:
    group = price(NO_OFFERS, line("1", 1000)).taxes[0]
    assert (group.code, group.net_minor, group.tax_minor, group.gross_minor) == ("", 1000, 0, 1000)


def test_tax_inside() -> None:
    """11.90 holds 1.90."""
    group = price(NO_OFFERS, line("1", 1190, taxes=INSIDE)).taxes[0]
    assert (group.net_minor, group.tax_minor, group.gross_minor) == (1000, 190, 1190)


def test_tax_on_top_is_part_of_what_is_due() -> None:
    """10.00 and 8 % on top."""
    quote = price(NO_OFFERS, line("1", 1000, taxes=ON_TOP))
    assert (quote.due_minor, quote.tax_on_top_minor) == (1080, 80)
    assert quote.taxes[0].net_minor == 1000


def test_several_taxes_on_one_line() -> None:
    """10.00: 5 % is 0.50, 7 % is 0.70."""
    group = price(NO_OFFERS, line("1", 1000, taxes=TWO_ON_TOP)).taxes[0]
    assert (group.code, group.rate, group.tax_minor) == ("GST+PST", "0.05+0.07", 120)
    assert [part.tax_minor for part in group.parts] == [50, 70]


def test_a_compound_tax_reads_the_tax_below_it() -> None:
    """10.00: 5 % is 0.50, 10 % of 10.50 is 1.05."""
    group = price(NO_OFFERS, line("1", 1000, taxes=COMPOUND)).taxes[0]
    assert [part.tax_minor for part in group.parts] == [50, 105]


def test_two_taxes_inside_share_one_net() -> None:
    """11.50 = 10.00 + 1.00 + 0.50."""
    group = price(NO_OFFERS, line("1", 1150, taxes=TWO_INSIDE)).taxes[0]
    assert (group.net_minor, [part.tax_minor for part in group.parts]) == (1000, [100, 50])


def test_a_tax_on_each_unit_beside_a_rate() -> None:
    """3 × 2.65 = 7.95, of which 3 × 0.25; the other 7.20 hold 1.20 at 20 %."""
    group = price(NO_OFFERS, line("1", 795, quantity=3, taxes=PER_UNIT)).taxes[0]
    assert (group.net_minor, [part.tax_minor for part in group.parts]) == (600, [120, 75])


def test_a_circle_of_compound_taxes_is_no_endless_one() -> None:
    taxes = (
        tax("A", "0.10", included=False, compound_on=("B",)),
        tax("B", "0.10", included=False, compound_on=("A",)),
    )
    assert price(NO_OFFERS, line("1", 1000, taxes=taxes)).due_minor >= 1200


@pytest.mark.parametrize("level, tax_minor", [(TaxRounding.LINE, 15), (TaxRounding.GROUP, 16)])
def test_rounding_by_line_or_by_group(level: TaxRounding, tax_minor: int) -> None:
    """0.99, 1.00 and 1.01 at 5.4 %: 0.05346, 0.054, 0.05454 → 3 × 0.05; of 3.00 it is 0.162."""
    taxes = (tax("S", "0.054", included=False),)
    lines = [line(str(n), minor, taxes=taxes) for n, minor in enumerate((99, 100, 101))]
    quote = price(NO_OFFERS, *lines, where=place(tax_rounding=level))
    assert quote.taxes[0].tax_minor == tax_minor
    assert quote.due_minor == 300 + tax_minor


@pytest.mark.parametrize("taxes", TREATMENTS)
@pytest.mark.parametrize("level", list(TaxRounding))
def test_one_hundred_percent_off_is_nothing_under_every_treatment(
    taxes: tuple[LineTax, ...], level: TaxRounding
) -> None:
    quote = price(FREE, line("1", 997, quantity=3, taxes=taxes), where=place(tax_rounding=level))
    assert quote.due_minor == 0
    assert all(group.tax_minor == 0 for group in quote.taxes)


@pytest.mark.parametrize("taxes", TREATMENTS)
@pytest.mark.parametrize("level", list(TaxRounding))
@pytest.mark.parametrize("sign", [1, -1])
def test_parts_sum_under_every_treatment(
    taxes: tuple[LineTax, ...], level: TaxRounding, sign: int
) -> None:
    kind = "goods" if sign > 0 else "return"
    lines = [
        line(str(n), sign * minor, quantity=n + 1, taxes=taxes, kind=kind)
        for n, minor in enumerate((1, 99, 1234, 10_000))
    ]
    price("offers: {a: {give: 7 % off the basket}}", *lines, where=place(tax_rounding=level))


def test_a_discount_lowers_the_tax_and_a_tender_does_not() -> None:
    rules = """
units: {points: {value: 0.01, redeem: tender}}
offers: {a: {give: 1.90 off the basket}}
"""
    discounted = price(rules, line("1", 1380, taxes=INSIDE))
    assert discounted.taxes[0].tax_minor == 190
    paid = price(
        rules, line("1", 1380, taxes=INSIDE), who=member(points=500), spend={"points": 500}
    )
    assert paid.taxes[0].tax_minor == 190
    assert paid.due_minor == 690


def test_points_may_pay_the_tax_on_top() -> None:
    quote = price(
        NO_OFFERS, line("1", 1000, taxes=ON_TOP), who=member(points=5000), spend={"points": 5000}
    )
    assert (quote.due_minor, quote.tendered_units_minor) == (0, 1080)


@pytest.mark.parametrize("third_party, tax_minor", [("yes", 190), ("no", 95)])
def test_a_partner_may_pay_without_lowering_the_tax_base(third_party: str, tax_minor: int) -> None:
    """11.90 at half price, the maker pays all of it: tax on 11.90 or on 5.95."""
    rules = f"""
partners: [maker]
offers:
  half:
    give: 50 % off
    funding: {{partner: maker, share: 100 %, third_party_paid: {third_party}}}
"""
    quote = price(rules, line("1", 1190, taxes=INSIDE))
    assert quote.due_minor == 595
    assert quote.taxes[0].tax_minor == tax_minor
    assert quote.lines[0].offers[0].partner_minor == 595


def test_a_price_below_its_fixed_tax_holds_nothing_else() -> None:
    """0.05 to pay, 0.25 of it a fixed tax: nothing is left that 60 % could be of."""
    taxes = (tax("A", "0.60"), tax("ECO", "0", per_unit_minor=25))
    group = price(NO_OFFERS, line("1", 5, taxes=taxes)).taxes[0]
    assert (group.net_minor, [part.tax_minor for part in group.parts]) == (0, [0, 5])
