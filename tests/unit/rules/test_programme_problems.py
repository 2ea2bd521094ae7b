"""What is wrong with a programme is said with its place and a proposal, and nothing crashes."""

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tessera.rules.programme import parse_programme
from tests.unit.rules.shop import problems_of, programme

HEAD = "programme: shop\ncurrency: EUR\n"


def first(text: str) -> tuple[int, int, str, str]:
    found = problems_of(HEAD + text)
    assert found, "no problem was found"
    return found[0].line, found[0].column, found[0].message, found[0].proposal


def test_an_unknown_key_has_its_place_and_a_proposal() -> None:
    problem = problems_of(HEAD + "offers:\n  milk:\n    giv: 10 % off\n    give: 10 % off\n")[0]
    assert (problem.line, problem.column) == (5, 5)
    assert problem.field == "offers.milk.giv"
    assert problem.proposal == "did you mean give?"


@pytest.mark.parametrize(
    "text, message, proposal",
    [
        ("offers: {a: {give: 10 % of}}", "is no reward", "did you mean 10 % off"),
        ("offers: {a: {give: 110 % off}}", "more than everything", "100 %"),
        ("offers: {a: {give: 1.00 off for every 0.00}}", "counts nothing", "1.00 or more"),
        ("offers: {a: {give: 1.00 off for every 0 items}}", "counts nothing", "1.00 or more"),
        ("offers: {a: {give: {off: 5 %, for_every: 9.00}}}", "no amount for every", "5.00 off"),
        ("offers: {a: {give: {off: 5.00, times: 2}}}", "without `for_every`", "for_every"),
        ("offers: {a: {give: {off: 1.00, for_every: x}}}", "no amount of money", "write"),
        (
            "offers: {a: {give: {off: 1.00, for_every: 9.00, over: each}}}",
            "comes off the basket",
            "leave `over` out",
        ),
        ("offers: {a: {give: 1.00 off the basket, limits: 2 per line}}", "limited by line", ""),
        (
            "offers: {a: {give: {steps: {5.00: 5 %}, reads: lifetime, marginal: yes}}}",
            "could be cut into slices",
            "leave `marginal`",
        ),
        ("offers: {a: {give: 1.005 off}}", "more than the 2 decimals", ""),
        ("offers: {a: {}}", "gives nothing", "give: 10 % off"),
        ("offers: {a: {give: 1 point}}", "has no unit 'point'", "units"),
        ("offers: {a: {what: categori food, give: 1 % off}}", "selects nothing", "categor"),
        ("offers: {a: {who: tier gold, give: 1 % off}}", "no tier 'gold'", ""),
        ("offers: {a: {who: tear gold, give: 1 % off}}", "nothing about a member", "tier"),
        ("offers: {a: {when: mondays, give: 1 % off}}", "no weekday", ""),
        ("offers: {a: {when: 2026-02-30, give: 1 % off}}", "no date of the calendar", ""),
        ("offers: {a: {when: 2026-03-02..2026-03-01, give: 1 % off}}", "ends before", "swap"),
        ("offers: {a: {when: '25:00..26:00', give: 1 % off}}", "no time of day", "16:00"),
        ("offers: {a: {in: weekly, give: 1 % off}}", "no group 'weekly'", ""),
        ("offers: {a: {stacks: b, give: 1 % off}}", "no offer or group 'b'", ""),
        ("offers: {a: {limits: 1 a fortnight, give: 1 % off}}", "no limit", ""),
        ("offers: {a: {limits: 1 ever, offline: lease, give: 1 % off}}", "not leased", "refuse"),
        ("offers: {a: {limits: 1 ever, offline: pending, give: 1 % off}}", "can wait", "refuse"),
        ("offers: {a: {offline: pending, give: 1 entry in b}}", "has none of a member", "1 ever"),
        ("offers: {a: {needs: lots, give: 1 % off}}", "no threshold", "basket from"),
        ("offers: {a: {give: {buy: 2}}}", "without `get`", "get: 1 free"),
        ("offers: {a: {give: {by: 2}}}", "no reward starts", "buy"),
        ("offers: {a: {funding: {partner: x}, give: 1 % off}}", "tax base", "third_party_paid"),
        ("offers: {a: {give: coupon b}}", "no offer 'b'", ""),
        ("offers: {'a b': {give: 1 % off}}", "can't be an id", "write a-b"),
        ("units: {points: {redeem: tender}}", "needs a value", "0.01"),
        ("units: {points: {expires: soon}}", "no stretch of time", "24 months"),
        ("settings: {rounding: up}", "not known", "half-away"),
        ("groups: {a: bets}", "not known", "best"),
        ("groups: {a: {kind: best, in: b}, b: {kind: best, in: a}}", "contains itself", "circle"),
        ("categories: {a: b, b: a}", "its own ancestor", "circle"),
        ("tiers: {gold: {from: lots}}", "no threshold", "spent"),
        ("languages: [klingon]", "no language", "en"),
        ("stopped: [x]", "no offer 'x'", ""),
        ("offers: [a, b]", "no list of keys", ""),
        ("offers: {a: 10 % off}", "no list of keys", "give"),
        ("offers: {a: {give: 1 % off, give: 2 % off}}", "second time", "remove"),
        ("note: &x hello\nname: *x", "aliases are not allowed", "write the value out"),
        ("offers: {a: {give: [1 % off]}}", "one offer gives one thing", "each"),
        ("offers: {a: {give: {win: 1 in 4}}}", "names its prizes", "prizes"),
        ("offers: {a: {give: 1 % off}", "not readable as YAML", "indentation"),
        ("---\nname: again", "second document", "one document"),
    ],
)
def test_every_mistake_has_a_sentence(text: str, message: str, proposal: str) -> None:
    line, column, found, proposed = first(text)
    assert message in found
    assert proposal in proposed
    assert line >= 1
    assert column >= 1


def test_a_file_without_head_says_what_is_missing() -> None:
    messages = [problem.message for problem in problems_of("name: shop")]
    assert "the programme has no id" in messages
    assert "the programme names no currency" in messages
    assert "no ISO 4217 code" in problems_of("programme: a\ncurrency: euro")[0].message


def test_nothing_at_all_is_said_too() -> None:
    assert problems_of("")[0].message == "the file is empty"
    assert parse_programme("just words", file="x")[0] is None


def test_a_rare_instant_win_is_a_warning_only() -> None:
    found = problems_of(HEAD + "offers: {a: {give: {win: 1 in 9, prizes: [tea]}}}")
    assert [problem.severity for problem in found] == ["warning"]


def test_an_instant_win_without_an_announced_seed_is_a_warning_only() -> None:
    win = "offers: {a: {give: {win: 1 in 4, prizes: [tea]}}}"
    found = problems_of(HEAD + win)
    assert [(one.severity, one.field) for one in found] == [
        ("warning", "seed_hash"),
        ("warning", "draws.a"),
    ]
    announced = problems_of(f"{HEAD}seed_hash: {'a' * 64}\n{win}")
    assert [one.field for one in announced] == ["draws.a"]


def test_words_of_yaml_stay_words() -> None:
    """`on`, 10:30 and 007 are text until somebody asks for what they are."""
    rules = programme("offers: {on: {when: 10:30..11:00, what: sku 007, give: 1 % off}}")
    assert rules.offers[0].offer_id == "on"
    assert rules.offers[0].when[0].minutes == (630, 660)
    assert rules.offers[0].what.skus == {"007"}


def test_a_bomb_of_aliases_is_refused_at_its_first() -> None:
    bomb = "a: &a [x, x]\n" + "\n".join(f"b{n}: &b{n} [*a, *a]" for n in range(50))
    assert "aliases" in problems_of(bomb)[0].message


def test_deep_nesting_is_refused() -> None:
    assert any("nested" in problem.message for problem in problems_of("note: " + "[" * 5000))


def test_a_text_of_a_megabyte_is_refused_with_its_place() -> None:
    found = problems_of(HEAD + f"name: {'x' * 1_000_000}")
    assert found[0].line == 3
    assert "at most" in found[0].message


def test_a_file_beyond_all_bounds_is_not_even_read() -> None:
    assert "characters" in problems_of("#" * 16_000_001)[0].message


def test_amounts_that_overflow_are_refused() -> None:
    for word in ("99999999999999", "1e999999", "NaN", "-1", "٣"):
        assert problems_of(HEAD + f"offers: {{a: {{give: {word} off}}}}")


def test_problems_are_bounded() -> None:
    offers = "".join(f"  o{n}: {{giv: 1, gave: 2}}\n" for n in range(2_000))
    assert len(problems_of(HEAD + "offers:\n" + offers)) <= 1_001


def test_ten_thousand_offers_are_checked_quickly_enough_to_be_used() -> None:
    offers = "".join(
        f"  o{n}:\n    name: {{en: Offer {n}, de: Angebot {n}}}\n    when: mon..fri\n"
        f"    what: category C{n % 500}\n    give: {n % 50 + 1} % off\n"
        for n in range(10_000)
    )
    started = time.process_time()
    found, problems = parse_programme(HEAD + "offers:\n" + offers, file="big.yaml")
    spent = time.process_time() - started
    assert problems == []
    assert found is not None
    assert len(found.offers) == 10_000
    assert spent < 20  # a bound against accidents; benchmarks/ measures


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=300))
def test_no_text_crashes_the_parser(text: str) -> None:
    found, problems = parse_programme(text, file="x")
    assert found is not None or problems


WORDS = st.sampled_from(
    (
        *("10 % off", "5.00", "basket", "buy", "2", "get", "1", "free", "any", "for", "points"),
        *("x", "=", "every", "whole", "per", "at", "most", "price", "category", "sku", "except"),
        *("and", "from", "items", "after", "mon..wed", "10:00..11:00", "2026-01-01..", "coupon"),
        *("tier", "1 point", "off", "kg", "by line", "gold"),
    )
)


@settings(max_examples=300, deadline=None)
@given(
    st.dictionaries(
        st.sampled_from(("give", "when", "who", "what", "needs", "trigger", "limits", "stacks")),
        st.lists(WORDS, max_size=7).map(" ".join),
    )
)
def test_no_mix_of_known_words_crashes_the_parser(fields: dict[str, str]) -> None:
    body = ", ".join(f'{name}: "{text}"' for name, text in fields.items())
    found, problems = parse_programme(
        HEAD + f"units: {{points: {{}}}}\noffers: {{a: {{{body}}}}}", file="x"
    )
    assert found is not None or problems
