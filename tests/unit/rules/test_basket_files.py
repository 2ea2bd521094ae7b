"""Baskets and members as plain values: what is read as meant, what is refused by its name."""

from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from tessera.core.basket import LINES_MAX, LineKind, LineTax, Redemption
from tessera.core.member import Counter, UnitBalance
from tessera.rules.read_basket import (
    KNOWN_LINES_MAX,
    KNOWN_TEXT_MAX,
    LIST_MAX,
    BasketRefused,
    KnownLines,
    basket_of,
    member_of,
)


def basket(**fields: Any) -> Any:
    return basket_of({"currency": "EUR", **fields})


def line(**fields: Any) -> Any:
    return basket(lines=[fields]).lines[0]


def test_every_field_of_a_line_is_read() -> None:
    found = line(
        id="7",
        kind="fee",
        sku=4711,
        text="bag",
        quantity="2.5",
        measure="kg",
        unit_price="1.99",
        amount_minor=498,
        list_price_minor=600,
        lowest_30d_minor=450,
        taxes=[{"code": "A", "rate": "0.19", "included": False, "compound_on": ["B"]}],
        categories=["fruit"],
        brand="alp",
        tags=["organic"],
        attributes={"size": "l", "colour": "red"},
        discountable=False,
        earns=False,
        redeemable=False,
        price_reason="markdown",
    )
    assert (found.line_id, found.kind, found.sku, found.text) == ("7", LineKind.FEE, "4711", "bag")
    assert (found.quantity, found.measure, found.unit_price) == (
        Decimal("2.5"),
        "kg",
        Decimal("1.99"),
    )
    assert (found.amount_minor, found.list_price_minor, found.lowest_30d_minor) == (498, 600, 450)
    assert found.taxes == (
        LineTax(code="A", rate=Decimal("0.19"), included=False, compound_on=("B",)),
    )
    assert (found.categories, found.brand, found.tags) == (("fruit",), "alp", ("organic",))
    assert found.attributes == (("colour", "red"), ("size", "l"))
    assert [found.discountable, found.earns, found.redeemable] == [False] * 3
    assert found.price_reason == "markdown"


def test_a_line_that_says_nothing_is_one_piece_that_may_be_discounted_and_earns() -> None:
    found = line()
    assert (found.line_id, found.kind) == ("lines[0]", LineKind.GOODS)
    assert (found.quantity, found.amount_minor, found.unit_price) == (Decimal(1), 0, None)
    assert (found.list_price_minor, found.lowest_30d_minor) == (None, None)
    assert found.discountable
    assert found.earns
    assert found.redeemable


def test_every_field_of_a_basket_is_read() -> None:
    found = basket(
        lines=[],
        coupons=["WELCOME"],
        redemptions=[{"unit": "points", "amount": 5}, {"reward": "mug", "amount": 0}],
        chosen=["mug"],
        events=["app"],
        earning_only=True,
    )
    assert (found.currency, found.lines, found.coupons) == ("EUR", (), ("WELCOME",))
    assert found.redemptions == (
        Redemption(unit="points", amount=5),
        Redemption(reward="mug", unit="", amount=0),
    )
    assert (found.chosen, found.events, found.earning_only) == (("mug",), ("app",), True)


def test_the_currency_may_come_from_elsewhere() -> None:
    assert basket_of({"lines": []}, currency="CHF").currency == "CHF"
    assert basket_of({"lines": [], "currency": "EUR"}, currency="CHF").currency == "EUR"


def test_every_field_of_a_member_is_read() -> None:
    found = member_of(
        {
            "member_id": "m-7",
            "status": "blocked",
            "tier": "gold",
            "segments": ["new"],
            "entitlements": ["club"],
            "units": [{"unit": "points", "balance": 90, "spendable": 70}, {"unit": "stamps"}],
            "counters": [{"key": "a/ever", "used": 2}],
            "joined": "2026-01-02",
            "last_visit": None,
            "visits": 3,
            "days_to_birthday": -31,
            "lifetime_spend_minor": 400,
            "period_spend_minor": 200,
            "staff": True,
            "as_of_ms": 5,
        }
    )
    assert (found.member_id, found.status, found.tier) == ("m-7", "blocked", "gold")
    assert (found.segments, found.entitlements) == (("new",), ("club",))
    assert found.units == (
        UnitBalance(unit="points", balance=90, spendable=70),
        UnitBalance(unit="stamps", balance=0, spendable=0),
    )
    assert found.counters == (Counter(key="a/ever", used=2),)
    assert (found.joined, found.last_visit, found.visits) == (date(2026, 1, 2), None, 3)
    assert (found.days_to_birthday, found.staff, found.as_of_ms) == (-31, True, 5)
    assert (found.lifetime_spend_minor, found.period_spend_minor) == (400, 200)
    assert member_of({"member_id": "m", "days_to_birthday": 31}).days_to_birthday == 31


def test_what_a_balance_holds_may_be_spent_unless_it_says_otherwise() -> None:
    found = member_of({"units": [{"unit": "points", "balance": 90}]})
    assert found.units == (UnitBalance(unit="points", balance=90, spendable=90),)
    assert found.member_id == "member"


@pytest.mark.parametrize(
    "fields, named",
    [
        ({"text": True}, r"lines\[0\]\.text: True is no text"),
        ({"text": "x" * 501}, r"lines\[0\]\.text: .* is no text"),
        ({"text": ["x"]}, r"lines\[0\]\.text: .* is no text"),
        ({"kind": "toy"}, r"lines\[0\]\.kind: 'toy' is not known"),
        ({"amount_minor": 1.0}, r"amount_minor: 1\.0 is no such number"),
        ({"amount_minor": True}, "amount_minor: True is no such number"),
        ({"amount_minor": 10**12}, "amount_minor: 1000000000000 is no such number"),
        ({"amount_minor": -(10**12)}, "amount_minor: -1000000000000 is no such number"),
        ({"list_price_minor": -1}, "list_price_minor: -1 is no such number"),
        ({"quantity": "0"}, "quantity: 0 is no quantity"),
        ({"quantity": "-1"}, "quantity: -1 is no quantity"),
        ({"quantity": "1e3"}, "quantity: '1e3' is no decimal"),
        ({"quantity": 1.5}, r"quantity: 1\.5 is no decimal"),
        ({"quantity": True}, "quantity: True is no decimal"),
        ({"quantity": "1000001"}, "quantity: '1000001' is out of bounds"),
        ({"unit_price": "-1000001"}, "unit_price: '-1000001' is out of bounds"),
        ({"earns": 1}, "earns: 1 is neither"),
        ({"tags": "organic"}, "tags: no list of at most 1000"),
        ({"tags": ["t"] * (LIST_MAX + 1)}, "tags: no list of at most 1000"),
        ({"tags": [7]}, "tags: a list of texts is expected"),
        ({"tags": ["x" * 201]}, "tags: a list of texts is expected"),
        ({"attributes": []}, r"lines\[0\]\.attributes: an object is expected here"),
        ({"taxes": [{}] * 13}, "taxes: no list of at most 12"),
        ({"taxes": [{"rate": "-0.01"}]}, r"taxes\[0\]\.rate: -0\.01 is out of bounds"),
        ({"taxes": [{"rate": "10.01"}]}, r"taxes\[0\]\.rate: 10\.01 is out of bounds"),
        ({"taxes": [{"name": "A"}]}, r"taxes\[0\]\.name: unknown field"),
        ({"colour": "red", "zest": 1}, r"lines\[0\]\.colour: unknown field"),
    ],
)
def test_a_line_that_can_not_be_is_refused_by_its_field(fields: Any, named: str) -> None:
    with pytest.raises(BasketRefused, match=named):
        line(**fields)


def test_the_largest_that_is_allowed_is_read() -> None:
    found = line(text="x" * 500, quantity="1000000", tags=["x" * 200] * LIST_MAX)
    assert (len(found.text), found.quantity, len(found.tags)) == (500, Decimal(1_000_000), 1_000)
    assert line(taxes=[{"code": "A", "rate": 10}]).taxes[0].rate == 10
    assert len(basket(lines=[{}] * LINES_MAX).lines) == LINES_MAX


@pytest.mark.parametrize(
    "fields, named",
    [
        ({"lines": [{}] * (LINES_MAX + 1)}, f"lines: no list of at most {LINES_MAX}"),
        ({"lines": [{"id": "a"}, {"id": "a"}]}, "lines: two lines have the id 'a'"),
        ({"redemptions": [7]}, r"redemptions\[0\]: an object is expected here"),
        ({"redemptions": [{"amount": -1}]}, r"redemptions\[0\]\.amount: -1 is no such number"),
        ({"redemptions": [{"points": 1}]}, r"redemptions\[0\]\.points: unknown field"),
        ({"earning_only": "no"}, "earning_only: 'no' is neither"),
        ({"total": 1}, "total: unknown field"),
    ],
)
def test_a_basket_that_can_not_be_is_refused_by_its_field(fields: Any, named: str) -> None:
    with pytest.raises(BasketRefused, match=f"^{named}"):
        basket(**fields)


@pytest.mark.parametrize(
    "fields, named",
    [
        ({"days_to_birthday": 32}, "days_to_birthday: 32 is out of bounds"),
        ({"days_to_birthday": -32}, "days_to_birthday: -32 is out of bounds"),
        ({"days_to_birthday": "3"}, "days_to_birthday: '3' is out of bounds"),
        ({"joined": "yesterday"}, "joined: 'yesterday' is no date"),
        ({"visits": -1}, "visits: -1 is no such number"),
        ({"units": [{"unit": "points", "sum": 1}]}, r"units\[0\]\.sum: unknown field"),
        ({"counters": [{"key": "a", "most": 1}]}, r"counters\[0\]\.most: unknown field"),
        ({"name": "x"}, "name: unknown field"),
    ],
)
def test_a_member_that_can_not_be_is_refused_by_its_field(fields: Any, named: str) -> None:
    with pytest.raises(BasketRefused, match=f"^{named}"):
        member_of(fields)


@pytest.mark.parametrize("value", [None, [], "x", 7])
def test_a_file_that_holds_no_object_is_refused(value: object) -> None:
    with pytest.raises(BasketRefused, match="the file: an object is expected here"):
        basket_of(value)


def test_a_remembered_line_is_the_line_that_reading_gives() -> None:
    """Only lines with an id of their own are remembered, and only short ones."""
    known: KnownLines = {}
    named = {"id": "a", "sku": "tea", "amount_minor": 300}
    nameless = {"sku": "tea", "amount_minor": 300}
    long = {"id": "b", "tags": ["x" * 100] * (KNOWN_TEXT_MAX // 100)}
    whole = {"currency": "EUR", "lines": [named, nameless, long]}
    assert basket_of(whole, known=known) == basket_of(whole)
    assert list(known.values()) == [basket_of(whole).lines[0]]
    assert basket_of(whole, known=known).lines[0] is known[repr(nameless)]


def test_a_line_is_remembered_without_the_id_that_it_has_in_one_basket() -> None:
    known: KnownLines = {}
    said = {"sku": "tea", "quantity": "2", "amount_minor": 300, "tags": ["organic"]}
    for line_id in ("a", "b", "x" * 500, ""):
        whole = {"currency": "EUR", "lines": [{"id": line_id, **said}]}
        assert basket_of(whole, known=known) == basket_of(whole)
    assert len(known) == 1
    for wrong in ("x" * 501, True, ["a"]):
        with pytest.raises(BasketRefused, match=r"lines\[0\].id: .* is no text"):
            basket_of({"currency": "EUR", "lines": [{"id": wrong, **said}]}, known=known)


def test_true_and_one_are_two_things_to_the_memory_too() -> None:
    known: KnownLines = {}
    basket_of({"currency": "EUR", "lines": [{"id": "a", "amount_minor": 1}]}, known=known)
    with pytest.raises(BasketRefused, match="True is no such number"):
        basket_of({"currency": "EUR", "lines": [{"id": "a", "amount_minor": True}]}, known=known)


def test_the_memory_of_lines_has_an_end() -> None:
    some = basket(lines=[{"id": "a"}]).lines[0]
    known: KnownLines = {str(number): some for number in range(KNOWN_LINES_MAX)}
    basket_of({"currency": "EUR", "lines": [{"id": "b"}]}, known=known)
    assert len(known) == 1
