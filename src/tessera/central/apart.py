"""Runs what has nothing to do with each other so that what fails holds up nothing else.

Owns: that a step which fails is told with what to do, and when it is tried again: after a pause
that doubles, so that neither the log nor the processor drowns in it. Must never: keep going where
the database is away, since then every step would fail alike.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import TypeVar

from tessera.central.desk import GenerationBegan
from tessera.central.log import LOGGER
from tessera.store.engine import AWAY_ERRORS

Done = TypeVar("Done")
Key = TypeVar("Key", bound=tuple[int, str])

NOT_ITS_FAULT: tuple[type[Exception], ...] = (*AWAY_ERRORS, GenerationBegan)
"""What says nothing about the step, or the record, that met it."""
PAUSE_MS_FIRST = 1_000
PAUSE_MS_MAX = 600_000
NOTED_MAX = 10_000
"""Most failing steps that are remembered; beyond these, the oldest is tried again at once."""
DO = "everything else goes on; if this does not end by itself, report it with its trace"


class Apart:
    """Steps that are tried apart, by what they do and what it is done to."""

    def __init__(self, now_ms: Callable[[], int]) -> None:
        self._now_ms = now_ms
        self._failed: dict[tuple[str, str], tuple[int, int]] = {}
        """When a step failed last, and for how long it waits since."""

    def attempt(
        self, what: str, step: Callable[[], Done], *, about: str = "", otherwise: Done
    ) -> Done:
        """What a step gives; `otherwise` when it fails, or waits since it did."""
        if self._waits(what, about):
            return otherwise
        try:
            done = step()
        except NOT_ITS_FAULT:
            raise
        except Exception as error:  # noqa: BLE001 - nothing else may wait for it
            self._note(what, about, error)
            return otherwise
        self._failed.pop((what, about), None)
        return done

    def each(self, what: str, keys: Sequence[Key], step: Callable[[Sequence[Key]], object]) -> int:
        """Take a step for all members of these keys at once, or, if that fails, for each alone.

        For how many it was taken.
        """
        ready = [key for key in keys if not self._waits(what, key[1])]
        if len(ready) > 1:
            try:
                step(ready)
            except NOT_ITS_FAULT:
                raise
            except Exception as error:  # noqa: BLE001 - each alone says whose fault it is
                LOGGER.warning("%s failed, going on one by one: %s", what, type(error).__name__)
            else:
                return len(ready)
        done = 0
        for key in ready:
            alone = partial(_is_done, step, key)
            done += self.attempt(what, alone, about=key[1], otherwise=0)
        return done

    def _waits(self, what: str, about: str) -> bool:
        at_ms, pause_ms = self._failed.get((what, about), (0, 0))
        # A clock that is put back must not keep anything waiting.
        return 0 <= self._now_ms() - at_ms < pause_ms

    def _note(self, what: str, about: str, error: Exception) -> None:
        _, before_ms = self._failed.pop((what, about), (0, 0))
        pause_ms = min(PAUSE_MS_MAX, 2 * before_ms or PAUSE_MS_FIRST)
        if len(self._failed) >= NOTED_MAX:
            del self._failed[next(iter(self._failed))]
        self._failed[what, about] = (self._now_ms(), pause_ms)
        fields = {"about": about, "again_in_s": pause_ms // 1000, "do": DO}
        LOGGER.error("%s failed", what, exc_info=error, extra={"fields": fields})


def _is_done(step: Callable[[Sequence[Key]], object], key: Key) -> int:
    step([key])
    return 1
