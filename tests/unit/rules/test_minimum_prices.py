"""Lowest prices that the POS names for its goods: neither offers nor units go below them."""

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.rules.random_programmes import Drawn, sales
from tests.unit.rules.shop import check_sums, line, member, outcome, price


def test_a_percentage_stops_at_the_lowest_price() -> None:
    """30 % of 10.00 would leave 7.00; the lowest price is 8.00."""
    rules = "offers: {a: {give: 30 % off}}"
    quote = price(rules, line("1", 1000, minimum_price_minor=800), line("2", 1000))
    assert [one.due_minor for one in quote.lines] == [800, 700]
    assert quote.optimal


def test_the_lowest_price_is_of_each_piece_and_of_each_kilogram() -> None:
    """3 × 10.00 at 9.00 at least: 27.00; 1.250 kg of 10.00, 7.00 a kg at least: 8.75."""
    rules = "offers: {a: {give: 50 % off}}"
    pieces = line("1", 3000, quantity=3, minimum_price_minor=900)
    weighed = line("2", 1000, quantity="1.250", measure="kg", minimum_price_minor=700)
    assert [one.due_minor for one in price(rules, pieces, weighed).lines] == [2700, 875]


def test_an_amount_off_the_basket_goes_on_the_other_goods() -> None:
    """5.00 off 10.00 and 10.00 would be 2.50 each; books keep their price, tea bears it all."""
    rules = "offers: {five: {give: 5.00 off the basket}}"
    quote = price(rules, line("1", 1000, minimum_price_minor=1000), line("2", 1000))
    assert [one.discount_minor for one in quote.lines] == [0, 500]
    assert quote.discount_minor == 500


def test_of_an_amount_off_only_what_finds_no_room_is_lost() -> None:
    """5.00 off 10.00 (9.00 at least) and 3.00: at most 1.00 and 3.00."""
    rules = "offers: {five: {give: 5.00 off the basket}}"
    quote = price(rules, line("1", 1000, minimum_price_minor=900), line("2", 300))
    assert [one.discount_minor for one in quote.lines] == [100, 300]


def test_a_percentage_off_the_basket_is_lost_where_it_goes_below() -> None:
    """10 % of 10.00 and 10.00: 1.00 on the tea, nothing on the book."""
    rules = "offers: {tenth: {give: 10 % off the basket}}"
    quote = price(rules, line("1", 1000, minimum_price_minor=1000), line("2", 1000))
    assert [one.discount_minor for one in quote.lines] == [0, 100]


def test_the_offer_that_acted_last_gives_way() -> None:
    """20 % off is 2.00, then 10 % of 8.00 is 0.80; at 7.50 at least, 0.50 of it are left."""
    rules = """
offers:
  fifth: {give: 20 % off, stacks: yes}
  tenth: {give: 10 % off the basket, stacks: yes}
"""
    quote = price(rules, line("1", 1000, minimum_price_minor=750))
    assert outcome(quote, "fifth").discount_minor == 200
    assert outcome(quote, "tenth").discount_minor == 50


def test_an_offer_that_may_take_nothing_says_why() -> None:
    quote = price("offers: {a: {give: 30 % off}}", line("1", 1000, minimum_price_minor=1000))
    assert outcome(quote, "a").reason == "minimum-price"
    assert not outcome(quote, "a").applied


def test_where_offers_compete_what_was_lost_is_the_gap() -> None:
    """40 % of 10.00 beats 2.00 off, then 3.00 of it are lost at 9.00 at least: 3.00 the gap."""
    rules = "offers: {a: {give: 40 % off}, b: {give: 2.00 off}}"
    quote = price(rules, line("1", 1000, minimum_price_minor=900))
    assert (quote.due_minor, quote.optimal, quote.gap_minor) == (900, False, 300)


def test_a_line_whose_price_is_lower_already_stays_what_it_is() -> None:
    quote = price("offers: {a: {give: 10 % off}}", line("1", 500, minimum_price_minor=800))
    assert quote.due_minor == 500


def test_a_gift_keeps_its_lowest_price() -> None:
    """A mug of 5.00, 1.00 at least: 4.00 off."""
    rules = "offers: {mug: {needs: basket from 20.00, give: {gift: sku mug}}}"
    quote = price(rules, line("1", 2000), line("2", 500, sku="mug", minimum_price_minor=100))
    assert quote.discount_minor == 400


def test_units_as_a_discount_stop_at_the_lowest_price_and_as_a_tender_do_not() -> None:
    """300 points on 10.00 at 8.00 at least: 200 as a discount, all 300 as a tender."""
    for redeem, spent in (("discount", 200), ("tender", 300)):
        rules = f"units: {{points: {{value: 0.01, redeem: {redeem}}}}}"
        quote = price(
            rules,
            line("1", 1000, minimum_price_minor=800),
            who=member(points=300),
            spend={"points": 300},
        )
        assert [one.spent for one in quote.units] == [spent]


def test_a_reward_that_costs_units_stops_at_the_lowest_price() -> None:
    """100 points for 1.00 off: two lots fit above 8.00. A mug of 5.00 for points costs 1.00."""
    rules = "units: {points: {}}\noffers: {less: {give: 100 points = 1.00 off}}"
    book = line("1", 1000, minimum_price_minor=800)
    quote = price(rules, book, who=member(points=900), spend={"!less": 900})
    assert (quote.discount_minor, quote.units[0].spent) == (200, 200)
    mug = line("1", 500, sku="mug", minimum_price_minor=100)
    rules = "units: {points: {}}\noffers: {mug: {give: {spend: 50 points, gift: sku mug}}}"
    assert price(rules, mug, who=member(points=90), chosen=("mug",)).due_minor == 100
    kept = line("1", 500, sku="mug", minimum_price_minor=500)
    assert price(rules, kept, who=member(points=90), chosen=("mug",)).units == ()


@settings(max_examples=100)
@given(sale=sales(), data=st.data())
def test_no_line_goes_below_its_lowest_price(sale: Drawn, data: st.DataObject) -> None:
    lines = []
    for one in sale.lines:
        price_minor = data.draw(st.one_of(st.none(), st.integers(0, 900)))
        fields = {name: getattr(one, name) for name in ("sku", "quantity", "measure", "taxes")}
        kinds = {name: getattr(one, name) for name in ("categories", "brand")}
        lines.append(
            line(one.line_id, one.amount_minor, minimum_price_minor=price_minor, **fields, **kinds)
        )
    quote = sale.priced(lines=tuple(lines))
    check_sums(quote)
    for given_, priced in zip(lines, quote.lines, strict=True):
        least = round(float((given_.minimum_price_minor or 0) * given_.quantity))
        # A weighed line may be rounded, and equal lines share a cent.
        assert priced.due_minor >= min(given_.amount_minor, least) - 1
