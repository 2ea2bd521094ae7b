"""Warnings where the best price is tried rather than proven, and none where it is proven."""

import random

import pytest

from tessera.cli.main import main
from tessera.core.basket import Basket
from tessera.rules.unprovable import SEARCH_LIMIT, may_share, unprovable, why_unproven
from tessera.rules.work import Work
from tests.unit.rules.shop import line, place, price, programme

RIVAL = "  rival: {give: 10 % off, in: one}\n"
HEAD = "groups: {one: best, two: first, three: all}\noffers:\n"


def warnings(offers: str, settings: str = "") -> list[str]:
    found = unprovable(programme(f"{settings}{HEAD}{offers}"), file="shop.yaml")
    assert all(one.severity == "warning" and one.line for one in found)
    return [f"{one.field}: {one.message.partition(': ')[2]}" for one in found]


@pytest.mark.parametrize(
    "offer, settings, reason",
    [
        ("{give: any 2 for 3.00, in: two}", "", "its group says `first`"),
        ("{give: any 2 for 3.00, in: one, limits: {budget: 100.00}}", "", "has a budget"),
        ("{give: any 2 for 3.00, stacks: [extra]}", "", "may meet others"),
        (
            "{give: buy 2 get 1 free, in: one}",
            "settings: {cheapest_free: cheapest-overall}\n",
            "cheapest-overall",
        ),
        ("{give: 7 % off, in: one}", "settings: {rounding_level: offer}\n", "rounding_level"),
        (
            "{give: '7 % off, at most 1.00', in: one}",
            "settings: {exclusive: line}\n",
            "capped or limited",
        ),
        ("{give: {gift: [sku mug]}, in: one}", "settings: {exclusive: line}\n", "a gift"),
        (
            "{give: {buy: 1, get: 1 free, same_item: yes}, in: one, limits: 1 per basket}",
            "",
            "wants equal items and is limited",
        ),
        (
            "{give: {buy: 1, get: 1 free, which: dearest}, in: one}",
            "settings: {exclusive: line}\n",
            "it rewards the dearest",
        ),
        (
            "{give: {buy: 1, get: 1 at 1.00 off, which: dearest}, in: one}",
            "",
            "an amount off the dearest",
        ),
    ],
)
def test_what_is_tried_rather_than_proven_is_told(offer: str, settings: str, reason: str) -> None:
    extra = "  extra: {give: 5 % off, in: three}\n"
    found = warnings(f"  a: {offer}\n{RIVAL}{extra}", settings)
    assert any(one.startswith("offers.a: ") and reason in one for one in found)


def test_where_nothing_competes_there_is_nothing_to_prove() -> None:
    assert warnings("  a: {give: any 2 for 3.00, in: one, limits: {budget: 100.00}}\n") == []
    assert warnings("  a: {give: any 2 for 3.00, in: two}\n  b: {give: 7 % off, in: two}\n") == []
    assert warnings(f"  a: {{give: any 2 for 3.00, in: one}}\n{RIVAL}") == []
    assert warnings(f"  a: {{give: {{gift: [sku mug]}}, in: one}}\n{RIVAL}") == []


def test_a_quote_says_why_it_is_not_proven() -> None:
    """Five goods, and two sets that compete for them, one of which has a budget."""
    rules = programme(
        f"{HEAD}  a: {{give: any 2 for 30.00, in: one, limits: {{budget: 100.00}}}}\n"
        "  b: {give: any 3 for 50.00, in: one}\n"
    )
    quote = price(rules, *(line(str(n), 2_000 + 100 * n) for n in range(5)))
    assert not quote.optimal
    assert quote.gap_minor > 0
    assert [(one.code, one.offer) for one in why_unproven(rules, quote)] == [
        ("budget-of-bundle", "a")
    ]


def test_a_proven_quote_has_nothing_to_say() -> None:
    rules = programme(f"{HEAD}  a: {{give: any 2 for 3.00, in: one}}\n{RIVAL}")
    assert why_unproven(rules, price(rules, line("1", 200), line("2", 300))) == []


def test_a_search_that_ended_says_so() -> None:
    """Fourteen sets over many of forty goods: nothing but the limit is in the way."""
    chance = random.Random(1)
    rows = ""
    for number in range(14):
        goods = ", ".join(chance.sample([f"s{n}" for n in range(40)], 26))
        size = 3 + number % 5
        rows += f"  o{number}: {{what: {{sku: [{goods}]}}, give: any {size} for {size}.{number:02}"
        rows += ", in: one}\n"
    rules = programme(HEAD + rows)
    quote = price(rules, *(line(f"{n:02}", 101 + 37 * n, sku=f"s{n}") for n in range(40)))
    assert not quote.optimal
    assert why_unproven(rules, quote) == [SEARCH_LIMIT]


def test_meeting_means_the_same_as_while_pricing() -> None:
    text = HEAD + "".join(
        f"  {name}: {{give: 5 % off{more}}}\n"
        for name, more in {
            "plain": "",
            "one": ", in: one",
            "three": ", in: three",
            "also-three": ", in: three",
            "all": ", stacks: yes",
            "some": ", stacks: [one]",
            "group": ", stacks: [three]",
        }.items()
    )
    found = programme(text)
    basket = Basket(currency="EUR", lines=(line("1", 100),))
    work = Work(found, None, basket, place())
    for first in found.offers:
        for second in found.offers:
            if first is not second:
                assert may_share(found, first, second) == work.may_share(first, second)


def test_the_command_shows_warnings_and_calls_the_file_sound(
    tmp_path: object, capsys: pytest.CaptureFixture[str]
) -> None:
    from pathlib import Path

    file = Path(str(tmp_path)) / "shop.yaml"
    offers = "  a: {give: any 2 for 3.00, in: two}\n" + RIVAL
    file.write_text(f"programme: shop\ncurrency: EUR\n{HEAD}{offers}")
    assert main(["programme", "check", str(file)]) == 0
    said = capsys.readouterr().out
    assert "warning: offers.a: the best price is tried, not proven" in said
    assert "sound — programme shop, 2 offers" in said
    file.write_text("programme: shop\ncurrency: EUR\noffers: {a: {give: 10 % off}}\n")
    assert main(["programme", "check", str(file)]) == 0
    assert capsys.readouterr().out.endswith("sound — programme shop, 1 offer\n")
