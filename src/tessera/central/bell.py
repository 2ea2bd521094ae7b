"""Tells requests that wait for news that there are some.

Owns: the way from the worker's thread into the event loop. Must never: keep a request waiting while
the server stops.
"""

import asyncio


class Bell:
    """Wakes the polls that wait for something new; rung from the worker's thread."""

    def __init__(self) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None
        self._rung = asyncio.Event()
        self.is_closing = False

    def bind(self) -> None:
        """Belong to the running event loop."""
        self._loop = asyncio.get_running_loop()

    def ring(self) -> None:
        """Wake everyone who waits."""
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._wake)

    def close(self) -> None:
        """Wake everyone and let nobody wait again: the server is stopping."""
        self.is_closing = True
        self.ring()

    def _wake(self) -> None:
        self._rung.set()
        self._rung = asyncio.Event()

    async def wait(self, most_s: float) -> None:
        """Wait for the next ring, no longer than `most_s`."""
        rung = self._rung
        if not self.is_closing:
            try:
                await asyncio.wait_for(rung.wait(), most_s)
            except TimeoutError:
                return
