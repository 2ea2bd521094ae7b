"""The salvage file: every committed record a second time, outside the database.

Owns: an append-only file of raw records, one a line, and reading what is whole of it.
Must never: be the only place of anything; it is written after the commit and synced each second.
"""

import hashlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tessera.core.journal import BODY_BYTES_MAX, SealedRecord

_LINE_BYTES_MAX = BODY_BYTES_MAX + 8192


@dataclass(frozen=True, slots=True)
class SalvagedRecord:
    """A record as it was committed: its link hash and its raw bytes."""

    link_hash: bytes
    raw: bytes


class SalvageFile:
    """The open file. `append` costs one write and no sync; `sync` makes it durable."""

    def __init__(self, path: Path) -> None:
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | getattr(os, "O_BINARY", 0)
        self._handle = os.open(path, flags, 0o600)
        self._is_torn = not _ends_whole(path)

    def append(self, record: SealedRecord) -> None:
        """Add a committed record: check value, link hash, raw bytes, line feed."""
        rest = record.link_hash.hex().encode() + b" " + record.raw
        line = _check(rest) + b" " + rest + b"\n"
        if self._is_torn:
            # Else this record would be part of the broken line before it, and lost with it.
            line = b"\n" + line
        self._is_torn = True
        self._is_torn = os.write(self._handle, line) != len(line)

    def size(self) -> int:
        """How many bytes it holds."""
        return os.fstat(self._handle).st_size

    def sync(self) -> None:
        """Make what was appended durable."""
        os.fsync(self._handle)

    def close(self) -> None:
        """Close the file."""
        os.close(self._handle)


def _ends_whole(path: Path) -> bool:
    """Whether a file is empty or ends in a line feed."""
    with path.open("rb") as file:
        end = file.seek(0, os.SEEK_END)
        file.seek(max(0, end - 1))
        return file.read(1) in (b"", b"\n")


def _check(rest: bytes) -> bytes:
    return hashlib.sha256(rest).hexdigest()[:16].encode()


def read_salvage(path: Path) -> Iterator[SalvagedRecord]:
    """The whole records of a salvage file in order; torn lines are passed over."""
    with path.open("rb") as file:
        while line := file.readline(_LINE_BYTES_MAX):
            check, _, rest = line.rstrip(b"\n").partition(b" ")
            link, _, raw = rest.partition(b" ")
            if line.endswith(b"\n") and raw and check == _check(rest):
                yield SalvagedRecord(bytes.fromhex(link.decode()), raw)
