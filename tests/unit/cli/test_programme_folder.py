"""Commands that take a programme take its folder, and nothing that lies elsewhere."""

import json
import os
import shutil
from pathlib import Path

import pytest

from tessera.cli import programme_folder
from tessera.cli.main import main
from tessera.cli.programme_folder import DEPTH_MAX

SHIPPED = Path(__file__).parents[3] / "config" / "programmes" / "departments"
AT = "2026-11-23T10:00:00+01:00"


@pytest.fixture
def store(tmp_path: Path) -> Path:
    """A copy of the shipped folder."""
    return Path(shutil.copytree(SHIPPED, tmp_path / "store"))


def refused(folder: Path, capsys: pytest.CaptureFixture[str]) -> str:
    """What `check` says of a folder that it can't read."""
    assert main(["programme", "check", str(folder)]) == 3
    return capsys.readouterr().err


def test_a_folder_is_checked_and_its_cases_are_run(
    store: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["programme", "check", str(store)]) == 0
    assert f"{store}: sound — programme departments, 6 offers" in capsys.readouterr().out
    assert main(["programme", "test", str(store)]) == 0
    assert "5 cases hold, 0 differences" in capsys.readouterr().out


def test_problems_name_the_file_in_the_folder(
    store: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (store / "toys").mkdir()
    (store / "toys" / "lego.yml").write_text("\noffers:\n  bricks: {giv: 1.00 off}\n")
    assert main(["programme", "check", "--json", str(store)]) == 1
    report = json.loads(capsys.readouterr().out)["files"][0]
    first = report["problems"][0]
    assert (report["file"], report["programme"]) == (str(store), None)
    assert (first["file"], first["line"], first["column"]) == (
        str(store / "toys" / "lego.yml"),
        3,
        11,
    )


def test_a_warning_of_an_offer_names_its_file(
    store: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (store / "toys.yaml").write_text(
        "offers:\n  off: {give: 2 % off, in: weekly}\n\n  three:\n"
        "    give: buy 2 get 1 free\n    in: weekly\n    limits: {budget: 100.00}\n"
    )
    assert main(["programme", "check", str(store)]) == 0
    warned = [line for line in capsys.readouterr().out.splitlines() if "tried, not proven" in line]
    assert [line.split(": ")[0] for line in warned] == [f"{store / 'toys.yaml'}:5"]


def test_a_folder_is_evaluated_and_explained(
    store: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """4.00 of dairy on a Monday, 10 % off: 3.60."""
    basket = tmp_path / "basket.json"
    basket.write_text(
        json.dumps(
            {"lines": [{"id": "1", "sku": "milk", "amount_minor": 400, "categories": ["F1"]}]}
        )
    )
    options = ["--programme", str(store), "--basket", str(basket), "--at", AT]
    assert main(["programme", "evaluate", *options, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["due_minor"] == 360
    assert main(["programme", "explain", *options]) == 0
    assert "dairy-10 on milk" in capsys.readouterr().out
    assert main(["programme", "lint-combinations", str(store)]) == 0
    capsys.readouterr()
    sales = tmp_path / "sales.jsonl"
    lines = json.loads(basket.read_text())
    sales.write_text(json.dumps({"at": AT, "basket": lines}) + "\n")
    replay = ["programme", "replay", "--programme", str(store), "--against", str(store)]
    assert main([*replay, "--json", str(sales)]) == 0


def test_two_folders_and_a_file_are_compared(
    store: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (store / "food.yaml").rename(store / "zz.yaml")
    assert main(["programme", "diff", str(SHIPPED), str(store)]) == 0
    assert "no difference" in capsys.readouterr().out
    (store / "books.yaml").unlink()
    assert main(["programme", "diff", str(SHIPPED), str(store)]) == 1
    assert "offer used-books is gone" in capsys.readouterr().out
    (store / "zz.yaml").write_text("offers: 5\n")
    assert main(["programme", "diff", str(SHIPPED), str(store)]) == 3
    assert "zz.yaml:1:9" in capsys.readouterr().err


def test_a_folder_without_its_main_file_is_told_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert "has no file programme.yaml" in refused(tmp_path, capsys)


def test_links_that_lead_out_are_refused_and_links_within_are_not(
    store: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    outside = tmp_path / "outside.yaml"
    outside.write_text("offers: {a: {give: 10 % off}}\n")
    (store / "more.yaml").symlink_to(outside)
    assert "leads out of the folder" in refused(store, capsys)
    (store / "more.yaml").unlink()
    (store / ".kept").mkdir()
    (store / "food.yaml").rename(store / ".kept" / "food.yaml")
    (store / "food.yaml").symlink_to(Path(".kept") / "food.yaml")
    assert main(["programme", "test", str(store)]) == 0
    capsys.readouterr()
    (store / "toys").symlink_to(tmp_path)
    assert "is not followed" in refused(store, capsys)


def test_a_main_file_that_leads_out_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "store"
    folder.mkdir()
    (tmp_path / "shop.yaml").write_text("programme: shop\ncurrency: EUR\n")
    (folder / "programme.yaml").symlink_to(tmp_path / "shop.yaml")
    assert "leads out of the folder" in refused(folder, capsys)


def test_what_can_not_be_read_is_not_passed_over(
    store: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (store / "toys.yaml").symlink_to(store / "gone.yaml")
    assert "no file that can be read" in refused(store, capsys)
    (store / "toys.yaml").unlink()
    os.mkfifo(store / "toys.yaml")
    assert "no file that can be read" in refused(store, capsys)


def test_folders_too_deep_and_too_full_are_refused(
    store: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    deep = store.joinpath(*["down"] * DEPTH_MAX)
    deep.mkdir(parents=True)
    assert main(["programme", "check", str(store)]) == 0
    (deep / "down").mkdir()
    assert "folders deep" in refused(store, capsys)
    (deep / "down").rmdir()
    monkeypatch.setattr(programme_folder, "ENTRIES_MAX", 20)
    for number in range(20):
        (deep / f"{number}.txt").touch()
    assert "more than 20 entries" in refused(store, capsys)


def test_too_many_files_are_refused_before_they_are_read(
    store: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for number in range(498):
        (store / f"n{number}.yaml").write_bytes(b"\xff")
    assert "501 files of YAML, at most 500" in refused(store, capsys)


def test_files_too_large_together_are_refused(
    store: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("one.yaml", "two.yaml"):
        with (store / name).open("wb") as file:
            file.truncate(40_000_000)
    assert "at most 64000000 are read" in refused(store, capsys)
