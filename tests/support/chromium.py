"""A headless Chromium, the distribution's own, driven by Playwright.

One browser for a file of tests, a fresh context (no cookies, no storage) for each test. Not one for
the whole run: while Playwright is started, its event loop runs in this thread, and no other test
could start one.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from tests.support.needs import chromium_path

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

# Without these the browser calls home at every start, which a closed network makes it wait for.
ARGUMENTS = [
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
TIMEOUT_MS = 15_000


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """The browser."""
    from playwright.sync_api import sync_playwright

    path = chromium_path()
    assert path is not None, "the tests that need Chromium are left out without it"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=path, chromium_sandbox=False, args=ARGUMENTS
        )
        yield browser
        browser.close()


@pytest.fixture
def page(chromium: Browser) -> Iterator[Page]:
    """An empty page; anything that the page's script throws fails the test."""
    context = chromium.new_context(locale="en-GB")
    context.set_default_timeout(TIMEOUT_MS)
    shown = context.new_page()
    thrown: list[str] = []
    shown.on("pageerror", lambda error: thrown.append(str(error)))
    yield shown
    context.close()
    assert thrown == []
