"""The local API's addresses: what each takes, gives and calls.

Owns: the table of routes (the OpenAPI document and docs/api.md are held to it), the way from HTTP
to a verb of the checkout and back, and that every error becomes problem details.
Must never: decide anything about a sale.
"""

import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route as ServedRoute
from starlette.types import Receive, Scope, Send

from tessera.agent import api_answers, api_shapes
from tessera.agent.api_answers import as_json
from tessera.agent.api_shapes import BODY_BYTES_MAX
from tessera.agent.checkout import Checkout
from tessera.agent.pairing import PairedPos, Pairings, in_the_store
from tessera.agent.problems_http import (
    MEDIA_TYPE,
    PROBLEMS,
    ApiProblem,
    RequestReader,
    problem_bytes,
)
from tessera.core.errors import TesseraError
from tessera.core.identity import is_name
from tessera.store.engine import DATABASE_ERRORS

_LOG = logging.getLogger("tessera.agent.api")
_BEARER = "Bearer "
_TOKEN_LENGTH_MAX = 200

Given = Any
"""A request of the type that the route's `takes` names; the reader has checked it."""
Answer = api_answers.Answer | bytes
Verb = Callable[[Checkout, PairedPos, str, Given], Awaitable[Answer]]


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiRoute:
    """One address. `path_id` names the id in it; `problems` are codes beside the common ones."""

    method: str
    path: str
    summary: str
    takes: type[api_shapes.Request]
    gives: type[api_answers.Answer]
    verb: Verb
    path_id: str = ""
    problems: tuple[str, ...] = ()


async def _put(till: Checkout, pos: PairedPos, sale_id: str, given: Given) -> Answer:
    return await till.put_sale(pos, sale_id, given)


async def _complete(till: Checkout, pos: PairedPos, sale_id: str, given: Given) -> Answer:
    return await till.complete(pos, sale_id, given)


async def _late(till: Checkout, pos: PairedPos, sale_id: str, given: Given) -> Answer:
    return await till.complete(pos, sale_id, given, late=True)


async def _void(till: Checkout, pos: PairedPos, sale_id: str, given: Given) -> Answer:
    return await till.void(pos, sale_id, given)


async def _suspend(till: Checkout, pos: PairedPos, sale_id: str, _: Given) -> Answer:
    return await till.suspend(pos, sale_id)


async def _resume(till: Checkout, pos: PairedPos, sale_id: str, given: Given) -> Answer:
    return await till.resume(pos, sale_id, given)


async def _cancel(till: Checkout, pos: PairedPos, sale_id: str, _: Given) -> Answer:
    return await till.cancel(pos, sale_id)


async def _return(till: Checkout, pos: PairedPos, return_id: str, given: Given) -> Answer:
    return await till.return_lines(pos, return_id, given)


async def _receipt(till: Checkout, pos: PairedPos, sale_id: str, _: Given) -> Answer:
    return till.receipt(pos, sale_id)


async def _claim(till: Checkout, pos: PairedPos, claim_id: str, given: Given) -> Answer:
    return await till.claim(pos, claim_id, given)


async def _quote(till: Checkout, pos: PairedPos, _: str, given: Given) -> Answer:
    return await till.quote(pos, given)


async def _scan(till: Checkout, pos: PairedPos, _: str, given: Given) -> Answer:
    return await till.scan(pos, given)


async def _look_up(till: Checkout, _pos: PairedPos, _: str, given: Given) -> Answer:
    return till.look_up(given)


async def _enrol(till: Checkout, pos: PairedPos, _: str, given: Given) -> Answer:
    return await till.enrol(pos, given)


async def _event(till: Checkout, pos: PairedPos, event_id: str, given: Given) -> Answer:
    return await till.occasion(pos, event_id, given)


_BASKET_PROBLEMS = ("currency_mismatch", "line_twice", "quantity_wrong")
_COMMIT_PROBLEMS = ("sale_conflict", "disk_full", "database_failing", "outcome_unknown")
_SALE = "/v1/sales/{sale_id}"

ROUTES: tuple[ApiRoute, ...] = (
    ApiRoute(
        method="PUT",
        path=_SALE,
        path_id="sale_id",
        summary="The whole basket as it stands; answers its quote. Any number of times.",
        takes=api_shapes.BasketGiven,
        gives=api_answers.QuoteAnswer,
        verb=_put,
        problems=(*_BASKET_PROBLEMS, "revision_overtaken", "sale_completed"),
    ),
    ApiRoute(
        method="POST",
        path=_SALE + "/complete",
        path_id="sale_id",
        summary="The basket again with what was paid; recorded durably before the answer.",
        takes=api_shapes.CompleteGiven,
        gives=api_answers.QuoteAnswer,
        verb=_complete,
        problems=(*_BASKET_PROBLEMS, *_COMMIT_PROBLEMS, "quote_mismatch", "lease_short"),
    ),
    ApiRoute(
        method="POST",
        path=_SALE + "/late",
        path_id="sale_id",
        summary="A sale that the POS finished without an answer: recorded as it happened.",
        takes=api_shapes.CompleteGiven,
        gives=api_answers.QuoteAnswer,
        verb=_late,
        problems=(*_BASKET_PROBLEMS, *_COMMIT_PROBLEMS),
    ),
    ApiRoute(
        method="POST",
        path=_SALE + "/void",
        path_id="sale_id",
        summary="Reverse a completed sale as a whole, once.",
        takes=api_shapes.VoidGiven,
        gives=api_answers.ReturnAnswer,
        verb=_void,
        problems=(*_COMMIT_PROBLEMS, "sale_unknown", "sale_already_returned"),
    ),
    ApiRoute(
        method="POST",
        path=_SALE + "/suspend",
        path_id="sale_id",
        summary="Park an open sale; it outlives the agent's process.",
        takes=api_shapes.Nothing,
        gives=api_answers.SaleStateAnswer,
        verb=_suspend,
        problems=("sale_unknown", "database_failing"),
    ),
    ApiRoute(
        method="POST",
        path=_SALE + "/resume",
        path_id="sale_id",
        summary="Go on with a parked sale, of another register too; answers its quote as of now.",
        takes=api_shapes.ResumeGiven,
        gives=api_answers.QuoteAnswer,
        verb=_resume,
        problems=("sale_unknown", "sale_completed", "sale_open", "resume_data_wrong"),
    ),
    ApiRoute(
        method="POST",
        path=_SALE + "/cancel",
        path_id="sale_id",
        summary="Stop a sale before completion; nothing is recorded.",
        takes=api_shapes.Nothing,
        gives=api_answers.SaleStateAnswer,
        verb=_cancel,
    ),
    ApiRoute(
        method="POST",
        path="/v1/returns/{return_id}",
        path_id="return_id",
        summary="Take goods back, with or without a receipt; answers what is refunded.",
        takes=api_shapes.ReturnGiven,
        gives=api_answers.ReturnAnswer,
        verb=_return,
        problems=(
            *_COMMIT_PROBLEMS,
            "sale_unknown",
            "quantity_wrong",
            "receipt_needed",
            "line_twice",
            "currency_mismatch",
        ),
    ),
    ApiRoute(
        method="POST",
        path=_SALE + "/receipt",
        path_id="sale_id",
        summary="A recorded sale as its receipt may carry it, for a return at another register.",
        takes=api_shapes.Nothing,
        gives=api_answers.ReceiptAnswer,
        verb=_receipt,
        problems=("sale_unknown",),
    ),
    ApiRoute(
        method="POST",
        path="/v1/claims/{claim_id}",
        path_id="claim_id",
        summary="A forgotten card: earn on a past sale by its receipt's code, once.",
        takes=api_shapes.ClaimGiven,
        gives=api_answers.ClaimAnswer,
        verb=_claim,
        problems=(
            *_COMMIT_PROBLEMS,
            "sale_unknown",
            "member_unknown",
            "claim_refused",
            "claimed_already",
        ),
    ),
    ApiRoute(
        method="POST",
        path="/v1/quote",
        summary="A basket in, a quote out; nothing is kept.",
        takes=api_shapes.BasketGiven,
        gives=api_answers.QuoteAnswer,
        verb=_quote,
        problems=_BASKET_PROBLEMS,
    ),
    ApiRoute(
        method="POST",
        path="/v1/scans",
        summary="A code from a scanner that the POS owns; answers what it is.",
        takes=api_shapes.ScanGiven,
        gives=api_answers.ScanAnswer,
        verb=_scan,
    ),
    ApiRoute(
        method="POST",
        path="/v1/members/lookup",
        summary="Recognise a member by card or by phone.",
        takes=api_shapes.LookupGiven,
        gives=api_answers.LookupAnswer,
        verb=_look_up,
    ),
    ApiRoute(
        method="POST",
        path="/v1/members",
        summary="Enrol a customer as a member, or replace a member's card; offline too.",
        takes=api_shapes.EnrolGiven,
        gives=api_answers.EnrolAnswer,
        verb=_enrol,
        problems=(*_COMMIT_PROBLEMS, "enrolment_refused", "member_unknown"),
    ),
    ApiRoute(
        method="POST",
        path="/v1/events/{event_id}",
        path_id="event_id",
        summary="Something that is no purchase: a visit, a review; it may earn.",
        takes=api_shapes.EventGiven,
        gives=api_answers.EventAnswer,
        verb=_event,
        problems=_COMMIT_PROBLEMS,
    ),
)


def api_routes(checkout: Checkout, pairings: Pairings) -> list[ServedRoute]:
    """The routes of the table, as Starlette serves them."""
    return [
        ServedRoute(
            route.path.replace("_id}", "_id:path}"),
            _Endpoint(route, checkout, pairings),
            methods=[route.method],
        )
        # Longer paths first: a sale's id may hold a slash and would swallow "/complete".
        for route in sorted(ROUTES, key=lambda route: -len(route.path))
    ]


class _Endpoint:
    """One route as an ASGI application: reads, asks, answers."""

    def __init__(self, route: ApiRoute, checkout: Checkout, pairings: Pairings) -> None:
        self._route = route
        self._checkout = checkout
        self._pairings = pairings
        self._reader = RequestReader.of(route.takes)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        response = await answered(self._answer, request)
        await response(scope, receive, send)

    async def _answer(self, request: Request) -> Response:
        identity = self._checkout.state.identity
        pos = in_the_store(
            paired(request, self._pairings), identity.register if identity is not None else ""
        )
        path_id = _path_id(request, self._route)
        body = await read_body(request)
        answer = await self._route.verb(self._checkout, pos, path_id, self._reader.read(body))
        content = answer if isinstance(answer, bytes) else as_json(answer)
        return Response(content, media_type="application/json")


def paired(request: Request, pairings: Pairings) -> PairedPos:
    """The POS whose token the request carries; ApiProblem otherwise."""
    header = request.headers.get("authorization", "")
    token = header[len(_BEARER) :] if header.startswith(_BEARER) else ""
    pos = pairings.find(token) if 0 < len(token) <= _TOKEN_LENGTH_MAX else None
    if pos is None:
        raise ApiProblem(
            "token_wrong",
            "the pairing token is missing or not known" if token else "no pairing token was sent",
            hint="send Authorization: Bearer TOKEN; tessera agent pair --pos NAME makes a token",
        )
    return pos


def _path_id(request: Request, route: ApiRoute) -> str:
    if not route.path_id:
        return ""
    text: str = request.path_params[route.path_id]
    if not is_name(text):
        raise ApiProblem(
            "field_wrong",
            f"{route.path_id} must be 1 to 64 letters, digits, . _ : / -",
            field=route.path_id,
            hint="number sales with what your POS prints on the receipt",
        )
    return text


async def read_body(request: Request) -> bytes:
    """The body, as far as it is allowed to be long; ApiProblem for what is not JSON or too long."""
    content_type = request.headers.get("content-type", "")
    if content_type and content_type.partition(";")[0].strip().lower() != "application/json":
        raise ApiProblem(
            "media_type_wrong",
            f"the body is declared as {content_type[:60]!r}",
            hint="send Content-Type: application/json",
        )
    pieces: list[bytes] = []
    size = 0
    async for piece in request.stream():
        size += len(piece)
        if size > BODY_BYTES_MAX:
            raise ApiProblem(
                "body_too_large",
                f"the body is larger than {BODY_BYTES_MAX // 1024} KiB",
                hint="send at most 1000 lines",
            )
        pieces.append(piece)
    return b"".join(pieces)


async def answered(answer: Callable[[Request], Awaitable[Response]], request: Request) -> Response:
    """The response, or the problem that became of it; nothing else leaves the API."""
    try:
        return await answer(request)
    except ApiProblem as problem:
        found = problem
    except TesseraError as error:
        _LOG.error("a request failed: %s", error.message, extra={"code": error.code})
        code = error.code if error.code in PROBLEMS else "not_possible"
        found = ApiProblem(code, error.message, hint=error.hint)
    except DATABASE_ERRORS as error:
        _LOG.error("the database failed: %s", error)
        found = ApiProblem(
            "database_failing",
            "the register's database does not answer",
            hint="go on without benefits and report the sale late; tessera doctor tells more",
        )
    except Exception:  # noqa: BLE001 - the last door of the API
        # The last door: our own bug. The POS goes on without us, the log says what to mend.
        _LOG.exception("a request met a bug", extra={"path": request.scope["path"]})
        found = ApiProblem(
            "internal_error",
            "the agent met a bug of its own",
            hint="go on without benefits; the agent's log has the details",
        )
    return problem_response(found)


def problem_response(problem: ApiProblem) -> Response:
    """A problem as HTTP."""
    headers = {"WWW-Authenticate": "Bearer"} if problem.code == "token_wrong" else {}
    return Response(
        problem_bytes(problem), status_code=problem.status, media_type=MEDIA_TYPE, headers=headers
    )
