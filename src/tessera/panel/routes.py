"""The page's routes: the document, its stream, its few actions, its files.

Owns: who may open the page (loopback, the right Host, a session of this start of the agent) and
the headers that keep everything else out. Must never: answer another origin.
"""

import asyncio
import hmac
import ipaddress
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from urllib.parse import parse_qsl

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response, StreamingResponse
from starlette.routing import Route

from tessera.core.errors import TesseraError
from tessera.panel.messages import LANGUAGES, best_language
from tessera.panel.pages import render_page, render_screen
from tessera.panel.source import PanelSource
from tessera.panel.stream import frames

SESSION_COOKIE = "tessera_panel"
LANGUAGE_COOKIE = "tessera_language"
FORM_BYTES_MAX = 2_048
STREAMS_MAX = 8
"""Most pages open at once; a till has one or two displays."""
LANGUAGE_AGE_S = 400 * 24 * 3600

SECURITY_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
        "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "Cache-Control": "no-store",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    # Not "no-referrer": browsers then send "Origin: null" with a form, which no check can accept.
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
}

_STATIC_TYPES = {
    "htmx.min.js": "text/javascript; charset=utf-8",
    "hx-sse.min.js": "text/javascript; charset=utf-8",
    "panel.js": "text/javascript; charset=utf-8",
    "panel.css": "text/css; charset=utf-8",
    "icon.svg": "image/svg+xml",
}

Answer = Callable[[Request], Awaitable[Response]]


@dataclass(frozen=True, slots=True, kw_only=True)
class PanelDoor:
    """Who may come in, and how the page starts.

    `hosts`: values of Host that are ours ("127.0.0.1:8440"), `origins` the same with their scheme.
    `beat_s`: how often an idle stream says that it lives. `language`: where none was chosen.
    """

    hosts: frozenset[str]
    origins: frozenset[str]
    beat_s: float = 2.0
    language: str = "en"


class Refused(Exception):
    """A request that is not served; `status` is HTTP's, the text is shown to the cashier."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status
        self.text = text


def panel_routes(
    source: PanelSource, *, door: PanelDoor, session: str, stop: asyncio.Event
) -> list[Route]:
    """The routes of the page. `session`: a secret minted at this start; `stop` ends the streams."""
    return _Panel(source, door, session, stop).routes()


class _Panel:
    def __init__(
        self, source: PanelSource, door: PanelDoor, session: str, stop: asyncio.Event
    ) -> None:
        self._source = source
        self._door = door
        self._session = session
        self._stop = stop
        self._streams = 0

    def routes(self) -> list[Route]:
        return [
            Route("/", _guarded(self._page), methods=["GET"]),
            Route("/panel/events", _guarded(self._events), methods=["GET"]),
            Route("/panel/rewards", _guarded(self._reward), methods=["POST"]),
            Route("/panel/member/clear", _guarded(self._clear), methods=["POST"]),
            Route("/panel/member/enrol", _guarded(self._enrol), methods=["POST"]),
            Route("/panel/notices/dismiss", _guarded(self._dismiss), methods=["POST"]),
            Route("/panel/language", _guarded(self._language), methods=["POST"]),
            Route("/panel/static/{name}", _guarded(self._static), methods=["GET"]),
        ]

    # ---- what is shown -----------------------------------------------------------------------

    async def _page(self, request: Request) -> Response:
        self._check_place(request)
        newest_id = self._source.newest_id()
        text = render_page(
            self._source.view(self._spoken(request)),
            newest_id=newest_id,
            beat_s=self._door.beat_s,
        )
        response = Response(text, media_type="text/html")
        response.set_cookie(
            SESSION_COOKIE, self._session, httponly=True, samesite="strict", path="/"
        )
        return response

    async def _events(self, request: Request) -> Response:
        self._check_session(request)
        if self._streams >= STREAMS_MAX:
            raise Refused(503, f"{STREAMS_MAX} pages are open already; close one")
        language = self._spoken(request)
        self._streams += 1

        async def counted() -> AsyncIterator[bytes]:
            try:
                async for piece in frames(
                    self._source,
                    last_id=_last_id(request),
                    draw=lambda: render_screen(self._source.view(language)),
                    time=lambda: f"{self._source.view(language).at:%H:%M:%S}",
                    beat_s=self._door.beat_s,
                    stop=self._stop,
                ):
                    yield piece
            finally:
                self._streams -= 1

        return StreamingResponse(counted(), media_type="text/event-stream")

    async def _static(self, request: Request) -> Response:
        self._check_place(request)
        name = request.path_params["name"]
        media_type = _STATIC_TYPES.get(name)
        if media_type is None:
            raise Refused(404, "there is no such file")
        return Response(_static_bytes(name), headers={"Content-Type": media_type})

    # ---- what can be done --------------------------------------------------------------------

    async def _reward(self, request: Request) -> Response:
        fields = await self._form(request)
        await self._source.accept_reward(
            sale=fields.get("sale", ""),
            reward=fields.get("reward", ""),
            accepted=fields.get("accepted") == "yes",
        )
        return _done(request)

    async def _clear(self, request: Request) -> Response:
        fields = await self._form(request)
        await self._source.clear_member(sale=fields.get("sale", ""))
        return _done(request)

    async def _enrol(self, request: Request) -> Response:
        fields = await self._form(request)
        await self._source.enrol_card(sale=fields.get("sale", ""))
        return _done(request)

    async def _dismiss(self, request: Request) -> Response:
        fields = await self._form(request)
        await self._source.dismiss_notice(notice=fields.get("notice", ""))
        return _done(request)

    async def _language(self, request: Request) -> Response:
        fields = await self._form(request)
        wanted = fields.get("language", "")
        if wanted not in LANGUAGES:
            raise Refused(422, f"the page does not speak {wanted!r}")
        response = RedirectResponse("/", status_code=303)
        response.set_cookie(
            LANGUAGE_COOKIE, wanted, max_age=LANGUAGE_AGE_S, httponly=True, samesite="strict"
        )
        return response

    # ---- who may -----------------------------------------------------------------------------

    def _check_place(self, request: Request) -> None:
        """A page of another site, or of a name that was made to point here, sees nothing."""
        client = request.client.host if request.client else ""
        if not _is_loopback(client):
            raise Refused(403, "this page is for the till's own display")
        if request.headers.get("host", "") not in self._door.hosts:
            raise Refused(421, "this till does not go by that name; open it by its own address")
        if request.headers.get("sec-fetch-site", "none") == "cross-site":
            raise Refused(403, "another site may not open this page")

    def _check_session(self, request: Request) -> None:
        self._check_place(request)
        given = request.cookies.get(SESSION_COOKIE, "")
        if not hmac.compare_digest(given.encode(), self._session.encode()):
            raise Refused(401, "the till's program was started anew; load the page again")

    async def _form(self, request: Request) -> dict[str, str]:
        self._check_session(request)
        if request.headers.get("origin", "") not in self._door.origins:
            raise Refused(403, "only the till's own page may do that")
        content = bytearray()
        async for piece in request.stream():
            content += piece
            if len(content) > FORM_BYTES_MAX:
                raise Refused(413, f"a form may hold {FORM_BYTES_MAX} bytes")
        try:
            return dict(parse_qsl(content.decode("utf-8"), max_num_fields=8, errors="strict"))
        except ValueError:
            raise Refused(422, "the form cannot be read") from None

    def _spoken(self, request: Request) -> str:
        chosen = request.cookies.get(LANGUAGE_COOKIE, "")
        return best_language(chosen, best_language(self._door.language, "en"))


def _guarded(answer: Answer) -> Answer:
    """An endpoint whose refusals become plain answers, and whose every answer has the headers."""

    async def guarded(request: Request) -> Response:
        try:
            response = await answer(request)
        except Refused as refused:
            response = Response(refused.text, refused.status, media_type="text/plain")
        except TesseraError as error:
            text = f"{error.message}. {error.hint}" if error.hint else error.message
            response = Response(text, 409, media_type="text/plain")
        for name, value in SECURITY_HEADERS.items():
            response.headers.setdefault(name, value)
        return response

    return guarded


def _done(request: Request) -> Response:
    """The stream brings the new screen; a browser without script is sent back to the page."""
    if request.headers.get("hx-request"):
        return Response(status_code=204)
    return RedirectResponse("/", status_code=303)


def _last_id(request: Request) -> int:
    """After which change to go on: what the page saw last, or what it was drawn from."""
    for text in (request.headers.get("last-event-id", ""), request.query_params.get("after", "")):
        if text.isascii() and text.isdigit() and len(text) <= 18:
            return int(text)
    return 0


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


@cache
def _static_bytes(name: str) -> bytes:
    return (files("tessera.panel") / "static" / name).read_bytes()
