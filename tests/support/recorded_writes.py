"""What a process wrote, call by call, and every state of the disk that a power cut could have left.

Owns: reading a trace of strace, the model of unsynced writes, images of files at any moment.
The model: a write that was not followed by a sync of its file may be there, be missing, or be there
in any of its sectors of 512 bytes; what was synced is there. Lengths follow the same rule.
"""

import random
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Generic, TypeVar

CALLS = "openat,write,pwrite64,writev,pwritev,sendto,sendmsg,fsync,fdatasync,ftruncate,lseek,unlink"
SECTOR = 512

T = TypeVar("T")
Fate = int
"""Of one unsynced call: bit n tells whether its sector n reached the disk; a call that writes
nothing has one sector."""

_LINE = re.compile(r"(\d+)\s+(?:<\.\.\. )?(\w+)(?: resumed>)?(.*)", re.DOTALL)
_FD = re.compile(r"\((\d+)<([^>]*)>")
_TEXT = re.compile(r'"((?:\\x[0-9a-f]{2})*)"')
_NUMBERS = re.compile(r"(-?\d+)")


def strace_words(trace: Path) -> tuple[str, ...]:
    """Words to put before a command, so that its writes are recorded.

    -D leaves the command itself as our child, so that killing it kills what we mean.
    """
    return (
        *("strace", "-D", "-f", "-y", "-xx", "-s", "8000000", "--seccomp-bpf"),
        *("-o", str(trace), "-e", f"trace={CALLS}"),
    )


@dataclass(frozen=True, slots=True)
class Call:
    """One recorded call: `what` is write, sync, seek, truncate, unlink or send."""

    what: str
    path: str
    offset: int = 0
    content: bytes = b""


def read_trace(trace: Path) -> list[Call]:
    """The calls that matter, in the order in which they took effect.

    A write counts from its start (it may reach the disk at once), a sync from its end, a message
    from its start.
    """
    calls: list[Call] = []
    positions: dict[str, int] = {}
    begun: dict[tuple[str, str], Call] = {}
    for line in trace.read_text().splitlines():
        found = _LINE.match(line)
        if found is None or found[2] in {"killed", "exited"}:
            continue
        task, name, rest = found.groups()
        if " resumed>" in line:
            ended = begun.pop((task, name), None)
            if ended is not None and ended.what == "seek":
                positions[ended.path] = _place_told(rest)
            elif ended is not None and rest.rstrip().endswith("= 0"):
                calls.append(ended)
            continue
        call = _call_of(name, rest, positions)
        if call is None:
            continue
        if call.what not in {"sync", "seek"}:
            calls.append(call)
        elif "<unfinished" in rest:
            begun[task, name] = call
        elif call.what == "seek":
            positions[call.path] = _place_told(rest)
        elif rest.rstrip().endswith("= 0"):
            calls.append(call)
    return calls


def _call_of(name: str, rest: str, positions: dict[str, int]) -> Call | None:
    if name == "unlink":
        return Call("unlink", _text(rest).decode())
    about = _FD.match(rest)
    if about is None:
        return None
    path = _decoded(about[2]).decode(errors="replace")
    tail = rest[about.end() :]
    if name == "lseek":
        return Call("seek", path)
    if name in {"fsync", "fdatasync"}:
        return Call("sync", path)
    if name == "ftruncate":
        return Call("truncate", path, offset=int(_NUMBERS.findall(tail)[0]))
    content = _text(tail)
    if path.startswith(("socket:", "pipe:")):
        return Call("send", path, content=content)
    if name in {"pwrite64", "pwritev"}:
        numbers = _NUMBERS.findall(tail.rsplit('"', 1)[1])
        return Call("write", path, offset=int(numbers[1]), content=content)
    at = positions.get(path, 0)
    positions[path] = at + len(content)
    return Call("write", path, offset=at, content=content)


def _place_told(rest: str) -> int:
    """Where a file stands after a seek, as its result says."""
    return int(_NUMBERS.findall(rest.rsplit("=", 1)[1])[0])


def _text(rest: str) -> bytes:
    assert '"...' not in rest, "strace cut a text short"
    return b"".join(_decoded(part) for part in _TEXT.findall(rest))


def _decoded(text: str) -> bytes:
    return bytes.fromhex(text.replace("\\x", "")) if text.startswith("\\x") else text.encode()


@dataclass
class DiskFile:
    """A file as far as it is certain, and what was done to it since its last sync."""

    certain: bytearray = field(default_factory=bytearray)
    pending: list[Call] = field(default_factory=list)
    version: int = 0
    """Counts the changes of `certain`."""

    def take(self, call: Call, *, syncs_count: bool) -> None:
        if call.what == "sync":
            if syncs_count and self.pending:
                for one in self.pending:
                    apply(self.certain, one)
                self.pending.clear()
                self.version += 1
        else:
            self.pending.append(call)

    def unlink(self) -> None:
        self.certain.clear()
        self.pending.clear()
        self.version += 1

    def fate(self, how: str, chance: random.Random) -> tuple[Fate, ...]:
        """What a power cut does to each call since the last sync."""
        fates = [fate_of(call, how, chance) for call in self.pending]
        while fates and not fates[-1]:
            # Not there is not there, whether it was written later or not at all.
            fates.pop()
        return tuple(fates)

    def image(self, fates: tuple[Fate, ...]) -> bytearray:
        """The file as that power cut leaves it."""
        made = bytearray(self.certain)
        for call, kept in zip(self.pending, fates, strict=False):
            sectors = sectors_of(call)
            if kept == (1 << sectors) - 1:
                apply(made, call)
                continue
            for number in range(sectors):
                if kept >> number & 1:
                    at = number * SECTOR
                    part = call.content[at : at + SECTOR]
                    apply(made, Call("write", call.path, call.offset + at, part))
        return made


def apply(content: bytearray, call: Call) -> None:
    """Do the whole of a call."""
    if call.what == "truncate":
        if call.offset < len(content):
            del content[call.offset :]
        else:
            content.extend(bytes(call.offset - len(content)))
        return
    end = call.offset + len(call.content)
    if end > len(content):
        content.extend(bytes(end - len(content)))
    content[call.offset : end] = call.content


def sectors_of(call: Call) -> int:
    """In how many parts a call can reach the disk."""
    return -(-len(call.content) // SECTOR) or 1


def fate_of(call: Call, how: str, chance: random.Random) -> Fate:
    """What becomes of an unsynced call: kept, dropped, or (`torn`) what chance decides."""
    whole = (1 << sectors_of(call)) - 1
    if how == "kept":
        return whole
    if how == "torn":
        drawn = chance.random()
        if drawn < 0.4:
            return whole
        if drawn < 0.7 and call.what == "write":
            return chance.getrandbits(sectors_of(call))
    return 0


@dataclass(frozen=True, slots=True)
class Image:
    """One state of the disk; two with the same `key` hold the same bytes."""

    files: tuple[tuple[str, DiskFile, tuple[Fate, ...]], ...]

    @property
    def key(self) -> tuple[tuple[int, tuple[Fate, ...]], ...]:
        return tuple((file.version, fates) for _, file, fates in self.files)

    def write(self, target: Path) -> None:
        """Make `target` a folder with the files; only until the next step of the replay."""
        target.mkdir(exist_ok=True)
        for old in target.iterdir():
            old.unlink()
        for name, file, fates in self.files:
            made = file.image(fates)
            if made:
                (target / name).write_bytes(made)


class Replay:
    """Goes through the calls; after each one, images can be made of the files in `folder`."""

    def __init__(
        self, calls: list[Call], before: Path, names: tuple[str, ...], *, syncs_count: bool = True
    ) -> None:
        self._calls = calls
        self._syncs_count = syncs_count
        self.files: dict[str, DiskFile] = {name: DiskFile() for name in names}
        for name in names:
            if (before / name).exists():
                self.files[name].certain.extend((before / name).read_bytes())

    def steps(self, folder: Path) -> Iterator[Call]:
        """Every call in turn, once it has taken effect on the files of `folder` and messages."""
        for call in self._calls:
            path = Path(call.path)
            file = self.files.get(path.name) if path.parent == folder else None
            if call.what == "unlink" and file is not None:
                file.unlink()
                yield call
            elif file is not None:
                file.take(call, syncs_count=self._syncs_count)
                yield call
            elif call.what == "send":
                yield call

    def image(self, how: str, chance: random.Random) -> Image:
        """The files as one power cut could leave them now."""
        return Image(
            tuple((name, file, file.fate(how, chance)) for name, file in self.files.items())
        )


class Facts(Generic[T]):
    """What was read from images. Each different one is written and read once, and counted."""

    def __init__(self, folder: Path, read: Callable[[Path], T]) -> None:
        self._folder = folder
        self._read = read
        self._known: dict[object, T] = {}

    def of(self, image: Image) -> T:
        """What an image holds, as `read` tells it of a folder."""
        key = image.key
        if key not in self._known:
            image.write(self._folder)
            self._known[key] = self._read(self._folder)
        return self._known[key]

    @property
    def images(self) -> int:
        """How many different images there were."""
        return len(self._known)
