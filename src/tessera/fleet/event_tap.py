"""Listens to an agent's event stream and keeps what it heard, with the moment of each event.

Owns: one connection to `GET /v1/events`, read by a thread. Must never: reconnect by itself; a test
or the demo says when.
"""

import contextlib
import http.client
import json
import threading
import time
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

from tessera.fleet.shop import wait_until


@dataclass(frozen=True, slots=True)
class Heard:
    """One event as it arrived; `at_s` is this process's monotonic clock."""

    event_id: str
    content: dict[str, Any]
    at_s: float


class EventTap:
    """A context in which every event of the agent is heard."""

    def __init__(self, port: int, token: str) -> None:
        self.heard: list[Heard] = []
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        self._headers = {"Authorization": f"Bearer {token}", "Accept": "text/event-stream"}
        self._thread = threading.Thread(target=self._listen, name="events", daemon=True)

    def __enter__(self) -> Self:
        self._connection.request("GET", "/v1/events", headers=self._headers)
        self._response = self._connection.getresponse()
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._connection.sock is not None:
            with contextlib.suppress(OSError):
                self._connection.sock.shutdown(2)
        self._thread.join(5)
        self._connection.close()

    def wait_for(self, kind: str, *, seconds: float = 10.0, after: int = 0) -> Heard:
        """The first event of a kind from place `after` on, waiting for it if need be."""

        def found() -> list[Heard]:
            return [one for one in self.heard[after:] if one.content.get("type") == kind]

        wait_until(lambda: bool(found()), seconds=seconds, what=f"an event of type {kind}")
        return found()[0]

    def _listen(self) -> None:
        event_id = ""
        with contextlib.suppress(OSError, http.client.HTTPException, ValueError, AttributeError):
            for line in self._response:
                name, _, value = line.decode().rstrip("\r\n").partition(": ")
                if name == "id":
                    event_id = value
                elif name == "data":
                    self.heard.append(Heard(event_id, json.loads(value), time.monotonic()))
