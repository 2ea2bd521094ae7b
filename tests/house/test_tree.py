"""The repository speaks of the product alone, whole, and fetches from no named address."""

import re

from tests.house.tree import ROOT, files, name_of

# In pieces, so that this file does not hold what it forbids.
FORBIDDEN = [
    "/" + "work/",
    "/" + "root/",
    "/" + "tmp/",
    "/" + "opt/pypi",
    "pypi" + ".org",
    "python" + "hosted.org",
    "npm" + "js.org",
    "npm" + "js.com",
    "deb." + "debian.org",
    "security." + "debian.org",
]
VENDORED = re.compile(r"(^|/)htmx[^/]*\.js$")


def test_no_file_names_a_place_of_one_machine_or_a_registry() -> None:
    found = []
    for path in files():
        if VENDORED.search(name_of(path)):
            continue
        try:
            text = path.read_text()
        except UnicodeDecodeError:
            continue
        found += [f"{name_of(path)}: {word}" for word in FORBIDDEN if word in text]
    assert found == []


def test_no_file_holds_both_sides_of_a_merge() -> None:
    marks = re.compile(rb"^(<{7} |>{7} |\|{7} )", re.MULTILINE)
    assert [name_of(path) for path in files() if marks.search(path.read_bytes())] == []


def test_the_locks_hold_hashes_and_no_addresses() -> None:
    for name in ("requirements.lock", "requirements-dev.lock"):
        text = (ROOT / name).read_text()
        assert "--hash=sha256:" in text
        assert (
            re.findall(r"://|--index|--extra|--find|^-|file:| @ ", text, flags=re.MULTILINE) == []
        )
        for block in re.split(r"\n(?=\S)", text.strip()):
            assert "--hash=" in block or block.startswith("#"), block


def test_both_locks_agree_on_what_both_hold() -> None:
    """The packages tried in the tests are those that a shop gets."""
    shop = dict(locked_versions("requirements.lock"))
    tried = dict(locked_versions("requirements-dev.lock"))
    assert shop.items() <= tried.items()


def locked_versions(name: str) -> list[tuple[str, str]]:
    text = (ROOT / name).read_text()
    return re.findall(r"^([a-z0-9-]+)==([^ ]+)", text, flags=re.MULTILINE)


def test_there_is_one_kind_of_lock() -> None:
    assert [name_of(path) for path in files() if path.name in {"uv.lock", "poetry.lock"}] == []


def test_no_empty_file_lies_around() -> None:
    empty = [name_of(path) for path in files() if path.stat().st_size == 0]
    assert [name for name in empty if not name.endswith("py.typed")] == []
