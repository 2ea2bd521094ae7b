"""What the Python client makes of answers that no agent gives, or that look strange."""

from collections.abc import Callable

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from tessera.client import AgentClient, Json, NoAnswer
from tests.support.small_central import Serving

Ask = Callable[[AgentClient], object]


def asked(content: bytes, status: int, ask: Ask) -> object:
    async def answer(_: Request) -> Response:
        return Response(content, status)

    app = Starlette(routes=[Route("/{rest:path}", answer, methods=["GET", "POST"])])
    with Serving(app) as serving, AgentClient(serving.url, "token") as agent:
        return ask(agent)


def status_of(agent: AgentClient) -> Json:
    return agent.status()


def events_of(agent: AgentClient) -> list[Json]:
    return list(agent.events())


@pytest.mark.parametrize(
    "content, status, ask",
    [
        (b"[]", 500, status_of),
        (b'"no"', 400, status_of),
        (b"[1]", 200, status_of),
        (b"[" * 100_000, 200, status_of),
        (b"data: {\n\n", 200, events_of),
        (b"data: [1]\n\n", 200, events_of),
        (b"data: " + b"x" * 5_000_000, 200, events_of),
    ],
)
def test_what_is_no_answer_of_an_agent_stops_no_sale(content: bytes, status: int, ask: Ask) -> None:
    with pytest.raises(NoAnswer):
        asked(content, status, ask)


def test_a_text_with_a_line_separator_in_it_is_one_event() -> None:
    event = 'id: 1\ndata: {"name": "a\u2028b\u0085c"}\n\n'
    assert asked(event.encode(), 200, events_of) == [{"name": "a\u2028b\u0085c"}]
