"""Runs central as a server: socket, TLS, signals, the file that says where it answers.

Must never: serve a SQLite database that another central is serving.
"""

import contextlib
import gc
import signal
import socket
from collections.abc import Iterator
from pathlib import Path
from types import FrameType

import sqlalchemy as sa
import uvicorn

from tessera.central.app import build_app
from tessera.central.bell import Bell
from tessera.central.log import note, start_logging
from tessera.central.opening import opened
from tessera.central.settings import CentralSettings
from tessera.core.errors import TesseraError
from tessera.store.engine import held
from tessera.sync.http_head import BoundedHeads

ADDRESS_FILE = "central.address"
KEEP_ALIVE_S = 75
STOP_S_MAX = 20
BACKLOG = 2_048
GARBAGE_EVERY = (50_000, 20, 100)
"""Thresholds of Python's collector. A round of booking makes some ten thousand objects and drops
them together; by the default thresholds a fifth of its time went into looking for cycles."""


class _Server(uvicorn.Server):
    """Wakes waiting polls when it is told to stop, or each would hold it up for its whole wait."""

    def __init__(self, config: uvicorn.Config, bell: Bell) -> None:
        super().__init__(config)
        self._bell = bell

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Take the two signals that mean stop; a wanted stop is no failure, so they end here."""
        wanted = (signal.SIGINT, signal.SIGTERM)
        before = {number: signal.signal(number, self.handle_exit) for number in wanted}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        self._bell.close()
        super().handle_exit(sig, frame)


def serve(settings: CentralSettings) -> None:
    """Serve until SIGTERM or SIGINT. TesseraError when the address or database is taken."""
    start_logging(form=settings.log.format, level=settings.log.level)
    with contextlib.ExitStack() as stack:
        central = stack.enter_context(opened(settings))
        database = sa.make_url(settings.database_url)
        if database.get_backend_name() == "sqlite" and database.database:
            stack.enter_context(held(Path(database.database)))
        listening = stack.enter_context(_listening(settings))
        bell = Bell()
        listen = settings.listen
        config = uvicorn.Config(
            build_app(central, bell=bell),
            log_config=None,
            access_log=False,
            server_header=False,
            http=BoundedHeads,
            ws="none",
            lifespan="on",
            timeout_keep_alive=KEEP_ALIVE_S,
            timeout_graceful_shutdown=STOP_S_MAX,
            ssl_certfile=listen.certificate_file,
            ssl_keyfile=listen.key_file,
        )
        scheme = "https" if listen.certificate_file else "http"
        address = f"{scheme}://{listen.host}:{listening.getsockname()[1]}"
        (settings.data_dir / ADDRESS_FILE).write_text(address + "\n", encoding="ascii")
        note("central serves", address=address, generation=central.state().generation)
        gc.freeze()  # what is loaded by now stays as long as the process
        gc.set_threshold(*GARBAGE_EVERY)
        _Server(config, bell).run(sockets=[listening])
        note("central has stopped")


@contextlib.contextmanager
def _listening(settings: CentralSettings) -> Iterator[socket.socket]:
    host, port = settings.listen.host, settings.listen.port
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        family, kind, protocol, _, address = found[0]
        listening = socket.socket(family, kind, protocol)
        try:
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listening.bind(address)
            listening.listen(BACKLOG)
        except OSError:
            listening.close()
            raise
    except OSError as error:
        raise TesseraError(
            f"cannot listen on {host} port {port}: {error.strerror}",
            hint="stop what listens there, or set listen.port",
        ) from error
    with listening:
        yield listening
