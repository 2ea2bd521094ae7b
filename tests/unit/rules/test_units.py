"""Units earned and spent: steps, bases, multipliers, stamps, rights, redemption."""

import pytest

from tessera.core.member import MemberState, UnitBalance
from tessera.core.quote import Quote
from tests.unit.rules.shop import line, member, outcome, place, price

POINTS = "units: {points: {value: 0.01, redeem: tender, step: 100}}\n"


def earned(quote: Quote, unit: str = "points") -> int:
    return sum(one.earned for one in quote.units if one.unit == unit)


def points(give: str, minor: int, settings: str = "", **fields: object) -> int:
    rules = f"settings: {{{settings}}}\n{POINTS}offers: {{a: {{give: '{give}'}}}}"
    return earned(price(rules, line("1", minor, **fields), who=member()))


@pytest.mark.parametrize("minor, expected", [(999, 0), (1000, 3), (2999, 6), (3000, 9)])
def test_three_points_for_every_ten(minor: int, expected: int) -> None:
    assert points("3 points for every whole 10.00", minor) == expected


def test_proportional_points_are_floored_once() -> None:
    """3 points for every 10.00 of 29.99: 8.997."""
    assert points("3 points for every 10.00", 2999) == 8


def test_whole_steps_by_sale_or_by_line() -> None:
    """Two lines of 15.00: 30.00 has three steps, each line alone has one."""
    rules = POINTS + "offers: {a: {give: '1 point for every whole 10.00%s'}}"
    lines = (line("1", 1500), line("2", 1500))
    assert earned(price(rules % "", *lines, who=member())) == 3
    assert earned(price(rules % ", by line", *lines, who=member())) == 2


def test_points_per_litre() -> None:
    """2 points a litre of 42.37 l: 84.74; whole litres only: 84."""
    fuel = {"quantity": "42.37", "measure": "l"}
    assert points("2 points per l", 6313, **fuel) == 84
    assert points("1 point for every whole 10 l", 6313, **fuel) == 4


def test_points_per_item_and_per_visit() -> None:
    assert points("5 points per item", 300, quantity=3) == 15
    assert points("100 points per visit", 300, quantity=3) == 100
    assert points("100 points", 300) == 100


def test_points_are_capped() -> None:
    assert points("1 point for every whole 1.00, at most 50", 99_900) == 50


@pytest.mark.parametrize(
    "basis, expected", [("after-discounts", 81), ("after-line-offers", 90), ("shelf", 100)]
)
def test_the_basis_is_a_setting(basis: str, expected: int) -> None:
    """100.00, 10 % off the line, 10 % off the basket."""
    rules = f"""
settings: {{accrual_basis: {basis}}}
{POINTS}
offers:
  line: {{give: 10 % off}}
  basket: {{give: 10 % off the basket, stacks: yes}}
  points: {{give: 1 point for every whole 1.00}}
"""
    assert earned(price(rules, line("1", 10_000), who=member())) == expected


@pytest.mark.parametrize("setting, expected", [("no", 5), ("yes", 10)])
def test_what_is_paid_with_points_earns_or_not(setting: str, expected: int) -> None:
    rules = f"settings: {{units_paid_earn: {setting}}}\n{POINTS}"
    rules += "offers: {a: {give: 1 point for every whole 1.00}}"
    quote = price(rules, line("1", 1000), who=member(points=500), spend={"points": 500})
    assert earned(quote) == expected


MULTIPLIED = """
settings: {multipliers: %s}
units: {points: {}}
tiers: {gold: {}}
offers:
  points: {give: 1 point for every whole 1.00}
  double: {give: points x 2}
  gold: {who: tier gold, give: points x 1.5}
"""


@pytest.mark.parametrize("style, expected", [("highest", 22), ("add", 27), ("multiply", 33)])
def test_multipliers_highest_added_or_multiplied(style: str, expected: int) -> None:
    """11 points: × 2; × (1 + 1 + 0.5) = 27.5; × 3."""
    quote = price(MULTIPLIED % style, line("1", 1100), who=member(tier="gold"))
    assert earned(quote) == expected


@pytest.mark.parametrize("setting, expected", [("after-multiplying", 3), ("before-multiplying", 2)])
def test_rounding_before_or_after_multiplying(setting: str, expected: int) -> None:
    """1.50 earns 1.5 points; doubled 3, or 1 doubled."""
    rules = f"""
settings: {{units_rounding: {setting}}}
units: {{points: {{}}}}
offers: {{points: {{give: 1 point for every 1.00}}, double: {{give: points x 2}}}}
"""
    assert earned(price(rules, line("1", 150), who=member())) == expected


def test_a_multiplier_may_count_for_some_goods_only() -> None:
    """10.00 of wine and 5.00 of bread: 15 points, and 10 more for the wine."""
    rules = """
units: {points: {}}
offers:
  points: {give: 1 point for every whole 1.00}
  wine: {what: category wine, give: points x 2}
"""
    quote = price(rules, line("1", 1000, category="wine"), line("2", 500), who=member())
    assert earned(quote) == 25
    assert outcome(quote, "wine").units == 10


def test_a_welcome_present_is_not_multiplied() -> None:
    rules = """
units: {points: {}}
offers: {hello: {who: visit 1, give: 500 points}, double: {give: points x 2}}
"""
    assert earned(price(rules, line("1", 1000), who=member())) == 500


def test_goods_that_do_not_earn_do_not() -> None:
    assert points("1 point for every whole 1.00", 1000, earns=False) == 0


def test_a_guest_has_no_account() -> None:
    quote = price(POINTS + "offers: {a: {give: 10 points}}", line("1", 1000))
    assert outcome(quote, "a").reason == "members-only"


def test_units_become_available_and_expire() -> None:
    rules = """
units: {points: {expires: 3 months, available_after: 14 days}, stamps: {expires: 30 days}}
offers: {a: {give: 1 point}, b: {give: 1 stamp}}
"""
    where = place("2026-11-30T10:00:00+01:00")
    by_unit = {
        one.unit: one for one in price(rules, line("1", 100), who=member(), where=where).units
    }
    assert (by_unit["points"].available_from, by_unit["points"].expires) == (
        "2026-12-14",
        "2027-02-28",
    )
    assert by_unit["stamps"].expires == "2026-12-30"


STAMPS = """
units: {stamps: {completes: 10, reward: free-coffee}}
offers:
  stamp: {what: category coffee, give: 1 stamp per item}
  free-coffee: {give: {spend: 10 stamps, gift: sku coffee}}
"""


def holder(stamps: int) -> MemberState:
    return member(units=(UnitBalance(unit="stamps", balance=stamps, spendable=stamps),))


def test_a_full_stamp_card_is_said() -> None:
    coffee = line("1", 600, sku="latte", category="coffee", quantity=3)
    quote = price(STAMPS, coffee, who=holder(8))
    assert [(one.kind, one.offer, one.count) for one in quote.issued] == [
        ("completed", "free-coffee", 1)
    ]
    assert price(STAMPS, coffee, who=holder(5)).issued == ()


def test_the_eleventh_is_a_gift() -> None:
    coffee = line("1", 250, sku="coffee", category="coffee")
    asked = price(STAMPS, coffee, who=holder(10))
    assert [one.offer for one in asked.prompts] == ["free-coffee"]
    quote = price(STAMPS, coffee, who=holder(10), chosen=("free-coffee",))
    assert quote.due_minor == 0
    movement = quote.units[0]
    assert (movement.spent, movement.earned) == (10, 1)
    short = price(STAMPS, coffee, who=holder(9), chosen=("free-coffee",))
    assert outcome(short, "free-coffee").reason == "not-enough-units"


def test_a_reward_may_cost_units_and_money() -> None:
    """500 points and 2.00 for a mug of 9.00."""
    rules = POINTS + "offers: {mug: {give: {spend: 500 points, gift: sku mug, for: 2.00}}}"
    quote = price(rules, line("1", 900, sku="mug"), who=member(points=600), spend={"!mug": 0})
    assert (quote.due_minor, quote.units[0].spent) == (200, 500)


def test_redemption_as_a_discount_comes_off_before_taxes() -> None:
    rules = "units: {points: {value: 0.01, redeem: discount, step: 100}}"
    quote = price(
        rules, line("1", 1000), line("2", 500), who=member(points=350), spend={"points": 350}
    )
    assert (quote.discount_minor, quote.due_minor, quote.units[0].spent) == (300, 1200, 300)
    assert [one.discount_minor for one in quote.lines] == [200, 100]


def test_redemption_is_bounded_by_share_least_and_what_is_redeemable() -> None:
    rules = (
        "units: {points: {value: 0.01, redeem: tender, step: 100, at_least: 300, at_most: 50 %}}"
    )
    books = line("2", 1000, redeemable=False)
    quote = price(rules, line("1", 1000), books, who=member(points=5000), spend={"points": 5000})
    assert quote.tendered_units_minor == 500
    few = price(rules, line("1", 500), who=member(points=5000), spend={"points": 5000})
    assert few.tendered_units_minor == 0


def test_an_offer_sets_its_own_rate() -> None:
    """500 points = 5.00 as a discount, in whole lots."""
    rules = "units: {points: {}}\noffers: {five: {give: 500 points = 5.00 off}}"
    quote = price(rules, line("1", 2000), who=member(points=1400), spend={"!five": 1400})
    assert (quote.discount_minor, quote.units[0].spent) == (1000, 1000)


def test_a_card_that_also_pays() -> None:
    """Stored value: cents on an account, loaded by a line of its own kind, spent as a tender."""
    rules = """
units: {credit: {value: 0.01, redeem: tender, stored_value: yes}}
offers: {load: {what: {kind: stored_value_load}, give: 1 credit for every 0.01}}
"""
    loaded = price(rules, line("1", 2000, kind="stored_value_load"), who=member())
    assert earned(loaded, "credit") == 2000
    purse = member(units=(UnitBalance(unit="credit", balance=2000, spendable=2000),))
    paid = price(rules, line("1", 750), who=purse, spend={"credit": 2000})
    assert (paid.due_minor, paid.units[0].spent) == (0, 750)


def test_points_may_be_given_away() -> None:
    rules = "units: {points: {}}\noffers: {trees: {give: {spend: 100 points, donate: yes}}}"
    quote = price(rules, line("1", 100), who=member(points=250), spend={"!trees": 250})
    assert (quote.due_minor, quote.units[0].spent) == (100, 200)


def test_rights_are_issued() -> None:
    rules = """
offers:
  next: {give: {coupon: five, days: 30, starts_in_days: 1}}
  five: {trigger: coupon FIVE, give: 5.00 off the basket}
  raffle: {give: 2 entries in summer}
  luck: {give: {win: 1 in 4, prizes: [coffee, cake]}}
  club: {what: {kind: membership}, give: access club for 365 days}
"""
    quote = price(rules, line("1", 1000), line("2", 4900, kind="membership"), who=member())
    issued = {one.kind: one for one in quote.issued}
    coupon = issued["coupon"]
    assert (coupon.name, coupon.valid_from, coupon.valid_until) == (
        "five",
        "2026-11-22",
        "2026-12-22",
    )
    assert (issued["draw"].name, issued["draw"].count) == ("summer", 2)
    assert issued["win"].detail == ("1 in 4", "coffee", "cake")
    assert (issued["access"].name, issued["access"].valid_until) == ("club", "2027-11-21")


def test_partners_issue_their_own_points() -> None:
    rules = """
partners: [grocer, fuel]
units: {points: {}}
offers:
  food: {what: category food, give: 1 point for every whole 1.00,
         funding: {partner: grocer, third_party_paid: no}}
  fuel: {what: category fuel, give: 1 point for every whole 2.00,
         funding: {partner: fuel, third_party_paid: no}}
"""
    quote = price(
        rules, line("1", 1000, category="food"), line("2", 5000, category="fuel"), who=member()
    )
    assert [(one.issuer, one.earned) for one in quote.units] == [("fuel", 25), ("grocer", 10)]


def test_a_late_card_earns_and_changes_no_price() -> None:
    rules = POINTS + "offers: {a: {give: 10 % off}, b: {give: 1 point for every whole 1.00}}"
    quote = price(rules, line("1", 1000), who=member(), earning_only=True)
    assert (quote.due_minor, earned(quote)) == (1000, 10)
    assert outcome(quote, "a").reason == "earning-only"


def test_points_may_be_kept_for_what_nothing_has_reduced() -> None:
    rules = """
units: {points: {}}
offers:
  milk: {what: category dairy, give: 10 % off}
  points: {give: 1 point for every whole 1.00, undiscounted_only: yes}
"""
    quote = price(rules, line("1", 1000, category="dairy"), line("2", 500), who=member())
    assert earned(quote) == 5


def test_a_granted_coupon_says_what_opens_its_offer() -> None:
    """A code of its own where codes are single-use, the first of those for all otherwise."""
    rules = """
offers:
  own: {give: {coupon: single}}
  all: {give: {coupon: shared}}
  none: {give: {coupon: free}}
  single: {trigger: {coupon: NEXT-*, single_use: yes}, give: 5.00 off the basket}
  shared: {trigger: "coupon TWO, ONE", give: 5.00 off the basket}
  free: {who: staff, give: 5.00 off the basket}
"""
    quote = price(rules, line("1", 1000), who=member())
    assert {one.offer: one.detail for one in quote.issued} == {
        "own": ("single-use", "NEXT-"),
        "all": ("shared", "ONE"),
        "none": (),
    }


def test_an_offer_that_gives_nothing_applies_and_grants_nothing() -> None:
    rules = "offers: {a: {who: members, give: nothing}}"
    quote = price(rules, line("1", 1000), who=member())
    assert outcome(quote, "a").applied
    assert quote.issued == ()


@pytest.mark.parametrize(
    "offer, waits",
    [
        ("give: 2 entries in x, limits: 1 a day, offline: pending", [("a/2026-11-21", True, "")]),
        ("give: {coupon: five}, limits: 1 a day", [("a/2026-11-21", False, "")]),
        ("give: 3 points, limits: 1 a day, offline: pending", [("a/2026-11-21", True, "points")]),
    ],
)
def test_what_a_limited_offer_gives_waits_for_central_where_it_says_so(
    offer: str, waits: list[tuple[str, bool, str]]
) -> None:
    rules = f"""
units: {{points: {{}}}}
offers:
  a: {{{offer}}}
  five: {{trigger: coupon FIVE, give: 5.00 off the basket}}
"""
    quote = price(rules, line("1", 1000), who=member())
    assert [(one.key, one.pending, one.unit) for one in quote.counters] == waits


def test_units_are_spent_once_by_whatever_asks_for_them_first() -> None:
    """Of 500 points 450 go off the price, so 50 are left for an offer that takes 100."""
    rules = """
units: {points: {value: 0.01, redeem: discount}}
offers: {paid: {give: 100 points = 1.00 paid}}
"""
    who = member(points=500)
    quote = price(rules, line("1", 1000), who=who, spend={"points": 450, "!paid": 100})
    assert (quote.discount_minor, quote.tendered_units_minor) == (450, 0)
    assert outcome(quote, "paid").reason == "not-enough-units"
    both = price(rules, line("1", 1000), who=who, spend={"points": 400, "!paid": 100})
    assert (both.discount_minor, both.tendered_units_minor) == (400, 100)


def test_a_tender_that_nobody_chose_says_so() -> None:
    rules = "units: {points: {}}\noffers: {a: {give: 100 points = 1.00 paid}}"
    quote = price(rules, line("1", 1000), who=member(points=500))
    assert outcome(quote, "a").reason == "not-chosen"
    assert quote.due_minor == 1000


def test_one_point_goes_off_one_of_two_lines() -> None:
    """A cent can't be parted: the first line bears it."""
    rules = "units: {points: {value: 0.01, redeem: discount}}\noffers: {}"
    quote = price(rules, line("1", 500), line("2", 500), who=member(points=9), spend={"points": 1})
    assert [one.discount_minor for one in quote.lines] == [1, 0]


def test_two_fills_of_the_same_amount_both_count_however_they_are_priced() -> None:
    """2 × 10.5 l, each litre 2 points."""
    fill = {"quantity": "10.500", "measure": "l", "sku": "fuel"}
    rules = "units: {points: {}}\noffers: {litre: {give: 2 points per l}}"
    quote = price(rules, line("1", 1600, **fill), line("2", 1600, **fill), who=member())
    assert [(one.unit, one.earned) for one in quote.units] == [("points", 42)]


def test_the_receipt_tells_of_no_units_where_none_were_earned() -> None:
    rules = "units: {points: {value: 0.01, redeem: tender}}\noffers: {}"
    quote = price(rules, line("1", 500), who=member(points=100), spend={"points": 100})
    keys = [one.text.key for one in quote.receipt]
    assert quote.due_minor == 400
    assert [key for key in keys if "earned" in key] == []
