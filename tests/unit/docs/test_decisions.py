"""Decisions are found by their index, and each says what and why."""

import re
from pathlib import Path

FOLDER = Path(__file__).parents[3] / "docs" / "decisions"
RECORDS = sorted(path for path in FOLDER.glob("*.md") if path.name != "README.md")


def test_the_index_lists_every_decision_by_its_title() -> None:
    index = (FOLDER / "README.md").read_text("utf-8")
    listed = re.findall(r"^\| (\d+) \| \[(.+)\]\((.+)\) \|$", index, re.MULTILINE)
    there = [
        (str(int(path.name[:4])), path.read_text("utf-8").split("\n")[0], path.name)
        for path in RECORDS
    ]
    assert [(number, f"# {number}. {title}", name) for number, title, name in listed] == there


def test_every_decision_says_what_and_why() -> None:
    for path in RECORDS:
        text = path.read_text("utf-8")
        assert "**Decided.**" in text, path.name
        assert "**Why.**" in text, path.name
