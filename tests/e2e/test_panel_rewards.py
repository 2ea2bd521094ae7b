"""Rewards on the page of a real agent with the shipped corner shop: a key accepts them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.house.tree import ROOT
from tests.support.agent import (
    CARD,
    Agent,
    basket,
    milk,
    paid,
    running_agent,
    settings_file,
    start,
    stocked_till,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Page

REWARDS = """
  mug:
    name: {en: a mug, de: eine Tasse}
    who: members
    give: {spend: 200 points, gift: sku mug, for: 2.00}
  trees:
    name: {en: a tree is planted, de: ein Baum wird gepflanzt}
    who: members
    give: {spend: 100 points, donate: yes}

cases:"""
MUG = {**milk("2", quantity=1), "sku": "mug", "text": "mug", "amount_minor": 900}
MUG |= {"unit_price": "9.00", "categories": ["household"]}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "till"
    folder.mkdir(mode=0o700)
    shop = (ROOT / "config" / "programmes" / "corner-shop.yaml").read_text()
    stocked_till(folder, programme=shop.replace("\ncases:", REWARDS))
    return folder


@pytest.fixture
def config(folder: Path) -> Path:
    return settings_file(folder)


@pytest.fixture
def agent(folder: Path, config: Path) -> Iterator[Agent]:
    with running_agent(folder, config) as agent:
        yield agent


def expect_text(page: Page, selector: str, text: str) -> None:
    page.wait_for_function(
        "([selector, text]) => document.querySelector(selector)?.innerText.includes(text)",
        arg=[selector, text],
    )


def press(page: Page, key: str) -> None:
    page.wait_for_selector(f'[data-key="{key}"]')
    page.keyboard.press(key)


def test_a_key_accepts_a_reward_and_the_same_key_takes_it_back(page: Page, agent: Agent) -> None:
    """Two milk less 10 % are 4.50, a mug 9.00: 13.50. The mug for 200 points and 2.00: 6.50."""
    page.goto(f"http://127.0.0.1:{agent.port}/")
    given = basket(milk(), MUG, card="")
    agent.put("s-1", given)
    agent.call("POST", "/v1/scans", {"code": CARD, "sale_id": "s-1"})
    expect_text(page, "#now-figures", "€13.50")
    expect_text(page, "#reward-1", "a mug")
    expect_text(page, "#reward-2", "a tree is planted")
    press(page, "F2")
    expect_text(page, "#now-figures", "€6.50")
    expect_text(page, "#reward-1", "a mug")
    expect_text(page, "#reward-1", "Accepted")
    assert page.get_attribute("#reward-1-key", "aria-pressed") == "true"
    assert "was not chosen" not in page.inner_text("#now-reasons")
    press(page, "F2")
    expect_text(page, "#now-figures", "€13.50")
    press(page, "F2")
    expect_text(page, "#now-figures", "€6.50")
    expect_text(page, "#reward-2", "a tree is planted")
    done = agent.complete("s-1", paid(given, agent.put("s-1", given)))
    assert (done["totals"]["due_minor"], done["units"][0]["spent"]) == (650, 200)
    expect_text(page, "#now-phase", "Sale completed")


def test_an_accepted_gift_waits_for_its_article(page: Page, agent: Agent) -> None:
    """Accepted before it is scanned: the row says what is missing, and the mug then costs 2.00."""
    page.goto(f"http://127.0.0.1:{agent.port}/")
    agent.put("s-2", basket())
    press(page, "F2")
    expect_text(page, "#reward-1", "not in the basket yet")
    expect_text(page, "#reward-1", "Accepted")
    agent.put("s-2", basket(milk(), MUG))
    expect_text(page, "#now-figures", "€6.50")
    expect_text(page, "#reward-1", "a mug")


def test_an_accepted_reward_is_still_accepted_after_a_kill(
    page: Page, agent: Agent, folder: Path, config: Path
) -> None:
    page.goto(f"http://127.0.0.1:{agent.port}/")
    given = basket(milk(), MUG)
    agent.put("s-3", given)
    press(page, "F2")
    expect_text(page, "#now-figures", "€6.50")
    agent.kill()
    again = start(folder, config)
    try:
        assert again.put("s-3", given)["totals"]["due_minor"] == 650
        page.goto(f"http://127.0.0.1:{again.port}/")
        expect_text(page, "#reward-1", "Accepted")
        expect_text(page, "#now-figures", "€6.50")
    finally:
        again.kill()
