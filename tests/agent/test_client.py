import asyncio
import gzip
from collections.abc import Awaitable, Callable, Iterator
from typing import TypeVar

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from tessera.sync.client import HttpCentral, Signer
from tessera.sync.feed_wire import FeedPage
from tessera.sync.link import (
    CentralBroken,
    CentralBusy,
    CentralConfused,
    CentralRefused,
    CentralUnreachable,
)
from tessera.sync.records import encoded
from tessera.sync.signing import REQUEST_HEADER, SigningKey, read_request_header
from tessera.sync.wire import BUNDLE_BYTES_MAX, Heartbeat
from tests.support.small_central import Dropped, Serving, refusal

T = TypeVar("T")
SIGNER = Signer(register="till-1", incarnation="00000000000000a1", key=SigningKey(bytes(32)))
BEAT = Heartbeat(register="till-1", incarnation="00000000000000a1")


class Answering:
    """Answers every request with what the test put here, and remembers the headers."""

    def __init__(self) -> None:
        self.response: Callable[[], Response] = Response
        self.headers: list[str] = []

    async def serve(self, request: Request) -> Response:
        self.headers.append(request.headers.get(REQUEST_HEADER, ""))
        return self.response()

    def app(self) -> Starlette:
        return Starlette(routes=[Route("/{rest:path}", self.serve, methods=["GET", "POST"])])


@pytest.fixture
def answering() -> Answering:
    return Answering()


@pytest.fixture
def url(answering: Answering) -> Iterator[str]:
    with Serving(answering.app()) as serving:
        yield serving.url


def ask(url: str, call: Callable[[HttpCentral], Awaitable[T]]) -> T:
    serial = iter(range(100))

    async def once() -> T:
        link = HttpCentral(
            url,
            signer=SIGNER,
            wall_ms=lambda: 1,
            random=lambda size: next(serial).to_bytes(size, "big"),
        )
        try:
            return await call(link)
        finally:
            await link.close()

    return asyncio.run(once())


async def beat(link: HttpCentral) -> None:
    await link.heartbeat(BEAT)


async def page(link: HttpCentral) -> FeedPage:
    return await link.feed("store:shop", generation="g", after=0, limit=1, wait_s=0)


async def bundle(link: HttpCentral) -> bytes:
    return await link.bundle("0" * 64, size=BUNDLE_BYTES_MAX)


def test_a_refusal_keeps_its_code_and_status(url: str, answering: Answering) -> None:
    answering.response = lambda: refusal(403, "register_revoked")
    with pytest.raises(CentralRefused) as told:
        ask(url, beat)
    assert (told.value.code, told.value.status) == ("register_revoked", 403)


@pytest.mark.parametrize("status", [429, 503])
def test_a_busy_central_names_its_time(url: str, answering: Answering, status: int) -> None:
    answering.response = lambda: Response(b"", status, {"Retry-After": "17"})
    with pytest.raises(CentralBusy) as told:
        ask(url, beat)
    assert told.value.retry_after_s == 17


def test_a_time_beyond_reason_is_cut_to_an_hour(url: str, answering: Answering) -> None:
    answering.response = lambda: Response(b"", 503, {"Retry-After": "99999999"})
    with pytest.raises(CentralBusy) as told:
        ask(url, beat)
    assert told.value.retry_after_s == 3600


def test_a_failure_inside_is_told_from_a_refusal(url: str, answering: Answering) -> None:
    answering.response = lambda: Response(b"<html>oops", 500)
    with pytest.raises(CentralBroken):
        ask(url, beat)


@pytest.mark.parametrize("body", [b"", b"null", b"[1]", b"<html>", b'{"head":-1}', b"[" * 9000])
def test_an_answer_that_does_not_read_is_confusion(
    url: str, answering: Answering, body: bytes
) -> None:
    answering.response = lambda: Response(body)
    with pytest.raises(CentralConfused):
        ask(url, page)


def test_an_answer_without_end_is_cut_off(url: str, answering: Answering) -> None:
    answering.response = lambda: Response(bytes(1_048_577))
    with pytest.raises(CentralConfused, match="longer than"):
        ask(url, beat)


def test_a_packed_answer_that_unpacks_without_end_is_cut_off(
    url: str, answering: Answering
) -> None:
    packed = gzip.compress(bytes(20_000_000))
    answering.response = lambda: Response(packed, headers={"Content-Encoding": "gzip"})
    with pytest.raises(CentralConfused, match="longer than"):
        ask(url, bundle)


def test_an_answer_that_does_not_unpack_is_no_crash(url: str, answering: Answering) -> None:
    answering.response = lambda: Response(b"no gzip", headers={"Content-Encoding": "gzip"})
    with pytest.raises(CentralUnreachable):
        ask(url, bundle)


def test_a_redirect_is_not_followed(url: str, answering: Answering) -> None:
    answering.response = lambda: RedirectResponse("http://127.0.0.1:1/elsewhere")
    with pytest.raises(CentralRefused):
        ask(url, beat)


def test_a_line_that_breaks_is_unreachable(url: str, answering: Answering) -> None:
    answering.response = Dropped
    with pytest.raises(CentralUnreachable):
        ask(url, beat)


def test_nobody_at_the_address_is_unreachable() -> None:
    with pytest.raises(CentralUnreachable):
        ask("http://127.0.0.1:9", beat)


def test_every_attempt_is_signed_with_a_nonce_of_its_own(url: str, answering: Answering) -> None:
    empty = FeedPage(generation="g", audience="store:shop", head=0, central_ms=1)
    answering.response = lambda: Response(encoded(empty))

    async def twice(link: HttpCentral) -> None:
        for _ in range(2):
            await page(link)

    ask(url, twice)
    first, second = (read_request_header(header) for header in answering.headers)
    assert first is not None
    assert second is not None
    assert first.nonce != second.nonce
    assert (first.register, first.incarnation) == ("till-1", "00000000000000a1")
