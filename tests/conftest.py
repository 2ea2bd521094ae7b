"""What every test may use: the throw-away PostgreSQL, the browser, and what to do without them."""

from pathlib import Path

import pytest
from hypothesis import settings

pytest_plugins = ["tests.support.needs", "tests.support.postgres", "tests.support.chromium"]

# How long an example takes says nothing on a busy machine; a failure prints how to repeat it.
settings.register_profile("shop", deadline=None, print_blob=True)
settings.load_profile("shop")

LONG_FIRST = ("faults", "e2e", "store")
"""Folders whose files take longest: begun last, one of them would run on alone at the end."""


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put long files first; within a folder the order stays as it was shuffled."""
    here = Path(__file__).parent
    folders = [*LONG_FIRST, ""]

    def place(item: pytest.Item) -> int:
        folder = item.path.relative_to(here).parts[0] if item.path.is_relative_to(here) else ""
        return folders.index(folder if folder in LONG_FIRST else "")

    items.sort(key=place)
