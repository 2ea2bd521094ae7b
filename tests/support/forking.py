"""A parent that has imported everything and forks a process for each start: a kill is cheap.

A start of the real command costs a second or two of imports; a fork costs milliseconds and runs the
same code from there on. Every child marks in a shared file how far its current commit has come, so
that a test can count the kills that fell between BEGIN and the answer; the file outlives the kill.
"""

import json
import mmap
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any, Self

QUIET = 0
INSIDE = 1
"""BEGIN was executed, COMMIT has not returned."""
COMMITTED = 2
"""COMMIT has returned, the answer may not have left yet."""


class Marker:
    """One byte that a process and its killer share."""

    def __init__(self, path: Path) -> None:
        if not path.exists():
            path.write_bytes(bytes(mmap.PAGESIZE))
        self._file = path.open("r+b")
        self._shared = mmap.mmap(self._file.fileno(), mmap.PAGESIZE)

    @property
    def state(self) -> int:
        return self._shared[0]

    @state.setter
    def state(self, value: int) -> None:
        self._shared[0] = value

    def close(self) -> None:
        self._shared.close()
        self._file.close()


class Forking:
    """A context with a warm parent; `start` gives the pid of a child that runs a command."""

    def __init__(self, folder: Path) -> None:
        self.marker_path = folder / "marker"
        self.marker = Marker(self.marker_path)
        self._log = folder / "forked.log"

    def __enter__(self) -> Self:
        self._parent = subprocess.Popen(
            [sys.executable, __file__, str(self.marker_path)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self._ask({"ready": True})
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        assert self._parent.stdin is not None
        assert self._parent.stdout is not None
        self._parent.stdin.close()
        self._parent.wait(30)
        self._parent.stdout.close()
        self.marker.close()

    def start(self, *words: str) -> int:
        return self._ask({"words": words, "log": str(self._log)})

    def kill(self, pid: int) -> None:
        """kill -9, and wait until the parent has reaped it, so that no lock or port is left."""
        os.kill(pid, signal.SIGKILL)
        self._ask({"reap": pid})

    def log_end(self) -> str:
        return self._log.read_text(errors="replace")[-3000:] if self._log.exists() else ""

    def _ask(self, request: dict[str, object]) -> int:
        assert self._parent.stdin is not None
        assert self._parent.stdout is not None
        self._parent.stdin.write(json.dumps(request) + "\n")
        self._parent.stdin.flush()
        return int(self._parent.stdout.readline())


def after(delay_s: float, act: Callable[[], None]) -> threading.Thread:
    """Do something at a chosen moment, while the test itself waits for an answer."""

    def wait_and_act() -> None:
        time.sleep(delay_s)
        act()

    thread = threading.Thread(target=wait_and_act)
    thread.start()
    return thread


def _mark_commits(marker: Marker) -> None:
    """Inside: BEGIN was executed and the record is being written. Committed: COMMIT returned."""
    from tessera.store.till.opening import OpenTill

    plain = OpenTill.commit

    def commit(self: OpenTill, uid: str, write: Callable[..., Any], **given: Any) -> Any:
        def marked(connection: Any) -> Any:
            marker.state = INSIDE
            return write(connection)

        record = plain(self, uid, marked, **given)
        marker.state = COMMITTED
        return record

    OpenTill.commit = commit  # type: ignore[method-assign]


def _import_everything() -> None:
    import httpx  # noqa: F401
    import sqlalchemy  # noqa: F401
    import uvicorn  # noqa: F401


def _run_child(words: list[str], log: str) -> None:
    handle = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.dup2(handle, 1)
    os.dup2(handle, 2)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    from tessera.cli.main import main

    os._exit(main(words))


def _serve() -> None:
    _import_everything()
    marker = Marker(Path(sys.argv[1]))
    _mark_commits(marker)
    children: set[int] = set()
    for line in sys.stdin:
        request = json.loads(line)
        answer = 0
        if "words" in request:
            answer = os.fork()
            if answer == 0:
                _run_child(request["words"], request["log"])
            children.add(answer)
        elif "reap" in request:
            os.waitpid(request["reap"], 0)
            children.discard(request["reap"])
        print(answer, flush=True)
    for child in children:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)


if __name__ == "__main__":
    _serve()
