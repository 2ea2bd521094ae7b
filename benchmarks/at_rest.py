"""The agent at rest beside a bare web server: how soon it answers, how much memory it holds.

The floor is uvicorn with httptools and Starlette and one route. Both are started in turn in one run
and killed; memory is the proportional set size two seconds after the first answer, of a till with a
programme, a scanner on a pseudo-terminal and a million members with cards on its disk. An argument
sets how many members.
"""

import contextlib
import http.client
import os
import random
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median

from tessera.devices.simulated import SimulatedScanner
from tessera.store.engine import open_sqlite
from tests.support.agent import running_agent, settings_file, stocked_till

MEMBERS = 1_000_000
STARTS = 7
SETTLED_S = 2.0
_BARE = """
import sys, uvicorn
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route
async def healthz(request):
    return PlainTextResponse("fine")
uvicorn.run(Starlette(routes=[Route("/healthz", healthz)]), http="httptools", log_level="error",
            host="127.0.0.1", port=int(sys.argv[1]))
"""


def fill(folder: Path, count: int) -> None:
    """Give the till so many members more, with a card each."""
    engines = open_sqlite(folder / "till.db")
    chance = random.Random(count)
    with engines.writer.begin() as tx:
        cursor = tx.connection.cursor()
        (first,) = cursor.execute("SELECT max(number) FROM member").fetchone()
        cursor.executemany(
            "INSERT INTO member (member_id, version, status, tier, display_name, language,"
            " segments, entitlements, birthday, staff, visits, lifetime_spend_minor,"
            " period_spend_minor) VALUES (?,1,'active','silver','A. M.','de','','','',0,0,0,0)",
            [(f"01935b2e-{n:012d}",) for n in range(count)],
        )
        cards = sorted((chance.randbytes(16), first + 1 + n) for n in range(count))
        cursor.executemany("INSERT INTO card VALUES (?, ?, 1, 1, 1)", cards)
    engines.dispose()


def memory_mb(pid: int) -> float:
    """The proportional set size of a process, from the kernel's own sum."""
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) / 1024
    raise AssertionError(pid)


def free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


def answers(port: int) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    with contextlib.closing(connection), contextlib.suppress(OSError):
        connection.request("GET", "/healthz")
        return connection.getresponse().status == 200
    return False


@contextlib.contextmanager
def bare_server() -> Iterator[subprocess.Popen[bytes]]:
    """The floor, answering."""
    port = free_port()
    process = subprocess.Popen([sys.executable, "-c", _BARE, str(port)])
    try:
        while not answers(port):
            assert process.poll() is None
            time.sleep(0.01)
        yield process
    finally:
        process.kill()
        process.wait()


def main() -> None:
    members = int((sys.argv[1:] or [str(MEMBERS)])[0])
    ready: dict[str, list[float]] = {"bare": [], "agent": []}
    holds: dict[str, list[float]] = {"bare": [], "agent": []}
    with (
        tempfile.TemporaryDirectory(dir=os.environ.get("BENCH_DIR")) as name,
        SimulatedScanner() as scanner,
    ):
        folder = Path(name) / "till"
        folder.mkdir()
        stocked_till(folder)
        fill(folder, members)
        config = settings_file(folder)
        with config.open("a") as file:
            file.write(
                f'[[readers]]\nid = "counter"\nprofile = "generic-cr"\nport = "{scanner.port}"\n'
            )
        for _ in range(STARTS):
            begun = time.perf_counter()
            with bare_server() as process:
                ready["bare"].append(time.perf_counter() - begun)
                time.sleep(SETTLED_S)
                holds["bare"].append(memory_mb(process.pid))
            begun = time.perf_counter()
            with running_agent(folder, config) as agent:
                ready["agent"].append(time.perf_counter() - begun)
                time.sleep(SETTLED_S)
                holds["agent"].append(memory_mb(agent.process.pid))
    print(f"{members:,} members on the disk, {STARTS} starts each")
    print(f"{'':24}{'bare':>9}{'agent':>9}{'ratio':>8}   spread of the ratio")
    for label, took, unit in (("ready, ms", ready, 1e3), ("memory at rest, MB", holds, 1.0)):
        ratios = sorted(
            ours / floor for floor, ours in zip(took["bare"], took["agent"], strict=True)
        )
        bare, ours = (median(took[each]) * unit for each in ("bare", "agent"))
        print(
            f"{label:24}{bare:9.1f}{ours:9.1f}{ours / bare:8.2f}"
            f"   {ratios[0]:.2f} … {ratios[-1]:.2f}"
        )
    print("goals: 3 × each")


if __name__ == "__main__":
    main()
