from datetime import UTC, datetime
from decimal import Decimal

import pytest

from tessera.core.basket import Basket, Line, Place
from tessera.rules.evaluate import evaluate
from tessera.rules.savings import savings_claimed
from tests.unit.rules.shop import programme

PLACE = Place(
    at=datetime(2026, 11, 22, 10, tzinfo=UTC),
    business_day=datetime(2026, 11, 22, tzinfo=UTC).date(),
    store="s",
)


def claims(*lines: Line) -> dict[str, int]:
    basket = Basket(currency="EUR", lines=lines)
    tenth = programme("offers: {tenth: {give: 10 % off}}")
    return savings_claimed(basket, evaluate(tenth, None, basket, PLACE))


def line(quantity: str, amount_minor: int, lowest: int | None, measure: str = "") -> Line:
    return Line(
        line_id="1",
        sku="A",
        quantity=Decimal(quantity),
        amount_minor=amount_minor,
        lowest_30d_minor=lowest,
        measure=measure,
    )


@pytest.mark.parametrize(
    "sold, claim",
    [
        (line("2", 500, 240), 30),  # 10 % off 5.00 is 4.50; two at 2.40 were 4.80
        (line("2", 500, 220), 0),  # they were 4.40: nothing is saved
        (line("0.333", 100, 299, "kg"), 9),  # 0.90 due; 0.333 × 2.99 = 0.99567, rounded down
    ],
)
def test_a_claim_is_measured_by_the_lowest_price_of_30_days(sold: Line, claim: int) -> None:
    assert claims(sold) == {"1": claim}


def test_a_line_without_that_price_claims_nothing() -> None:
    assert claims(line("2", 500, None)) == {}
