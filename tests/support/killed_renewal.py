"""A till's renewal, killed at one of its steps after another; run as a process of its own.

Standard input: one line of JSON for each till, with its folder, central's address, and at which of
the steps that touch disk or network it is killed. Each renewal is a fork of this process, so that a
kill costs milliseconds; the answer is the step's name, or "ended".
"""

import asyncio
import json
import os
import signal
import sys
from pathlib import Path

import httpx  # noqa: F401 - warm for the forks

from tessera.agent.renewal import Renewal
from tessera.agent.sync_status import LineState
from tessera.agent.trusted_roots import TrustedRoots
from tessera.store.till.opening import open_till
from tessera.store.till.values import RegisterIdentity
from tessera.sync.client import HttpCentral, Signer
from tessera.sync.signing import SigningKey
from tests.support.trusting_till import SameThread

STEPS = frozenset({"os.rename", "os.remove", "os.link", "socket.connect"})


def renewal_of(folder: Path, url: str, engines: object, line: LineState) -> Renewal:
    """The agent's own part over a till's folder."""

    def link_with(identity: RegisterIdentity, key: SigningKey) -> HttpCentral:
        signer = Signer(register=identity.register, incarnation=identity.incarnation, key=key)
        return HttpCentral(url, signer=signer, wall_ms=lambda: 0, random=os.urandom)

    return Renewal(
        engines=engines,  # type: ignore[arg-type]
        writer=SameThread(engines),  # type: ignore[arg-type]
        folder=folder,
        line=line,
        roots=TrustedRoots(folder, line=line),
        link_with=link_with,
        random=os.urandom,
    )


def line_state() -> LineState:
    """A line that nobody listens to."""
    return LineState(wall_ms=lambda: 0, tell=lambda _notice: None)


def _renew(asked: dict[str, object], told: int) -> None:
    folder, left = Path(str(asked["folder"])), int(str(asked["kill_at"]))
    till, _ = open_till(folder, random=os.urandom, wall_ms=0, reserve_bytes=0)
    renewal = renewal_of(folder, str(asked["url"]), till.engines, line_state())
    renewal.hear_time(int(str(asked["now_ms"])))

    def watch(event: str, values: tuple[object, ...]) -> None:
        nonlocal left
        writes = event == "open" and isinstance(values[2], int) and values[2] & os.O_WRONLY
        if event not in STEPS and not writes:
            return
        left -= 1
        if left == 0:
            name = Path(str(values[0])).name if event != "socket.connect" else ""
            os.write(told, f"{event} {name}".encode())
            os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(watch)
    asyncio.run(renewal.step())
    os.write(told, b"ended")
    os._exit(0)


def _serve() -> None:
    for line in sys.stdin:
        ear, mouth = os.pipe()
        child = os.fork()
        if child == 0:
            try:
                _renew(json.loads(line), mouth)
            finally:
                os._exit(1)
        os.close(mouth)
        _, status = os.waitpid(child, 0)
        step = os.read(ear, 500).decode()
        os.close(ear)
        print(json.dumps({"step": step, "status": status}), flush=True)


if __name__ == "__main__":
    _serve()
