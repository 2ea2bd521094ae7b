"""The limit on the size of a process's files (RLIMIT_FSIZE): it stops a till as a full disk does.

Owns: how far the till's files may still grow. Must never: change the limit.

A write beyond the limit fails with EFBIG, which SQLite reports as an error of the disk rather than
as a full one; Python ignores the signal (SIGXFSZ) that would end the process.
"""

import sys
from contextlib import suppress
from pathlib import Path

if sys.platform != "win32":  # which has no such limit
    import resource

NEAR_BYTES = 65_536
"""A file this close to the limit has reached it: a commit of some pages does not fit any more."""


GROWING = ("till.db", "till.db-wal", "till.salvage")
"""What grows with each sale."""


def file_room(folder: Path) -> int | None:
    """How many bytes the largest of a till's files may still grow; None without a limit."""
    if sys.platform == "win32":
        return None
    limit, _ = resource.getrlimit(resource.RLIMIT_FSIZE)
    if limit == resource.RLIM_INFINITY:
        return None
    largest = 0
    for name in GROWING:
        with suppress(OSError):
            largest = max(largest, (folder / name).stat().st_size)
    return max(0, limit - largest)


def is_at_limit(folder: Path) -> bool:
    """Whether one of a till's files has come as far as the limit lets it."""
    room = file_room(folder)
    return room is not None and room < NEAR_BYTES
