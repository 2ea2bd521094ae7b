"""Who was erased, noted outside the database and its backups: ids, nothing personal.

Owns: the file `erasures.log` in data_dir, from which a restored central erases again. Must never:
let a line that a crash cut short swallow the one after it.
"""

import json
import os
from dataclasses import dataclass
from pathlib import Path

ERASURES = "erasures.log"
_LINE_BYTES_MAX = 4096


@dataclass(frozen=True, slots=True)
class NotedErasures:
    """The members of the log in order, and the numbers of lines that are not whole."""

    member_ids: tuple[str, ...]
    broken_lines: tuple[int, ...]


def note_erasure(data_dir: Path, member_id: str, *, at_ms: int, who: str) -> None:
    """Add a member to the log, on the disk when this returns. OSError when the disk has no room."""
    path = data_dir / ERASURES
    line = json.dumps({"member": member_id, "at_ms": at_ms, "who": who[:100]}).encode() + b"\n"
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        if not _ends_whole(handle):
            line = b"\n" + line
        while line:
            line = line[os.write(handle, line) :]
        os.fsync(handle)
    finally:
        os.close(handle)


def read_erasures(data_dir: Path) -> NotedErasures:
    """Read the log; empty where nobody was ever erased.

    A line is on the disk before its erasure is done, so one that a crash cut short stands for an
    erasure that was not.
    """
    path = data_dir / ERASURES
    noted: list[str] = []
    broken: list[int] = []
    if not path.exists():
        return NotedErasures((), ())
    with path.open("rb") as file:
        number = 0
        while line := file.readline(_LINE_BYTES_MAX):
            number += 1
            if line.strip():
                member_id = _member_of(line)
                if member_id:
                    noted.append(member_id)
                else:
                    broken.append(number)
    return NotedErasures(tuple(noted), tuple(broken))


def _member_of(line: bytes) -> str:
    """Give the member a whole line names, empty for a broken line."""
    try:
        told = json.loads(line)
    except ValueError:
        return ""
    member_id = told.get("member") if isinstance(told, dict) else None
    return member_id if isinstance(member_id, str) else ""


def _ends_whole(handle: int) -> bool:
    end = os.lseek(handle, 0, os.SEEK_END)
    if not end:
        return True
    os.lseek(handle, end - 1, os.SEEK_SET)
    return os.read(handle, 1) == b"\n"
