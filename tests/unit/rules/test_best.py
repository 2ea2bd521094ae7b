"""Groups that say `best`, judged by trying everything."""

from collections.abc import Sequence
from itertools import combinations

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.rules.shop import line, outcome, price, programme

BUNDLES = (
    ("{any: 2, cheapest: 50 %}", 2, lambda worth: min(worth) // 2),
    ("{any: 2, off: 20 %}", 2, lambda worth: sum(worth) // 5),
    ("any 3 for 50.00", 3, lambda worth: sum(worth) - 5000),
    ("buy 2 get 1 free", 3, min),
    ("{any: 2, off: 5.00}", 2, lambda worth: min(sum(worth), 500)),
)


def most_by_hand(units: Sequence[int], bundles: Sequence[int], percent: int) -> int:
    """The greatest saving, by trying every way to group every unit."""
    if not units:
        return 0
    first, rest = units[0], units[1:]
    best = first * percent // 100 + most_by_hand(rest, bundles, percent)
    for number in bundles:
        _, size, saving = BUNDLES[number]
        for others in combinations(range(len(rest)), size - 1):
            saved = saving([first, *(rest[place] for place in others)])
            left = [unit for place, unit in enumerate(rest) if place not in others]
            if saved > 0:
                best = max(best, saved + most_by_hand(left, bundles, percent))
    return best


@settings(max_examples=150, deadline=None)
@given(
    prices=st.lists(st.integers(1, 60), min_size=1, max_size=7),
    bundles=st.sets(st.integers(0, len(BUNDLES) - 1), min_size=1, max_size=3),
    percent=st.sampled_from((0, 10, 20)),
)
def test_the_search_finds_what_trying_everything_finds(
    prices: list[int], bundles: set[int], percent: int
) -> None:
    offers = [f"  b{number}: {{give: {BUNDLES[number][0]}}}" for number in sorted(bundles)]
    if percent:
        offers.append(f"  fill: {{give: {percent} % off}}")
    rules = programme("offers:\n" + "\n".join(offers))
    units = sorted((price * 100 for price in prices), reverse=True)
    quote = price(rules, *(line(str(n), unit) for n, unit in enumerate(units)))
    assert quote.optimal
    assert quote.discount_minor == most_by_hand(units, sorted(bundles), percent)


@settings(max_examples=60, deadline=None)
@given(
    prices=st.lists(st.integers(1, 30), min_size=1, max_size=5),
    start=st.integers(10, 80),
    off=st.integers(1, 15),
)
def test_unit_and_basket_offers_are_judged_by_the_final_total(
    prices: list[int], start: int, off: int
) -> None:
    """20 % off any unit, and an amount off what is left untouched, if everything still costs S."""
    rules = programme(
        f"""
offers:
  fifth: {{give: 20 % off}}
  big: {{needs: basket from {start}.00 after unit offers, give: {off}.00 off the basket}}
"""
    )
    units = [price * 100 for price in prices]
    best = 0
    for size in range(len(units) + 1):
        for cheaper in combinations(range(len(units)), size):
            saved = sum(units[place] // 5 for place in cheaper)
            untouched = sum(unit for place, unit in enumerate(units) if place not in cheaper)
            if sum(units) - saved >= start * 100:
                saved += min(off * 100, untouched)
            best = max(best, saved)
    quote = price(rules, *(line(str(n), unit) for n, unit in enumerate(units)))
    assert quote.discount_minor == best
    assert quote.optimal


def test_stage_by_stage_would_lose() -> None:
    """30.00 and 10.00: untouched they reach 40.00 and 9.00 off; 20 % off both is only 8.00."""
    rules = """
offers:
  fifth: {give: 20 % off}
  nine: {needs: basket from 40.00 after unit offers, give: 9.00 off the basket}
"""
    quote = price(rules, line("1", 3000), line("2", 1000))
    assert quote.due_minor == 3100
    assert outcome(quote, "fifth").reason == "better-offer"


def test_a_limit_on_bundles_is_kept_by_the_search() -> None:
    """Once only: the best pair is 40.00 + 30.00."""
    rules = """
offers:
  pair: {give: {any: 2, off: 50 %}, limits: {basket: 1}}
  tenth: {give: 10 % off}
"""
    quote = price(rules, *(line(str(n), minor) for n, minor in enumerate((4000, 3000, 2000, 1000))))
    assert quote.discount_minor == 3500 + 300


def test_ties_fall_to_the_higher_priority_then_to_the_smaller_id() -> None:
    tied = "offers: {b: {give: 10 % off}, a: {give: 10 % off}}"
    assert outcome(price(tied, line("1", 100)), "a").applied
    lifted = "offers: {b: {give: 10 % off, priority: 1}, a: {give: 10 % off}}"
    assert outcome(price(lifted, line("1", 100)), "b").applied


def test_a_competition_beyond_the_limit_says_that_it_is_not_proven() -> None:
    rules = programme(
        "offers:\n"
        + "\n".join(f"  b{n}: {{give: any {4 + n} for {20 + n}.00}}" for n in range(4))
        + "\n  tenth: {give: 10 % off}"
    )
    quote = price(rules, *(line(str(n), 500 + 37 * n) for n in range(40)))
    assert not quote.optimal
    assert quote.gap_minor > 0
    assert quote.discount_minor > 0


def test_one_set_price_beside_a_percentage_is_proven_at_any_size() -> None:
    """Forty units: three for 10.00 beside 10 % off, tried for every number of uses."""
    units = sorted((500 + 37 * n for n in range(40)), reverse=True)
    rules = "offers: {a: {give: any 3 for 10.00}, b: {give: 10 % off}}"
    quote = price(rules, *(line(str(n), 10 * unit) for n, unit in enumerate(units)))
    best = max(
        sum(10 * unit for unit in units[: 3 * uses])
        - 1000 * uses
        + sum(unit for unit in units[3 * uses :])
        for uses in range(14)
    )
    assert quote.optimal
    assert quote.discount_minor == best
