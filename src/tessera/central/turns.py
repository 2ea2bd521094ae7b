"""Whose turn it is to write: acceptance goes before booking, where both share one writer.

A till waits for the answer to its batch, nobody waits for a round of booking. Without this the
worker, which begins its next transaction in the moment in which it ends one, nearly always gets the
writer again before a request that has waited all the time.
Owns: who waits. Must never: keep booking waiting for longer than it was told to.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager


class Turns:
    """Counts the requests that want to write; the worker lets them go first between its rounds."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._wanted = 0

    @contextmanager
    def first(self) -> Iterator[None]:
        """Write inside; the worker begins nothing meanwhile."""
        with self._changed:
            self._wanted += 1
        try:
            yield
        finally:
            with self._changed:
                self._wanted -= 1
                self._changed.notify_all()

    def give_way(self, most_s: float) -> bool:
        """Wait until no request wants to write, `most_s` at most; whether none does."""
        with self._changed:
            return self._changed.wait_for(lambda: not self._wanted, most_s)
