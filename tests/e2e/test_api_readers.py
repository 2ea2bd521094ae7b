"""A scanner on a real pseudo-terminal, a real agent, and what the POS and the page then know."""

import http.client
import json
import queue
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tessera.devices.simulated import SimulatedScanner
from tests.support.agent import CARD, Agent, basket, running_agent, settings_file, stocked_till
from tests.support.waiting import wait_until

LABEL = "]E0" + CARD


@pytest.fixture
def scanner(tmp_path: Path) -> Iterator[SimulatedScanner]:
    with SimulatedScanner(link=tmp_path / "scanner") as scanner:
        yield scanner


@pytest.fixture
def agent(tmp_path: Path, scanner: SimulatedScanner) -> Iterator[Agent]:
    folder = tmp_path / "till"
    folder.mkdir()
    stocked_till(folder)
    config = settings_file(folder)
    reader = f'[[readers]]\nid = "counter"\nprofile = "aim-cr"\nport = "{scanner.port}"\n'
    config.write_text(config.read_text() + reader)
    with running_agent(folder, config) as agent:
        wait_until(lambda: condition(agent) == "connected", what="the reader is connected")
        yield agent


def condition(agent: Agent) -> str:
    return str(agent.call("GET", "/v1/status").json["readers"][0]["condition"])


class Listener:
    """A POS that listens to the agent's events."""

    def __init__(self, agent: Agent) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", agent.port, timeout=30)
        headers = {"Authorization": f"Bearer {agent.token}"}
        self._connection.request("GET", "/v1/events", headers=headers)
        self._stream = self._connection.getresponse()
        assert self._stream.readline().startswith(b"retry:")
        self._heard: queue.Queue[dict[str, Any]] = queue.Queue()
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self) -> None:
        for line in self._stream:
            if line.startswith(b"data: "):
                self._heard.put(json.loads(line[6:]))
        self._connection.close()

    def next(self, type_: str) -> dict[str, Any]:
        while (event := self._heard.get(timeout=20))["type"] != type_:
            continue
        return event


def test_a_scanned_card_is_announced_and_prices_the_open_sale(
    agent: Agent, scanner: SimulatedScanner
) -> None:
    assert agent.put("1", basket(card=""))["totals"]["due_minor"] == 500
    pos = Listener(agent)
    scanner.type_scan(LABEL)
    assert pos.next("scan")["code"] == CARD
    assert pos.next("member")["display_name"] == "A. M."
    sale = pos.next("sale")
    assert (sale["sale_id"], sale["due_minor"]) == ("1", 450)
    assert agent.put("1", basket(card=""))["quote_id"] == sale["quote_id"]
    assert agent.stop() == 0


def test_a_card_scanned_before_the_first_line_waits_for_the_sale(
    agent: Agent, scanner: SimulatedScanner
) -> None:
    pos = Listener(agent)
    scanner.type_scan(LABEL)
    assert pos.next("member")["member_id"] == "m-1"
    assert agent.put("1", basket(card=""))["totals"]["due_minor"] == 450
    assert agent.put("2", basket(card=""))["totals"]["due_minor"] == 500
    assert agent.stop() == 0


def test_forty_scans_in_a_row_all_arrive_in_order(agent: Agent, scanner: SimulatedScanner) -> None:
    pos = Listener(agent)
    codes = [f"ITEM-{number:04}" for number in range(40)]
    for code in codes:
        scanner.type_scan("]C0" + code)
    assert [pos.next("scan")["code"] for _ in codes] == codes
    assert agent.stop() == 0


def test_a_scanner_that_is_unplugged_is_told_and_found_again(
    agent: Agent, scanner: SimulatedScanner
) -> None:
    scanner.unplug()
    wait_until(lambda: condition(agent) == "disconnected", what="the loss is told")
    assert agent.sell("1", basket())["result"] == "completed"
    scanner.plug_in()
    wait_until(lambda: condition(agent) == "connected", what="the reader is back", timeout_s=20)
    pos = Listener(agent)
    scanner.type_scan(LABEL)
    assert pos.next("scan")["code"] == CARD
    assert agent.stop() == 0
