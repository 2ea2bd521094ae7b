"""How far the register's clock can be believed.

Owns: the comparison of the wall clock with central's last word, carried on by the monotonic clock,
so that a jump to 2036 is seen whenever it happens. Must never: read a clock, or correct a time; a
doubtful one is recorded as it is and flagged.
"""

DOUBT_MS = 86_400_000


class ClockTrust:
    """What is known of the right time. All times in milliseconds."""

    def __init__(self, *, wall_ms: int, mono_ms: int) -> None:
        self._start_offset = wall_ms - mono_ms
        self._floor_ms = 0
        self._central_offset: int | None = None

    def remember(self, central_ms: int) -> None:
        """Central's time as it was before this process began: no time can lie before it."""
        self._floor_ms = max(self._floor_ms, central_ms)

    def hear(self, central_ms: int, *, mono_ms: int) -> None:
        """Central said its time just now; what is not above an earlier word is old and ignored."""
        if central_ms > self._floor_ms:
            self._floor_ms = central_ms
            self._central_offset = central_ms - mono_ms

    def off_ms(self, *, wall_ms: int, mono_ms: int) -> int:
        """By how much the wall clock is wrong; 0 where nothing speaks against it."""
        if self._central_offset is not None:
            return wall_ms - (self._central_offset + mono_ms)
        if wall_ms < self._floor_ms:
            return wall_ms - self._floor_ms
        return (wall_ms - mono_ms) - self._start_offset

    def is_doubtful(self, *, wall_ms: int, mono_ms: int, at_ms: int | None = None) -> bool:
        """Whether the clock, or the time of a sale, is off by more than a day."""
        off = self.off_ms(wall_ms=wall_ms, mono_ms=mono_ms)
        if abs(off) > DOUBT_MS:
            return True
        return at_ms is not None and abs(at_ms - (wall_ms - off)) > DOUBT_MS
