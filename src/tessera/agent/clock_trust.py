"""How far the register's clock can be believed.

Owns: the comparison of the wall clock with central's last signed word, carried on by the monotonic
clock, so that a jump to 2036 is seen whenever it happens, and passes when it does. What central
signed last counts, not what was latest: a wrong clock of central's ends with its next answer.
Must never: read a clock, or correct a time; a doubtful one is recorded as it is and flagged.
"""

DOUBT_MS = 86_400_000
APART_MS_MAX = 400 * DOUBT_MS
"""A register is taken to have been without central for as long as this, but not longer."""


class ClockTrust:
    """What is known of the right time. All times in milliseconds."""

    def __init__(self, *, wall_ms: int, mono_ms: int) -> None:
        self._start_ms = wall_ms
        self._start_offset = wall_ms - mono_ms
        self._floor_ms = 0
        self._central_offset: int | None = None

    def remember(self, central_ms: int) -> None:
        """What central signed last before this process began: hardly a time lies before it."""
        self._floor_ms = central_ms

    def hear(self, central_ms: int, *, mono_ms: int) -> None:
        """Central signed its time just now, in the answer to a request of this very moment."""
        self._floor_ms = central_ms
        self._central_offset = central_ms - mono_ms

    def off_ms(self, *, wall_ms: int, mono_ms: int) -> int:
        """By how much the wall clock is wrong; 0 where nothing speaks against it."""
        if self._central_offset is not None:
            return wall_ms - (self._central_offset + mono_ms)
        if not self._is_possible(wall_ms):
            return wall_ms - self._floor_ms
        if not self._is_possible(self._start_ms):
            # The clock at the start was wrong, so having left it behind speaks for this one.
            return 0
        return (wall_ms - mono_ms) - self._start_offset

    def believed_ms(self, *, wall_ms: int, mono_ms: int) -> int:
        """The right time, as far as it can be known."""
        return wall_ms - self.off_ms(wall_ms=wall_ms, mono_ms=mono_ms)

    def is_doubtful(self, *, wall_ms: int, mono_ms: int, at_ms: int | None = None) -> bool:
        """Whether the clock, or the time of a sale, is off by more than a day."""
        off = self.off_ms(wall_ms=wall_ms, mono_ms=mono_ms)
        if abs(off) > DOUBT_MS:
            return True
        return at_ms is not None and abs(at_ms - (wall_ms - off)) > DOUBT_MS

    def _is_possible(self, wall_ms: int) -> bool:
        return not self._floor_ms or 0 <= wall_ms - self._floor_ms <= APART_MS_MAX
