"""Whose turn it is to write: acceptance goes before booking, where both share one writer.

A till waits for the answer to its batch, nobody waits for a round of booking. Without this the
worker, which begins its next transaction in the moment in which it ends one, nearly always gets the
writer again before a request that has waited all the time. A till with a backlog sends its next
batch as soon as it has the answer to the last, so that one is waited for, too.
Owns: who waits. Must never: keep booking waiting for longer than it was told to.
"""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

NEXT_BATCH_S = 0.5
"""How soon a till that has more to send is back; later it is not waited for."""


class Turns:
    """Counts the requests that want to write; the worker lets them go first between its rounds.

    `clock` gives seconds that never go back.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._changed = threading.Condition()
        self._wanted = 0
        self._expected_until_s = clock()

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

    def expect_more(self) -> None:
        """A till with a backlog was just answered: its next batch is on the way."""
        with self._changed:
            self._expected_until_s = self._clock() + NEXT_BATCH_S

    def give_way(self, most_s: float, *, to_expected: bool = False) -> bool:
        """Wait until no request wants to write, `most_s` at most; whether none does.

        `to_expected`: also while a till's next batch is expected.
        """
        end_s = self._clock() + most_s
        with self._changed:
            while True:
                until_s = self._expected_until_s if to_expected else 0.0
                now_s = self._clock()
                if not self._wanted and now_s >= until_s:
                    return True
                if now_s >= end_s:
                    return not self._wanted
                wait_s = end_s - now_s
                if not self._wanted:
                    wait_s = min(wait_s, until_s - now_s)
                self._changed.wait(wait_s)
