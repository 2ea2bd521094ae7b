"""The register's clocks: the wall's, which may be wrong, and the one since boot, which is not.

Owns: the only place in the agent where a clock is read. Must never: decide what time it is; what
is doubtful about the wall clock is `checkout_time`'s.
"""

import time
from pathlib import Path
from typing import Protocol

_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


class Clock(Protocol):
    """What the agent asks of a clock."""

    def wall_ms(self) -> int:
        """UTC milliseconds since 1970, as the machine believes."""
        ...

    def mono_ms(self) -> int:
        """Milliseconds since boot; never set back."""
        ...

    def boot_id(self) -> str:
        """A name of this boot, so that two readings of `mono_ms` can be compared."""
        ...


class SystemClock:
    """The machine's own clocks."""

    __slots__ = ("_boot_id",)

    def __init__(self) -> None:
        self._boot_id = _read_boot_id()

    def wall_ms(self) -> int:
        """See `Clock`."""
        return time.time_ns() // 1_000_000

    def mono_ms(self) -> int:
        """See `Clock`."""
        return time.monotonic_ns() // 1_000_000

    def boot_id(self) -> str:
        """See `Clock`."""
        return self._boot_id


def _read_boot_id() -> str:
    """The kernel's name for this boot; elsewhere the start of the monotonic clock, to a minute."""
    if _BOOT_ID.exists():
        return _BOOT_ID.read_text(encoding="ascii").strip()
    return f"since-{(time.time_ns() - time.monotonic_ns()) // 60_000_000_000}"
