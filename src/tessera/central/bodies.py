"""Bodies of requests and answers: bounded, typed JSON.

Owns: where reading ends. Must never: know what is in one.
"""

from typing import TypeVar

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from tessera.central import refusals
from tessera.sync.records import encoded

SMALL_BODY_MAX = 65_536
JSON_TYPE = "application/json"
T = TypeVar("T")


async def bounded_body(request: Request, most: int) -> bytes:
    """The request's body; Refused beyond `most` bytes, before more of it is read."""
    announced = request.headers.get("Content-Length", "0")
    if announced.isdecimal() and int(announced) > most:
        raise refusals.too_large(most)
    parts: list[bytes] = []
    size = 0
    async for part in request.stream():
        size += len(part)
        if size > most:
            raise refusals.too_large(most)
        parts.append(part)
    return b"".join(parts)


def read_as(raw: bytes, kind: type[T]) -> T:
    """A message from JSON; Refused when it does not read."""
    try:
        return msgspec.json.decode(raw, type=kind)
    except (msgspec.DecodeError, RecursionError) as error:
        raise refusals.unreadable(f"the body does not read: {error}"[:300]) from error


def whole_number(text: str, *, most: int) -> int:
    """A number of a query, `most` at most; Refused when it is none."""
    if not text.isdecimal() or len(text) > 19:
        raise refusals.unreadable("after, limit and wait_s are whole numbers")
    return min(int(text), most)


def json_answer(
    value: msgspec.Struct, *, status: int = 200, headers: dict[str, str] | None = None
) -> Response:
    """A message as an answer."""
    return Response(encoded(value), status_code=status, media_type=JSON_TYPE, headers=headers)
