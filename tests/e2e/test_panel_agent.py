"""The cashier's page of a real agent: its process and database, a scanner on a pty, a browser."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tessera.devices.simulated import SimulatedScanner
from tests.support.agent import (
    BLOCKED_CARD,
    CARD,
    DAY,
    STORE_TIME,
    Agent,
    basket,
    paid,
    running_agent,
    settings_file,
    start,
    stocked_till,
)

if TYPE_CHECKING:
    from playwright.sync_api import Page

# Port 9 is "discard": nothing listens there, so central is out of reach from the start.
NEW_CARD = "2001111111119"
NO_CENTRAL: dict[str, object] = {"url": "http://127.0.0.1:9"}

PROGRAMME = """\
programme: corner-shop
currency: EUR
languages: [en, ru]
units:
  points: {name: {en: points, ru: баллы}, value: 0.01, redeem: tender, step: 100}
offers:
  dairy-10:
    name: {en: 10 % off dairy, ru: 10 % на молочное}
    who: members
    what: category dairy
    give: 10 % off
  big-basket:
    name: {en: 5.00 off from 50.00, ru: "5,00 от 50,00"}
    needs: basket from 50.00
    give: 5.00 off the basket
  points:
    name: {en: points, ru: баллы}
    who: members
    give: 1 point for every whole 1.00
"""


@pytest.fixture
def scanner(tmp_path: Path) -> Iterator[SimulatedScanner]:
    """By a name of its own: the kernel gives a pty's number to the next one at once."""
    with SimulatedScanner(link=tmp_path / "scanner") as scanner:
        yield scanner


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return stocked(tmp_path)


@pytest.fixture
def config(folder: Path, scanner: SimulatedScanner) -> Path:
    return configured(folder, scanner)


def stocked(place: Path) -> Path:
    folder = place / "till"
    folder.mkdir(mode=0o700)
    stocked_till(folder, programme=PROGRAMME)
    return folder


def configured(folder: Path, scanner: SimulatedScanner) -> Path:
    """The till's settings, with its scanner and a central that does not answer."""
    path = settings_file(folder, central=NO_CENTRAL)
    reader = {"id": "Scanner", "profile": "aim-cr", "port": str(scanner.port)}
    rows = [f"{name} = {json.dumps(value)}" for name, value in reader.items()]
    path.write_text("\n".join([path.read_text(), "[[readers]]", *rows, ""]))
    return path


@pytest.fixture
def agent(folder: Path, config: Path) -> Iterator[Agent]:
    with running_agent(folder, config) as agent:
        yield agent


@pytest.fixture
def panel(page: Page, agent: Agent) -> Page:
    return opened(page, agent)


def opened(page: Page, agent: Agent) -> Page:
    page.goto(f"http://127.0.0.1:{agent.port}/")
    expect_text(page, "#reader-1", "Scanner: ready")
    return page


@dataclass(frozen=True)
class Shop:
    """An agent and a scanner for all tests that complete nothing."""

    agent: Agent
    scanner: SimulatedScanner


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    place = tmp_path_factory.mktemp("shop")
    with SimulatedScanner(link=place / "scanner") as scanner:
        folder = stocked(place)
        with running_agent(folder, configured(folder, scanner)) as agent:
            yield Shop(agent, scanner)


@pytest.fixture
def desk(page: Page, shop: Shop) -> Page:
    """The page, without a sale that is open or a card that waits for one from the test before."""
    shop.agent.put("s-0", basket())
    for sale in ("s-0", "s-1"):
        shop.agent.call("POST", f"/v1/sales/{sale}/cancel", {})
    return opened(page, shop.agent)


SHOWN_SOON = """async (shown) => {
  const end = performance.now() + 2000;
  while (performance.now() < end) {
    if (document.querySelector(shown)) return true;
    await new Promise((wake) => setTimeout(wake, 50));
  }
  return false;
}"""


def scan(page: Page, shop: Shop, shown: str) -> None:
    """Scan the card until the page shows it.

    The same card within 0.7 s of the test before counts as an echo, so it may take a second scan.
    """
    for _ in range(8):
        shop.scanner.type_scan(f"]E0{CARD}")
        if page.evaluate(SHOWN_SOON, shown):
            return
    raise AssertionError(f"the page never showed {shown}")


def press(page: Page, key: str) -> None:
    """Press a key as a person does: once the page shows that it is there."""
    page.wait_for_selector(f'[data-key="{key}"]')
    page.keyboard.press(key)


def expect_text(page: Page, selector: str, text: str) -> None:
    page.wait_for_function(
        "([selector, text]) => document.querySelector(selector)?.innerText.includes(text)",
        arg=[selector, text],
    )


def test_a_scan_shows_the_member(desk: Page, shop: Shop) -> None:
    """]E0 is the scanner's word for an EAN; the number's last four digits are shown, no more."""
    shop.scanner.type_scan(f"]E0{CARD}")
    expect_text(desk, "#who-name", "A. M.")
    expect_text(desk, "#who-facts", "1,000")
    expect_text(desk, "#who-facts", "500 usable here now")
    expect_text(desk, "#who-facts", "••••7893")
    assert CARD not in desk.content()


def test_a_quote_shows_what_it_saves_earns_and_nearly_reaches(desk: Page, shop: Shop) -> None:
    """Two of milk: 5.00, less 10 %: 4.50 to pay, four whole euros earn 4 points; 45.00 are missing
    for the big basket."""
    shop.agent.put("s-1", basket())
    expect_text(desk, "#now-figures", "€0.50")
    expect_text(desk, "#now-figures", "4 points")
    expect_text(desk, "#now-figures", "€4.50")
    expect_text(desk, "#now-reasons", "10 % off dairy")
    expect_text(desk, "#now-reasons", "+4")
    expect_text(desk, "#now-reasons .near", "45.00")
    assert desk.inner_text("#now-reasons").count("45.00") == 1


def test_a_completed_sale_shows_the_balance_after_it_and_what_waits(
    panel: Page, agent: Agent
) -> None:
    """1,000 points, 100 spent on 4.50, 3 earned on the 3.50 left: 903, 97 fewer not confirmed."""
    given = basket(points=100)
    agent.complete("s-1", paid(given, agent.put("s-1", given)))
    expect_text(panel, "#now-phase", "Sale completed")
    expect_text(panel, "#who-facts", "903")
    expect_text(panel, "#who-facts", "400 usable here now")
    expect_text(panel, "#who-facts", "−97 not confirmed yet")
    expect_text(panel, "#queue", "Waiting to be sent: 1")


def test_without_central_the_page_says_offline(desk: Page) -> None:
    expect_text(desk, "#line", "Offline since")


def test_a_return_shows_what_is_paid_out(panel: Page, agent: Agent) -> None:
    """One of two milks for 4.50 comes back: 2.25."""
    agent.sell("s-1", basket())
    reply = agent.call(
        "POST",
        "/v1/returns/r-1",
        {
            "store_time": STORE_TIME,
            "business_day": DAY,
            "original": {"sale_id": "s-1", "business_day": DAY},
            "lines": [{"id": "1", "quantity": "1"}],
        },
    )
    assert reply.status == 200, reply.raw
    expect_text(panel, "#now-phase", "Goods returned")
    expect_text(panel, "#now-figures", "€2.25")


def test_a_blocked_card_says_so(desk: Page, shop: Shop) -> None:
    shop.agent.put("s-1", basket(card=BLOCKED_CARD))
    expect_text(desk, "#who-status", "Card blocked")


def test_whom_the_pos_named_stays(desk: Page, shop: Shop) -> None:
    shop.agent.put("s-1", basket())
    expect_text(desk, "#who-name", "A. M.")
    desk.wait_for_selector("#clear", state="detached")


def test_the_wrong_card_is_taken_off_by_key(desk: Page, shop: Shop) -> None:
    scan(desk, shop, '[data-key="F9"]')
    press(desk, "F9")
    expect_text(desk, "#who-status", "No card yet")


def test_a_card_of_nobody_is_handed_out_by_key_and_earns_at_once(desk: Page, shop: Shop) -> None:
    """Two of milk at 2.50: 5.00 without a card, 4.50 for the new member, and 4 points."""
    shop.agent.put("s-1", basket(card=""))
    shop.scanner.type_scan(f"]E0{NEW_CARD}")
    expect_text(desk, "#who-status", "Card not known here")
    press(desk, "F10")
    expect_text(desk, "#who-status", "New member")
    expect_text(desk, "#who-hint", "Earns from now on.")
    expect_text(desk, "#now-figures", "€4.50")
    desk.wait_for_selector("#enrol", state="detached")
    press(desk, "F9")
    expect_text(desk, "#who-status", "No card yet")
    expect_text(desk, "#now-figures", "€5.00")


def test_a_scanner_that_is_pulled_out_is_seen_and_found_again(desk: Page, shop: Shop) -> None:
    shop.scanner.unplug()
    expect_text(desk, "#reader-1", "Scanner: not connected")
    shop.scanner.plug_in()
    expect_text(desk, "#reader-1", "Scanner: ready")


def test_the_programme_speaks_the_cashiers_language(desk: Page, shop: Shop) -> None:
    shop.agent.put("s-1", basket())
    desk.context.add_cookies(
        [{"name": "tessera_language", "value": "ru", "url": f"http://127.0.0.1:{shop.agent.port}"}]
    )
    desk.reload()
    expect_text(desk, "#now-reasons", "10 % на молочное")
    expect_text(desk, "#now-figures", "4 баллы")


def test_a_killed_agent_comes_back_to_its_page(
    panel: Page, agent: Agent, folder: Path, config: Path
) -> None:
    agent.sell("s-1", basket())
    expect_text(panel, "#queue", "Waiting to be sent: 1")
    agent.kill()
    panel.wait_for_selector("#lost", state="visible")
    config.write_text(config.read_text().replace("port = 0", f"port = {agent.port}"))
    again = start(folder, config)
    panel.wait_for_selector("#lost", state="hidden")
    expect_text(panel, "#queue", "Waiting to be sent: 1")
    again.kill()


def test_an_agent_with_an_open_page_stops_at_once(panel: Page, agent: Agent) -> None:
    """An open stream must not hold up a service that is being stopped."""
    assert agent.stop() == 0
    panel.wait_for_selector("#lost", state="visible")
