"""`tessera programme new`: a starter for each mechanic, sound as it comes, nothing overwritten."""

import json
from pathlib import Path

import pytest

from tessera.cli.main import main

SHIPPED = Path(__file__).parents[3] / "config" / "programmes"
FOLDERS = sorted(path.parent.name for path in SHIPPED.glob("*/programme.yaml"))
MECHANICS = sorted([*(path.stem for path in SHIPPED.glob("*.yaml")), *FOLDERS])


@pytest.mark.parametrize("mechanic", MECHANICS)
def test_every_starter_is_sound_and_keeps_its_own_cases(
    mechanic: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / ("fresh-shop" if mechanic in FOLDERS else "fresh-shop.yaml")
    assert main(["programme", "new", mechanic, "--out", str(out)]) == 0
    assert main(["programme", "check", str(out)]) == 0
    assert "sound — programme fresh-shop" in capsys.readouterr().out
    assert main(["programme", "test", str(out)]) == 0
    assert " 0 differences" in capsys.readouterr().out


def test_a_starter_in_several_files_wants_a_folder(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["programme", "new", "departments"]) == 3
    assert "--out my-store" in capsys.readouterr().err
    assert main(["programme", "new", "departments", "--out", str(tmp_path / "a.yaml")]) == 3
    assert "name a folder" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []
    assert main(["programme", "new", "departments", "--out", str(tmp_path / "my-store")]) == 0
    assert sorted(path.name for path in (tmp_path / "my-store").iterdir()) == [
        "books.yaml",
        "cases",
        "food.yaml",
        "programme.yaml",
    ]


def test_without_a_file_the_starter_goes_to_the_screen(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["programme", "new", "eleventh-free"]) == 0
    text = capsys.readouterr().out
    assert text.startswith('# "The eleventh is a gift"')
    kept = tmp_path / "kept.yaml"
    kept.write_text(text)
    assert main(["programme", "check", str(kept)]) == 0


def test_all_mechanics_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["programme", "new", "--list"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == MECHANICS
    assert "A staff price, no points, a cap per month." in next(
        line for line in lines if line.startswith("staff-card ")
    )
    assert main(["programme", "new", "--list", "--json"]) == 0
    listed = json.loads(capsys.readouterr().out)["mechanics"]
    assert [one["mechanic"] for one in listed] == MECHANICS


@pytest.mark.parametrize(
    "written, meant",
    [("elevnth-free", "eleventh-free"), ("Paid_Club", "paid-club"), ("litres", "fuel-litres")],
)
def test_near_names_are_proposed(
    written: str, meant: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["programme", "new", written]) == 3
    assert f"did you mean {meant}" in capsys.readouterr().err


def test_no_name_at_all_is_wrong_usage(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["programme", "new"]) == 2
    assert "--list" in capsys.readouterr().err


@pytest.mark.parametrize("taken", ["my-shop.yaml", "cases/my-shop.yaml"])
def test_a_file_that_exists_is_left_as_it_is_and_nothing_is_written(
    taken: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "cases").mkdir()
    (tmp_path / taken).write_text("mine")
    assert main(["programme", "new", "charity", "--out", str(tmp_path / "my-shop.yaml")]) == 3
    assert "exists already" in capsys.readouterr().err
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert files == [tmp_path / taken]
    assert files[0].read_text() == "mine"


@pytest.mark.parametrize("name", ["my shop.yaml", "my-shop-.yaml", "my-shop.txt"])
def test_a_name_that_no_programme_may_have_is_refused(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["programme", "new", "charity", "--out", str(tmp_path / name)]) == 3
    assert "my-shop.yaml" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []
