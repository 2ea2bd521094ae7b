"""Central behind a real server on a port of its own."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import uvicorn

from tessera.central.app import build_app
from tessera.central.bell import Bell
from tessera.central.opening import Central
from tests.support.waiting import wait_until


@contextmanager
def served(central: Central) -> Iterator[httpx.Client]:
    """A client of the running server; both end with the block."""
    bell = Bell()
    listening = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(
        build_app(central, bell=bell), log_config=None, http="httptools", lifespan="on"
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
    thread.start()
    try:
        wait_until(lambda: server.started, what="central serves")
        address = f"http://127.0.0.1:{listening.getsockname()[1]}"
        with httpx.Client(base_url=address, timeout=30, trust_env=False) as client:
            yield client
    finally:
        bell.close()
        server.should_exit = True
        thread.join()
        listening.close()
