"""`POST /hw_proxy/scanner`: scans for web POSs that poll for them, as JSON-RPC 2.0.

Owns: the form of the question and the answer, who may ask, and how long an answer may take.
Must never: give out a card; `passing_on` decides what is the POS's.
"""

import asyncio
from contextlib import suppress
from typing import Annotated, Any, Literal

from msgspec import Meta
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from tessera.agent.api_answers import Answer, as_json
from tessera.agent.api_shapes import Request as Given
from tessera.agent.pairing import Pairings
from tessera.agent.passing_on import PassingOn
from tessera.agent.pos_api import answered, paired, read_body
from tessera.agent.problems_http import ApiProblem, RequestReader

POLL_S = 5.0
"""Web POSs give such a question 7.5 s before they call it failed."""
REFUSAL_S = 0.5
"""Such POSs ask again at once, whatever the answer: a refusal is not hurried."""
POLLERS_MAX = 16

RequestId = Annotated[str, Meta(max_length=64)] | int | None


class PollGiven(Given, frozen=True, kw_only=True):
    """The question of a web POS. `params` are not looked at."""

    jsonrpc: Literal["2.0"] = "2.0"
    method: Annotated[str, Meta(max_length=64)] = "call"
    params: dict[str, Any] | list[Any] | None = None
    id: RequestId = None


class PollAnswer(Answer, frozen=True, kw_only=True):
    """`result` is the code that was scanned, without the reader's label; empty: none came."""

    jsonrpc: Literal["2.0"] = "2.0"
    id: RequestId = None
    result: str = ""


_READER = RequestReader.of(PollGiven)


def hw_proxy_route(
    passing_on: PassingOn,
    pairings: Pairings,
    origins: frozenset[str],
    stop: asyncio.Event,
    *,
    poll_s: float = POLL_S,
) -> Route:
    """The route. `origins` are the pages of `listen.origins`, which need no token here."""
    asking = 0

    async def answer(request: Request) -> Response:
        nonlocal asking
        # The gate has refused every origin that is not on the list before.
        if request.headers.get("origin", "").lower() not in origins:
            paired(request, pairings)
        if asking >= POLLERS_MAX:
            raise ApiProblem(
                "not_possible",
                f"{POLLERS_MAX} callers wait for scans already",
                hint="let one page of the POS poll, and wait for its answer",
            )
        asking += 1
        try:
            given = await _given(request, passing_on)
            code = await _next_code(passing_on, request, stop, poll_s)
        except ApiProblem:
            await _pause(stop, REFUSAL_S)
            raise
        finally:
            asking -= 1
        content = as_json(PollAnswer(id=given.id, result=code))
        return Response(
            content, media_type="application/json", headers={"Cache-Control": "no-store"}
        )

    async def endpoint(request: Request) -> Response:
        return await answered(answer, request)

    return Route("/hw_proxy/scanner", endpoint, methods=["POST"])


async def _given(request: Request, passing_on: PassingOn) -> PollGiven:
    if not passing_on.is_polled:
        raise ApiProblem(
            "not_possible",
            "scans are not passed on to callers of this address",
            hint='set codes_to = "hw_proxy" in the agent\'s settings and restart it',
        )
    given = _READER.read(await read_body(request) or b"{}")
    assert isinstance(given, PollGiven)
    return given


async def _next_code(
    passing_on: PassingOn, request: Request, stop: asyncio.Event, poll_s: float
) -> str:
    """The next code, or nothing when the time is up, the agent stops or the caller has gone."""
    gone = asyncio.create_task(_gone(request))
    stopping = asyncio.create_task(stop.wait())
    poller = passing_on.queue.ask()
    is_there = False
    try:
        waited_for: set[asyncio.Future[Any]] = {poller, gone, stopping}
        await asyncio.wait(waited_for, timeout=poll_s, return_when=asyncio.FIRST_COMPLETED)
        is_there = not gone.done()
    finally:
        code = passing_on.queue.settle(poller, is_there=is_there)
        gone.cancel()
        stopping.cancel()
    return code


async def _gone(request: Request) -> None:
    """Return once the caller has hung up; the body has been read before."""
    while (await request.receive())["type"] != "http.disconnect":
        continue


async def _pause(stop: asyncio.Event, seconds: float) -> None:
    with suppress(TimeoutError):
        await asyncio.wait_for(stop.wait(), seconds)
