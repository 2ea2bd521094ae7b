"""Files that nobody meant: every wrong value is a problem with its place and what to write."""

import json
from pathlib import Path

import pytest

from tessera.cli.main import main
from tessera.rules.programme import TOP_KEYS, parse_programme
from tessera.rules.read_offer import OFFER_KEYS
from tessera.rules.read_reward_keys import reward_forms
from tessera.rules.read_sections import SETTING_CHOICES, UNIT_KEYS
from tests.unit.rules.shop import problems_of

HEAD = "programme: shop\ncurrency: EUR\n"
SECTIONS = "units: {points: {value: 0.01}}\ngroups: {g: best}\ntiers: {gold: {}}\npartners: [p]\n"
VALUES = (
    *("", "0", "1", "-1", "1.5", "1e9", "NaN", ".inf", "~", "true", "x y z", "''", "[]", "{}"),
    *("[1, 2]", "[[a]]", "{a: 1}", "{a: {b: 1}}", "99999999999999999999", "2026-13-45", "10 %"),
    *("110 %", "5.00", "0.001", "a: b", "٣", "1_000", "0x10", f"'{'y' * 600}'", '"\\u0000"'),
)


def check(text: str) -> None:
    """Whatever is found has a place, a field and a proposal."""
    found, problems = parse_programme(text, file="f.yaml")
    assert found is not None or problems
    for problem in problems:
        assert problem.line >= 1
        assert problem.column >= 1
        if "YAML" not in problem.message:
            assert problem.field
        assert problem.proposal, problem.render()


@pytest.mark.parametrize("key", sorted(OFFER_KEYS))
def test_any_value_of_an_offer_is_read_or_has_a_problem(key: str) -> None:
    rest = "" if key == "give" else ", give: 1 % off"
    for value in VALUES:
        check(HEAD + SECTIONS + f"offers: {{a: {{{key}: {value}{rest}}}}}\n")


@pytest.mark.parametrize("key", sorted(TOP_KEYS))
def test_any_value_at_the_top_is_read_or_has_a_problem(key: str) -> None:
    head = "".join(one + "\n" for one in HEAD.splitlines() if not one.startswith(f"{key}:"))
    for value in VALUES:
        check(head + f"{key}: {value}\n")


@pytest.mark.parametrize("key", sorted(reward_forms()))
def test_any_value_of_a_reward_is_read_or_has_a_problem(key: str) -> None:
    usual = {"set": "[category a]", "steps": "{5.00: 1 %}", "spend": "5 points", "win": "1 in 4"}
    for value in VALUES:
        check(HEAD + SECTIONS + f"offers: {{a: {{give: {{{key}: {value}}}}}}}\n")
        for more in reward_forms()[key]:
            give = f"{{{key}: {usual.get(key, '2')}, {more}: {value}}}"
            check(HEAD + SECTIONS + f"offers: {{a: {{give: {give}}}}}\n")


@pytest.mark.parametrize("section", ["units", "tiers", "groups", "categories", "settings"])
def test_any_entry_of_a_section_is_read_or_has_a_problem(section: str) -> None:
    keys = {"units": UNIT_KEYS, "settings": tuple(SETTING_CHOICES)}.get(section, ())
    for value in VALUES:
        check(HEAD + f"{section}: {{x: {value}}}\n")
        for key in keys:
            entry = f"x: {{{key}: {value}}}" if section == "units" else f"{key}: {value}"
            check(HEAD + f"{section}: {{{entry}}}\n")


@pytest.mark.parametrize(
    "key", ["when", "where", "who", "what", "needs", "trigger", "limits", "in", "stacks"]
)
@pytest.mark.parametrize("nothing", ["", "''", "[]", "{}"])
def test_a_condition_that_says_nothing_does_not_open_the_offer_to_all(
    key: str, nothing: str
) -> None:
    problems = problems_of(HEAD + f"offers: {{a: {{{key}: {nothing}, give: 1 % off}}}}\n")
    assert problems[0].field == f"offers.a.{key}"
    assert problems[0].message == "nothing stands here"


@pytest.mark.parametrize(
    "give, message",
    [
        ("{any: 2, for: 5.00, off: 10 %}", "the bundle says 'for' and 'off'"),
        ("{any: 2, off: 10 %, cheapest: 50 %}", "the bundle says 'off' and 'cheapest'"),
        ("{set: [sku a, sku b], for: 5.00, cheapest: free}", "says 'for' and 'cheapest'"),
        ("{spend: 100 points}", "the units buy nothing"),
        ("{spend: 100 points, for: 5.00, count: 2}", "a count of gifts without one"),
        ("{buy: 1, get: 1 free, of: []}", "nothing stands here"),
        ("{buy: 1, get: 1000000 free}", "this is nothing to get"),
    ],
)
def test_a_reward_that_contradicts_itself_is_refused(give: str, message: str) -> None:
    problems = problems_of(HEAD + f"units: {{points: {{}}}}\noffers: {{a: {{give: {give}}}}}\n")
    assert message in problems[0].message


@pytest.mark.parametrize(
    "text, message",
    [
        (
            "offers: {a: {offline: lease, limits: 1 a day, give: 1 % off}}",
            "are not leased to tills",
        ),
        ("offers: {a: {limits: {day: 5, risk: 1}, give: 1 % off}}", "one limit over all members"),
        (
            "offers: {a: {limits: {total: 5, budget: 9.00, risk: 1}, give: 1 % off}}",
            "one limit over all members",
        ),
        ("offers: {a: {limits: {total: 5, risk: 0}, give: 1 % off}}", "0 is outside 1"),
        ("offers: {a: {limits: {budget: 9.00, risk: x}, give: 1 % off}}", "no amount of money"),
        ("units: {points: {}}\noffers: {a: {give: points x 1001}}", "1001 is above 1000"),
    ],
)
def test_what_can_not_be_kept_is_told(text: str, message: str) -> None:
    (problem,) = problems_of(f"{HEAD}{text}\n")
    assert message in problem.message


def test_units_that_never_expire_have_no_last_day() -> None:
    found, problems = parse_programme(
        HEAD + "units: {points: {expires: never}}\noffers: {}\n", file="f.yaml"
    )
    assert found is not None
    assert problems == []
    points = found.units["points"]
    assert (points.expires_months, points.expires_days) == (0, 0)


@pytest.mark.parametrize("length, said", [(500, []), (501, ["a text of 501 characters"])])
def test_a_text_may_have_five_hundred_characters(length: int, said: list[str]) -> None:
    problems = problems_of(f"{HEAD}name: {'x' * length}\noffers: {{}}\n")
    assert [problem.message.partition(",")[0] for problem in problems] == said


def test_of_a_thousand_mistakes_no_more_are_told_and_no_warnings_either() -> None:
    wrong = "".join(f"  o{number}: {{gave: 1}}\n" for number in range(600))
    warned = "  z: {limits: 5 total, give: 1 % off}\n"
    assert len(problems_of(f"{HEAD}offers:\n{wrong}{warned}")) == 1_000


def test_the_most_that_six_digits_can_say_may_be_free() -> None:
    assert problems_of(f"{HEAD}offers: {{a: {{give: {{buy: 1, get: 999999 free}}}}}}\n") == []


def test_an_amount_is_proposed_in_the_digits_of_its_currency() -> None:
    for code, proposal in (("EUR", "write 1.00"), ("JPY", "write 1"), ("KWD", "write 1.000")):
        text = f"programme: s\ncurrency: {code}\noffers: {{a: {{give: 1.0004 off}}}}"
        assert problems_of(text)[0].proposal == proposal


def test_texts_hold_nothing_that_no_receipt_can_print() -> None:
    problem = problems_of(HEAD + 'name: "a\\u0007b"')[0]
    assert (problem.line, problem.field) == (3, "name")
    assert "no receipt can print" in problem.message


# -- baskets, as a file


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    path = tmp_path / "shop.yaml"
    path.write_text(HEAD + "units: {points: {}}\noffers: {a: {give: 10 % off}}\n")
    return path


def evaluated(shop: Path, text: str, capsys: pytest.CaptureFixture[str]) -> tuple[int, str, str]:
    basket = shop.with_name("basket.json")
    basket.write_text(text)
    at = "2026-11-21T10:15:00+01:00"
    options = ["--programme", str(shop), "--basket", str(basket), "--at", at, "--json"]
    code = main(["programme", "evaluate", *options])
    captured = capsys.readouterr()
    return code, captured.out, captured.err


LINE = '{"lines": [{"id": "1", "sku": "a", "amount_minor": 100, %s}]}'


@pytest.mark.parametrize(
    "field, said",
    [
        ('"quantity": 0', "lines[0].quantity: 0 is no quantity"),
        ('"quantity": "-1"', "lines[0].quantity: -1 is no quantity"),
        ('"quantity": "NaN"', "lines[0].quantity: 'NaN' is no decimal"),
        ('"quantity": NaN', "NaN is no number"),
        ('"quantity": Infinity', "Infinity is no number"),
        ('"quantity": "1e999999"', "lines[0].quantity: '1e999999' is no decimal"),
        ('"quantity": 1E5', "lines[0].quantity"),
        ('"quantity": "1000001"', "lines[0].quantity: '1000001' is out of bounds"),
        ('"quantity": "٣"', "lines[0].quantity"),
        ('"quantity": true', "lines[0].quantity: True is no decimal"),
        ('"quantity": null', "lines[0].quantity: None is no decimal"),
        ('"quantity": [1]', "lines[0].quantity: [1] is no decimal"),
        ('"list_price_minor": 1.5', "lines[0].list_price_minor"),
        ('"list_price_minor": 1000000000000', "lines[0].list_price_minor"),
        ('"taxes": [{"code": "A", "rate": "11"}]', "lines[0].taxes[0].rate: 11 is out of bounds"),
        ('"taxes": [{"code": "A", "rate": "-1"}]', "lines[0].taxes[0].rate"),
        ('"taxes": [{"code": "A", "rate": "1e-9"}]', "lines[0].taxes[0].rate"),
        ('"taxes": {"code": "A"}', "lines[0].taxes: no list"),
        ('"kind": "good"', "lines[0].kind: 'good' is not known"),
        ('"quantyti": 1', "lines[0].quantyti: unknown field"),
        ('"categories": "a"', "lines[0].categories: no list"),
        ('"discountable": "no"', "lines[0].discountable: 'no' is neither"),
        ('"attributes": [1]', "lines[0].attributes: an object is expected here"),
    ],
)
def test_a_basket_that_can_not_be_says_where(
    shop: Path, field: str, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, err = evaluated(shop, LINE % field, capsys)
    assert code == 3
    assert said in err
    assert said in json.loads(out)["error"]
    assert "Traceback" not in err


@pytest.mark.parametrize(
    "text",
    ["", "null", "[]", "7", '"x"', "{", "[" * 100_000, '{"lines": {}}', '{"lines": [[]]}', "\x00"],
)
def test_what_is_no_basket_is_said_to_be_none(
    shop: Path, text: str, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, err = evaluated(shop, text, capsys)
    assert code == 3
    assert json.loads(out)["error"] in err
    assert "Traceback" not in err


def test_a_line_of_nothing_and_the_largest_one_are_priced(
    shop: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """10 % off 9999999999.99 is 1000000000.00."""
    lines = [
        {"id": "1", "sku": "a", "amount_minor": 0},
        {"id": "2", "sku": "b", "amount_minor": 999_999_999_999, "quantity": "1000000"},
    ]
    code, out, _ = evaluated(shop, json.dumps({"lines": lines}), capsys)
    assert code == 0
    assert json.loads(out)["due_minor"] == 899_999_999_999


@pytest.mark.parametrize(
    "text, place, words",
    [
        ("offers:\n  a:\n    what: sku x\n   give: 5 % off\n", (6, 4), "indented like those"),
        ("offers:\n\ta: {give: 5 % off}\n", (4, 1), "indent by spaces, not tabs"),
        ("offers:\n  a: {when: 24.12.2026, give: 5 % off}\n", (4, 13), "write 2026-12-24"),
        ("offers:\n  a:\n    give: x: 5\n", (5, 12), "quote a text that holds a colon"),
        ("offers:\n  a: {what: 'brand \"x\"', give: 5 % off}\n", (4, 13), "write x without them"),
        ("offers:\n  a: {trigger: 'coupon \"7\"', give: 5 % off}\n", (4, 16), "write 7 without"),
        ("offers:\n  a: {priority: -3, give: 5 % off}\n", (4, 17), "write 1"),
        ("offers:\n  a: {give: 3 for 2}\n", (4, 13), "write `buy 2 get 1 free`"),
        ("offers:\n  a: {give: 2+1}\n", (4, 13), "write `buy 2 get 1 free`"),
        ("offers:\n  a: {give: 'buy 3, pay 2'}\n", (4, 13), "write `buy 2 get 1 free`"),
        ("offers:\n  a: {give: second at 50 %}\n", (4, 13), "write `{any: 2, cheapest: 50 %}`"),
        ("offers:\n  a: {give: '5,00 off'}\n", (4, 13), "write `5.00 off`"),
        ("offers:\n  a: {give: 5 EUR off the basket}\n", (4, 13), "write `5 off the basket`"),
        ("offers:\n  a: {give: €5 off}\n", (4, 13), "write `5 off`"),
        ("offers:\n  a: {give: 10 % off max 5.00}\n", (4, 13), "write `10 % off, at most 5.00`"),
        ("offers:\n  a: {give: 2 points per 1.00}\n", (4, 13), "`2 points for every 1.00`"),
        ("offers:\n  a: {give: double points}\n", (4, 13), "write `points x 2`"),
        ("offers:\n  a: {give: 2 for 3}\n", (4, 13), "write for example"),
        ("offers:\n  a: {who: gold, give: 5 % off}\n", (4, 12), "write tier gold"),
        ("offers:\n  a: {what: dairy, give: 5 % off}\n", (4, 13), "write category dairy"),
        ("offers:\n  a: {trigger: ABC, give: 5 % off}\n", (4, 16), "write coupon ABC"),
        ("offers:\n  a: {limits: once, give: 5 % off}\n", (4, 15), "1 ever"),
        ("offers:\n  a: {what: {kind: fee}, give: 5 % off}\n", (4, 13), "to the POS"),
        ("offers:\n  a: {needs: basket 2.00..9.00, give: 5 % off}\n", (4, 14), "from 20.00 to"),
        ("offers:\n  a: {needs: 7 to 3 items, give: 5 % off}\n", (4, 14), "swap the two"),
        (
            "offers:\n  a: {needs: basket up to 9.00 after unit offers, give: 1 point}\n",
            (4, 14),
            "or the upper end",
        ),
    ],
)
def test_what_newcomers_write_has_its_place_and_says_what_to_look_for(
    text: str, place: tuple[int, int], words: str
) -> None:
    problem = problems_of(HEAD + text)[0]
    assert (problem.line, problem.column) == place
    assert words in problem.proposal
