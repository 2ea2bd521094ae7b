"""Who may talk to the agent at all: Host and Origin against an allow-list, for every address.

Owns: the guard in front of all routes, and the answers to a browser's questions before a call from
an allowed page. Must never: look at a token; that is each route's.
"""

from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from tessera.agent.pos_api import problem_response
from tessera.agent.problems_http import ApiProblem

_ALLOWED_METHODS = "GET, PUT, POST"
_ALLOWED_HEADERS = "authorization, content-type, last-event-id"


@dataclass(frozen=True, slots=True, kw_only=True)
class Doors:
    """By which names this agent is called, and which pages beside its own may call it."""

    hosts: frozenset[str]
    own_origins: frozenset[str]
    origins: frozenset[str]


def doors_of(*, host: str, port: int, hosts: tuple[str, ...], origins: tuple[str, ...]) -> Doors:
    """The allow-lists for an agent that listens on host and port."""
    names = {"localhost", "127.0.0.1", "[::1]", *hosts}
    names.add(f"[{host}]" if ":" in host else host)
    with_port = {f"{name.lower()}:{port}" for name in names}
    return Doors(
        hosts=frozenset(with_port),
        own_origins=frozenset(f"http://{name}" for name in with_port),
        origins=frozenset(origin.rstrip("/").lower() for origin in origins),
    )


class Gate:
    """The guard, as an ASGI application around another."""

    def __init__(self, app: ASGIApp, doors: Doors) -> None:
        self._app = app
        self._doors = doors

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or refuse it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request = Request(scope)
        origin = request.headers.get("origin", "").lower()
        problem = self._refusal(request, origin)
        if problem is not None:
            await problem_response(problem)(scope, receive, send)
        elif origin in self._doors.origins:
            await self._from_page(request, origin, receive, send)
        else:
            await self._app(scope, receive, send)

    def _refusal(self, request: Request, origin: str) -> ApiProblem | None:
        host = request.headers.get("host", "").lower()
        if host not in self._doors.hosts:
            return ApiProblem(
                "host_not_allowed",
                f"the Host header {host[:80]!r} is not this agent's",
                hint="call it by http://127.0.0.1 and its port, or add the name to listen.hosts",
            )
        if origin and origin not in self._doors.own_origins | self._doors.origins:
            return ApiProblem(
                "origin_not_allowed",
                f"a page of {origin[:80]!r} may not call this agent",
                hint="add the web POS's origin to listen.origins in the agent's settings",
            )
        return None

    async def _from_page(self, request: Request, origin: str, receive: Receive, send: Send) -> None:
        headers = [
            (b"access-control-allow-origin", origin.encode()),
            (b"vary", b"Origin"),
        ]
        if request.method == "OPTIONS":
            response = Response(status_code=204)
            response.headers["access-control-allow-origin"] = origin
            response.headers["access-control-allow-methods"] = _ALLOWED_METHODS
            response.headers["access-control-allow-headers"] = _ALLOWED_HEADERS
            response.headers["access-control-allow-private-network"] = "true"
            response.headers["access-control-max-age"] = "600"
            response.headers["vary"] = "Origin"
            await response(request.scope, receive, send)
            return

        async def send_with(message: Message) -> None:
            if message["type"] == "http.response.start":
                message = {**message, "headers": [*message.get("headers", []), *headers]}
            await send(message)

        await self._app(request.scope, receive, send_with)
