"""The cashier's page of a real shop: a sale earns its member's first points and moves the tier."""

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.support.agent import paid
from tests.support.real_shop import WAIT_S, of, real_shop

if TYPE_CHECKING:
    from playwright.sync_api import Page

PROGRAMME = """\
programme: corner-shop
currency: EUR
languages: [en]
units:
  points: {name: {en: points}}
tiers:
  silver: {name: {en: Silver}, from: 5.00 spent in 12 months}
  gold: {name: {en: Gold}, from: 8.00 spent in 12 months}
offers:
  gold-10: {name: {en: Gold week}, who: tier gold, what: category dairy, give: 10 % off}
  points: {name: {en: points}, who: members, give: 1 point for every whole 1.00}
"""

# A shop is several processes; a slow machine takes its time to start them.
pytestmark = pytest.mark.timeout(600)


def expect_text(page: "Page", selector: str, text: str) -> None:
    page.wait_for_function(
        "([selector, text]) => document.querySelector(selector)?.innerText.includes(text)",
        arg=[selector, text],
        timeout=1000 * WAIT_S,
    )


def test_a_completed_sale_shows_the_level_that_it_reached(tmp_path: Path, page: "Page") -> None:
    """Two of milk are 5.00: Silver and five points; again 5.00, 10.00 in all: Gold, which gives
    10 % off the third time."""
    with real_shop(tmp_path, PROGRAMME, registers=1) as shop:
        agent, given = shop.registers[0].agent, of("m-1")
        page.goto(f"http://127.0.0.1:{agent.port}/")

        first = agent.put("first", given)
        expect_text(page, "#now-reasons .refusals", "Gold week is for level Gold")
        assert page.query_selector("#who-tier") is None
        agent.complete("first", paid(given, first))
        expect_text(page, "#who-facts .balance", "5")
        expect_text(page, "#who-tier", "New level")
        expect_text(page, "#who-tier", "Silver")
        page.wait_for_selector("#who-facts .part", state="detached")

        second = agent.put("second", given)
        expect_text(page, "#who-tier", "Level")
        expect_text(page, "#who-tier", "Silver")
        agent.complete("second", paid(given, second))
        expect_text(page, "#who-tier", "New level")
        expect_text(page, "#who-tier", "Gold")
        expect_text(page, "#now-figures", "€5.00")

        agent.put("third", given)
        expect_text(page, "#now-figures", "€4.50")
        assert page.inner_text("#who-tier").split() == ["Level", "Gold"]
