"""The line that can be cut, against a real server behind it."""

import asyncio
import collections
import gc
import socket

import pytest

from tessera.fleet.line import Fault, Line


class Echo:
    """A tiny HTTP server that counts what it really got."""

    def __init__(self) -> None:
        self.bodies: list[bytes] = []

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        length = int(head.lower().partition(b"content-length:")[2].split(b"\r\n")[0])
        self.bodies.append(await reader.readexactly(length))
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok")
        await writer.drain()
        writer.close()


async def post(port: int, body: bytes) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(
            b"POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)
        )
        return await reader.read(-1)
    except ConnectionError:
        return b""
    finally:
        writer.close()


async def walk(faults: list[Fault]) -> tuple[list[bytes], list[bytes], collections.Counter[Fault]]:
    echo = Echo()
    server = await asyncio.start_server(echo.serve, "127.0.0.1", 0)
    chosen = iter(faults)
    async with (
        server,
        Line(server.sockets[0].getsockname()[:2], choose=lambda: next(chosen)) as line,
    ):
        replies = [await post(line.port, b"%d" % n) for n in range(len(faults))]
    return replies, echo.bodies, line.counts


def test_each_fault_does_what_its_name_says() -> None:
    replies, arrived, counts = asyncio.run(
        walk([Fault.NONE, Fault.DROP_REQUEST, Fault.DROP_REPLY, Fault.REPEAT])
    )
    assert [reply[-2:] for reply in replies] == [b"ok", b"", b"", b"ok"]
    assert arrived == [b"0", b"2", b"3", b"3"]
    assert set(counts.values()) == {1}


def test_a_cut_line_refuses_and_a_mended_one_carries_on_at_the_same_port() -> None:
    async def story() -> bytes:
        echo = Echo()
        server = await asyncio.start_server(echo.serve, "127.0.0.1", 0)
        async with server, Line(server.sockets[0].getsockname()[:2]) as line:
            port = line.port
            await line.cut()
            with pytest.raises(OSError, match=r"refused|failed"):
                await asyncio.open_connection("127.0.0.1", port)
            await line.mend()
            assert line.port == port
            return await post(port, b"again")

    assert asyncio.run(story()).endswith(b"ok")


@pytest.mark.parametrize("turns", range(16))
def test_a_cut_leaves_nothing_open_wherever_in_connecting_it_falls(
    turns: int, caplog: pytest.LogCaptureFixture
) -> None:
    """What is left open is told by the interpreter when it is collected, which fails the test."""

    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(-1)
        writer.close()

    async def story() -> bytes:
        server = await asyncio.start_server(silent, "127.0.0.1", 0)
        async with server, Line(server.sockets[0].getsockname()[:2]) as line:
            # The kernel connects them without the loop having had a turn.
            clients = [socket.create_connection(("127.0.0.1", line.port)) for _ in range(3)]
            for client in clients:
                client.sendall(b"POST /x HTTP/1.1\r\nContent-Length: 0\r\n\r\n")
            for _ in range(turns):
                await asyncio.sleep(0)
            await line.cut()
            said = b""
            for client in clients:
                with client:
                    client.settimeout(30)
                    try:
                        said += client.recv(1)
                    except ConnectionError:
                        continue
            return said

    assert asyncio.run(story()) == b""
    gc.collect()
    assert caplog.records == []
