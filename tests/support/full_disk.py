"""A disk that is full when a test says so: a small one of its own, or a limit on the process.

Mounting a small disk needs rights that a continuous integration may not give; a limit on the size
of the process's files then stands for it.
"""

import contextlib
import resource
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

SIZE_MB = 6


class Disk(Protocol):
    """A disk that can be filled around a running process, and freed again."""

    def fill(self, pid: int) -> None: ...

    def free(self, pid: int) -> None: ...


class SmallDisk:
    """A disk of a few megabytes, filled with ballast to the last byte."""

    def __init__(self, folder: Path) -> None:
        self._ballast = folder / "ballast"

    def fill(self, pid: int) -> None:
        with self._ballast.open("ab", buffering=0) as ballast, contextlib.suppress(OSError):
            while True:
                ballast.write(bytes(4096))

    def free(self, pid: int) -> None:
        self._ballast.unlink()


class LimitedFiles:
    """No file of the process may grow beyond the largest that is there."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def fill(self, pid: int) -> None:
        largest = max(path.stat().st_size for path in self._folder.rglob("till.db*"))
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (largest, resource.RLIM_INFINITY))

    def free(self, pid: int) -> None:
        unlimited = (resource.RLIM_INFINITY, resource.RLIM_INFINITY)
        resource.prlimit(pid, resource.RLIMIT_FSIZE, unlimited)


@contextlib.contextmanager
def disk_at(folder: Path) -> Iterator[Disk]:
    """A disk at `folder`, which must be empty."""
    mount = ["mount", "-t", "tmpfs", "-o", f"size={SIZE_MB}m", "tessera-test", str(folder)]
    mounted = False
    with contextlib.suppress(FileNotFoundError):
        done = subprocess.run(mount, stderr=subprocess.DEVNULL, check=False)
        mounted = done.returncode == 0
    if not mounted:
        yield LimitedFiles(folder)
        return
    try:
        yield SmallDisk(folder)
    finally:
        subprocess.run(["umount", str(folder)], check=True)
