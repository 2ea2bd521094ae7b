"""Pairs of offers that can meet: which, in which order, and the price worked out by hand."""

import json
from pathlib import Path

import pytest

from tessera.cli.main import main
from tessera.rules.combinations import Found, combinations_of, new_against
from tessera.rules.programme import parse_programme


def found(offers: str, pairs_max: int = 100) -> Found:
    programme, problems = parse_programme(
        f"programme: x\ncurrency: EUR\ntiers: {{gold: {{}}, silver: {{}}}}\noffers:\n{offers}",
        file="x.yaml",
    )
    assert programme is not None, problems
    return combinations_of(programme, pairs_max)


def told(offers: str) -> list[tuple[tuple[str, str], int, int]]:
    return [(one.offers, one.shelf_minor, one.due_minor) for one in found(offers).pairs]


def test_two_that_stack_meet_on_one_unit() -> None:
    """10.00 less 20 % less 50 %: 4.00."""
    offers = "  a: {what: category tea, give: 20 % off, stacks: yes}\n"
    offers += "  b: {what: brand alp, give: 50 % off, stacks: yes}\n"
    assert told(offers) == [(("a", "b"), 1000, 400)]
    assert found(offers).pairs[0].same_line


def test_two_that_do_not_stack_meet_in_one_basket() -> None:
    """Tea 10.00 less 20 %, an item of alp 10.00 less 50 %: 13.00 instead of 20.00."""
    offers = "  a: {what: category tea, give: 20 % off}\n  b: {what: brand alp, give: 50 % off}\n"
    assert told(offers) == [(("a", "b"), 2000, 1300)]
    assert not found(offers).pairs[0].same_line


def test_the_pair_that_takes_off_most_stands_first() -> None:
    """On 10.00, a 10 %, b 50 %, c 40 %: b·c leaves 3.00, a·b 4.50, a·c 5.40."""
    offers = "".join(
        f"  {name}: {{give: {rate} % off, stacks: yes}}\n"
        for name, rate in (("a", 10), ("b", 50), ("c", 40))
    )
    assert told(offers) == [
        (("b", "c"), 1000, 300),
        (("a", "b"), 1000, 450),
        (("a", "c"), 1000, 540),
    ]


def test_every_pair_of_one_category_is_found() -> None:
    """On 10.00, a 10 %, b 50 %, c 40 %, as above."""
    offers = "".join(
        f"  {name}: {{what: category tea, give: {rate} % off, stacks: yes}}\n"
        for name, rate in (("a", 10), ("b", 50), ("c", 40))
    )
    assert [due for _, _, due in told(offers)] == [300, 450, 540]


def test_a_threshold_is_reached() -> None:
    """5 × 10.00 less 10 % on each unit is 45.00, less 5.00 off the basket: 40.00."""
    offers = "  a: {give: 10 % off, stacks: yes}\n"
    offers += "  b: {needs: basket from 50.00, give: 5.00 off the basket, stacks: yes}\n"
    assert told(offers) == [(("a", "b"), 5000, 4000)]


@pytest.mark.parametrize(
    "one, two",
    [
        ("when: mon", "when: tue"),
        ("when: 2026-11-01..2026-11-05", "when: 2026-11-06..2026-11-09"),
        ("when: mon 08:00..10:00", "when: mon 11:00..12:00"),
        ("when: 9999-12-31..9999-12-31", "when: 0001-01-01..0001-01-02"),
        ("where: store 1", "where: store 2"),
        ("who: tier gold", "who: tier silver"),
    ],
)
def test_what_never_holds_together_is_not_told(one: str, two: str) -> None:
    offers = f"  a: {{{one}, give: 10 % off, stacks: yes}}\n"
    assert told(offers + f"  b: {{{two}, give: 20 % off, stacks: yes}}\n") == []
    assert len(told(offers + f"  b: {{{one}, give: 20 % off, stacks: yes}}\n")) == 1


def test_pairs_beyond_the_limit_are_counted() -> None:
    offers = "".join(f"  o{number}: {{give: 10 % off, stacks: yes}}\n" for number in range(4))
    assert (found(offers, 2).tried, found(offers, 2).left_out) == (2, 4)


def test_only_what_is_new_or_takes_off_more_is_new() -> None:
    before = found("  a: {give: 10 % off, stacks: yes}\n  b: {give: 20 % off, stacks: yes}\n")
    dearer = found("  a: {give: 10 % off, stacks: yes}\n  b: {give: 30 % off, stacks: yes}\n")
    assert new_against(before, before) == ()
    assert [one.offers for one in new_against(dearer, before)] == [("a", "b")]
    assert new_against(before, dearer) == ()


def test_the_command_tells_pairs_and_what_is_new(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """10.00 less 10 % less 20 %: 7.20."""
    shop = tmp_path / "shop.yaml"
    text = "programme: x\ncurrency: EUR\noffers:\n  a: {give: 10 % off, stacks: yes}\n"
    shop.write_text(text + "  b: {give: 20 % off, stacks: yes}\n")
    assert main(["programme", "lint-combinations", str(shop)]) == 0
    assert "28.0 % off  a + b: 7.20 instead of 10.00, on the same goods" in capsys.readouterr().out
    words = ["programme", "lint-combinations", str(shop), "--baseline", str(shop), "--json"]
    assert main(words) == 0
    assert json.loads(capsys.readouterr().out)["pairs"] == []


def pair(one: str, two: str) -> list[tuple[int, int]]:
    return [(shelf, due) for _, shelf, due in told(f"  a: {{{one}}}\n  b: {{{two}}}\n")]


@pytest.mark.parametrize(
    "one, two, shelf_minor, due_minor",
    [
        # Three teas of 10.00 for 20.00, beside them half of 10.00.
        (
            "what: category tea, give: any 3 for 20.00",
            "what: brand alp, give: 50 % off",
            4000,
            2500,
        ),
        # 60.00 less 1.00 is 59.00 and on the last step: less 10 %. 50.00 less 1.00 would not be.
        (
            "give: {steps: {20.00: 5 %, 50.00: 10 %}}, stacks: yes",
            "give: 1.00 off the basket, stacks: yes",
            6000,
            5310,
        ),
        # Six pieces reach the last step: 60.00 less 1.00, less 10 %.
        (
            "give: {steps: {2: 5 %, 6: 10 %}, reads: quantity}, stacks: yes",
            "give: 1.00 off the basket, stacks: yes",
            6000,
            5310,
        ),
        # The mug of 10.00 is free, and 10.00 less 1.00.
        (
            "give: {gift: sku mug}, stacks: yes",
            "give: 1.00 off the basket, stacks: yes",
            2000,
            900,
        ),
        # No price serves both: 2.00 less 10 % beside 10.00 less 50 %.
        (
            "what: 'price 1.00..2.00', give: 10 % off, stacks: yes",
            "what: 'price 3.00..', give: 50 % off, stacks: yes",
            1200,
            680,
        ),
        # No article serves both: 10.00 less 10 % beside 10.00 less 50 %.
        (
            "what: sku x, give: 10 % off, stacks: yes",
            "what: sku y, give: 50 % off, stacks: yes",
            2000,
            1400,
        ),
        # One does: 10.00 less 10 %, less 50 %.
        (
            "what: 'sku x, y', give: 10 % off, stacks: yes",
            "what: 'sku y, z', give: 50 % off, stacks: yes",
            1000,
            450,
        ),
        # A kilogram of 10.00 less 0.50 and 0.10.
        (
            "give: 0.50 off per kg, stacks: yes",
            "give: 0.10 off per kg, stacks: yes",
            1000,
            940,
        ),
        # By weight, and any goods: a kilogram of 10.00 less 0.50, less 10 %.
        ("give: 0.50 off per kg, stacks: yes", "give: 10 % off, stacks: yes", 1000, 855),
    ],
)
def test_goods_are_found_on_which_both_take_something_off(
    one: str, two: str, shelf_minor: int, due_minor: int
) -> None:
    assert pair(one, two) == [(shelf_minor, due_minor)]


def test_a_threshold_takes_at_most_ten_thousand_pieces() -> None:
    """Of 10.00 each, so 100,000.00 is reached and a cent more is not."""
    ten = "give: 10 % off, stacks: yes"
    for minor, pairs in (("100000.00", 1), ("100000.01", 0)):
        assert len(pair(f"needs: basket from {minor}, give: 1.00 off the basket", ten)) == pairs


def test_what_only_serves_lines_that_are_no_goods_meets_nothing() -> None:
    assert pair("what: {kind: fee}, give: 10 % off, stacks: yes", "give: 10 % off") == []
