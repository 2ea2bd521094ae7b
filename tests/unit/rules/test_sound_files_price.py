"""Whatever number stands in a programme: it has a problem, or every basket can be priced by it."""

import re
from collections.abc import Iterator

import pytest

from tessera.core.member import UnitBalance
from tessera.rules.programme import parse_programme
from tests.unit.rules.shop import line, member, price

HEAD = "programme: shop\ncurrency: EUR\npartners: [maker]\ntiers: {gold: {from: 1.00 spent}}\n"
UNITS = "units: {points: {value: 0.01, redeem: tender}, stamps: {}}\n"
GIVES = (
    *("10 % off", "1.50 off", "price 1.99", "0.20 off per kg", "'10 % off, at most 1.00'"),
    *("5.00 off the basket", "'10 % off the basket, at most 3.00'", "any 3 for 5.00"),
    *("buy 2 get 1 free", "{any: 2, off: 10 %}", "{any: 2, off: 1.00}", "{any: 2, cheapest: 50 %}"),
    *("{buy: 2, get: 1 at 50 %, which: dearest}", "{buy: 2, get: 1 free, of: category b}"),
    *("{set: [1 category a, 2 category b], for: 5.00}", "{any: 2, off: 10 %, same_item: yes}"),
    *("{steps: {10.00: 5 %, 20.00: 2.00}}", "{steps: {1: 5 %, 3: 10 %}, reads: quantity}"),
    *("{steps: {0.00: 1 %, 10.00: 2 %}, marginal: yes}", "{gift: sku s1, count: 1, for: 0.50}"),
    *("1 point for every whole 1.00", "3 points for every 0.70", "2 stamps per item", "5 points"),
    *("1 point per kg", "'1 point for every whole 2.00, by line'", "points x 2", "points x 1.5"),
    *("{coupon: b, days: 7, starts_in_days: 1}", "coupon b for 7 days", "2 entries in x"),
    *("{win: 1 in 4, prizes: [tea]}", "access club for 5 days", "100 points = 1.00 off"),
    *("'100 points = 1.00 paid, at most 50 %'", "{spend: 10 points, gift: sku s1, for: 0.10}"),
    *("{spend: 100 points, for: 1.00, at_most: 50 %, at_least: 2}",),
    *("{spend: 100 points, for: 1.00, lots: any, as: tender}", "{spend: 5 points, donate: yes}"),
)
MORE = (
    *("limits: 2 per basket", "limits: 1 a day", "limits: {budget: 5.00}", "priority: 3"),
    *("needs: basket from 5.00", "needs: 2 items of category a", "needs: from 3.00 of category b"),
    *("who: visit 2", "who: lapsed 60 days", "who: new 30 days", "who: birthday within 3 days"),
    *("who: share 0..50 of x", "what: 'price 1.00..2.00'", "when: '10:00..12:00'"),
    "funding: {partner: maker, share: 50 %, third_party_paid: yes}",
)
KEPT = (
    *("{value: 0.01, redeem: tender, step: 10}", "{value: 0.01, redeem: discount, at_least: 5}"),
    *("{value: 0.01, redeem: tender, at_most: 50 %}", "{completes: 10, reward: b}"),
    *(
        "{expires: 24 months}",
        "{expires: 30 days}",
        "{expires: 2 years}",
        "{available_after: 14 days}",
    ),
)
NUMBERS = (
    *("0", "0.00", "0.01", "1", "3", "100", "1001", "9999", "36501", "1000000000"),
    *("999999999999", "9999999999999999999999", "9" * 400),
)


def spoilt(text: str) -> Iterator[str]:
    """The text with each of its numbers in turn replaced."""
    yield text
    for match in re.finditer(r"\d+(?:\.\d+)?", text):
        for number in NUMBERS:
            yield text[: match.start()] + number + text[match.end() :]


def check(text: str) -> None:
    found, problems = parse_programme(text, file="f.yaml")
    assert found is not None or problems
    if found is None:
        return
    who = member(
        tier="gold",
        units=tuple(UnitBalance(unit=one, balance=999, spendable=999) for one in found.units),
    )
    lines = (
        line("1", 999, quantity=3, sku="s1", category="a"),
        line("2", 1250, quantity=2, sku="s2", category="b"),
        line("3", 333, quantity="0.75", measure="kg", sku="s3", category="b"),
    )
    for spend in ({"!a": 0, "points": 150}, {"!a": 170}):
        quote = price(found, *lines, who=who, spend=spend, chosen=("a", "s1"))
        assert quote.due_minor >= 0
        for unit in quote.units:
            assert 0 <= unit.spent <= 999


@pytest.mark.parametrize("give", GIVES)
def test_any_number_in_a_reward_is_refused_or_priced(give: str) -> None:
    for one in spoilt(give):
        check(f"{HEAD}{UNITS}offers: {{a: {{give: {one}}}, b: {{give: 5.00 off the basket}}}}\n")


@pytest.mark.parametrize("more", MORE)
def test_any_number_around_a_reward_is_refused_or_priced(more: str) -> None:
    for one in spoilt(more):
        for give in ("10 % off", "5 points"):
            check(f"{HEAD}{UNITS}offers: {{a: {{{one}, give: {give}}}}}\n")


@pytest.mark.parametrize("kept", KEPT)
def test_any_number_of_a_unit_is_refused_or_priced(kept: str) -> None:
    offers = "offers: {a: {give: 7 points}, b: {give: 5.00 off the basket}}\n"
    for one in spoilt(kept):
        check(f"{HEAD}units: {{points: {one}}}\n{offers}")


@pytest.mark.parametrize(
    "give, message",
    [
        ("0 points = 5.00 off", "0 is outside 1"),
        ("100 points = 0.00 off", "the units buy nothing"),
        ("100 points = 0 off", "the units buy nothing"),
        ("{spend: 100 points, for: 0.00}", "the units buy nothing"),
        ("{spend: 100 points, donate: no}", "the units buy nothing"),
    ],
)
def test_units_are_spent_on_something_or_the_file_is_wrong(give: str, message: str) -> None:
    text = f"{HEAD}{UNITS}offers: {{a: {{give: {give}}}}}\n"
    found, problems = parse_programme(text, file="f.yaml")
    assert found is None
    assert message in problems[0].message
