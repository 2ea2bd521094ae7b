"""A stranger who sends a request's head without an end is cut off; others are served."""

import socket
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tessera.fleet.shop import Program, answers, free_port
from tests.support.agent import running_agent, stocked_till

PART = b"a" * 65_536
PARTS = 1_024
"""64 MB in all: a thousand times what a head may have, and more than waits in any socket."""
LINE = b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n"


@pytest.fixture(scope="module")
def ports(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, int]]:
    folder: Path = tmp_path_factory.mktemp("shop")
    till, port, config = folder / "till", free_port(), folder / "central.toml"
    till.mkdir()
    stocked_till(till)
    config.write_text(f'data_dir = "{folder / "central"}"\n[listen]\nport = {port}\n')
    words = ("central", "serve", "--config", str(config))
    central = Program("central", words, folder / "central.log")
    central.start(lambda: answers(port))
    try:
        with running_agent(till) as agent:
            yield {"central": port, "agent": agent.port}
    finally:
        central.kill()


def sent(port: int, first: bytes) -> int:
    """How many parts the other side took before it closed."""
    with socket.create_connection(("127.0.0.1", port), timeout=30) as line:
        line.sendall(first)
        for count in range(PARTS):
            try:
                line.sendall(PART)
            except ConnectionError:
                return count
    return PARTS


@pytest.mark.parametrize("program", ["central", "agent"])
@pytest.mark.parametrize(
    "first",
    [
        b"GET /",
        LINE + b"X: ",
        LINE + b"Transfer-Encoding: chunked\r\n\r\n0\r\nX: ",
    ],
    ids=["address", "header", "trailer"],
)
def test_what_never_ends_is_cut_off(ports: dict[str, int], program: str, first: bytes) -> None:
    assert sent(ports[program], first) < PARTS // 2


@pytest.mark.parametrize("program", ["central", "agent"])
def test_many_small_headers_are_cut_off_as_well(ports: dict[str, int], program: str) -> None:
    assert sent(ports[program], LINE + b"X: a\r\n" * 20_000 + b"Y: ") < PARTS // 2


@pytest.mark.parametrize("program, path", [("central", "/healthz"), ("agent", "/")])
def test_a_head_of_usual_size_is_read(ports: dict[str, int], program: str, path: str) -> None:
    address = f"http://127.0.0.1:{ports[program]}{path}"
    assert httpx.get(address, headers={"X-Long": "a" * 30_000}, timeout=30).status_code == 200
