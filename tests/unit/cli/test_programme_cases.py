"""`tessera programme test`: every case file that is named is run, and no name is passed over."""

from pathlib import Path

import pytest

from tessera.cli.main import main

SHOP = """\
programme: shop
currency: EUR
offers:
  few:
    give: 1.00 off
    limits: {total: 2}
  each:
    give: 0.10 off
cases: [%s]
"""
CASE = """\
- case: one
  left: {%s: 0}
  lines: [1 a 5.00]
  expect: {due: %s}
"""


def written(folder: Path, cases: str, text: str) -> str:
    shop = folder / "shop.yaml"
    shop.write_text(SHOP % cases, encoding="utf-8")
    (folder / "cases").mkdir()
    (folder / "cases" / "one.yaml").write_text(text, encoding="utf-8")
    return str(shop)


def test_a_case_file_that_does_not_exist_is_named_though_others_do(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shop = written(tmp_path, "cases/one.yaml, cases/tow.yaml", CASE % ("few", "4.90"))
    assert main(["programme", "test", shop]) == 3
    assert "no case file 'cases/tow.yaml' exists" in capsys.readouterr().err


def test_a_case_file_is_named_from_the_programmes_folder(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shop = written(tmp_path, str(tmp_path / "cases" / "one.yaml"), CASE % ("few", "4.90"))
    assert main(["programme", "test", shop]) == 3
    assert "'/" in (said := capsys.readouterr().err)
    assert "hint: name it from the programme's folder on: cases/my-shop.yaml" in said


def test_folders_that_a_pattern_matches_are_no_case_files(tmp_path: Path) -> None:
    shop = written(tmp_path, '"cases/**/*"', CASE % ("few", "4.90"))
    (tmp_path / "cases" / "empty").mkdir()
    assert main(["programme", "test", shop]) == 0


@pytest.mark.parametrize("offer", ["fwe", "each"], ids=["misspelt", "unlimited"])
def test_what_is_left_of_an_offer_without_a_limit_is_a_difference(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], offer: str
) -> None:
    """5.00 less 1.00 and 0.10: the case holds, but tries nothing."""
    shop = written(tmp_path, "cases/one.yaml", CASE % (offer, "3.90"))
    assert main(["programme", "test", shop]) == 1
    assert f"left: {offer!r} has no limit over all members" in capsys.readouterr().out
