"""The demonstration's programme, basket by basket."""

from decimal import Decimal
from pathlib import Path

import pytest

from tessera.core.basket import Basket
from tessera.rules.programme import Programme, parse_programme
from tessera.rules.returns import ReturnRefused, quote_return, what_is_left
from tessera.rules.wording import receipt_texts, say
from tests.unit.rules.shop import FULL, REDUCED, line, member, outcome, price

FILE = Path(__file__).parents[3] / "config" / "programmes" / "corner-shop.yaml"
MILK = line("1", 297, sku="milk", quantity=3, category="dairy", tax=REDUCED)
WINE = line("2", 5994, sku="wine", quantity=6, tax=FULL)


@pytest.fixture(scope="module")
def corner_shop() -> Programme:
    found, problems = parse_programme(FILE.read_text(), file=str(FILE))
    assert problems == []
    assert found is not None
    return found


def test_a_member_gets_discount_and_points(corner_shop: Programme) -> None:
    """2.97 less 10 % (0.30) is 2.67; 2.67 is two whole euros: 2 points."""
    quote = price(corner_shop, MILK, who=member())
    assert quote.due_minor == 267
    assert [(one.unit, one.earned) for one in quote.units] == [("points", 2)]
    assert quote.units[0].expires == "2028-11-21"


def test_a_guest_gets_neither(corner_shop: Programme) -> None:
    quote = price(corner_shop, MILK)
    assert quote.due_minor == 297
    assert quote.units == ()
    assert outcome(quote, "dairy-10").reason == "members-only"


def test_a_large_basket_reads_the_shelf_and_comes_on_top(corner_shop: Programme) -> None:
    """2.97 + 59.94 = 62.91; less 0.30 and 5.00: 57.61, 57 points."""
    quote = price(corner_shop, MILK, WINE, who=member())
    assert quote.due_minor == 5761
    assert quote.units[0].earned == 57


def test_tiers_multiply_points_once_per_basket(corner_shop: Programme) -> None:
    """47.61 are 47 points; silver: 47 × 1.5 = 70.5, floored 70; gold: 94."""
    wine = line("2", 4494, sku="wine", quantity=6, tax=FULL)
    assert price(corner_shop, MILK, wine, who=member(tier="silver")).units[0].earned == 70
    assert price(corner_shop, MILK, wine, who=member(tier="gold")).units[0].earned == 94


def test_points_settle_a_part_of_the_total_and_leave_the_taxes_alone(
    corner_shop: Programme,
) -> None:
    """57.61, of which 5.00 is paid with 500 points; 52.61 earns 52."""
    plain = price(corner_shop, MILK, WINE, who=member())
    quote = price(corner_shop, MILK, WINE, who=member(points=730), spend={"points": 500})
    assert (quote.due_minor, quote.tendered_units_minor) == (5261, 500)
    assert quote.taxes == plain.taxes
    assert (quote.units[0].earned, quote.units[0].spent) == (52, 500)


def test_only_whole_lots_of_what_may_be_spent_here_are_spent(corner_shop: Programme) -> None:
    quote = price(corner_shop, WINE, who=member(points=730), spend={"points": 1000})
    assert quote.units[0].spent == 700


def test_the_near_miss_says_how_much_is_missing(corner_shop: Programme) -> None:
    """50.00 − 47.91 = 2.09."""
    quote = price(corner_shop, MILK, line("2", 4494, sku="wine", quantity=6))
    found = outcome(quote, "big-basket")
    assert (found.reason, found.missing_minor) == ("amount-short", 209)
    assert found.text is not None
    assert say(found.text, "en", "EUR") == "2.09 more for 5.00 off from 50.00"
    assert say(found.text, "de", "EUR") == "Noch 2,09 bis 5,00 ab 50,00"


def test_the_receipt_speaks_the_members_language(corner_shop: Programme) -> None:
    quote = price(corner_shop, MILK, WINE, who=member())
    assert receipt_texts(quote, "de") == [
        "10 % auf Molkereiprodukte   -0,30",
        "5,00 ab 50,00   -5,00",
        "Punkte +57",
    ]


def test_returns_in_parts_add_up_to_the_sale(corner_shop: Programme) -> None:
    quote = price(corner_shop, MILK, WINE, who=member(points=500), spend={"points": 500})
    basket = Basket(currency="EUR", lines=(MILK, WINE))
    before: dict[str, Decimal] = {}
    refund = taken_back = given_back = 0
    for line_id in ("1", "2", "2", "1", "2", "2", "1", "2", "2"):
        back = quote_return(quote, basket, {line_id: Decimal(1)}, before)
        before[line_id] = before.get(line_id, Decimal(0)) + 1
        refund += back.refund_minor
        taken_back += sum(one.earned for one in back.units)
        given_back += sum(one.spent for one in back.units)
    assert what_is_left(basket, before) == {}
    assert (refund, taken_back, given_back) == (quote.due_minor, quote.units[0].earned, 500)


def test_more_than_was_sold_cannot_come_back(corner_shop: Programme) -> None:
    quote = price(corner_shop, MILK)
    basket = Basket(currency="EUR", lines=(MILK,))
    with pytest.raises(ReturnRefused, match="2 of 1 left"):
        quote_return(quote, basket, {"1": Decimal(2)}, {"1": Decimal(2)})
    with pytest.raises(ReturnRefused, match="'9' was not sold"):
        quote_return(quote, basket, {"9": Decimal(1)}, {})
