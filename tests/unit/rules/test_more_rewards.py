"""Rarer rewards and mixtures: parts in a competition, budgets, tenders by offer, claims."""

import pytest

from tessera.core.member import Counter, UnitBalance
from tests.unit.rules.shop import line, member, outcome, place, price, problems_of

HEAD = "programme: shop\ncurrency: EUR\n"


def test_a_part_that_is_rewarded_competes_with_single_offers() -> None:
    """Coat 100.00 and hats 30.00, 20.00: the dearer hat free is 30.00, 10 % of 20.00 is 2.00."""
    rules = """
offers:
  hat: {what: sku coat, give: {buy: 1, get: 1 free, of: category hats}}
  tenth: {what: category hats, give: 10 % off}
"""
    lines = (
        line("1", 10_000, sku="coat"),
        line("2", 3000, category="hats"),
        line("3", 2000, category="hats"),
    )
    quote = price(rules, *lines)
    assert quote.discount_minor == 3200
    assert quote.optimal


def test_a_set_competes_with_single_offers() -> None:
    """Burger 5.00 and drink 3.00 for 6.00 saves 2.00; 30 % off the burger alone only 1.50."""
    rules = """
offers:
  menu: {give: {set: [category burgers, category drinks], for: 6.00}}
  burgers: {what: category burgers, give: 30 % off}
"""
    burger, drink = line("1", 500, category="burgers"), line("2", 300, category="drinks")
    assert price(rules, burger, drink).discount_minor == 200
    assert price(rules, burger).discount_minor == 150


def test_the_cheapest_of_a_set_may_be_free() -> None:
    rules = "offers: {a: {give: {set: [category a, category b], cheapest: free}}}"
    quote = price(rules, line("1", 500, category="a"), line("2", 300, category="b"))
    assert quote.discount_minor == 300


def test_the_dearest_may_be_the_one_that_is_rewarded() -> None:
    rules = "offers: {a: {give: {buy: 1, get: 1 at 50 % off, which: dearest}}}"
    assert price(rules, line("1", 1000), line("2", 400)).discount_minor == 500


def test_one_of_so_many_is_free() -> None:
    assert (
        price("offers: {a: {give: cheapest of 3 free}}", line("1", 300, quantity=3)).due_minor
        == 200
    )


def test_a_budget_bounds_bundles() -> None:
    """Three uses would be 3.00, 2.50 are left."""
    rules = "offers: {a: {give: buy 2 get 1 free, limits: {budget: 10.00}}}"
    who = member(counters=(Counter(key="a/budget", used=750),))
    assert price(rules, line("1", 900, quantity=9), who=who).discount_minor == 250


def test_an_amount_that_does_not_divide_is_never_lost() -> None:
    """3 for 2.90: two of them for 1.00 saves 0.94 of 1.94."""
    quote = price("offers: {a: {give: any 2 for 1.00}}", line("1", 290, quantity=3))
    assert quote.discount_minor == 94
    assert quote.due_minor == 196


@pytest.mark.parametrize("reads, state", [("visits", {"visits": 10}), ("period", {})])
def test_a_ladder_may_read_visits_or_a_period(reads: str, state: dict[str, int]) -> None:
    start = "10" if reads == "visits" else "5.00"
    rules = f"offers: {{a: {{give: {{steps: {{{start}: 10 %}}, reads: {reads}}}}}}}"
    if reads == "period":
        state = {"period_spend_minor": 500}
    assert price(rules, line("1", 1000), who=member(**state)).discount_minor == 100
    missing = outcome(price(rules, line("1", 1000), who=member()), "a")
    assert missing.reason == ("other-visit" if reads == "visits" else "amount-short")


def test_a_ladder_of_items_says_how_many_are_missing() -> None:
    rules = "offers: {a: {give: {steps: {3: 5 %}, reads: quantity}}}"
    assert outcome(price(rules, line("1", 500)), "a").missing_quantity == 2


def test_a_marginal_ladder_may_hold_amounts() -> None:
    """From 10.00: 1.00; from 20.00: 10 % of what lies above: 0.50."""
    rules = "offers: {a: {give: {steps: {10.00: 1.00, 20.00: 10 %}, marginal: yes}}}"
    assert price(rules, line("1", 2500)).discount_minor == 150


def test_an_offer_may_take_units_as_a_tender_for_some_goods() -> None:
    """200 points pay 2.00, at most half of the books: 10.00 → five lots."""
    rules = """
units: {points: {}}
offers: {books: {what: category books, give: "200 points = 2.00 tender, at most 50 %"}}
"""
    quote = price(
        rules,
        line("1", 2000, category="books"),
        line("2", 5000),
        who=member(points=5000),
        spend={"!books": 5000},
    )
    assert (quote.tendered_units_minor, quote.units[0].spent) == (1000, 1000)
    assert quote.lines[1].units == ()


def test_units_in_any_number_where_lots_may_be_broken() -> None:
    """7 points at 3 for 1.00: 2.33."""
    rules = """
units: {points: {}}
offers: {a: {give: {spend: 3 points, for: 1.00, lots: any, at_least: 5}}}
"""
    quote = price(rules, line("1", 1000), who=member(points=7), spend={"!a": 7})
    assert (quote.discount_minor, quote.units[0].spent) == (233, 7)
    few = price(rules, line("1", 1000), who=member(points=4), spend={"!a": 7})
    assert outcome(few, "a").reason == "not-enough-units"


def test_two_units_pay_one_after_the_other() -> None:
    rules = """
units:
  credit: {value: 0.01, redeem: tender}
  points: {value: 0.02, redeem: tender}
"""
    purse = member(
        units=(
            UnitBalance(unit="credit", balance=300, spendable=300),
            UnitBalance(unit="points", balance=500, spendable=500),
        )
    )
    quote = price(rules, line("1", 1000), who=purse, spend={"credit": 300, "points": 500})
    assert (quote.due_minor, quote.tendered_units_minor) == (0, 1000)
    assert [(one.unit, one.spent) for one in quote.units] == [("credit", 300), ("points", 350)]


def test_a_wish_for_a_gift_that_is_not_there_spends_nothing() -> None:
    rules = "units: {points: {}}\noffers: {a: {give: {spend: 10 points, gift: sku mug}}}"
    quote = price(rules, line("1", 100), who=member(points=50), spend={"!a": 0})
    assert outcome(quote, "a").reason == "gift-not-in-basket"
    assert quote.units == ()


def test_nothing_left_to_pay_spends_nothing() -> None:
    rules = """
units: {points: {value: 0.01, redeem: tender}}
offers: {free: {give: free}}
"""
    quote = price(rules, line("1", 100), who=member(points=50), spend={"points": 50})
    assert quote.units == ()


def test_a_blocked_member_spends_nothing() -> None:
    rules = "units: {points: {value: 0.01, redeem: tender}}"
    quote = price(
        rules, line("1", 100), who=member(points=50, status="blocked"), spend={"points": 50}
    )
    assert quote.tendered_units_minor == 0


def test_groups_settled_one_after_the_other() -> None:
    """Dairy's own 20 % first; the basket's 10 % only gets the rest, as listed."""
    rules = """
settings: {between_groups: first}
groups: {dairy: best, rest: best}
offers:
  tenth: {give: 10 % off, in: rest}
  fifth: {what: category dairy, give: 20 % off, in: dairy}
  late: {give: 50 % off}
"""
    quote = price(rules, line("1", 1000, category="dairy"), line("2", 1000))
    assert [one.discount_minor for one in quote.lines] == [200, 100]


def test_first_among_bundles_and_single_offers() -> None:
    """The merchant lists the pair first, although the half price would save more."""
    rules = """
groups: {house: first}
offers:
  pair: {give: {any: 2, off: 1.00}, in: house}
  half: {give: 50 % off, in: house}
"""
    assert price(rules, line("1", 500), line("2", 500)).discount_minor == 100


def test_first_among_basket_offers() -> None:
    rules = """
groups: {house: first}
offers:
  small: {give: 1.00 off the basket, in: house}
  large: {give: 5.00 off the basket, in: house}
"""
    assert price(rules, line("1", 2000)).discount_minor == 100


def test_measure_is_asked_for() -> None:
    rules = "offers: {a: {give: 0.05 off per l}}"
    assert outcome(price(rules, line("1", 1000)), "a").reason == "no-saving"


def test_a_zero_rated_and_a_free_line_go_together() -> None:
    quote = price("offers: {a: {give: 1.00 off the basket}}", line("1", 0), line("2", 500))
    assert [one.discount_minor for one in quote.lines] == [0, 100]


def test_an_empty_basket_has_a_quote() -> None:
    quote = price("offers: {a: {give: 10 % off}, b: {give: 1.00 off the basket}}")
    assert quote.due_minor == 0
    assert {one.reason for one in quote.offers} == {"nothing-selected"}


def test_a_basket_in_another_currency_is_not_priced() -> None:
    from tessera.core.basket import Basket
    from tessera.rules.evaluate import evaluate
    from tests.unit.rules.shop import programme

    with pytest.raises(ValueError, match="USD"):
        evaluate(programme("offers: {}"), None, Basket(currency="USD"), place())


@pytest.mark.parametrize(
    "text",
    [
        "offers: {a: {give: {buy: 1, get: none}}}",
        "offers: {a: {give: {any: 2}}}",
        "offers: {a: {give: {set: [], for: 1.00}}}",
        "offers: {a: {give: {steps: {}}}}",
        "offers: {a: {give: {gift: []}}}",
        "offers: {a: {give: {spend: points, for: 1.00}}}",
        "offers: {a: {give: {win: never, prizes: [x]}}}",
        "offers: {a: {give: 1 points for every 0.00}}\nunits: {points: {}}",
        "offers: {a: {what: {sku: []}, give: 1 % off}}",
        "offers: {a: {what: {colour: red}, give: 1 % off}}",
        "offers: {a: {what: attribute red, give: 1 % off}}",
        "offers: {a: {what: price cheap, give: 1 % off}}",
        "offers: {a: {what: price 5.00..1.00, give: 1 % off}}",
        "offers: {a: {where: shop 7, give: 1 % off}}",
        "offers: {a: {who: share 50..20 of x, give: 1 % off}}",
        "offers: {a: {needs: {of: category x}, give: 1 % off}}",
        "offers: {a: {trigger: perhaps, give: 1 % off}}",
        "offers: {a: {priority: high, give: 1 % off}}",
        "offers: {a: {changed_prices: maybe, give: 1 % off}}",
        "offers: {a: {offline: maybe, give: 1 % off}}",
        "offers: {a: {funding: {share: 10 %, third_party_paid: no}, give: 1 % off}}",
        "offers: {a: {name: {en: [x]}, give: 1 % off}}",
        "offers: {a: {limits: {budget: much}, give: 1 % off}}",
        "tiers: {gold: {}}\noffers: {a: {who: balance from 5 stars, give: 1 % off}}",
        "groups: {a: {kind: best, in: nowhere}}",
        "units: [points]",
        "? [a]\n: b",
    ],
)
def test_what_makes_no_sense_is_a_problem(text: str) -> None:
    assert any(problem.severity == "error" for problem in problems_of(HEAD + text))


@pytest.mark.parametrize(
    "offer",
    [
        "what: {sku: [a], any: [category x, brand y], except: tag z}, give: 1 % off",
        "what: {price: 1.00.., attribute: size=L}, give: 1 % off",
        "needs: {amount: 5.00, quantity: 2, of: category x, at: unit}, give: 1 % off the basket",
        "when: {dates: 2026-01-01.., days: mon..fri, hours: 10:00..12:00}, give: 1 % off",
        "trigger: {event: [review], chosen: no}, give: 1 % off",
        "give: {off: 10 %, at_most: 5.00}",
        "give: {off: 10 %, at_most: 5.00, over: basket}",
        "give: {any: 3, off: 1.00, same_item: yes}",
        "who: anyone, give: 1 % off, note: for the summer",
        "stacks: no, give: 1 % off",
    ],
)
def test_forms_that_are_rare_but_right(offer: str) -> None:
    found = problems_of(HEAD + f"offers: {{a: {{{offer}}}}}")
    assert [problem.render() for problem in found] == []


def test_the_reward_alone_may_be_a_part_of_equal_units() -> None:
    """Buy 1 get 2: of 10.00, 10.00, 4.00 one ten and the four are free, and bear it themselves."""
    rules = "settings: {attribution: reward-only}\noffers: {a: {give: buy 1 get 2 free}}"
    quote = price(rules, line("1", 2000, quantity=2), line("2", 400))
    assert [one.discount_minor for one in quote.lines] == [1000, 400]


def test_one_cent_is_a_saving() -> None:
    assert price("offers: {a: {give: 0.01 off the basket}}", line("1", 100)).due_minor == 99


def test_a_range_of_prices_reads_the_whole_of_a_weighed_line() -> None:
    rules = "offers: {a: {what: price 6.00..7.00, give: 10 % off}}"
    cheese = line("1", 624, quantity="1.250", measure="kg")
    assert price(rules, cheese).discount_minor == 62
