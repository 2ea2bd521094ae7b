"""Goods lines below zero, typed in by hand, lower what benefits may take off."""

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.rules.random_programmes import Drawn, sales
from tests.unit.rules.shop import check_sums, line, member, outcome, price

POINTS = "units: {points: {value: 0.01, redeem: REDEEM}}\n"


def test_a_correction_is_left_to_pay_by_a_whole_discount() -> None:
    """10.00 less a correction of 4.00: of the 10.00 off, 6.00 are given and 0.00 is to pay."""
    rules = "offers: {all: {give: 100 % off the basket}}"
    quote = price(rules, line("1", 1000), line("2", -400))
    assert (quote.discount_minor, quote.due_minor) == (600, 0)


def test_what_fits_beside_a_correction_stays_whole() -> None:
    """10.00 less 4.00 less 5.00 off is 1.00."""
    rules = "offers: {five: {give: 5.00 off the basket}}"
    assert price(rules, line("1", 1000), line("2", -400)).due_minor == 100


def test_the_offer_that_acted_last_gives_up_first() -> None:
    """3.00 off the bread, then half of the 7.00 left is 3.50; 6.50 are 0.50 more than 6.00."""
    rules = """
offers:
  bread: {give: 3.00 off, stacks: yes}
  half: {give: 50 % off the basket, stacks: yes}
"""
    quote = price(rules, line("1", 1000), line("2", -400))
    assert outcome(quote, "bread").discount_minor == 300
    assert outcome(quote, "half").discount_minor == 300
    assert quote.due_minor == 0


def test_an_offer_that_gives_up_all_is_not_applied() -> None:
    """2.00 off is all that a correction of 8.00 leaves of 10.00; nothing for the basket's offer."""
    rules = """
offers:
  bread: {give: 2.00 off, stacks: yes}
  tenth: {give: 10 % off the basket, stacks: yes}
"""
    quote = price(rules, line("1", 1000), line("2", -800))
    assert outcome(quote, "bread").discount_minor == 200
    assert outcome(quote, "tenth").reason == "no-saving"
    assert quote.due_minor == 0


def test_unit_offers_give_up_in_proportion_on_their_goods() -> None:
    """All of 6.00 and 3.00, less 3.00: 6.00 stay off, as 4.00 and 2.00."""
    rules = "offers: {free: {give: free}}"
    quote = price(rules, line("1", 600), line("2", 300), line("3", -300))
    assert [one.discount_minor for one in quote.lines] == [400, 200, 0]
    assert quote.due_minor == 0


def test_a_basket_below_zero_before_any_offer_stays_what_it_is() -> None:
    """2.00 less a correction of 5.00 is -3.00, with or without an offer."""
    rules = "offers: {all: {give: 50 % off, stacks: yes}, too: {give: 1.00 off the basket}}"
    assert price(rules, line("1", 200), line("2", -500)).due_minor == -300


def test_units_take_off_no_more_than_a_correction_leaves() -> None:
    """10.00 less 4.00: 600 of 1000 points, as a discount and as a tender."""
    for redeem in ("discount", "tender"):
        rules = POINTS.replace("REDEEM", redeem)
        quote = price(
            rules, line("1", 1000), line("2", -400), who=member(points=1000), spend={"points": 1000}
        )
        assert [one.spent for one in quote.units] == [600]
        assert quote.due_minor == 0


def test_a_tender_settles_what_is_to_pay_and_pays_nothing_out() -> None:
    """Goods of 10.00 and goods of 7.00 that come back: 3.00 are to pay, and points pay no more."""
    rules = POINTS.replace("REDEEM", "tender")
    quote = price(
        rules,
        line("1", 1000),
        line("2", -700, kind="return"),
        who=member(points=1000),
        spend={"points": 1000},
    )
    assert [one.spent for one in quote.units] == [300]
    assert quote.due_minor == 0


def test_a_gift_for_units_is_not_given_in_part() -> None:
    """A mug of 5.00 for points beside a correction of 4.00 on 8.00: 4.00 are left, no mug."""
    rules = "units: {points: {}}\noffers: {mug: {give: {spend: 50 points, gift: sku mug}}}"
    lines = (line("1", 500, sku="mug"), line("2", 300))
    kept = price(rules, *lines, line("3", -400), who=member(points=90), chosen=("mug",))
    assert (kept.due_minor, [one.spent for one in kept.units]) == (400, [])
    given_ = price(rules, *lines, line("3", -300), who=member(points=90), chosen=("mug",))
    assert (given_.due_minor, [one.spent for one in given_.units]) == (0, [50])


@settings(max_examples=120)
@given(sale=sales(), below=st.lists(st.integers(-900, -1), min_size=1, max_size=3))
def test_no_benefit_takes_a_total_below_zero(sale: Drawn, below: list[int]) -> None:
    """Without taxes on top, which could come back on the line below zero alone."""
    plain = [one for one in sale.lines if all(tax.included for tax in one.taxes)]
    typed = [line(f"c{number}", minor) for number, minor in enumerate(below)]
    quote = sale.priced(lines=(*plain, *typed))
    check_sums(quote)
    without = sum(one.amount_minor for one in (*plain, *typed))
    assert quote.due_minor >= min(0, without)
    assert all(one.due_minor >= 0 for one in quote.lines if one.line_id[0] != "c")
    assert all(part.discount_minor >= 0 for one in quote.lines for part in one.offers)
