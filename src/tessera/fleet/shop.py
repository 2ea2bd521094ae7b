"""One real shop on one machine: central, a line that can be cut, a register, its scanner.

Owns: starting, stopping and killing the real processes, for the demo and the fault tests.
Must never: reach into a process; all it knows comes through commands, files and ports.
"""

import asyncio
import contextlib
import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Coroutine, Iterator, Mapping
from pathlib import Path
from typing import Any, TypeVar

from tessera.core.errors import TesseraError
from tessera.fleet.line import Line

T = TypeVar("T")
READY_S_MAX = 120.0
STOP_S_MAX = 15.0
_POLL_S = 0.02
_LOG_LINES_SHOWN = 12


class ShopTrouble(TesseraError):
    """A process of the shop did not do what it was asked; the message holds its last lines."""


def free_port() -> int:
    """A loopback port that nobody listens on at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def port_or_free(wished: int) -> int:
    """The wished loopback port when nobody listens on it, else a free one."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", wished))
        except OSError:
            return free_port()
        return wished


def wait_until(is_so: Callable[[], bool], *, seconds: float, what: str) -> float:
    """Wait until `is_so()`; the seconds that it took. ShopTrouble names `what` if it never is."""
    started = time.monotonic()
    while not is_so():
        if time.monotonic() - started > seconds:
            raise ShopTrouble(f"{what} did not happen within {seconds:g} s")
        time.sleep(_POLL_S)
    return time.monotonic() - started


class Program:
    """A `tessera` command that runs until it is stopped, its output in a log file."""

    def __init__(self, name: str, words: tuple[str, ...], log: Path) -> None:
        self.name = name
        self.words = words
        self.log = log
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        """The process id, 0 when it is not running."""
        return self._process.pid if self._process else 0

    def start(self, ready: Callable[[], bool]) -> float:
        """Start it and wait until `ready()`; the seconds that it took."""
        with self.log.open("ab") as output:
            self._process = subprocess.Popen(  # noqa: S603 - our own interpreter and command
                [sys.executable, "-m", "tessera", *self.words],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env={**os.environ, "PYTHONUNBUFFERED": "1"},
            )

        def is_ready() -> bool:
            if self._process is None or self._process.poll() is not None:
                raise ShopTrouble(f"{self.name} ended at its start:\n{self.last_lines()}")
            return ready()

        try:
            return wait_until(is_ready, seconds=READY_S_MAX, what=f"{self.name} being ready")
        except ShopTrouble:
            self.kill()
            raise

    def stop(self) -> int:
        """Ask it to end, and wait; its exit status."""
        if self._process is None:
            return 0
        process, self._process = self._process, None
        process.send_signal(signal.SIGTERM)
        try:
            return process.wait(STOP_S_MAX)
        except subprocess.TimeoutExpired as error:
            process.kill()
            process.wait()
            raise ShopTrouble(
                f"{self.name} did not end within {STOP_S_MAX:g} s of SIGTERM:\n{self.last_lines()}"
            ) from error

    def kill(self) -> None:
        """Kill it with signal 9, as a power cut would, and wait until it is gone."""
        if self._process is not None:
            process, self._process = self._process, None
            process.kill()
            process.wait()

    def last_lines(self) -> str:
        """The end of its log."""
        lines = self.log.read_text(errors="replace").splitlines()
        return "\n".join(f"    {line}" for line in lines[-_LOG_LINES_SHOWN:])


class LineThread:
    """A `Line` on an event loop of its own, worked from ordinary code."""

    def __init__(self, upstream_port: int) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="line", daemon=True)
        self._thread.start()
        self.line = Line(("127.0.0.1", upstream_port))
        self.mend()

    @property
    def port(self) -> int:
        """Where the till finds central through this line."""
        return self.line.port

    def mend(self) -> None:
        """Let messages through (again)."""
        self._do(self.line.mend())

    def cut(self) -> None:
        """Let nothing through any more."""
        self._do(self.line.cut())

    def close(self) -> None:
        """Cut it for good."""
        self.cut()
        self._do(_exchanges_ended())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _do(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(STOP_S_MAX)


async def _exchanges_ended() -> None:
    """Wait for what a cut line still carried: its ends are dropped, so it is soon over."""
    others = asyncio.all_tasks() - {asyncio.current_task()}
    if others:
        await asyncio.wait(others, timeout=STOP_S_MAX / 2)


def answers(port: int, path: str = "/healthz") -> bool:
    """Whether something on a loopback port answers 200."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=2)
    try:
        connection.request("GET", path)
        return connection.getresponse().status == http.client.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def run_command(*words: str, environment: Mapping[str, str] | None = None) -> str:
    """Run one `tessera` command to its end; what it printed. ShopTrouble when it fails."""
    done = subprocess.run(  # noqa: S603 - our own interpreter and command
        [sys.executable, "-m", "tessera", *words],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, **(environment or {})},
    )
    if done.returncode != 0:
        raise ShopTrouble(
            f"tessera {' '.join(words)} ended with status {done.returncode}:\n"
            f"{done.stdout}{done.stderr}".rstrip()
        )
    return done.stdout


def run_json(*words: str) -> Any:  # noqa: ANN401 - whatever the command documents
    """Run one `tessera` command with --json and read its answer, one object."""
    return json.loads(run_command(*words, "--json"))


def run_json_lines(*words: str) -> list[dict[str, Any]]:
    """Run one `tessera` command that prints one JSON object a line."""
    return [json.loads(line) for line in run_command(*words, "--json").splitlines()]


@contextlib.contextmanager
def all_killed(*programs: Program) -> Iterator[None]:
    """Leave no process behind, however the story ends."""
    try:
        yield
    finally:
        for program in programs:
            program.kill()
