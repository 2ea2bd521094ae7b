"""Replaying sales: the sums, worked out by hand, and who is better and worse off."""

from fractions import Fraction

import pytest

from tessera.core.errors import TesseraError
from tessera.rules.programme import Programme, parse_programme
from tessera.rules.read_basket import BasketRefused
from tessera.rules.replay import Programmes, Replay, past_sale_of, report_of
from tessera.rules.replay_lines import price_values

AT = "2026-11-21T10:15:00+01:00"
CURRENT = """
programme: now
currency: EUR
units: {points: {value: 0.005}}
offers:
  dairy: {what: category dairy, give: 10 % off}
  points: {who: members, give: 1 point for every whole 1.00}
"""
DRAFT = """
programme: next
currency: EUR
partners: [maker]
units: {points: {value: 0.005}}
offers:
  dairy:
    what: category dairy
    give: 20 % off
    funding: {partner: maker, share: 50 %, third_party_paid: no}
"""


def programme(text: str) -> Programme:
    found, problems = parse_programme(text, file="shop.yaml")
    assert found is not None, problems
    return found


def sale(amount_minor: int, category: str, member: str = "") -> dict[str, object]:
    line = {"id": "1", "sku": "x", "amount_minor": amount_minor, "categories": [category]}
    found: dict[str, object] = {"at": AT, "basket": {"lines": [line]}}
    if member:
        found["member"] = {"member_id": member}
    return found


def replayed(*sales: dict[str, object]) -> Replay:
    replay = Replay()
    for one in sales:
        replay.count(
            Programmes.of(programme(DRAFT), programme(CURRENT)), past_sale_of(one, currency="EUR")
        )
    return replay


SALES = (sale(1000, "dairy", "ann"), sale(1000, "bread", "ben"), sale(500, "dairy"))
# ann: 10.00 dairy. Now 9.00 and 9 points of 0.005; draft 8.00: 1.00 − 0.045 = 95.5 cents better.
# ben: 10.00 bread. Now 10.00 and 10 points; draft 10.00: 5 cents worse.
# a guest: 5.00 dairy. Now 4.50; draft 4.00.


def test_discounts_units_offers_and_partners_sum_up() -> None:
    """Draft: 2.00 + 1.00 off, half of each paid by the maker. Now: 1.00 + 0.50 off, 19 points."""
    report = report_of(replayed(*SALES), programme(DRAFT), programme(CURRENT))
    draft, current = report["draft"], report["current"]
    assert isinstance(draft, dict)
    assert isinstance(current, dict)
    assert (draft["sales"], draft["shelf_minor"], draft["due_minor"]) == (3, 2500, 2200)
    assert draft["offers"] == [
        {
            "offer": "dairy",
            "sales": 2,
            "uses": 2,
            "discount_minor": 300,
            "partner_minor": 150,
            "units": 0,
        }
    ]
    assert draft["partners"] == [{"partner": "maker", "discount_minor": 150, "units": {}}]
    assert current["discount_minor"] == 150
    assert [
        (one["unit"], one["earned"], one["earned_value_minor"]) for one in current["units"]
    ] == [("points", 19, 9)]


def test_members_are_weighed_over_all_their_sales() -> None:
    """Ben's second sale, 1.00 of dairy: 10 cents less to pay; 5 cents worse becomes 5 better."""
    replay = replayed(*SALES, sale(100, "dairy", "ben"))
    assert replay.members == {"ann": Fraction(191, 2), "ben": 5}
    assert (replay.better, replay.worse) == (3, 1)


def test_the_report_tells_better_from_worse() -> None:
    report = report_of(replayed(*SALES), programme(DRAFT), programme(CURRENT))
    assert report["change"] == {
        "discount_minor": 150,
        "due_minor": -150,
        "sales_better": 2,
        "sales_worse": 1,
        "members": 2,
        "members_better": 1,
        "members_better_minor": 95,
        "members_worse": 1,
        "members_worse_minor": 5,
        "members_cut": False,
        "members_unnamed_sales": 0,
        "sales_untouched": 0,
    }


def test_parts_add_up_to_the_whole() -> None:
    whole, first = replayed(*SALES), replayed(*SALES[:1])
    first.add(replayed(*SALES[1:]))
    assert first == whole


def test_members_beyond_the_limit_are_not_followed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tessera.rules.replay.MEMBERS_MAX", 1)
    replay = replayed(*SALES)
    assert list(replay.members) == ["ann"]
    assert replay.members_cut


def test_members_without_an_id_are_no_one_person() -> None:
    nobody = {**sale(1000, "dairy"), "member": {"tier": ""}}
    replay = replayed(nobody)
    assert (replay.members, replay.unnamed, replay.better) == ({}, 1, 1)


@pytest.mark.parametrize(
    "change, message",
    [
        ({"at": "yesterday"}, "at: "),
        ({"at": "2026-11-21T10:15:00"}, "at: "),
        ({"basket": None}, "an object is expected"),
        ({"basket": {"currency": "USD"}}, "basket.currency"),
        ({"member": "ann"}, "an object is expected"),
        ({"shop": "7"}, "shop: unknown field"),
    ],
)
def test_a_sale_that_is_none_is_refused_by_its_field(
    change: dict[str, object], message: str
) -> None:
    with pytest.raises(BasketRefused, match=message):
        past_sale_of({**sale(100, "dairy"), **change}, currency="EUR")


def test_every_line_counts_and_a_wrong_one_is_named_by_its_number() -> None:
    """An empty line, one that could not be read, a sale, and one without a basket."""
    lines = [None, TesseraError("this is no JSON", hint="mend it"), sale(1000, "bread"), {"at": AT}]
    part = price_values(
        Programmes.of(programme(DRAFT), programme(CURRENT)), lines, first=11, end=90
    )
    assert (part.lines, part.wrong_count, part.end) == (4, 2, 90)
    assert [one.line for one in part.wrong] == [12, 14]
    assert part.replay.draft.sales == 1


def test_only_partners_that_fund_something_are_partners() -> None:
    """20 % off 10.00 of dairy are 2.00, the maker's half 1.00; nobody funds the bread."""
    draft = DRAFT + "  bread: {what: category bread, give: 10 % off}\n"
    replay = Replay()
    for one in SALES[:2]:
        found = past_sale_of(one, currency="EUR")
        replay.count(Programmes.of(programme(draft), programme(CURRENT)), found)
    assert replay.draft.discount_minor == 300
    assert replay.draft.partners == {"maker": 100}
