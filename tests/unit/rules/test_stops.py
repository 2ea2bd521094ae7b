"""Offers that are stopped outside the programme's text price as if they stood under `stopped`."""

from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from tessera.core.basket import Basket, Line, Place
from tessera.core.quote import Quote
from tessera.rules.evaluate import evaluate, evaluate_in_full
from tessera.rules.programme import Programme, parse_programme
from tessera.rules.stops import COPIES_MAX, without

TEXT = """\
programme: corner-shop
currency: EUR
groups: {weekly: best}
offers:
  dairy-10: {what: category dairy, give: 10 % off, in: weekly}
  dairy-5: {what: category dairy, give: 5 % off, in: weekly}
  cheese-20: {what: category cheese, give: 20 % off, in: weekly}
"""
PLACE = Place(at=datetime(2026, 11, 21, 10, tzinfo=UTC), business_day=date(2026, 11, 21))
MILK = Basket(
    currency="EUR",
    lines=(
        Line(
            line_id="1",
            sku="milk",
            quantity=Decimal(1),
            amount_minor=1000,
            categories=("dairy",),
        ),
    ),
)


def programme(more: str = "") -> Programme:
    found, problems = parse_programme(TEXT + more, file="p.yaml")
    assert found is not None, problems
    return found


def reasons(quote: Quote) -> dict[str, str]:
    return {one.offer: one.reason for one in quote.offers if not one.applied}


def at(*stopped: str) -> Place:
    return replace(PLACE, stopped=stopped)


@pytest.mark.parametrize("price", [evaluate, evaluate_in_full])
def test_a_stopped_offer_gives_way_and_says_so(price: object) -> None:
    """10.00 of dairy: 10 % off takes 1.00; once it is stopped, 5 % off takes 0.50."""
    assert callable(price)
    rules = programme()
    assert price(rules, None, MILK, PLACE).discount_minor == 100
    quote = price(rules, None, MILK, at("dairy-10"))
    assert quote.discount_minor == 50
    assert reasons(quote) == {"dairy-10": "stopped"}
    assert price(rules, None, MILK, PLACE).discount_minor == 100


def test_it_is_as_if_the_programme_said_so() -> None:
    written = programme("stopped: [dairy-10, dairy-5]\n")
    told = evaluate(programme(), None, MILK, at("dairy-5", "dairy-10"))
    assert told == evaluate(written, None, MILK, PLACE)


def test_what_the_programme_stops_stays_stopped() -> None:
    quote = evaluate(programme("stopped: [dairy-10]\n"), None, MILK, at("dairy-5"))
    assert (quote.discount_minor, set(reasons(quote))) == (0, {"dairy-10", "dairy-5"})


def test_a_name_that_the_programme_lacks_changes_nothing() -> None:
    rules = programme()
    assert without(rules, ("gone",)) is rules


def test_a_copy_is_made_once_and_few_are_kept() -> None:
    rules = programme()
    first = without(rules, ("dairy-10",))
    assert without(rules, ("dairy-10", "gone")) is first
    names = ("dairy-10", "dairy-5", "cheese-20")
    sets = [
        tuple(name for bit, name in enumerate(names) if number >> bit & 1) for number in range(8)
    ]
    for stopped in sets:
        without(rules, stopped)
    copies = rules.kept["stopped"]
    assert isinstance(copies, dict)
    assert 0 < len(copies) <= COPIES_MAX
