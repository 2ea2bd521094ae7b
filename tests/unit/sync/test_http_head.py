"""Heads that do not come to their end in time, on a real server and real sockets."""

import asyncio
import socket
from collections.abc import Awaitable, Callable

import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from tessera.sync.http_head import BoundedHeads

HALF = b"GET / HTTP/1.1\r\nHost: till\r\n"
WHOLE = HALF + b"\r\n"
WAIT_S_MAX = 30
Talk = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


class Impatient(BoundedHeads):
    """As served, waiting a fifth of a second."""

    seconds_max = 0.2


async def fine(_request: Request) -> PlainTextResponse:
    return PlainTextResponse("fine")


async def talked(talk: Talk) -> None:
    """Serve, and let `talk` have a connection."""
    app = Starlette(routes=[Route("/", fine)])
    server = uvicorn.Server(uvicorn.Config(app, http=Impatient, log_config=None, lifespan="off"))
    with socket.create_server(("127.0.0.1", 0)) as listener:
        serving = asyncio.create_task(server.serve([listener]))
        reader, writer = await asyncio.open_connection(*listener.getsockname())
        try:
            async with asyncio.timeout(WAIT_S_MAX):
                await talk(reader, writer)
        finally:
            writer.close()
            server.should_exit = True
            await serving


async def answer(reader: asyncio.StreamReader) -> bytes:
    head = await reader.readuntil(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200")
    return await reader.readexactly(4)


@pytest.mark.parametrize("sent", [b"", HALF], ids=["nothing", "half a head"])
def test_a_connection_on_which_no_request_arrives_is_ended(sent: bytes) -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(sent)
        assert await reader.read() == b""

    asyncio.run(talked(talk))


def test_so_is_one_whose_next_request_stays_half() -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(WHOLE)
        assert await answer(reader) == b"fine"
        writer.write(HALF)
        assert await reader.read() == b""

    asyncio.run(talked(talk))


def test_one_that_is_kept_for_the_next_request_stays_open_longer() -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for _ in range(2):
            writer.write(WHOLE)
            assert await answer(reader) == b"fine"
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(reader.read(1), 2 * Impatient.seconds_max)

    asyncio.run(talked(talk))
