"""docs/map.md names files; each must exist."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[3]
SOURCE = ROOT / "src" / "tessera"
PAGES = ["map.md", "glossary.md", "guarantees.md"]
NAMED = re.compile(r"`([\w./-]+(?:\.(?:py|md|toml|yaml|service)|/))`")


def test_every_file_that_the_pages_name_is_there() -> None:
    missing = []
    for page in PAGES:
        text = (ROOT / "docs" / page).read_text("utf-8")
        folder = SOURCE
        for name in NAMED.findall(text):
            here = name.rsplit("/", 1)[0] if "/" in name else ""
            places = [SOURCE / name, ROOT / name, folder / name]
            if not any(place.exists() for place in places):
                missing.append(f"{page}: {name}")
            elif here and (SOURCE / here).is_dir():
                folder = SOURCE / here
    assert missing == []


def test_every_folder_of_the_source_is_on_the_map() -> None:
    text = (ROOT / "docs" / "map.md").read_text("utf-8")
    folders = [path.name for path in SOURCE.iterdir() if (path / "__init__.py").exists()]
    assert [name for name in folders if f"`{name}/`" not in text] == []
