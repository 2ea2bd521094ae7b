"""The disk reserve: bytes set aside so that sales can be recorded when the disk is full.

Owns: one preallocated file, and how full the disk is. Must never: be written to but with zeros.
"""

import os
import shutil
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

RESERVE_BYTES = 16 * 1_048_576
"""Room for some ten thousand sales."""

WARN_PERCENT = 80
STOP_CACHES_PERCENT = 95
ROOM_BYTES = 1_048_576
"""With less than this SQLite may not be able to open a database, however sound."""
_BLOCK = 1_048_576


class DiskStep(StrEnum):
    """How far the till cuts back as its disk fills."""

    FINE = "fine"
    WARN = "warn"
    STOP_CACHES = "stop_caches"
    STOP_BENEFITS = "stop_benefits"


def disk_step(used_percent: int, *, reserve_whole: bool) -> DiskStep:
    """What to cut at this fill: warn from 80 %, no caches and logs from 95 %.

    Benefits stop once the reserve had to be given free. The sale never stops.
    """
    if not reserve_whole:
        return DiskStep.STOP_BENEFITS
    if used_percent >= STOP_CACHES_PERCENT:
        return DiskStep.STOP_CACHES
    return DiskStep.WARN if used_percent >= WARN_PERCENT else DiskStep.FINE


def has_room(folder: Path) -> bool:
    """Whether the disk of a folder has enough room to open a database in it."""
    return shutil.disk_usage(folder).free >= ROOM_BYTES


@dataclass(frozen=True, slots=True)
class Reserve:
    """The file `path`, of `size` bytes when it is whole."""

    path: Path
    size: int = RESERVE_BYTES

    def is_whole(self) -> bool:
        """Whether all its bytes are set aside."""
        try:
            return self.path.stat().st_size >= self.size
        except FileNotFoundError:
            return False

    def set_aside(self) -> bool:
        """Make the file whole unless it is; False when there is no room for it now."""
        if self.is_whole():
            return True
        if shutil.disk_usage(self.path.parent).free < 2 * self.size:
            return False  # Twice: a reserve that takes the last byte would itself stop the sales.
        part = self.path.with_name(self.path.name + ".part")
        try:
            with part.open("wb") as file:
                for _ in range(0, self.size, _BLOCK):
                    file.write(bytes(min(_BLOCK, self.size)))
                file.flush()
                os.fsync(file.fileno())
            part.replace(self.path)
        except OSError:
            with suppress(FileNotFoundError):
                part.unlink()
            return False
        return True

    def give_free(self) -> None:
        """Delete the file, so that the next commits have room."""
        with suppress(FileNotFoundError):
            self.path.unlink()

    def step(self) -> DiskStep:
        """How far to cut back now."""
        usage = shutil.disk_usage(self.path.parent)
        used_percent = 100 - 100 * usage.free // max(usage.total, 1)
        return disk_step(used_percent, reserve_whole=self.is_whole())
