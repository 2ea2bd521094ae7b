"""A bound on the head of an HTTP request, which the servers of agent and central both keep.

Owns: how much of a request is read before it says what it is. Bodies are bounded by whoever reads
them. Must never: look at what a request wants.
"""

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

HEAD_BYTES_MAX = 65_536
"""Most bytes of a request's first line and headers, and of what may follow its body."""


class BoundedHeads(HttpToolsProtocol):
    """Ends a connection that sends more of a head; the parser alone would keep all of it."""

    _waiting_bytes = 0

    def data_received(self, data: bytes) -> None:
        """Read on, and end the connection where nothing has come of too many bytes."""
        self._waiting_bytes += len(data)
        super().data_received(data)
        if self._waiting_bytes > HEAD_BYTES_MAX and not self.transport.is_closing():
            self.send_400_response(f"The head of the request is over {HEAD_BYTES_MAX} bytes.")

    def on_headers_complete(self) -> None:
        """Begin to count anew: the head has been read."""
        self._waiting_bytes = 0
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """Begin to count anew: this part of the body goes to its reader."""
        self._waiting_bytes = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        """Begin to count anew: the next request may follow."""
        self._waiting_bytes = 0
        super().on_message_complete()
