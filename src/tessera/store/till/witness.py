"""The witness: a small file beside the database that says how far the journal had come.

Owns: its bytes, and the judgement whether a database is older than its witness (a restore or a
clone's return). Must never: run ahead of the database; it is written after the commit.

Two slots of 256 bytes are written in turn, so a torn write leaves the other one whole.
"""

import hashlib
import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tessera.core.journal import SealedRecord, canonical

SLOT_BYTES = 256
SLOTS = 2
_CHECK_CHARACTERS = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Witnessed:
    """How far a life had come: its last record and that record's link hash."""

    incarnation: str
    seq: int
    link_hash: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class BranchEnd:
    """What the database knows of one life, and the link it has at the witness's seq (if it has)."""

    incarnation: str
    seq: int
    link_at_witness: bytes | None


class Witness:
    """The open file. `keep` costs one small write and no sync; `sync` makes it durable."""

    def __init__(self, path: Path) -> None:
        self._handle = os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_BINARY", 0), 0o600)

    def keep(self, record: SealedRecord) -> None:
        """Remember that the journal reaches this record."""
        os.lseek(self._handle, (record.seq % SLOTS) * SLOT_BYTES, os.SEEK_SET)
        os.write(self._handle, encoded(record.incarnation, record.seq, record.link_hash))

    def begin_anew(self) -> None:
        """Forget what was kept: the database went on under a new incarnation."""
        os.ftruncate(self._handle, 0)
        os.fsync(self._handle)

    def sync(self) -> None:
        """Make what was kept durable."""
        os.fsync(self._handle)

    def close(self) -> None:
        """Close the file; what was kept stays."""
        os.close(self._handle)


def encoded(incarnation: str, seq: int, link_hash: bytes) -> bytes:
    """One slot: JSON, a check value, padded with spaces to 256 bytes and ended by a line feed."""
    text = canonical([incarnation, seq, link_hash.hex()])
    slot = text + b" " + _check(text)
    assert len(slot) < SLOT_BYTES
    return slot.ljust(SLOT_BYTES - 1) + b"\n"


def decoded(slot: bytes) -> Witnessed | None:
    """What a slot says; None when it is empty or torn."""
    text, _, check = slot.strip().rpartition(b" ")
    if not text or check != _check(text):
        return None
    incarnation, seq, link = json.loads(text)
    return Witnessed(incarnation=incarnation, seq=seq, link_hash=bytes.fromhex(link))


def _check(text: bytes) -> bytes:
    return hashlib.sha256(text).hexdigest()[:_CHECK_CHARACTERS].encode()


def read(path: Path) -> list[Witnessed]:
    """What the file's slots say; nothing when there is no file."""
    try:
        content = path.read_bytes()[: SLOTS * SLOT_BYTES]
    except FileNotFoundError:
        return []
    slots = [content[at : at + SLOT_BYTES] for at in range(0, len(content), SLOT_BYTES)]
    return [told for slot in slots if (told := decoded(slot)) is not None]


def is_behind(witnessed: Witnessed, branches: Sequence[BranchEnd]) -> bool:
    """Whether a database with these branches is not the one that the witness saw.

    True when the life is unknown to it, ends earlier, or has another record at that seq.
    """
    for branch in branches:
        if branch.incarnation == witnessed.incarnation:
            return branch.link_at_witness != witnessed.link_hash
    return True
