"""What is remembered between baskets has an end, and a quote does not hang on it."""

import pytest

from tessera.rules import prepared, programme, tally_search
from tests.unit.rules.shop import line, member, price
from tests.unit.rules.shop import programme as parsed

RULES = """
tiers: {gold: {}}
offers:
  a: {what: category a, give: 10 % off}
  b: {what: category b, give: 1.00 off each}
  c: {what: brand alp, give: any 2 for 3.00}
  d: {what: tag bio, give: any 3 for 4.00}
  e: {needs: basket from 20.00, give: 5 % off the basket, stacks: yes}
  f: {who: tier gold, give: 2.00 off the basket}
"""


@pytest.mark.parametrize("most", [1, 2])
def test_however_little_is_remembered_the_quotes_are_the_same(
    most: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    baskets = [
        [
            line("1", 400 + 10 * number, quantity=2, category="ab"[number % 2], brand="alp"),
            line("2", 900, quantity=3, category="ac"[number % 2], brand="alp", tags=("bio",)),
            line("3", 100 * number, category="b", tags=("bio",)),
        ]
        for number in range(8)
    ]
    people = [None, member(), member(tier="gold")]
    usual = [price(parsed(RULES), *one, who=who) for one in baskets for who in people]
    monkeypatch.setattr(prepared, "REMEMBERED_MAX", most)
    monkeypatch.setattr(tally_search, "REMEMBERED_MAX", most)
    monkeypatch.setattr(programme, "CATEGORY_LISTS_MAX", most)
    rules = parsed(RULES)
    assert [price(rules, *one, who=who) for one in baskets for who in people] == usual
    assert len(rules.found_by_categories) == most


def test_a_programme_has_a_largest_number_of_offers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(programme, "OFFERS_MAX", 3)
    head = "programme: p\ncurrency: EUR\noffers:\n"
    offers = [f"  o{number}: {{give: 1 % off}}\n" for number in range(4)]
    found, problems = programme.parse_programme(head + "".join(offers[:3]), file="f.yaml")
    assert found is not None
    assert problems == []
    found, problems = programme.parse_programme(head + "".join(offers), file="f.yaml")
    assert found is None
    assert "4 offers, at most 3 are allowed" in problems[0].message


def test_an_article_that_moved_to_another_category_is_priced_anew() -> None:
    """A cup and a plate of 2.50 are a set for 3.00; two cups of 2.50 are the second at half."""
    rules = parsed(
        "groups: {weekly: best}\n"
        "offers:\n"
        "  set: {give: {set: [{what: category cup}, {what: category plate}], for: 3.00},"
        " in: weekly}\n"
        "  two: {give: {any: 2, cheapest: 50 %}, in: weekly}\n"
    )
    for _ in range(2):
        one = line("1", 250, sku="s1", category="cup")
        assert price(rules, one, line("2", 250, sku="s2", category="plate")).due_minor == 300
        assert price(rules, one, line("2", 250, sku="s2", category="cup")).due_minor == 375
