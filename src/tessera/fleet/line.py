"""A line between till and central that can be cut, and that loses and repeats messages on purpose.

Owns: a loopback proxy for whole HTTP/1.1 exchanges, used by the demo and the fault tests.
Must never: change a message, or hide which fault it made; each is counted.
"""

import asyncio
import contextlib
from collections import Counter
from collections.abc import Callable
from enum import StrEnum
from types import TracebackType
from typing import Self

HEADER_BYTES_MAX = 65_536
BODY_BYTES_MAX = 33_554_432
_TURNS = 10
"""Turns of the loop in which what was accepted a moment ago is sure to reach `_serve`."""


class Fault(StrEnum):
    """What happens to one exchange."""

    NONE = "none"
    DROP_REQUEST = "drop-request"
    DROP_REPLY = "drop-reply"
    REPEAT = "repeat"


class Line:
    """Listens on a loopback port and carries each exchange to `upstream`, or makes it fail.

    `choose` names the fault of the next exchange; the caller brings the chance, so that a seed
    replays. After `cut()` nothing gets through until `mend()`; the port stays the same.
    """

    def __init__(
        self, upstream: tuple[str, int], *, choose: Callable[[], Fault] = lambda: Fault.NONE
    ) -> None:
        self.upstream = upstream
        self.counts: Counter[Fault] = Counter()
        self.port = 0
        self.choose = choose
        self._server: asyncio.Server | None = None
        self._open: set[asyncio.StreamWriter] = set()
        self._serving: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        await self.mend()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.cut()

    async def mend(self) -> None:
        """Listen (again), on the same port as before."""
        if self._server is None:
            self._server = await asyncio.start_server(
                self._serve, "127.0.0.1", self.port, limit=HEADER_BYTES_MAX
            )
            self.port = self._server.sockets[0].getsockname()[1]

    async def cut(self) -> None:
        """Refuse new connections and drop the open ones in the middle of whatever they carry."""
        server, self._server = self._server, None
        if server is None:
            return
        # asyncio forgets, open, what it is just accepting when its server closes: stop accepting
        # first, and let what was accepted arrive.
        for listening in server.sockets:
            asyncio.get_running_loop().remove_reader(listening.fileno())
        await _turns()
        server.close()
        for writer in list(self._open):
            writer.transport.abort()
        # One that is just connecting to the other end has nothing to abort yet.
        serving = list(self._serving)
        for task in serving:
            task.cancel()
        await asyncio.gather(*serving, return_exceptions=True)
        await server.wait_closed()
        await _turns()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._server is None:
            writer.transport.abort()
            return
        self._open.add(writer)
        task = asyncio.current_task()
        assert task is not None
        self._serving.add(task)
        try:
            # Either end may go away in the middle, or a cut may end it: what this line is for.
            with contextlib.suppress(OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
                if request := await _read_request(reader):
                    await self._exchange(request, writer)
        finally:
            self._serving.discard(task)
            self._open.discard(writer)
            writer.close()

    async def _exchange(self, request: bytes, writer: asyncio.StreamWriter) -> None:
        """Carry one request; central is asked to close, so the reply ends with the connection."""
        fault = self.choose()
        self.counts[fault] += 1
        if fault is Fault.DROP_REQUEST:
            return
        reply = await self._carry(request)
        if fault is Fault.REPEAT:
            reply = await self._carry(request)
        if fault is Fault.DROP_REPLY:
            return
        writer.write(reply)
        await writer.drain()

    async def _carry(self, request: bytes) -> bytes:
        reader, writer = await asyncio.open_connection(*self.upstream)
        self._open.add(writer)
        try:
            writer.write(request)
            await writer.drain()
            return await reader.read(-1)
        finally:
            self._open.discard(writer)
            writer.close()


async def _turns() -> None:
    for _ in range(_TURNS):
        await asyncio.sleep(0)


async def _read_request(reader: asyncio.StreamReader) -> bytes:
    """One whole request, asking for the connection to be closed after the reply; b"" at the end."""
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError as error:
        if error.partial:
            raise
        return b""
    lines = head[:-4].split(b"\r\n")
    length = 0
    kept = [lines[0]]
    for line in lines[1:]:
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            length = min(int(value), BODY_BYTES_MAX)
        if name.lower() not in (b"connection", b"keep-alive"):
            kept.append(line)
    body = await reader.readexactly(length) if length else b""
    return b"\r\n".join([*kept, b"Connection: close", b"", b""]) + body
