"""The event stream of the local API: Server-Sent Events with ids and replay.

Owns: the wire form of events and the beat of an idle stream. Must never: keep a stopping agent
waiting; the hub's `close` ends every stream.
"""

import asyncio
from collections.abc import AsyncIterator

import msgspec
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from tessera.agent.events import Event, EventHub
from tessera.agent.pairing import Pairings
from tessera.agent.pos_api import answered, paired
from tessera.agent.problems_http import ApiProblem

BEAT_S = 15.0
STREAMS_MAX = 32
RETRY_MS = 1_000
_EVENT_ID_DIGITS_MAX = 18
_ENCODER = msgspec.json.Encoder()


def event_bytes(event: Event) -> bytes:
    """An event as the stream carries it."""
    content = _ENCODER.encode({"id": event.event_id, **event.content})
    return b"id: %d\nevent: %s\ndata: %s\n\n" % (event.event_id, event.type.encode(), content)


def stream_route(hub: EventHub, pairings: Pairings, *, beat_s: float = BEAT_S) -> Route:
    """`GET /v1/events`."""

    async def answer(request: Request) -> Response:
        paired(request, pairings)
        if hub.listeners >= STREAMS_MAX:
            raise ApiProblem(
                "shutting_down",
                f"{STREAMS_MAX} event streams are open already",
                hint="close one; a POS needs one stream",
            )
        pieces = _pieces(hub, _last_id(request), beat_s)
        return StreamingResponse(
            pieces, media_type="text/event-stream", headers={"Cache-Control": "no-store"}
        )

    async def endpoint(request: Request) -> Response:
        return await answered(answer, request)

    return Route("/v1/events", endpoint, methods=["GET"])


def _last_id(request: Request) -> int | None:
    """The id after which the listener wants to go on; None for only what is new."""
    text = request.headers.get("last-event-id") or request.query_params.get("last_event_id", "")
    if not text:
        return None
    if not (text.isascii() and text.isdecimal() and len(text) <= _EVENT_ID_DIGITS_MAX):
        raise ApiProblem(
            "field_wrong",
            "the last event id is no whole number",
            field="Last-Event-ID",
            hint="send the id of the last event that was received, or nothing",
        )
    return int(text)


async def _pieces(hub: EventHub, last_id: int | None, beat_s: float) -> AsyncIterator[bytes]:
    """The stream: how soon to come back, then events, and a comment when nothing happens."""
    yield b"retry: %d\n: listening after %d\n\n" % (RETRY_MS, hub.last_id)
    events = hub.subscribe(last_id)
    waiting: asyncio.Task[Event] | None = None
    try:
        while True:
            waiting = waiting or asyncio.ensure_future(_next(events))
            done, _ = await asyncio.wait({waiting}, timeout=beat_s)
            if not done:
                yield b": still here\n\n"
                continue
            try:
                event = waiting.result()
            except StopAsyncIteration:
                return
            waiting = None
            yield event_bytes(event)
    finally:
        if waiting is not None:
            waiting.cancel()


async def _next(events: AsyncIterator[Event]) -> Event:
    return await anext(events)
