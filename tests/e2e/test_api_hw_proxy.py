"""A web POS that polls a real agent for what a scanner on a pseudo-terminal reads."""

import contextlib
import http.client
import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tessera.devices.simulated import SimulatedScanner
from tests.support.agent import (
    CARD,
    Agent,
    Reply,
    basket,
    running_agent,
    settings_file,
    stocked_till,
)
from tests.support.waiting import wait_until

PATH = "/hw_proxy/scanner"
POS_PAGE = "https://pos.example"
QUESTION = {"jsonrpc": "2.0", "method": "call", "params": {}, "id": 7}
PEN = "4006381333931"
COUPON = "9912345678909"


@pytest.fixture
def scanner(tmp_path: Path) -> Iterator[SimulatedScanner]:
    with SimulatedScanner(link=tmp_path / "scanner") as scanner:
        yield scanner


def till(tmp_path: Path, port: str, codes_to: str) -> tuple[Path, Path]:
    folder = tmp_path / "till"
    folder.mkdir()
    stocked_till(folder)
    config = settings_file(
        folder, top={"codes_to": codes_to}, listen={"port": 0, "origins": [POS_PAGE]}
    )
    reader = f'[[readers]]\nid = "counter"\nprofile = "aim-cr"\nport = "{port}"\n'
    config.write_text(config.read_text() + reader)
    return folder, config


@pytest.fixture
def agent(tmp_path: Path, scanner: SimulatedScanner) -> Iterator[Agent]:
    with running_agent(*till(tmp_path, scanner.port, "hw_proxy")) as agent:
        wait_until(
            lambda: readers(agent)[0]["condition"] == "connected", what="the reader is connected"
        )
        yield agent


@pytest.fixture(scope="module")
def unread(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Agent]:
    """An agent at whose reader nothing is scanned, for whoever is refused."""
    folder = tmp_path_factory.mktemp("unread")
    with running_agent(*till(folder, "sim://counter", "hw_proxy")) as agent:
        yield agent


def readers(agent: Agent) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = agent.call("GET", "/v1/status").json["readers"]
    return found


def ask(agent: Agent, **headers: str) -> Reply:
    """A question of a page, without a token."""
    return agent.call("POST", PATH, QUESTION, headers={"Authorization": "", **headers})


def ask_from_page(agent: Agent) -> Reply:
    return ask(agent, Origin=POS_PAGE)


def asking(agent: Agent) -> http.client.HTTPConnection:
    """A page whose question the agent has taken up."""
    page = http.client.HTTPConnection("127.0.0.1", agent.port, timeout=20)
    headers = {"Origin": POS_PAGE, "Content-Type": "application/json"}
    page.request("POST", PATH, json.dumps(QUESTION), headers)
    # Sent later and answered, so the question was read before.
    assert agent.call("GET", "/v1/status").status == 200
    return page


class Poller:
    """A question that waits for its answer beside the test."""

    def __init__(self, agent: Agent) -> None:
        self.result = ""
        self._thread = threading.Thread(target=self._ask, args=(agent,))
        self._thread.start()

    def _ask(self, agent: Agent) -> None:
        self.result = ask_from_page(agent).json["result"]

    def heard(self) -> str:
        self._thread.join(20)
        assert not self._thread.is_alive()
        return self.result


def test_a_page_gets_the_code_that_is_scanned_while_it_waits(
    agent: Agent, scanner: SimulatedScanner
) -> None:
    poller = Poller(agent)
    scanner.type_scan("]E0" + PEN)
    assert poller.heard() == PEN
    assert agent.stop() == 0


def test_codes_between_two_questions_are_kept_and_cards_stay_with_the_agent(
    agent: Agent, scanner: SimulatedScanner
) -> None:
    agent.put("1", basket(card=""))
    for code in (PEN, CARD, COUPON):
        scanner.type_scan("]E0" + code)
    first, second = ask_from_page(agent), ask_from_page(agent)
    assert first.json == {"jsonrpc": "2.0", "id": 7, "result": PEN}
    assert second.json["result"] == COUPON
    assert first.headers["access-control-allow-origin"] == POS_PAGE
    # The card priced the sale, although no page was told its number.
    assert agent.put("1", basket(card=""))["totals"]["due_minor"] == 450
    assert agent.stop() == 0


def test_a_question_without_a_scan_is_answered_empty_before_the_page_gives_up(
    agent: Agent,
) -> None:
    assert agent.call("POST", PATH, QUESTION).json == {"jsonrpc": "2.0", "id": 7, "result": ""}
    assert agent.stop() == 0


def test_several_pollers_share_a_burst_and_none_is_lost_or_doubled(
    agent: Agent, scanner: SimulatedScanner
) -> None:
    codes = [f"ITEM-{number:04}" for number in range(12)]
    pollers = [Poller(agent) for _ in range(3)]
    for code in codes:
        scanner.type_scan("]C0" + code)
    found = [poller.heard() for poller in pollers]
    found += [ask_from_page(agent).json["result"] for _ in codes[3:]]
    assert sorted(found) == codes
    assert agent.stop() == 0


def test_the_code_of_a_page_that_hung_up_goes_to_the_next(
    agent: Agent, scanner: SimulatedScanner
) -> None:
    gone = asking(agent)
    gone.close()
    agent.call("GET", "/v1/status")
    scanner.type_scan("]E0" + PEN)
    assert ask_from_page(agent).json["result"] == PEN
    assert agent.stop() == 0


def test_who_may_not_poll_is_refused_and_who_may_is_told_by_preflight(unread: Agent) -> None:
    nobody = ask(unread)
    assert (nobody.status, nobody.json["code"]) == (401, "token_wrong")
    own_page = ask(unread, Origin=f"http://127.0.0.1:{unread.port}")
    assert (own_page.status, own_page.json["code"]) == (401, "token_wrong")
    other_page = ask(unread, Origin="https://elsewhere.example")
    assert (other_page.status, other_page.json["code"]) == (403, "origin_not_allowed")
    rebound = ask(unread, Origin=POS_PAGE, Host="pos.example")
    assert (rebound.status, rebound.json["code"]) == (403, "host_not_allowed")
    asked = {"Access-Control-Request-Method": "POST", "Authorization": ""}
    allowed = unread.call("OPTIONS", PATH, headers={"Origin": POS_PAGE, **asked})
    assert allowed.status == 204
    assert "POST" in allowed.headers["access-control-allow-methods"]
    refused = unread.call("OPTIONS", PATH, headers={"Origin": "https://elsewhere.example", **asked})
    assert refused.status == 403
    assert "access-control-allow-origin" not in refused.headers
    # Its origin opens this one door, and no other.
    status = unread.call("GET", "/v1/status", headers={"Origin": POS_PAGE, "Authorization": ""})
    assert status.status == 401


@pytest.mark.parametrize(
    "body, code",
    [
        (b"{", "json_malformed"),
        (b'{"jsonrpc": "1.0"}', "field_wrong"),
        (b'{"id": 1.5}', "field_wrong"),
        (b'{"params": {"a": "' + b"x" * 262_144 + b'"}}', "body_too_large"),
    ],
    ids=["no-json", "old-rpc", "broken-id", "too-large"],
)
def test_a_question_that_is_none_is_refused(unread: Agent, body: bytes, code: str) -> None:
    assert unread.call("POST", PATH, body).json["code"] == code


def test_an_agent_that_passes_codes_on_otherwise_says_what_to_set(tmp_path: Path) -> None:
    with running_agent(*till(tmp_path, "sim://counter", "events")) as agent:
        reply = ask_from_page(agent)
        assert (reply.status, reply.json["code"]) == (503, "not_possible")
        assert 'codes_to = "hw_proxy"' in reply.json["hint"]
        assert agent.stop() == 0


def test_an_agent_that_stops_does_not_wait_for_pollers(agent: Agent) -> None:
    with contextlib.closing(asking(agent)) as page:
        assert agent.stop() == 0
        assert json.loads(page.getresponse().read())["result"] == ""
