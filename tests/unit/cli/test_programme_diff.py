"""`tessera programme diff`: sentences, JSON, exit codes that mean something."""

import json
from pathlib import Path

import pytest

from tessera.cli.main import main

HEAD = "programme: shop\ncurrency: EUR\n"
OLD = HEAD + "offers:\n  dairy-10: {what: category dairy, give: 10 % off}\n  big: {give: 5 % off}\n"
NEW = (
    HEAD
    + "settings: {rounding: floor}\nstopped: [big]\noffers:\n"
    + "  dairy-10: {what: category dairy, give: 15 % off, limits: 2 per basket}\n"
    + "  big: {give: 5 % off}\n  pens: {give: any 3 for 5.00, what: category pens}\n"
)


@pytest.fixture
def shops(tmp_path: Path) -> tuple[str, str]:
    old, new = tmp_path / "old.yaml", tmp_path / "new.yaml"
    old.write_text(OLD)
    new.write_text(NEW)
    return str(old), str(new)


def test_a_release_is_told_in_sentences(
    shops: tuple[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["programme", "diff", *shops]) == 1
    assert capsys.readouterr().out.splitlines() == [
        "setting rounding: was half-away, becomes floor",
        "offer dairy-10, give: was 10 % off, becomes 15 % off",
        "offer dairy-10, limits: was none, becomes 2 per basket",
        "offer pens is new: what category pens; give any 3 for 5.00",
        "offer big is stopped",
        "5 differences — setting: 1 changed, offer: 1 changed, offer: 1 new, 1 stopped",
    ]


def test_the_way_back_is_told_too(
    shops: tuple[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["programme", "diff", *reversed(shops)]) == 1
    out = capsys.readouterr().out
    assert "offer pens is gone: what category pens; give any 3 for 5.00\n" in out
    assert "offer big goes again\n" in out


def test_the_same_file_has_no_difference(
    shops: tuple[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["programme", "diff", shops[0], shops[0]]) == 0
    assert capsys.readouterr().out == "no difference\n"


def test_programs_get_every_difference(
    shops: tuple[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["programme", "diff", "--json", *shops]) == 1
    found = json.loads(capsys.readouterr().out)["differences"]
    assert found[1] == {
        "section": "offer",
        "name": "dairy-10",
        "change": "changed",
        "field": "give",
        "before": "10 % off",
        "after": "15 % off",
    }
    assert main(["programme", "diff", "--json", shops[0], shops[0]]) == 0
    assert json.loads(capsys.readouterr().out)["differences"] == []


@pytest.mark.parametrize("text", [None, HEAD + "offers: {a: {giv: 10 % off}}\n"])
def test_a_file_that_is_missing_or_not_sound_can_not_be_compared(
    text: str | None, shops: tuple[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    wrong = tmp_path / "wrong.yaml"
    if text is not None:
        wrong.write_text(text)
    assert main(["programme", "diff", shops[0], str(wrong)]) == 3
    assert str(wrong) in capsys.readouterr().err
