"""The JavaScript client in a real browser, on a page of another origin, against a real agent."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.support.agent import (
    CARD,
    Agent,
    basket,
    milk,
    running_agent,
    settings_file,
    stocked_till,
)

if TYPE_CHECKING:
    from playwright.sync_api import Page

TENDERS = {"tenders": [{"kind": "cash", "amount_minor": 450}]}


class _EmptyPage(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(b"<!doctype html><title>a web POS</title>")

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def origin() -> Iterator[str]:
    """Where the web POS comes from."""
    with ThreadingHTTPServer(("127.0.0.1", 0), _EmptyPage) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://localhost:{server.server_port}"
        server.shutdown()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "till"
    folder.mkdir(mode=0o700)
    stocked_till(folder)
    return folder


@pytest.fixture
def agent(folder: Path, origin: str) -> Iterator[Agent]:
    config = settings_file(folder, listen={"port": 0, "origins": [origin]})
    with running_agent(folder, config) as agent:
        yield agent


@pytest.fixture
def pos(page: Page, agent: Agent, origin: str) -> Page:
    """A page of the web POS, with the client as `tessera` and `agent`."""
    page.goto(origin)
    page.evaluate(
        """async (url) => {
            globalThis.tessera = await import(url + "/v1/client.js");
            globalThis.caught = (call) => call.then(() => null, (error) => ({
                name: error.name, code: error.code, status: error.status, hint: error.hint }));
        }""",
        _url(agent),
    )
    paired(page, agent)
    return page


def paired(page: Page, agent: Agent) -> None:
    page.evaluate(
        """([url, token]) => {
            globalThis.agent = new tessera.AgentClient(url, token, { quoteMsMax: 30000 });
        }""",
        [_url(agent), agent.token],
    )


def _url(agent: Agent) -> str:
    return f"http://127.0.0.1:{agent.port}"


COMPLETE_TWICE = """async ([id, basket, paid]) => {
    const quote = await agent.putSale(id, basket);
    const first = await agent.complete(id, basket, quote, paid);
    return [first, await agent.complete(id, basket, quote, paid)];
}"""


def test_a_web_pos_sells(pos: Page) -> None:
    first, again = pos.evaluate(COMPLETE_TWICE, ["js/1", basket(), TENDERS])
    assert (first["result"], again["result"]) == ("completed", "exists")
    assert first["units"][0]["earned"] == 4


def test_what_follows_a_sale(pos: Page) -> None:
    told = pos.evaluate(
        """async ([basket, paid, card, milk]) => {
            const bare = { ...basket, member: null };
            const sold = await agent.complete("4", bare, await agent.putSale("4", bare), paid);
            const member = { cards: [card] };
            const claimed = await agent.claim("4-c", { member, receiptCode: sold.receipt_code });
            const { receipt_data } = await agent.receipt("4");
            const lines = [{ id: "1", quantity: "1" }];
            const back = await agent.returnLines("4-r", { original: { sale_id: "4" }, lines });
            const goods = await agent.returnGoods("4-g", { goods: [milk] });
            return [claimed.result, receipt_data.length > 0, back.refund_minor, goods.result];
        }""",
        [basket(), TENDERS, CARD, milk()],
    )
    assert told == ["claimed", True, 250, "returned"]


def test_a_customer_becomes_a_member(pos: Page) -> None:
    told = pos.evaluate(
        """async () => {
            const person = { name: "Anna Meier", language: "de" };
            const first = await agent.enrol("e-1", { card: "2001111111119", person });
            const replaces = { card: "2001111111119" };
            const next = await agent.enrol("e-2", { card: "2002222222220", replaces });
            const found = await agent.lookUp({ card: "2002222222220" });
            return [first.result, next.result, found.member.display_name];
        }"""
    )
    assert told == ["enrolled", "replaced", "A. M."]


def test_a_refusal_is_told_with_code_and_hint(pos: Page) -> None:
    refused = pos.evaluate("(basket) => caught(agent.putSale('2', basket))", {"linse": []})
    assert (refused["name"], refused["status"]) == ("Refused", 422)
    assert "lines" in refused["hint"]


def test_events_are_heard_and_missed_ones_are_given(pos: Page) -> None:
    ids = pos.evaluate(
        """async (card) => {
            const heard = [];
            const listening = (async () => {
                for await (const event of agent.events()) {
                    heard.push(event);
                    return;
                }
            })();
            while (heard.length === 0) {
                await agent.scan(card);
                await new Promise((next) => setTimeout(next, 50));
            }
            await listening;
            const again = [];
            for await (const event of agent.events({ lastId: heard[0].id - 1 })) {
                again.push(event);
                break;
            }
            return [heard[0].id, again[0].id];
        }""",
        CARD,
    )
    assert ids[0] == ids[1]


def test_a_sale_without_an_answer_is_kept_and_reported_late(
    pos: Page, agent: Agent, folder: Path, origin: str
) -> None:
    report = {"tenders": TENDERS["tenders"], "totalTakenMinor": 500}
    pos.evaluate("() => { globalThis.late = new tessera.LateSales(); }")
    agent.kill()
    failed = pos.evaluate("(basket) => caught(agent.putSale('3', basket))", basket())
    assert (failed["name"], failed["code"]) == ("NoAnswer", "no_answer")
    pos.evaluate("([basket, report]) => late.add('3', basket, report)", [basket(), report])
    deliver = "() => late.deliver(agent, { onRefused: () => {} })"
    assert pos.evaluate(deliver) == 0
    assert [kept["saleId"] for kept in pos.evaluate("() => late.waiting()")] == ["3"]
    config = settings_file(folder, listen={"port": agent.port, "origins": [origin]})
    with running_agent(folder, config) as restarted:
        paired(pos, restarted)
        assert pos.evaluate(deliver) == 1
        assert pos.evaluate("() => late.waiting()") == []
        again = {**basket(), **TENDERS, "total_taken_minor": 500}
        assert restarted.call("POST", "/v1/sales/3/late", again).json["result"] == "exists"


def test_a_page_of_another_origin_is_refused(page: Page, agent: Agent, origin: str) -> None:
    page.goto(origin.replace("localhost", "127.0.0.1"))
    told = page.evaluate(
        "(url) => import(url + '/v1/client.js').then(() => 'taken', () => 'refused')",
        _url(agent),
    )
    assert told == "refused"
