"""Every mechanic of the trade has its file in the index, and every file stands in it with cases."""

import re
from operator import attrgetter
from pathlib import Path

import pytest

from tessera.cli.programme_files import sound_programme

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "config" / "programmes"
SHIPPED = sorted(path for path in FOLDER.iterdir() if path.name != "cases")
SECTION = re.compile(r"^## Programmes of the trade\n(.*?)^## ", re.MULTILINE | re.DOTALL)
ROW = r"^\| (.+?) \| \[`(\S+?)(\.yaml|/)`\]\(\.\./config/programmes/\2\3\)"
MECHANICS = (
    "coalitions",
    "without a card",
    "paid membership",
    "a gift once",
    "first weeks",
    "referral",
    "welcome miles",
    "nights",
    "by the litre",
    "whole steps",
    "stamps",
    "by holding the card",
    "category cards",
    "progressive scale",
    "private access",
    "prizes",
    "birthday",
    "charity",
    "staff card",
    "follows another",
    "mailings",
    "pilot",
    "control group",
)
"""The rows that a shop asks for; each names its programme."""


def index() -> dict[str, str]:
    """What is known from the trade, by the name of its file."""
    found = SECTION.search((ROOT / "docs" / "programmes.md").read_text("utf-8"))
    assert found is not None
    rows = re.findall(ROW, found[1], re.MULTILINE)
    return {name: text for text, name, _ in rows}


@pytest.mark.parametrize("mechanic", MECHANICS)
def test_a_mechanic_of_the_trade_has_its_file(mechanic: str) -> None:
    assert len([name for name, text in index().items() if mechanic in text]) == 1


def test_the_index_and_the_folder_are_the_same() -> None:
    assert sorted(index()) == [path.stem for path in SHIPPED]


@pytest.mark.parametrize(
    "file",
    sorted(path for path in FOLDER.iterdir() if path.name != "cases"),
    ids=attrgetter("stem"),
)
def test_its_cases_are_worked_out_by_hand(file: Path) -> None:
    """At least five, and sums in comments beside them."""
    programme = sound_programme(file)
    beside = file if file.is_dir() else FOLDER
    texts = [(beside / name).read_text("utf-8") for name in programme.cases]
    assert sum(len(re.findall(r"^- case: ", text, re.MULTILINE)) for text in texts) >= 5
    assert any(re.search(r"^\s*# .*\d", text, re.MULTILINE) for text in texts)
