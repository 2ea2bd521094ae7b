"""A problem stands where the mistake is, and what it proposes can be written there as it stands."""

import pytest

from tessera.rules.cases import read_cases
from tessera.rules.reading import propose
from tests.unit.rules.shop import problems_of

HEAD = "programme: shop\ncurrency: EUR\n"


def test_a_text_that_is_too_long_is_shown_where_it_begins() -> None:
    """Line 3; `name: ` takes six columns."""
    (problem, *_) = problems_of(f"{HEAD}name: '{'y' * 4001}'\n")
    assert (problem.line, problem.column) == (3, 7)
    assert "4001 characters, at most 4000" in problem.message


@pytest.mark.parametrize("word", ["mon..", "sat.", "mon:"])
def test_half_a_span_of_days_is_answered_by_how_spans_are_written(word: str) -> None:
    (problem,) = problems_of(f"{HEAD}offers: {{a: {{when: '{word}', give: 1 % off}}}}")
    assert problem.proposal.startswith("write mon..wed")


def test_a_misspelled_day_is_answered_by_the_day() -> None:
    (problem,) = problems_of(f"{HEAD}offers: {{a: {{when: mond, give: 1 % off}}}}")
    assert problem.proposal == "did you mean mon?"


def test_the_id_that_is_proposed_for_one_that_is_too_long_is_an_id() -> None:
    """At most 64 letters."""
    found = problems_of(f"{HEAD}offers: {{{'a' * 70}: {{give: 1 % off}}}}")
    assert found[0].proposal == f"write {'a' * 64}"
    assert problems_of(f"{HEAD}offers: {{{'a' * 64}: {{give: 1 % off}}}}") == []


def test_as_many_as_two_dozen_known_words_are_listed() -> None:
    words = [f"word{number:02}" for number in range(25)]
    assert propose("zzz", words[:24]) == f"known are {', '.join(words[:24])}"
    assert propose("zzz", words) == ""


@pytest.mark.parametrize(
    "text, line, column, message",
    [
        ("name: &x hello\nnote:\n  *x", 5, 3, "alias *x"),
        ("name: a\n---\nname: b", 4, 1, "second document"),
        ("name: {a: b\nnote: c", 4, 5, "not readable as YAML"),
        ("name:\n  en: 1\n  en: 2", 5, 3, "second time (first in line 4)"),
        ("name:\n  [a]: 1", 4, 3, "a key must be a plain text"),
        ("name: " + "[" * 20 + "]" * 20, 3, 22, "nested more than 16 deep"),
    ],
)
def test_what_is_no_readable_file_is_shown_at_its_line_and_column(
    text: str, line: int, column: int, message: str
) -> None:
    found = problems_of(HEAD + text)
    assert message in found[0].message
    assert (found[0].line, found[0].column) == (line, column)


@pytest.mark.parametrize(
    "give",
    [
        "{buy: 2, get: 1, ofs: category b}",
        "{any: 2, off: 1.00, cheepest: yes}",
        "{gift: g, fro: 1}",
    ],
)
def test_a_key_that_no_reward_of_its_kind_has_is_refused(give: str) -> None:
    (problem, *_) = problems_of(f"{HEAD}offers: {{a: {{give: {give}}}}}")
    assert "unknown key" in problem.message
    assert (problem.line, problem.severity) == (3, "error")


def test_a_case_file_that_is_no_list_is_told_at_its_first_line() -> None:
    cases, problems = read_cases("case: one", file="cases.yaml", code="EUR")
    assert cases == []
    assert [(one.line, one.message) for one in problems] == [(1, "a case file is a list of cases")]
