"""The pages about programmes: every example runs, every code and setting is explained."""

import re
from dataclasses import fields as fields_of
from pathlib import Path

import pytest

from tessera.core.member import Counter, MemberState, UnitBalance
from tessera.rules.phrases import PHRASES
from tessera.rules.programme import parse_programme
from tessera.rules.read_sections import SETTING_CHOICES

ROOT = Path(__file__).parents[3]
EXAMPLES = re.findall(
    r"```yaml\n(.*?)```", (ROOT / "docs" / "programmes.md").read_text(), flags=re.DOTALL
)


@pytest.mark.parametrize("number", range(len(EXAMPLES)))
def test_every_example_of_a_programme_is_sound(number: int) -> None:
    text = EXAMPLES[number]
    if not text.startswith("programme:"):
        text = f"programme: example\ncurrency: EUR\n{text}"
    found, problems = parse_programme(text, file="docs/programmes.md")
    assert [problem.render() for problem in problems if problem.severity == "error"] == []
    assert found is not None
    assert found.offers


def test_every_reason_code_is_explained() -> None:
    explained = set(
        re.findall(r"^\| `([a-z-]+)` \|", (ROOT / "docs/reasons.md").read_text(), re.MULTILINE)
    )
    known = {key.removeprefix("reason.") for key in PHRASES["en"] if key.startswith("reason.")}
    assert explained == known


def test_every_setting_is_explained_with_all_its_answers() -> None:
    text = (ROOT / "docs/conventions.md").read_text()
    for name, answers in SETTING_CHOICES.items():
        row = next(one for one in text.splitlines() if one.startswith(f"| `{name}` |"))
        assert all(f"`{answer}`" in row for answer in answers), name


def test_every_field_of_a_member_file_is_named() -> None:
    page = (ROOT / "docs/programmes.md").read_text()
    named = page[page.index("A member file") :].partition("\n\n")[0]
    fields = [one.name for kind in (MemberState, UnitBalance, Counter) for one in fields_of(kind)]
    assert [name for name in fields if f"`{name}`" not in named] == []
