"""What a forgotten card is priced by: the goods that are still there, at what was paid for them."""

from decimal import Decimal

from tessera.core.basket import Basket, Redemption
from tessera.rules.claims import claim_basket
from tests.unit.rules.shop import line, price

LINES = (line("1", 1000, quantity=3), line("2", 500), line("3", 700))
SOLD = Basket(
    currency="EUR",
    lines=LINES,
    coupons=("TEN",),
    redemptions=(Redemption(unit="points", amount=5),),
)
QUOTE = price("offers: {a: {give: 10 % off}}", *LINES)
"""9.00, 4.50 and 6.30 were paid."""


def left(**returned: str) -> list[tuple[str, Decimal | int, int]]:
    came_back = {name[1:]: Decimal(quantity) for name, quantity in returned.items()}
    found = claim_basket(QUOTE, SOLD, came_back)
    return [(one.line_id, one.quantity, one.amount_minor) for one in found.lines]


def test_goods_count_at_what_was_paid() -> None:
    assert left() == [("1", 3, 900), ("2", 1, 450), ("3", 1, 630)]


def test_of_a_line_that_came_back_in_part_the_rest_counts() -> None:
    """Two of three pieces for 9.00: 6.00; half a piece of 4.50: 2.25."""
    assert left(l1="1", l2="0.5") == [("1", 2, 600), ("2", Decimal("0.5"), 225), ("3", 1, 630)]


def test_a_line_that_came_back_whole_counts_no_more_and_the_next_does() -> None:
    assert left(l1="3", l2="2") == [("3", 1, 630)]


def test_half_a_cent_is_rounded_away_from_zero() -> None:
    """4.50 × 0.9 = 4.05; 6.30 × 0.75 = 4.725, that is 4.73."""
    assert left(l1="3", l2="0.1", l3="0.25") == [
        ("2", Decimal("0.9"), 405),
        ("3", Decimal("0.75"), 473),
    ]


def test_a_claim_earns_and_nothing_else() -> None:
    found = claim_basket(QUOTE, SOLD, {})
    assert found.earning_only
    assert (found.currency, found.coupons, found.redemptions) == ("EUR", (), ())
