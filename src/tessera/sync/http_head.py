"""Bounds on the head of an HTTP request, which the servers of agent and central both keep.

Owns: how much of a request is read, and for how long, before it says what it is. Bodies are bounded
by whoever reads them. Must never: look at what a request wants.
"""

import asyncio

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

HEAD_BYTES_MAX = 65_536
"""Most bytes of a request's first line and headers, and of what may follow its body."""
HEAD_S_MAX = 30.0
"""Longest time from a connection, or a request's first byte, to the end of its headers. Waiting for
another request on a connection that has had one is bounded by the server's keep-alive alone."""


class BoundedHeads(HttpToolsProtocol):
    """Ends a connection that sends more of a head, or takes longer; the parser alone would wait."""

    seconds_max = HEAD_S_MAX
    _waiting_bytes = 0
    _deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Wait for the first request."""
        super().connection_made(transport)
        self._begin_waiting()

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait for nothing more."""
        self._arrived()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Read on, and end the connection where nothing has come of too many bytes."""
        self._waiting_bytes += len(data)
        super().data_received(data)
        if self._waiting_bytes > HEAD_BYTES_MAX and not self.transport.is_closing():
            self.send_400_response(f"The head of the request is over {HEAD_BYTES_MAX} bytes.")
        if self._waiting_bytes and self._deadline is None:
            self._begin_waiting()

    def on_headers_complete(self) -> None:
        """Begin to count anew: the head has been read."""
        self._arrived()
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """Begin to count anew: this part of the body goes to its reader."""
        self._arrived()
        super().on_body(body)

    def on_message_complete(self) -> None:
        """Begin to count anew: the next request may follow."""
        self._arrived()
        super().on_message_complete()

    def _begin_waiting(self) -> None:
        self._deadline = self.loop.call_later(self.seconds_max, self.transport.close)

    def _arrived(self) -> None:
        self._waiting_bytes = 0
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None
