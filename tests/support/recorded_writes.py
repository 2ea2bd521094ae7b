"""What a process wrote, call by call, and every state of the disk that a power cut could have left.

Owns: reading a trace of strace, the model of unsynced writes, images of files at any moment.
The model: a write that was not followed by a sync of its file may be there, be missing, or be there
in any of its sectors of 512 bytes; what was synced is there. Lengths follow the same rule.
"""

import random
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

CALLS = "openat,write,pwrite64,writev,pwritev,sendto,sendmsg,fsync,fdatasync,ftruncate,lseek,unlink"
SECTOR = 512

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
    """One recorded call: `what` is write, sync, truncate, unlink or send."""

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
            if ended is not None and rest.rstrip().endswith("= 0"):
                calls.append(ended)
            continue
        call = _call_of(name, rest, positions)
        if call is None:
            continue
        if call.what != "sync":
            calls.append(call)
        elif "<unfinished" in rest:
            begun[task, name] = call
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
        positions[path] = int(_NUMBERS.findall(tail.rsplit("=", 1)[1])[0])
        return None
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

    def take(self, call: Call, *, syncs_count: bool) -> None:
        if call.what == "sync":
            if syncs_count:
                for one in self.pending:
                    apply(self.certain, one)
                self.pending.clear()
        else:
            self.pending.append(call)

    def image(self, choose: "Choice") -> bytearray:
        """The file as a power cut could leave it now."""
        made = bytearray(self.certain)
        for call in self.pending:
            choose(made, call)
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


class Choice:
    """What becomes of each unsynced call: all kept, all dropped, or chance decides."""

    def __init__(self, how: str, chance: random.Random) -> None:
        self._how = how
        self._chance = chance

    def __call__(self, content: bytearray, call: Call) -> None:
        if self._how == "kept":
            apply(content, call)
        elif self._how == "torn":
            fate = self._chance.random()
            if fate < 0.4:
                apply(content, call)
            elif fate < 0.7 and call.what == "write":
                self._tear(content, call)

    def _tear(self, content: bytearray, call: Call) -> None:
        for at in range(0, len(call.content), SECTOR):
            if self._chance.random() < 0.5:
                part = call.content[at : at + SECTOR]
                apply(content, Call("write", call.path, call.offset + at, part))


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
                file.certain.clear()
                file.pending.clear()
                yield call
            elif file is not None:
                file.take(call, syncs_count=self._syncs_count)
                yield call
            elif call.what == "send":
                yield call

    def write_image(self, target: Path, how: str, chance: random.Random) -> None:
        """Make `target` a folder with the files as one power cut could leave them."""
        target.mkdir(exist_ok=True)
        for old in target.iterdir():
            old.unlink()
        choose = Choice(how, chance)
        for name, file in self.files.items():
            made = file.image(choose)
            if made:
                (target / name).write_bytes(made)
