"""Bounds, lines and tables of the search for the best price, worked out by hand.

A bound that is too low claims a proof that there is none of; one that is too high hides one. Most
baskets are priced alike by both, so these are asked themselves.
"""

from collections.abc import Sequence
from fractions import Fraction
from itertools import pairwise

import pytest

from tessera.core.basket import Basket, Line
from tessera.core.quote import Stage
from tessera.rules import stops
from tessera.rules.basket_cases import Case, cases_of, lines_of
from tessera.rules.bounds import Sheet
from tessera.rules.choice import choice_of
from tessera.rules.combine import _judge
from tessera.rules.finding import find_offers
from tessera.rules.labels import BITS, _promise
from tessera.rules.looking import Search, _paths_within, rough_bound, search_of
from tessera.rules.model import Offer
from tessera.rules.search import best_moves
from tessera.rules.simple_answer import nobody_takes, one_after_the_other
from tessera.rules.spending import Budget, Meter, OutOfWork
from tessera.rules.unproven import most_together
from tessera.rules.use_search import Search as UseSearch
from tessera.rules.weights import Weights
from tessera.rules.work import Work
from tests.unit.rules.shop import line, outcome, place, price, programme


def search_for(rules: str, *lines: Line) -> Search:
    """A search for the best price of some lines, before anything is looked at."""
    work = Work(programme(rules), None, Basket(currency="EUR", lines=lines), place())
    find_offers(work)
    choice = choice_of(work, units_of(work), work.goods)
    assert choice is not None
    return search_of(work, choice)


def units_of(work: Work) -> list[Offer]:
    return sorted(work.available[Stage.UNIT], key=lambda offer: offer.place)


def cases_in(search: Search) -> list[Case]:
    work = search.work
    return cases_of(work, sorted(work.available[Stage.BASKET], key=lambda offer: offer.place))[0]


def sheet_of(search: Search) -> Sheet:
    (component,) = search.choice.components
    return Sheet(search.work, component, Weights(), search.choice.by_line, search.budget)


TWO_RATES = """
offers:
  a: {give: 10 % off the basket, stacks: yes}
  b: {give: 20 % off the basket, stacks: yes}
"""


def test_a_percentage_is_one_line_without_a_fixed_amount() -> None:
    search = search_for(TWO_RATES, line("1", 1000))
    tenth, _ = search.work.available[Stage.BASKET]
    assert lines_of(search.work, tenth, 1000) == [(Fraction(0), Fraction(1, 10))]


def test_the_line_of_an_offer_is_lowered_by_those_that_follow() -> None:
    """Of the tenth that the first takes, the second would have taken a fifth."""
    search = search_for(TWO_RATES, line("1", 1000))
    (both,) = (case for case in cases_in(search) if len(case.offers) == 2)
    assert both.lines == [((Fraction(0), Fraction(8, 100)), (Fraction(0), Fraction(2, 10)))]


def test_an_amount_is_as_high_as_it_is_and_never_above_the_goods() -> None:
    search = search_for("offers: {a: {give: 1.00 off the basket}}", line("1", 1000))
    (offer,) = search.work.available[Stage.BASKET]
    flat, whole = (Fraction(100), Fraction(0)), (Fraction(0), Fraction(1))
    assert lines_of(search.work, offer, 1000) == [flat, whole]


def test_a_cap_is_a_line_of_its_own() -> None:
    search = search_for("offers: {a: {give: '10 % off the basket, at most 0.50'}}", line("1", 1000))
    (offer,) = search.work.available[Stage.BASKET]
    rate, cap = (Fraction(0), Fraction(1, 10)), (Fraction(50), Fraction(0))
    assert lines_of(search.work, offer, 1000) == [rate, cap]


def test_steps_lie_below_their_highest_amount() -> None:
    search = search_for("offers: {a: {give: {steps: {10.00: 1.00, 20.00: 3.00}}}}", line("1", 3000))
    (offer,) = search.work.available[Stage.BASKET]
    assert lines_of(search.work, offer, 3000) == [(Fraction(300), Fraction(0))]


def test_an_amount_is_lowered_by_a_percentage_that_follows() -> None:
    """Of 1.00, or of all the goods, a fifth would have gone anyway."""
    search = search_for(
        "offers: {a: {give: 1.00 off the basket, stacks: yes},"
        " b: {give: 20 % off the basket, stacks: yes}}",
        line("1", 1000),
    )
    (both,) = (case for case in cases_in(search) if len(case.offers) == 2)
    fifth = (Fraction(0), Fraction(2, 10))
    assert both.lines == [
        ((Fraction(80), Fraction(0)), fifth),
        ((Fraction(0), Fraction(8, 10)), fifth),
    ]


@pytest.mark.parametrize("rounding, most", [("floor", 280), ("half-away", 281)])
def test_only_rounding_up_adds_to_a_bound(rounding: str, most: int) -> None:
    """0.80 and 2.00 of 10.00; twice half a cent where it may be rounded up."""
    search = search_for(f"settings: {{rounding: {rounding}}}{TWO_RATES}", line("1", 1000))
    (both,) = (case for case in cases_in(search) if len(case.offers) == 2)
    assert rough_bound(search, both, 0) == most


THIRD = "{what: category a, give: buy 2 get 1 free}"


def test_a_unit_brings_at_most_its_share_of_a_whole_use() -> None:
    """A third of 1.00, rounded up, for each of three units."""
    search = search_for(f"offers: {{a: {THIRD}}}", line("1", 300, quantity=3, category="a"))
    sheet = sheet_of(search)
    assert sheet.tails == [3 * 34, 0]


@pytest.mark.parametrize("level, rounded", [("fold", 2), ("unit", 30)])
def test_between_the_ends_of_a_long_row_rounding_may_add(level: str, rounded: int) -> None:
    """Thirty thirds of 1.00 beat thirty tenths; a cent for each sum that is rounded."""
    search = search_for(
        f"settings: {{rounding_level: {level}}}\noffers: {{a: {THIRD}, b: {{give: 10 % off}}}}",
        line("1", 3000, quantity=30, category="a"),
    )
    assert sheet_of(search).tails == [30 * 34 + rounded, 0]


def test_a_cap_and_a_limit_are_counted_beside_each_other() -> None:
    """10 % of 5.00 each, at most 1.00 and on three units: 1.00, then nothing, then no more."""
    search = search_for(
        "offers: {a: {give: '10 % off, at most 1.00', limits: 3 per basket}}",
        line("1", 2000, quantity=4),
    )
    sheet = sheet_of(search)
    (row,) = sheet.component.rows
    first = sheet.take(0, row, 0, 2)
    assert first is not None
    assert first[0] == 100 * sheet.component.scale
    second = sheet.take(0, row, first[1], 1)
    assert second is not None
    assert second[0] == 0
    assert sheet.take(0, row, second[1], 1) is None


@pytest.mark.parametrize("room, saved", [(99, []), (150, [100]), (250, [200]), (300, [200, 100])])
def test_what_saves_most_is_kept_within_the_room_of_a_threshold(
    room: int, saved: list[int]
) -> None:
    """The tea could save 2.00, the mug 1.00."""
    search = search_for("offers: {a: {give: 10 % off}}", line("1", 2000), line("2", 1000))
    rows = [component.rows[0] for component in search.choice.components]
    paths = _paths_within(search, room)
    kept = [row.amount // 10 for row, ((_, fills),) in zip(rows, paths, strict=True) if fills]
    assert sorted(kept, reverse=True) == saved


GOODS_OF_TWO = """
offers:
  a: {what: category cup, give: 10 % off the basket}
  b: {what: category plate, give: 20 % off the basket}
"""


@pytest.mark.parametrize("base, doubt", [("current", 0), ("shelf", 1)])
def test_a_label_promises_what_its_offers_take_off_what_is_open_to_each(
    base: str, doubt: int
) -> None:
    """2.00 by unit offers; 10.00 of cups and 5.00 of plates are open: 1.00 each. Nothing is idle.

    Where the base is read before other discounts, a cent more may come of each.
    """
    search = search_for(
        f"settings: {{stacked_base: {base}}}{GOODS_OF_TWO}",
        line("1", 2000, category="cup"),
        line("2", 2000, category="plate"),
    )
    search.idle.clear()
    (both,) = (
        case for case in cases_in(search) if [offer.offer_id for offer in case.offers] == ["a", "b"]
    )
    scale = search.choice.scale
    label = ((200 * scale << BITS) + 1000 * scale << BITS) + 500 * scale
    assert _promise(search, both, label) == 400 + 2 * doubt


def test_the_rest_of_a_line_that_serves_a_mix_stays_open_to_the_basket() -> None:
    """Three for two takes two of three; 10 % of the third, 1.00, may still come off."""
    search = search_for(
        f"settings: {{exclusive: line}}\noffers: {{a: {THIRD}, b: {{give: 10 % off the basket}}}}",
        line("1", 300, quantity=3, category="a"),
    )
    (case,) = (case for case in cases_in(search) if case.offers)
    weights = case.weights(case.lines[0])
    (component,) = search.choice.components
    by_line = search.choice.by_line
    sheet = Sheet(search.work, component, weights, by_line, search.budget)
    assert by_line
    assert weights.whole == 10
    assert sheet.closed(component.rows[0], (2,), 2) == 100 * component.scale


def test_a_use_that_saves_a_cent_is_a_use() -> None:
    search = search_for(
        "offers: {a: {give: any 2 for 1.99}}", line("1", 200, quantity=2, category="a")
    )
    work = search.work
    found = UseSearch(work, units_of(work), [], work.goods).solve()
    assert found == (1, [(0, ((0, 2),))])


def test_single_units_save_what_their_best_offer_gives_on_so_many() -> None:
    search = search_for("offers: {a: {give: 10 % off}}", line("1", 300, quantity=3))
    work = search.work
    assert UseSearch(work, [], units_of(work), work.goods).fill_of == [[0, 10, 20, 30]]


@pytest.mark.parametrize(
    "give, most",
    [
        # a tenth of 10.00; the whole basket, and a cent for the rounding of each line
        ("10 % off the basket", 100),
        ("3.00 off the basket", 300),
        ("'50 % off the basket, at most 2.00'", 200),
        ("10 % off", 102),
    ],
)
def test_what_offers_take_off_at_most_each_by_itself(give: str, most: int) -> None:
    search = search_for(f"offers: {{a: {{give: {give}}}}}", line("1", 600), line("2", 400))
    work = search.work
    offers: Sequence[Offer] = [*work.available[Stage.UNIT], *work.available[Stage.BASKET]]
    assert most_together(work, offers, work.goods) == most


@pytest.mark.parametrize("known, gap", [(0, 100), (30, 30), (200, 100)])
def test_what_was_only_tried_is_judged_by_what_could_be_had_at_most(known: int, gap: int) -> None:
    """Nothing was taken off; a tenth of 10.00 could be. A smaller gap may be known already."""
    work = search_for("offers: {a: {give: 10 % off the basket}}", line("1", 1000)).work
    work.gap_minor = known
    _judge(work, work.due)
    assert (work.gap_minor, work.optimal) == (gap, False)


def test_work_is_counted_until_there_is_none() -> None:
    meter = Meter()
    meter.left = 5
    budget = Budget(100, meter)
    budget.work(5)
    assert (meter.left, budget.left) == (0, 100)
    with pytest.raises(OutOfWork):
        budget.work(1)


def work_of(rules: str, *lines: Line) -> tuple[int, int, int, int]:
    """The work of a bound, of an answer, and of a second search; the nodes of a first answer."""
    search = search_for(rules, *lines)
    meter, budget = search.work.meter, search.budget
    left = [meter.left]
    sheet = sheet_of(search)
    left.append(meter.left)
    nobody_takes(sheet)
    left.append(meter.left)
    best_moves(sheet, budget)
    left.append(meter.left)
    best_moves(sheet, budget)
    left.append(meter.left)
    nodes = budget.nodes
    one_after_the_other(sheet, budget)
    bound, answer, _, again = (before - after for before, after in pairwise(left))
    return bound, answer, again, budget.nodes - nodes


def test_all_that_a_search_does_is_counted_and_more_for_more_goods() -> None:
    """What is remembered is walked through again, which is work as well."""
    rules = f"offers: {{a: {THIRD}}}"
    goods = [line(str(n), 300 + 3 * n, quantity=3, category="a") for n in range(3)]
    one, three = work_of(rules, goods[0]), work_of(rules, *goods)
    assert min(one) > 0
    assert three[0] == 3 * one[0]
    assert three[1] == 3 * one[1]
    assert three[2] > one[2]
    assert three[3] == 3 * one[3]


def test_a_bound_over_few_units_takes_less_work_than_over_many() -> None:
    rules = "offers: {a: {give: '10 % off, at most 1.00'}}"
    few, many = (work_of(rules, line("1", 100 * n, quantity=n))[0] for n in (3, 20))
    assert few < many


def test_of_baskets_offers_that_give_alike_the_first_is_had() -> None:
    quote = price(
        "offers: {a: {give: 1.00 off the basket}, b: {give: 1.00 off the basket},"
        f" c: {THIRD}}}",
        line("1", 600, quantity=2, category="a"),
    )
    assert [outcome(quote, name).applied for name in "ab"] == [True, False]


def test_where_lines_are_exclusive_no_line_is_split_between_offers() -> None:
    """The third unit at 0.04 is free; 10 % of 0.30 are 0.03. Halves of the line, each rounded up by
    an offer of its own, would come to 0.04 as well, and to two offers on one line.
    """
    quote = price(
        "settings: {exclusive: line}\n"
        f"offers: {{a: {{give: 10 % off}}, b: {{give: 10 % off}}, c: {THIRD}}}",
        line("1", 30, quantity=2, category="a"),
        line("2", 4, category="a"),
    )
    assert quote.due_minor == 30
    assert [one.offer for one in quote.offers if one.applied] == ["c"]


def test_several_caps_or_sums_of_one_part_may_lose_cents_by_rounding() -> None:
    capped = search_for("offers: {a: {give: '10 % off, at most 1.00'}}", line("1", 2000))
    assert capped.choice.rounds
    plain = search_for("offers: {a: {give: 10 % off}}", line("1", 2000))
    assert not plain.choice.rounds


def test_few_programmes_without_stopped_offers_are_remembered(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(stops, "COPIES_MAX", 2)
    rules = programme("offers: {a: {give: 1 % off}, b: {give: 2 % off}}")
    for names in (("a",), ("b",), ("a", "b")):
        assert stops.without(rules, names).stopped == frozenset(names)
    copies = rules.kept["stopped"]
    assert isinstance(copies, dict)
    assert list(copies) == [frozenset("ab")]
