"""A name in a case that nothing else knows is told with its place, and what was probably meant."""

import json
from pathlib import Path

import pytest

from tessera.cli.main import main
from tessera.rules.case_names import unknown_names
from tessera.rules.programme import Programme, parse_programme

PROGRAMME = """\
programme: shop
currency: EUR
units: {points: {}}
tiers: {silver: {}, gold: {}}
categories: {cheese: dairy}
offers:
  dairy-10: {what: category dairy, give: 10 % off}
  pens: {what: sku blue-pen-7, give: any 3 for 4.00}
  code: {trigger: coupon WELCOME, give: 1.00 off the basket}
  earn: {who: members, give: 3 points for every whole 10.00}
"""


def programme() -> Programme:
    found, problems = parse_programme(PROGRAMME, file="shop.yaml")
    assert found is not None, [problem.render() for problem in problems]
    return found


def warnings(*files: str) -> list[str]:
    named = [(f"cases{place}.yaml", text) for place, text in enumerate(files)]
    return [problem.render() for problem in unknown_names(programme(), named)]


def case(lines: str, expect: str = "{due: 1.00}", more: str = "") -> str:
    return f"- case: one\n  lines: [{lines}]\n  expect: {expect}\n{more}"


def test_a_misspelt_category_is_told_with_line_column_and_proposal() -> None:
    assert warnings(case("2 milk 2.00 dairy, 1 milk 1.00 dary")) == [
        "cases0.yaml:2:42: warning: lines[1]: no offer and no other case knows category 'dary' "
        "— did you mean dairy?"
    ]


def test_the_column_of_a_quoted_line_is_that_of_the_word() -> None:
    (found,) = warnings(case("'1 milk 1.00 dary'"))
    assert found.startswith("cases0.yaml:2:24: ")


def test_a_misspelt_product_is_told_in_the_long_form_too() -> None:
    (found,) = warnings(case("{sku: blu-pen-7, quantity: 1, amount: 1.00}"))
    assert "cases0.yaml:2:17: warning: lines[0].sku: " in found
    assert found.endswith("knows product 'blu-pen-7' — did you mean blue-pen-7?")


@pytest.mark.parametrize(
    "line",
    [
        "1 bread 1.00 bakery",  # like nothing that is known
        "1 blue-pen-8 1.00",  # differs by its number
        "1 milk 1.00 dairy/milk",  # below a known one
        "1 brie 1.00 cheese",  # declared, though no offer names it
        "1 milk 1.00 dai",  # too short to be sure
    ],
)
def test_goods_that_no_offer_finds_may_be_sold_in_a_case(line: str) -> None:
    assert warnings(case(line)) == []


def test_a_name_in_two_cases_is_meant_and_one_like_it_is_not() -> None:
    bakery = case("1 roll 1.00 bakery")
    assert warnings(bakery, bakery) == []
    (found,) = warnings(bakery, bakery + case("1 roll 1.00 bakry"))
    assert found.startswith("cases1.yaml:5:23: ")
    assert found.endswith("category 'bakry' — did you mean bakery?")


@pytest.mark.parametrize(
    "text, said",
    [
        (
            case("1 milk 1.00 dairy", "{offers: {dairy-1O: 0.10}}"),
            "3:21: warning: expect.offers.dairy-1O: there is no offer 'dairy-1O' — did you mean "
            "dairy-10?",
        ),
        (
            case("1 milk 1.00", "{why: {penns: goods-taken}}"),
            "3:18: warning: expect.why.penns: there is no offer 'penns' — did you mean pens?",
        ),
        (
            case("1 milk 1.00", "{units: {pionts: 1}}"),
            "3:20: warning: expect.units.pionts: there is no unit 'pionts' — did you mean points?",
        ),
        (
            case("1 milk 1.00", more="  member: {tier: glod}\n"),
            "4:18: warning: member.tier: there is no tier 'glod' — did you mean gold?",
        ),
        (
            case("1 milk 1.00", more="  coupons: [WELCOM]\n"),
            "4:13: warning: coupons: no offer and no other case knows coupon 'WELCOM' — did you "
            "mean WELCOME?",
        ),
        (
            case("1 milk 1.00", more="  spend: {'!pen': 5}\n"),
            "4:11: warning: spend.!pen: there is no offer 'pen' — did you mean pens?",
        ),
    ],
)
def test_what_the_programme_declares_must_be_there(text: str, said: str) -> None:
    (found,) = warnings(text)
    assert said in found


def test_a_warning_is_shown_and_fails_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """One milk at 1.00 in a category that no offer finds costs 1.00."""
    (tmp_path / "cases.yaml").write_text(case("1 milk 1.00 dary"))
    path = tmp_path / "shop.yaml"
    path.write_text(PROGRAMME + "cases: [cases.yaml]\n")
    assert main(["programme", "test", str(path)]) == 0
    shown = capsys.readouterr().out
    assert "cases.yaml:2:23: warning: " in shown
    assert "1 case holds, 0 differences" in shown
    assert main(["programme", "test", "--json", str(path)]) == 0
    report = json.loads(capsys.readouterr().out)
    assert (report["passed"], report["failures"], len(report["warnings"])) == (1, [], 1)
