"""Small files that only the agent's user may read: written whole, synced, or not at all.

Owns: their mode, the order of the writes, and that who reads one to write it anew does so alone.
Must never: know what is in one.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from tessera.core.errors import TesseraError


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


@contextmanager
def alone_with(path: Path) -> Iterator[None]:
    """Wait until nobody else is about to write `path`, and keep others waiting meanwhile.

    The lock is the kernel's, on an empty file beside it, and goes with the process. TesseraError
    where that file cannot be opened.
    """
    lock = path.with_name(path.name + ".lock")
    try:
        handle = os.open(lock, os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise TesseraError(
            f"{lock} cannot be opened: {error.strerror}", hint="run this as the agent's own user"
        ) from error
    try:
        _lock(handle)
        yield
    finally:
        os.close(handle)


def _lock(handle: int) -> None:
    try:
        import fcntl  # noqa: PLC0415 - Windows has no fcntl
    except ImportError:
        import msvcrt  # noqa: PLC0415 - only Windows has msvcrt

        msvcrt.locking(handle, msvcrt.LK_LOCK, 1)  # type: ignore[attr-defined]
        return
    fcntl.flock(handle, fcntl.LOCK_EX)


def sync_folder(folder: Path) -> None:
    """Make renames in a folder durable, where folders can be synced."""
    if os.name != "posix":
        return
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
