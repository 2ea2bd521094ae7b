"""The page's door, from the outside: a real server, a plain HTTP client."""

import asyncio
import http.client
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlencode

import pytest

from tessera.panel.routes import FORM_BYTES_MAX, STREAMS_MAX, PanelDoor, panel_routes
from tests.support.scripted_panel import ScriptedTill, Server, served, wait_until

COOKIE = "tessera_panel=session-1"


@dataclass
class Answer:
    status: int
    headers: http.client.HTTPMessage
    text: str


class Visitor:
    def __init__(self, server: Server) -> None:
        self.server = server
        self.open: list[http.client.HTTPConnection | http.client.HTTPResponse] = []

    def ask(self, method: str, path: str, body: str = "", **headers: str) -> Answer:
        response = self.start(method, path, body, **headers)
        return Answer(response.status, response.headers, response.read().decode())

    def start(
        self, method: str, path: str, body: str = "", **headers: str
    ) -> http.client.HTTPResponse:
        connection = http.client.HTTPConnection("127.0.0.1", self.server.port, timeout=10)
        self.open.append(connection)
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        connection.request(method, path, body or None, named)
        response = connection.getresponse()
        self.open.append(response)
        return response

    def leave(self) -> None:
        for one in self.open:
            one.close()

    def post(self, path: str, **fields: str) -> Answer:
        return self.ask(
            "POST",
            path,
            urlencode(fields),
            Cookie=COOKIE,
            Origin=self.server.url,
            HX_Request="true",
        )


@pytest.fixture
def till() -> ScriptedTill:
    return ScriptedTill()


@pytest.fixture
def visitor(till: ScriptedTill) -> Iterator[Visitor]:
    with served(till) as server:
        visitor = Visitor(server)
        yield visitor
        visitor.leave()


def test_opening_the_page_gives_a_session_that_scripts_and_sites_cannot_use(
    visitor: Visitor,
) -> None:
    answer = visitor.ask("GET", "/")
    assert answer.status == 200
    cookie = answer.headers["Set-Cookie"]
    assert cookie.startswith("tessera_panel=session-1; ")
    assert "HttpOnly" in cookie
    assert "SameSite=strict" in cookie


def test_the_policy_allows_nothing_but_our_own_files(visitor: Visitor) -> None:
    policy = visitor.ask("GET", "/").headers["Content-Security-Policy"]
    assert policy.startswith("default-src 'none'; script-src 'self'; style-src 'self';")
    assert "unsafe" not in policy
    assert "frame-ancestors 'none'" in policy


def test_another_name_for_this_machine_sees_nothing(visitor: Visitor) -> None:
    """A web page whose name was pointed at 127.0.0.1 sends its own name as Host."""
    answer = visitor.ask("GET", "/", Host="shop.example:8440")
    assert answer.status == 421
    assert "Set-Cookie" not in answer.headers


def test_another_site_may_not_open_the_page(visitor: Visitor) -> None:
    assert visitor.ask("GET", "/", Sec_Fetch_Site="cross-site").status == 403


@pytest.mark.parametrize("cookie", ["", "tessera_panel=", "tessera_panel=session-2"])
def test_the_stream_is_for_a_session_of_this_start(visitor: Visitor, cookie: str) -> None:
    assert visitor.ask("GET", "/panel/events", Cookie=cookie).status == 401


def test_an_action_needs_the_session(visitor: Visitor, till: ScriptedTill) -> None:
    answer = visitor.ask("POST", "/panel/rewards", "sale=1&reward=r", Origin=visitor.server.url)
    assert answer.status == 401
    assert till.asked == []


@pytest.mark.parametrize("origin", ["", "null", "http://shop.example", "http://127.0.0.1:1"])
def test_an_action_of_another_origin_does_nothing(
    visitor: Visitor, till: ScriptedTill, origin: str
) -> None:
    headers = {"Cookie": COOKIE} | ({"Origin": origin} if origin else {})
    answer = visitor.ask("POST", "/panel/rewards", "sale=1&reward=r", **headers)
    assert answer.status == 403
    assert till.asked == []


def test_an_accepted_reward_reaches_the_till_with_its_sale(
    visitor: Visitor, till: ScriptedTill
) -> None:
    answer = visitor.post("/panel/rewards", sale="", reward="r-500", accepted="yes")
    assert answer.status == 204
    assert till.asked == [("reward", "", "r-500", "yes")]


def test_a_reward_of_a_sale_that_is_over_is_refused_in_words(visitor: Visitor) -> None:
    answer = visitor.post("/panel/rewards", sale="gone", reward="r-500", accepted="yes")
    assert answer.status == 409
    assert answer.text == "sale gone is over. offer it with the next sale"


def test_a_card_can_be_removed_and_a_notice_dismissed(visitor: Visitor, till: ScriptedTill) -> None:
    assert visitor.post("/panel/member/clear", sale="s-1").status == 204
    assert visitor.post("/panel/notices/dismiss", notice="n1").status == 204
    assert till.asked == [("clear", "s-1"), ("dismiss", "n1")]


def test_a_card_can_be_handed_out(visitor: Visitor, till: ScriptedTill) -> None:
    assert visitor.post("/panel/member/enrol", sale="s-1").status == 204
    assert till.asked == [("enrol", "s-1")]


def test_without_script_an_action_leads_back_to_the_page(visitor: Visitor) -> None:
    answer = visitor.ask(
        "POST", "/panel/notices/dismiss", "notice=n1", Cookie=COOKIE, Origin=visitor.server.url
    )
    assert (answer.status, answer.headers["Location"]) == (303, "/")


def test_a_form_has_a_size_limit(visitor: Visitor, till: ScriptedTill) -> None:
    answer = visitor.post("/panel/rewards", sale="x" * FORM_BYTES_MAX, reward="r")
    assert answer.status == 413
    assert till.asked == []


@pytest.mark.parametrize("body", ["sale=%ff", "&".join(f"f{n}=1" for n in range(20))])
def test_a_form_that_cannot_be_read_is_refused(
    visitor: Visitor, till: ScriptedTill, body: str
) -> None:
    answer = visitor.ask(
        "POST", "/panel/member/clear", body, Cookie=COOKIE, Origin=visitor.server.url
    )
    assert answer.status == 422
    assert till.asked == []


def test_the_cashiers_language_is_kept(visitor: Visitor) -> None:
    answer = visitor.post("/panel/language", language="ru")
    assert answer.headers["Set-Cookie"].startswith("tessera_language=ru;")
    assert '<html lang="ru">' in visitor.ask("GET", "/", Cookie="tessera_language=ru").text


def test_an_unknown_language_is_refused(visitor: Visitor) -> None:
    assert visitor.post("/panel/language", language="xx").status == 422
    assert '<html lang="en">' in visitor.ask("GET", "/", Cookie="tessera_language=xx").text


@pytest.mark.parametrize("name", ["panel.css", "panel.js", "htmx.min.js", "hx-sse.min.js"])
def test_the_pages_files_come_from_the_package(visitor: Visitor, name: str) -> None:
    answer = visitor.ask("GET", f"/panel/static/{name}")
    assert answer.status == 200
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize("name", ["THIRD_PARTY.md", "..%2Fpages.py", "%2Fetc%2Fpasswd", "x.css"])
def test_no_other_file_comes_from_the_package(visitor: Visitor, name: str) -> None:
    assert visitor.ask("GET", f"/panel/static/{name}").status == 404


def test_replay_begins_after_what_the_page_saw_last(visitor: Visitor, till: ScriptedTill) -> None:
    said: list[dict[str, str]] = [{}, {"Last_Event_ID": "4"}, {"Last_Event_ID": "-1"}]
    for headers in said:
        response = visitor.start("GET", "/panel/events?after=2", Cookie=COOKIE, **headers)
        assert response.readline() == b"retry: 500\n"
    wait_until(lambda: till.subscribed_after == [2, 4, 2], "each stream asked for what it missed")


def test_there_is_a_most_of_open_pages(visitor: Visitor) -> None:
    for _ in range(STREAMS_MAX):
        assert visitor.start("GET", "/panel/events", Cookie=COOKIE).status == 200
    refused = visitor.ask("GET", "/panel/events", Cookie=COOKIE)
    assert refused.status == 503
    assert "close one" in refused.text


def test_open_streams_do_not_hold_up_the_shutdown(till: ScriptedTill) -> None:
    with served(till) as server:
        visitor = Visitor(server)
        response = visitor.start("GET", "/panel/events", Cookie=COOKIE)
        response.readline()
        took_s = server.stop()
        visitor.leave()
        server.start()
    assert took_s < 2


def test_every_route_of_the_page_is_documented() -> None:
    text = (Path(__file__).parents[3] / "docs" / "panel.md").read_text("utf-8")
    door = PanelDoor(hosts=frozenset(), origins=frozenset())
    routes = panel_routes(ScriptedTill(), door=door, session="s", stop=asyncio.Event())
    asked = [
        f"`{'GET' if 'GET' in (route.methods or ()) else 'POST'} {route.path}`" for route in routes
    ]
    assert [address for address in asked if address not in text] == []
