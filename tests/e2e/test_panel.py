"""The cashier's page in a real browser, before a till that does what the test says."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from tessera.panel.view import NoticeView, ReaderStatus, ReaderView, Tone
from tests.support.scripted_panel import (
    AT,
    IDLE,
    MEMBER,
    ONLINE,
    SALE,
    ScriptedTill,
    Server,
    crowded,
    served,
    wait_until,
)

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

OPEN_SALE = replace(IDLE, who=MEMBER, now=SALE)
HOSTILE = "<img src=x onerror=\"document.title='owned'\"><script>document.title='owned'</script>"


@pytest.fixture
def till() -> ScriptedTill:
    return ScriptedTill()


@pytest.fixture
def server(till: ScriptedTill) -> Iterator[Server]:
    with served(till) as server:
        yield server


@pytest.fixture
def panel(page: Page, server: Server) -> Page:
    """The page, open and connected; `violations` in it collects breaches of its policy."""
    page.add_init_script(
        "window.violations = [];"
        "addEventListener('securitypolicyviolation', (e) => violations.push(e.violatedDirective));"
    )
    page.goto(server.url)
    wait_until(lambda: server.till.subscribed_after != [], "the page opened its stream")
    return page


def press(page: Page, key: str) -> None:
    """Press a key as a person does: once the page shows that it is there."""
    page.wait_for_selector(f'[data-key="{key}"]')
    page.keyboard.press(key)


def expect_text(page: Page, selector: str, text: str) -> None:
    page.wait_for_function(
        "([selector, text]) => document.querySelector(selector)?.innerText.includes(text)",
        arg=[selector, text],
    )


def test_a_scan_shows_who_it_is_without_a_reload(panel: Page, till: ScriptedTill) -> None:
    expect_text(panel, "#who-status", "No card yet")
    till.show(replace(IDLE, who=MEMBER))
    expect_text(panel, "#who-name", "A. M.")
    expect_text(panel, "#who-facts", "1,204")


def test_a_quote_shows_what_is_saved_earned_and_why(panel: Page, till: ScriptedTill) -> None:
    till.show(OPEN_SALE)
    expect_text(panel, "#now-figures", "€4.50")
    expect_text(panel, "#now-figures", "45 points")
    expect_text(panel, "#now-reasons", "10% off dairy")
    expect_text(panel, "#now-reasons", "€4.50 more for €5.00 off")


def test_a_cut_line_shows_at_the_foot(panel: Page, till: ScriptedTill) -> None:
    expect_text(panel, "#line", "Online")
    state = replace(ONLINE, online=False, offline_since=AT - timedelta(minutes=25), queued=3)
    till.show(replace(IDLE, state=state))
    expect_text(panel, "#line", "Offline since 13:40")
    expect_text(panel, "#queue", "Waiting to be sent: 3")


def test_forty_changes_in_a_row_end_at_the_last_one(panel: Page, till: ScriptedTill) -> None:
    for cents in range(1, 41):
        till.show(replace(OPEN_SALE, now=replace(SALE, saved_minor=cents)))
    expect_text(panel, "#now-figures", "€0.40")


def test_one_key_accepts_a_reward_and_takes_it_back(panel: Page, till: ScriptedTill) -> None:
    till.show(OPEN_SALE)
    panel.wait_for_selector("#reward-1-key[aria-pressed=false]")
    press(panel, "F2")
    panel.wait_for_selector("#reward-1-key[aria-pressed=true]")
    press(panel, "F2")
    panel.wait_for_selector("#reward-1-key[aria-pressed=false]")
    assert till.asked == [
        ("reward", SALE.sale, "r-500", "yes"),
        ("reward", SALE.sale, "r-500", "no"),
    ]


def test_a_press_that_comes_too_late_is_refused_aloud(panel: Page, till: ScriptedTill) -> None:
    """The till went on to the next sale, the page has not heard of it yet."""
    till.show(OPEN_SALE)
    panel.wait_for_selector("#reward-1-key")
    panel.evaluate("document.querySelector('#reward-1 [name=sale]').value = 'the last one'")
    press(panel, "F2")
    expect_text(panel, "#refused", "sale the last one is over. offer it with the next sale")


def test_the_card_is_removed_and_a_notice_seen_by_key(panel: Page, till: ScriptedTill) -> None:
    notice = NoticeView(notice="n1", text="Card read twice.", tone=Tone.CALM)
    till.show(replace(OPEN_SALE, state=replace(ONLINE, notices=(notice,))))
    expect_text(panel, "#notices", "Card read twice.")
    press(panel, "F8")
    panel.wait_for_selector("#notice-n1", state="detached")
    press(panel, "F9")
    expect_text(panel, "#who-status", "No card yet")


def test_a_scanner_that_types_presses_nothing(panel: Page, till: ScriptedTill) -> None:
    """Digits, spaces and the closing Enter come within milliseconds, onto a focused button."""
    till.show(OPEN_SALE)
    panel.focus("#reward-1-key")
    panel.keyboard.type("2001234 567893 ")
    panel.keyboard.press("Enter")
    panel.focus("#reward-1-key")
    later = panel.evaluate("performance.now() + 200")
    panel.wait_for_function("later => performance.now() > later", arg=later)
    assert till.asked == []
    panel.keyboard.press("Enter")
    wait_until(lambda: len(till.asked) == 1, "a person's Enter still presses")


def test_focus_stays_while_the_screen_changes(panel: Page, till: ScriptedTill) -> None:
    till.show(OPEN_SALE)
    panel.focus("#reward-1-key")
    till.show(replace(OPEN_SALE, now=replace(SALE, saved_minor=777)))
    expect_text(panel, "#now-figures", "€7.77")
    assert panel.evaluate("document.activeElement.id") == "reward-1-key"


def test_the_page_says_since_when_it_is_out_of_date(
    panel: Page, till: ScriptedTill, server: Server
) -> None:
    till.show(OPEN_SALE)
    expect_text(panel, "#who-name", "A. M.")
    server.stop()
    panel.wait_for_selector("#lost", state="visible")
    expect_text(panel, "#lost", "This screen is not up to date since 14:05:07")
    assert panel.inner_text("#who-name") == "A. M."
    server.start()
    panel.wait_for_selector("#lost", state="hidden")


def test_what_changed_meanwhile_is_there_after_a_reconnect(
    panel: Page, till: ScriptedTill, server: Server
) -> None:
    till.show(OPEN_SALE)
    expect_text(panel, "#now-figures", "€4.50")
    seen = till.newest_id()
    server.stop()
    panel.wait_for_selector("#lost", state="visible")
    till.show(replace(OPEN_SALE, now=replace(SALE, saved_minor=999)))
    server.start()
    expect_text(panel, "#now-figures", "€9.99")
    assert till.subscribed_after[-1] == seen


def test_a_till_started_anew_gets_its_page_back(
    panel: Page, till: ScriptedTill, server: Server
) -> None:
    """A new start has a new session; the page fetches itself again without anybody's hand."""
    server.stop()
    panel.wait_for_selector("#lost", state="visible")
    server.start(session="session-2")
    till.show(OPEN_SALE)
    panel.wait_for_selector("#lost", state="hidden")
    expect_text(panel, "#who-name", "A. M.")
    press(panel, "F2")
    wait_until(lambda: len(till.asked) == 1, "the new session may act")


def test_a_stream_that_falls_silent_counts_as_lost(
    panel: Page, till: ScriptedTill, server: Server
) -> None:
    panel.wait_for_selector("#lost", state="hidden")
    server.freeze()
    panel.wait_for_selector("#lost", state="visible")
    server.thaw()
    panel.wait_for_selector("#lost", state="hidden")


def test_russian_by_key(panel: Page, till: ScriptedTill) -> None:
    till.show(OPEN_SALE)
    for language in ("Deutsch", "Français", "Español", "Русский"):
        press(panel, "F7")
        expect_text(panel, "#language-key", language)
        panel.wait_for_load_state("load")
    assert panel.get_attribute("html", "lang") == "ru"
    expect_text(panel, "#now-figures", "4,50\u00a0€")
    expect_text(panel, "#facts", "Всё отправлено")
    till.show(replace(OPEN_SALE, state=replace(ONLINE, queued=2)))
    expect_text(panel, "#facts", "Ждут отправки: 2")


def test_hostile_names_are_shown_and_never_run(panel: Page, till: ScriptedTill) -> None:
    reader = ReaderView(name=HOSTILE, status=ReaderStatus.READY)
    till.show(
        replace(
            OPEN_SALE,
            who=replace(MEMBER, name=HOSTILE, note=HOSTILE),
            state=replace(ONLINE, readers=(reader,)),
        )
    )
    expect_text(panel, "#who-name", "<script>document.title='owned'</script>")
    assert panel.title() == "Tessera · till 3"
    assert panel.query_selector("#screen img, #screen script") is None


def test_the_policy_is_never_breached(panel: Page, till: ScriptedTill, server: Server) -> None:
    till.show(crowded())
    expect_text(panel, "#training", "nothing is recorded")
    press(panel, "F2")
    panel.wait_for_selector("#reward-1-key[aria-pressed=true]")
    server.stop()
    panel.wait_for_selector("#lost", state="visible")
    assert panel.evaluate("violations") == []
    server.start()


SIZES = [(1024, 768), (800, 480), (400, 800)]
SMALL_TARGETS = """
[...document.querySelectorAll('button, a, input:not([type=hidden]), select')]
  .map((e) => [e.id || e.textContent.trim(), e.getBoundingClientRect()])
  .filter(([, box]) => box.width < 48 || box.height < 48)
  .map(([name, box]) => `${name}: ${box.width} × ${box.height}`)
"""
FAINT_TEXTS = """
(() => {
  const parse = (c) => c.match(/[\\d.]+/g).map(Number);
  const light = ([r, g, b]) => [r, g, b].map((v) => v / 255)
    .map((v) => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
    .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
  const behind = (e) => {
    for (; e; e = e.parentElement) {
      const c = parse(getComputedStyle(e).backgroundColor);
      if (c.length === 3 || c[3] === 1) return c;
    }
    return [255, 255, 255];
  };
  const faint = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let node; (node = walker.nextNode());) {
    const e = node.parentElement;
    if (!node.textContent.trim() || !e.checkVisibility()) continue;
    const [a, b] = [light(parse(getComputedStyle(e).color)), light(behind(e))];
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    if (ratio < 4.5) faint.push(`${node.textContent.trim()}: ${ratio.toFixed(2)}`);
  }
  return faint;
})()
"""


@pytest.mark.parametrize("width,height", SIZES)
@pytest.mark.parametrize("language", ["en", "de", "ru"])
def test_the_page_is_usable_on_every_display(
    chromium: Browser, till: ScriptedTill, server: Server, width: int, height: int, language: str
) -> None:
    """48 px targets, readable text, nothing that needs scrolling sideways; light and dark."""
    till.show(crowded())
    for scheme in ("light", "dark"):
        context = chromium.new_context(
            viewport={"width": width, "height": height},
            color_scheme=scheme,
        )
        context.add_cookies([{"name": "tessera_language", "value": language, "url": server.url}])
        page = context.new_page()
        page.goto(server.url)
        assert page.evaluate(SMALL_TARGETS) == []
        assert page.evaluate(FAINT_TEXTS) == []
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        context.close()


@pytest.mark.parametrize("width,height", SIZES[:2])
def test_an_ordinary_sale_fits_without_scrolling(
    chromium: Browser, till: ScriptedTill, server: Server, width: int, height: int
) -> None:
    """Name, balances, figures, reward key and the till's state are all in sight."""
    till.show(OPEN_SALE)
    context = chromium.new_context(viewport={"width": width, "height": height})
    page = context.new_page()
    page.goto(server.url)
    for selector in ("#who-name", "#who-facts", "#clear", "#now-figures", "#rewards", "#foot"):
        box = page.locator(selector).bounding_box()
        assert box is not None
        assert box["y"] >= 0
        assert box["y"] + box["height"] <= height
    context.close()
