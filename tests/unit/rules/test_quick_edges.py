"""Where the quick way ends, what it finds at once, and what it must not remember."""

from dataclasses import asdict

import pytest

from tessera.core.basket import Basket
from tessera.core.member import Counter
from tessera.rules import reading
from tessera.rules.conditions import selects
from tessera.rules.evaluate import ENGINE_VERSION, evaluate_in_full
from tessera.rules.model import EVERYTHING, Selector
from tessera.rules.prepared import prepared_of
from tessera.rules.programme import Programme
from tessera.rules.quick_keys import ACCRUAL_WAY, BASKET_WAY, UNIT_WAY, Key
from tessera.rules.quick_ladders import ladder_of
from tessera.rules.quick_quote import quick_quote
from tessera.rules.work import Work
from tests.unit.rules.shop import (
    FULL,
    REDUCED,
    line,
    member,
    outcome,
    place,
    price,
    problems_of,
    programme,
)

STEPS = programme("""
groups: {ladder: best}
offers:
  small: {needs: basket from 10.00 after unit offers, give: 1.00 off the basket, in: ladder}
  large: {needs: basket from 40.00 after unit offers, give: 9.00 off the basket, in: ladder}
""")


def test_amounts_off_in_one_group_are_a_ladder() -> None:
    prepared = prepared_of(STEPS)
    ladder = ladder_of(prepared.rules, prepared.first_groups, STEPS.offers)
    assert ladder is not None
    assert ladder.starts == (1000, 4000)
    assert ladder.amounts == (100, 900)
    assert ladder.best == (0, 1)


@pytest.mark.parametrize(
    "large",
    [
        "needs: basket from 40.00 after unit offers, give: 20 % off the basket, in: ladder",
        "needs: basket from 40.00, give: 9.00 off the basket, in: ladder",
        "needs: basket from 40.00 after unit offers, give: 9.00 off the basket",
        "give: {steps: {40.00: 9.00}}, in: ladder",
    ],
)
def test_whatever_is_more_than_an_amount_from_a_threshold_is_no_ladder(large: str) -> None:
    rules = programme(
        "groups: {ladder: best}\noffers:\n"
        "  small: {needs: basket from 10.00 after unit offers, give: 1.00 off the basket,"
        f" in: ladder}}\n  large: {{{large}}}"
    )
    prepared = prepared_of(rules)
    assert ladder_of(prepared.rules, prepared.first_groups, rules.offers) is None


def test_what_asks_nothing_is_had_at_once_and_the_rest_is_asked() -> None:
    offers = programme(
        "offers: {a: {give: 1 % off}, b: {give: 2 % off}, c: {give: 3 % off}}"
    ).offers
    ways = dict(zip(offers, (UNIT_WAY, BASKET_WAY, ACCRUAL_WAY), strict=True))
    free = Key(tuple((offer, True) for offer in offers), ways.__getitem__, lambda _: 0)
    assert (free.unit, free.basket, free.accrual) == tuple([offer] for offer in offers)
    assert (free.members, free.asked) == ([], [])
    members = Key(tuple((offer, True) for offer in offers), ways.__getitem__, lambda _: 1)
    assert (members.unit, members.basket, members.accrual) == ([], [], [])
    assert (members.members, members.asked) == ([offers[2]], [*offers[:2]])


@pytest.mark.parametrize(
    "more, free",
    [
        ("", True),
        (", what: sku tea", True),
        (", limits: 1 per basket", False),
        (", who: members", False),
        (", when: sat", False),
        (", needs: basket from 1.00", False),
    ],
)
def test_only_an_offer_without_conditions_is_free_to_all(more: str, free: bool) -> None:
    assert programme(f"offers: {{a: {{give: 1 % off{more}}}}}").offers[0].free_to_all is free


def test_a_list_of_one_selects_what_the_one_selects() -> None:
    one, same, all_goods = programme(
        "offers: {a: {what: category tea, give: 1 % off}, b: {what: [category tea], give: 1 % off},"
        " c: {give: 1 % off}}"
    ).offers
    assert asdict(one.what) == asdict(same.what)
    assert all_goods.what is EVERYTHING


def quick_and_full_agree(rules: Programme, *lines: object) -> bool:
    """Whether the quick way gave a quote at all; if so, it has to be the full one's."""
    basket = Basket(currency="EUR", lines=lines)  # type: ignore[arg-type]
    quick = quick_quote(rules, None, basket, place(), ENGINE_VERSION)
    if quick is not None:
        assert quick == evaluate_in_full(rules, None, basket, place())
    return quick is not None


@pytest.mark.parametrize("kind", ["first", "best"])
@pytest.mark.parametrize("pieces, groups", [(300, 100), (303, 1)])
def test_uses_of_many_pieces_are_booked_together(pieces: int, groups: int, kind: str) -> None:
    """A third free of so many: each use is a group of its own up to 300 pieces, no further."""
    rules = programme(f"groups: {{f: {kind}}}\noffers: {{a: {{give: buy 2 get 1 free, in: f}}}}")
    mugs = line("1", 100 * pieces, quantity=pieces)
    assert quick_and_full_agree(rules, mugs)
    quote = price(rules, mugs)
    assert quote.due_minor == 100 * pieces * 2 // 3
    assert quote.offers[0].uses == pieces // 3
    assert len(quote.lines[0].offers) == groups


@pytest.mark.parametrize("kind", ["first", "best"])
@pytest.mark.parametrize("bears, parts", [("all-units", [67, 33]), ("reward-only", [0, 100])])
def test_what_a_bundle_takes_off_is_borne_as_the_programme_says(
    bears: str, parts: list[int], kind: str
) -> None:
    """A mug at 2.00 and the second, at 1.00, free: shared by price, or borne by the free one."""
    rules = programme(
        f"settings: {{attribution: {bears}}}\ngroups: {{f: {kind}}}\n"
        "offers: {a: {give: buy 1 get 1 free, in: f}}"
    )
    mugs = line("1", 200, sku="large"), line("2", 100, sku="small")
    assert quick_and_full_agree(rules, *mugs)
    assert [one.discount_minor for one in price(rules, *mugs).lines] == parts


def test_a_bundle_that_nobody_competes_with_stands_beside_those_that_do() -> None:
    """Tea: three for two beats 10 %. Jam: one of two free, and no other offer wants it."""
    rules = programme(
        "groups: {w: best}\noffers:\n"
        "  a: {what: sku tea, give: buy 2 get 1 free, in: w}\n"
        "  b: {what: sku tea, give: 10 % off, in: w}\n"
        "  c: {what: sku jam, give: buy 1 get 1 free, in: w}\n"
        "  d: {what: sku mug, give: buy 4 get 1 free, in: w}\n"
    )
    goods = (
        line("1", 600, sku="tea", quantity=3),
        line("2", 300, sku="jam", quantity=2),
        line("3", 100, sku="mug", quantity=1),
    )
    assert quick_and_full_agree(rules, *goods)
    quote = price(rules, *goods)
    assert quote.due_minor == 400 + 150 + 100
    assert [one.missing_quantity for one in quote.offers] == [0, 0, 0, 4]


def test_a_price_that_is_not_proven_is_left_to_the_full_way() -> None:
    """7 % of so many pieces, 50 cents at most: which pieces to leave out is not tried for each."""
    rules = programme("offers: {a: {what: everything, give: '7 % off, at most 0.50'}}")
    goods = line("1", 0, sku="s", quantity=74), line("2", 37, sku="s", quantity=37)
    assert not quick_and_full_agree(rules, *goods)
    quote = price(rules, *goods)
    assert (quote.discount_minor, quote.optimal) == (3, False)


def test_a_set_is_found_by_any_of_its_parts() -> None:
    """A cup up to 3.00 and a plate up to 3.00 for 4.00 together; they cost 5.00."""
    rules = programme(
        "offers: {a: {give: {set: [{what: category cup and price ..3.00},"
        " {what: category plate and price ..3.00}], for: 4.00}}}"
    )
    cup, plate = line("1", 250, category="cup"), line("2", 250, category="plate")
    quick_and_full_agree(rules, cup, plate)
    assert price(rules, cup, plate).due_minor == 400


@pytest.mark.parametrize("give", ["1.00 off the basket", "{steps: {5.00: 10 %}}"])
def test_a_basket_of_nothing_to_pay_is_left_to_the_full_way(give: str) -> None:
    """A sample that costs nothing: no threshold is named that more of it could reach."""
    rules = programme(f"offers: {{a: {{give: {give}}}}}")
    assert not quick_and_full_agree(rules, line("1", 0, sku="sample"))
    found = outcome(price(rules, line("1", 0, sku="sample")), "a")
    assert (found.applied, found.missing_minor) == (False, 0)


def test_a_measured_good_in_a_choice_is_priced_by_its_quantity_each_time() -> None:
    """5 cents off a kilogram: 0.50 or 1.50; a pair for 12.60 saves 0.40, and nobody has both."""
    rules = programme(
        "groups: {w: best}\noffers:\n"
        "  pair: {what: category c, give: any 2 for 12.60, in: w}\n"
        "  kilo: {what: category c, give: 0.05 off per kg, in: w}\n"
    )
    tea = line("2", 400, quantity=2, category="c")
    for kilograms, due in ((10, 1450), (30, 1350), (10, 1450)):
        bag = line("1", 1100, quantity=kilograms, measure="kg", category="c")
        quick_and_full_agree(rules, bag, tea)
        assert price(rules, bag, tea).due_minor == due


def test_an_article_that_changed_its_part_of_a_set_is_priced_anew() -> None:
    """The plate of a set is free: 3.00 of 5.00 first, then 2.00, the articles the other way."""
    rules = programme(
        "groups: {w: best}\noffers:\n"
        "  set: {give: {buy: 1, get: 1 free, of: category plate}, what: category cup, in: w}\n"
        "  pair: {what: [category cup, category plate], give: any 2 for 4.90, in: w}\n"
    )
    for first, second, due in (("cup", "plate", 200), ("plate", "cup", 300), ("cup", "plate", 200)):
        one, two = line("1", 200, category=first), line("2", 300, category=second)
        quick_and_full_agree(rules, one, two)
        assert price(rules, one, two).due_minor == due


def test_a_limit_by_basket_reads_no_counter() -> None:
    """Whatever a member had before, each basket may have it once."""
    rules = programme("offers: {a: {what: sku tea, give: 10 % off, limits: 1 per basket}}")
    who = member(counters=(Counter(key="a/basket", used=1),))
    assert price(rules, line("1", 500, sku="tea"), who=who).due_minor == 450


def test_lines_with_and_without_taxes_are_taxed_each_by_itself() -> None:
    """Nothing is counted for a good without taxes, folded or not."""
    rules = programme("offers: {a: {what: sku none, give: 10 % off}}")
    quote = price(rules, line("1", 100, sku="tea"), line("2", 100, sku="tea"), line("3", 300))
    assert [(group.net_minor, group.tax_minor) for group in quote.taxes] == [(500, 0)]


def test_left_over_cents_of_a_pair_follow_the_taxes_first() -> None:
    """3.00 and 1.00 for 3.98: 1.5 and 0.5 cents, and the odd one goes to the first tax."""
    rules = programme("groups: {f: first}\noffers: {a: {give: any 2 for 3.98, in: f}}")
    dear, cheap = line("1", 300, tax=REDUCED), line("2", 100, tax=FULL)
    assert quick_and_full_agree(rules, dear, cheap)
    assert [one.discount_minor for one in price(rules, dear, cheap).lines] == [1, 1]


def test_units_of_one_price_are_taken_in_the_order_of_their_articles() -> None:
    """Three of four at 1.00 for 2.00: both of the first article, one of the second."""
    rules = programme("groups: {f: first}\noffers: {a: {give: any 3 for 2.00, in: f}}")
    later, first = line("1", 200, sku="z", quantity=2), line("2", 200, sku="b", quantity=2)
    assert quick_and_full_agree(rules, later, first)
    assert [one.discount_minor for one in price(rules, later, first).lines] == [33, 67]


def test_a_selection_of_nothing_in_particular_is_everything() -> None:
    assert Selector().everything
    assert not Selector(skus=frozenset({"tea"})).everything


def test_a_selection_by_article_and_category_wants_both() -> None:
    wanted = Selector(skus=frozenset({"tea"}), categories=frozenset({"drinks"}))
    drinks = frozenset({"drinks"})
    assert selects(wanted, line("1", 100, sku="tea", category="drinks"), drinks)
    assert not selects(wanted, line("1", 100, sku="cola", category="drinks"), drinks)
    assert not selects(wanted, line("1", 100, sku="tea"), frozenset())


def test_a_selection_by_kind_finds_goods_where_it_names_them() -> None:
    work = Work(
        programme("offers: {a: {give: 1 % off}}"),
        None,
        Basket(currency="EUR", lines=(line("1", 100),)),
        place(),
    )
    (goods,) = work.goods
    assert work.matches(Selector(kinds=frozenset({"goods", "fee"})), goods)
    assert not work.matches(Selector(kinds=frozenset({"fee"})), goods)


def test_warnings_end_where_problems_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "PROBLEMS_MAX", 3)
    early = "{needs: basket from 1.00 after unit offers, give: 1 % off}"
    offers = "".join(f"  o{number}: {early}\n" for number in range(5))
    found = problems_of(f"programme: p\ncurrency: EUR\noffers:\n{offers}")
    assert [problem.severity for problem in found] == ["warning"] * 3


def test_offers_of_one_group_are_seen_to_be_alone_in_advance() -> None:
    rules = programme("offers: {a: {give: 1 % off}, b: {give: 2 % off}}")
    prepared = prepared_of(rules)
    assert prepared.lonely_slots == {prepared.roles[offer][0] for offer in rules.offers}
