"""Limits over all members: how they read, and how a basket is priced by what is left of them."""

from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tessera.core.basket import Basket, Line, Place, Share
from tessera.core.quote import Quote
from tessera.rules.evaluate import evaluate, evaluate_in_full
from tessera.rules.programme import Programme, parse_programme
from tessera.rules.shares import (
    as_recorded,
    risk_of,
    shared_limits,
    with_shares,
    without_shares,
)

HEAD = "programme: shop\ncurrency: EUR\n"
OFFERS = """\
units: {points: {}}
offers:
  unit: {what: category dairy, give: 0.50 off, limits: {total: 100}, stacks: yes}
  off: {what: category dairy, give: 1.00 off the basket, limits: 50 in all, stacks: yes}
  capped: {what: category dairy, give: 10 % off, limits: {budget: 20.00, risk: 1.00}, stacks: yes}
  gone: {what: category wine, give: 5 % off, limits: {total: 7, risk: 2}}
  points: {who: members, give: 9 points, limits: 1 a day}
"""
PLACE = Place(at=datetime(2026, 11, 21, 10, tzinfo=UTC), business_day=date(2026, 11, 21))


def programme(text: str = OFFERS) -> Programme:
    found, problems = parse_programme(HEAD + text, file="p.yaml")
    assert found is not None, problems
    assert problems == []
    return found


def dairy(count: int) -> Basket:
    """Pieces at 5.00."""
    line = Line(
        line_id="1",
        sku="milk",
        quantity=Decimal(count),
        amount_minor=500 * count,
        categories=("dairy",),
    )
    return Basket(currency="EUR", lines=(line,))


def left(**shares: int) -> Place:
    found = tuple(
        Share(key=f"{offer}/{'budget' if offer == 'capped' else 'total'}", left=count)
        for offer, count in shares.items()
    )
    return replace(PLACE, shares=found)


def outcome(quote: Quote) -> dict[str, tuple[int, str]]:
    return {one.offer: (one.discount_minor, one.reason) for one in quote.offers}


def test_a_limit_over_all_members_is_checked_without_a_warning_and_reads_both_ways() -> None:
    limits = {key: limit for key, _, limit in shared_limits(programme(), PLACE)}
    assert {key: (one.most, one.risk) for key, one in limits.items()} == {
        "unit/total": (100, 0),
        "off/total": (50, 0),
        "capped/budget": (2000, 100),
        "gone/total": (7, 2),
    }


@pytest.mark.parametrize("price", [evaluate, evaluate_in_full])
def test_no_more_units_are_reduced_than_are_left_here(price: object) -> None:
    """Three at 5.00 with two uses left: 1.00 off; the basket offer has one, then none."""
    assert callable(price)
    rules = programme()
    quote = price(rules, None, dairy(3), left(unit=2, off=1, capped=0))
    found = outcome(quote)
    assert (found["unit"], found["off"]) == ((100, ""), (100, ""))
    assert found["capped"] == (0, "budget-used")
    counted = {use.key: use.used for use in quote.counters}
    assert counted == {"unit/total": 2, "off/total": 1}
    quote = price(rules, None, dairy(3), left(unit=0, off=0, capped=2000))
    found = outcome(quote)
    assert (found["unit"], found["off"]) == ((0, "used-up"), (0, "used-up"))
    assert found["capped"] == (150, "")


def test_a_budget_gives_its_rest() -> None:
    """10 % of 15.00 are 1.50; 0.40 are left of the share."""
    quote = evaluate(programme(), None, dairy(3), left(unit=0, off=0, capped=40))
    assert outcome(quote)["capped"] == (40, "")
    assert quote.due_minor == 1460


def test_a_place_without_shares_has_the_whole_limit() -> None:
    quote = evaluate(programme(), None, dairy(101), PLACE)
    assert outcome(quote)["unit"] == (5000, "")


def test_a_share_holds_the_risk_and_what_is_not_granted_is_nothing() -> None:
    rules = programme()
    place = with_shares(rules, PLACE, {"unit/total": 3, "capped/budget": -60, "strange/total": 9})
    assert {one.key: one.left for one in place.shares} == {
        "unit/total": 3,
        "off/total": 0,
        "capped/budget": 40,
        "gone/total": 2,
    }
    assert risk_of(rules, PLACE, "gone/total") == 2
    assert risk_of(rules, PLACE, "strange/total") == risk_of(None, PLACE, "gone/total") == 0


def test_only_shares_of_offers_that_were_touched_are_recorded_and_price_alike() -> None:
    rules = programme()
    place = with_shares(rules, PLACE, {"unit/total": 3, "off/total": 1})
    quote = evaluate(rules, None, dairy(3), place)
    recorded = as_recorded(rules, place, quote)
    assert {one.key for one in recorded.shares} == {"unit/total", "off/total", "capped/budget"}
    assert evaluate(rules, None, dairy(3), recorded) == quote
    assert as_recorded(rules, PLACE, quote) == PLACE


def test_what_is_worked_out_afterwards_has_no_share() -> None:
    rules = programme()
    quote = evaluate(rules, None, dairy(3), without_shares(rules, PLACE))
    assert quote.due_minor == 1500
    assert set(outcome(quote).values()) >= {(0, "used-up"), (0, "budget-used")}


@given(
    count=st.integers(1, 12),
    unit=st.integers(0, 12),
    off=st.integers(0, 2),
    capped=st.integers(0, 400),
)
def test_no_quote_uses_more_than_is_left_and_both_ways_agree(
    count: int, unit: int, off: int, capped: int
) -> None:
    rules, place = programme(), left(unit=unit, off=off, capped=capped)
    quote = evaluate(rules, None, dairy(count), place)
    assert quote == evaluate_in_full(rules, None, dairy(count), place)
    of = {one.key: one.left for one in place.shares}
    for use in quote.counters:
        assert 0 <= use.used <= of.get(use.key, 1)


@given(
    off=st.integers(0, 2),
    count=st.integers(1, 9),
    stopped=st.booleans(),
)
def test_the_quick_way_agrees_where_it_is_taken(off: int, count: int, stopped: bool) -> None:
    text = "offers: {off: {give: 1.00 off the basket, limits: 50 in all}}\n"
    rules = programme(text)
    place = replace(left(off=off), stopped=("off",) if stopped else ())
    quote = evaluate(rules, None, dairy(count), place)
    assert quote == evaluate_in_full(rules, None, dairy(count), place)
    assert quote.discount_minor == (100 if off and not stopped else 0)
