"""A place for folders that only a test run needs: in memory where there is room for them."""

import os
import shutil

MEMORY = "/dev/shm"


def in_memory(*, room_mb: int = 64) -> str | None:
    """Where folders are in memory; None, for the usual place, where there is less than `room_mb`.

    A container often has 64 MB of it.
    """
    if not os.access(MEMORY, os.W_OK):
        return None
    return MEMORY if shutil.disk_usage(MEMORY).free >= room_mb * 1024 * 1024 else None
