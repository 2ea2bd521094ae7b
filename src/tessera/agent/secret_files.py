"""Small files that only the agent's user may read: written whole, synced, or not at all.

Owns: their mode and the order of the writes. Must never: know what is in one.
"""

import os
from contextlib import suppress
from pathlib import Path


def write_secret(path: Path, content: bytes) -> None:
    """Write a file of mode 0600; after a power cut it is the old one or this one."""
    part = path.with_name(path.name + ".part")
    with suppress(FileNotFoundError):
        part.unlink()
    handle = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    # A file object writes all of it or raises; on a nearly full disk a bare write may stop short.
    with os.fdopen(handle, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Make renames in a folder durable, where folders can be synced."""
    if os.name != "posix":
        return
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
