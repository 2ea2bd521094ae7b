"""Every programme that is shipped is sound, and its own cases hold."""

from pathlib import Path

import pytest

from tessera.cli.main import main
from tessera.rules.cases import read_cases, run_case
from tessera.rules.programme import parse_programme

FOLDER = Path(__file__).parents[3] / "config" / "programmes"
FILES = sorted(FOLDER.glob("*.yaml"))


def test_there_are_programmes() -> None:
    assert len(FILES) >= 20


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_a_shipped_programme_and_its_cases_hold(file: Path) -> None:
    programme, problems = parse_programme(file.read_text(), file=file.name)
    assert [problem.render() for problem in problems] == []
    assert programme is not None
    assert programme.programme_id == file.stem
    cases = []
    for name in programme.cases:
        found, wrong = read_cases((FOLDER / name).read_text(), file=name, code=programme.currency)
        assert [problem.render() for problem in wrong] == []
        cases += found
    assert len(cases) >= 5
    for case in cases:
        assert run_case(programme, case).differences == (), case.name


def test_the_command_runs_the_cases(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["programme", "test", str(FOLDER / "corner-shop.yaml")]) == 0
    assert "9 cases hold, 0 differences" in capsys.readouterr().out


def test_a_difference_is_shown_with_its_place(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "shop.yaml").write_text(
        "programme: shop\ncurrency: EUR\noffers: {a: {give: 10 % off}}\ncases: [case.yaml]\n"
    )
    (tmp_path / "case.yaml").write_text(
        "- case: wrong\n  lines: [1 tea 2.00]\n  expect: {due: 1.70, offers: {a: 0.20}}\n"
    )
    assert main(["programme", "test", str(tmp_path / "shop.yaml")]) == 1
    out = capsys.readouterr().out
    assert "case.yaml:1: wrong: due: expected 1.70, got 1.80" in out
    assert main(["programme", "test", "--json", str(tmp_path / "shop.yaml")]) == 1


@pytest.mark.parametrize(
    "text, message",
    [
        ("{}", "a list of cases"),
        ("- just text", "a case is a mapping"),
        ("- {case: a, lines: [], expect: {}}", "does not say what it expects"),
        ("- {case: a, lines: [], expect: {total: 1}}", "does not say what it expects"),
        ("- {case: a, line: [], expect: {due: 1}}", "unknown field 'line'"),
        ("- {case: a, lines: [tea], expect: {due: 1}}", "is no line"),
        ("- {case: a, lines: [1 tea 1.999], expect: {due: 1}}", "too many decimals"),
        ("- {case: a, at: noon, expect: {due: 1}}", "is no time"),
        ("- {case: a, place: {shop: 1}, expect: {due: 1}}", "store, region, register"),
        ("- {case: a, member: somebody, expect: {due: 1}}", "a member is a mapping"),
        ("- {case: a, member: {teir: gold}, expect: {due: 1}}", "teir: unknown field"),
        ("- {case: a, lines: [{amount: x}], expect: {due: 1}}", "no amount of money"),
    ],
)
def test_a_mistake_in_a_case_is_said(text: str, message: str) -> None:
    cases, problems = read_cases(text, file="case.yaml", code="EUR")
    assert cases == []
    assert message in problems[0].message
