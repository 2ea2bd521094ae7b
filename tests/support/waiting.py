"""Waiting for a condition, the only place where a test may sleep."""

import time
from collections.abc import Callable
from typing import TypeVar

Seen = TypeVar("Seen")

STEP_S = 0.01


def wait_until(condition: Callable[[], Seen], *, what: str, timeout_s: float = 10.0) -> Seen:
    """Give what `condition` returns once that is true; fail, saying `what`, when it never is."""
    deadline = time.monotonic() + timeout_s
    while True:
        seen = condition()
        if seen:
            return seen
        if time.monotonic() > deadline:
            raise AssertionError(f"waited {timeout_s} s in vain: {what}; last seen: {seen!r}")
        time.sleep(STEP_S)
