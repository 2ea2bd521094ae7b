"""However a basket is made, the searches of one evaluation end, and tell what they left open."""

import random

import pytest

from tessera.core.basket import Basket
from tessera.rules.combine import settle
from tessera.rules.spending import WORK_MAX, WORK_SIMPLE
from tessera.rules.work import Work
from tests.unit.rules.shop import line, outcome, place, price, programme

LINES = 12


def wide(give: str, offers: int, *, settings: str = "") -> str:
    """Offers over most of the goods, in one group."""
    chance = random.Random(offers)
    rows = []
    for number in range(offers):
        some = ", ".join(chance.sample([f"s{place}" for place in range(LINES)], LINES - 3))
        words = give.format(more=number + 3, cents=f"{number:02}")
        rows.append(f"  o{number}: {{what: {{sku: [{some}]}}, give: {words}, in: one}}\n")
    return f"{settings}groups: {{one: best}}\noffers:\n" + "".join(rows)


def spent(text: str, count: int) -> int:
    """The work that all searches and trials over LINES lines of `count` pieces come to."""
    lines = tuple(
        line(f"{n}", (101 + 37 * n) * count, sku=f"s{n}", quantity=count) for n in range(LINES)
    )
    work = Work(programme(text), None, Basket(currency="EUR", lines=lines), place())
    work.find_offers()
    settle(work)
    assert work.optimal or work.gap_minor > 0
    return WORK_MAX - work.meter.left


@pytest.mark.parametrize("count", [1, 40, 400])
@pytest.mark.parametrize(
    "give, offers",
    [
        ("{more} % off", 20),
        ("'{more} % off, at most 3.{cents}'", 12),
        ("any 3 for 3.{cents}", 20),
        ("{{any: 4, off: {more} %}}", 30),
        ("buy 5 get 1 free", 30),
        ("{more} % off the basket", 12),
    ],
)
@pytest.mark.parametrize("settings", ["", "settings: {exclusive: line}\n"])
def test_the_work_of_one_evaluation_is_bounded(
    give: str, offers: int, count: int, settings: str
) -> None:
    """At most the limit, a simple answer for each search that ended early, and two trials."""
    trials = 2 * (40 + offers * (10 + 6 * LINES) + 4 * LINES * count)
    assert (
        spent(wide(give, offers, settings=settings), count) <= WORK_MAX + 3 * WORK_SIMPLE + trials
    )


def test_hundreds_of_pieces_get_the_best_of_many_percentages() -> None:
    """400 × 1.01 under 3 % … 22 %: 22 % of 404.00 is 88.88; splitting could win a cent at most."""
    rows = "".join(f"  o{n}: {{give: {n + 3} % off, in: one}}\n" for n in range(20))
    quote = price(
        f"groups: {{one: best}}\noffers:\n{rows}", line("1", 40_400, sku="a", quantity=400)
    )
    assert quote.discount_minor == 8888
    assert outcome(quote, "o0").reason == "better-offer"
    assert (quote.optimal, quote.gap_minor) == (True, 0)
