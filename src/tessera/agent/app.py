"""The agent as one process: opens, wires, serves, stops. Wiring only.

Owns: the order of start and stop, and what is said when something is in the way.
Must never: hold a rule about sales.
"""

import asyncio
import contextlib
import logging
import os
import secrets
import signal
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import AsyncExitStack, contextmanager
from pathlib import Path

import uvicorn
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from tessera.agent.checkout import Checkout
from tessera.agent.clock import SystemClock
from tessera.agent.enrolment import keep_identity_beside
from tessera.agent.events import EventHub
from tessera.agent.pairing import TOKEN_FILE, Pairings, first_pairing
from tessera.agent.passing_on import PassingOn
from tessera.agent.pos_api import api_routes, problem_response
from tessera.agent.pos_api_gate import Doors, Gate, doors_of
from tessera.agent.pos_api_hw_proxy import hw_proxy_route
from tessera.agent.pos_api_status import status_routes
from tessera.agent.pos_api_stream import stream_route
from tessera.agent.problems_http import ApiProblem
from tessera.agent.reader_loop import ReaderLoop
from tessera.agent.salvaging import salvage_at_start
from tessera.agent.screen import Screen
from tessera.agent.settings import AgentSettings
from tessera.agent.sync_wiring import running_sync
from tessera.agent.till_state import TillState
from tessera.agent.writer import Writer
from tessera.core.errors import TesseraError
from tessera.devices.profiles import read_card_formats
from tessera.panel.pages import warm_up
from tessera.panel.routes import PanelDoor, panel_routes
from tessera.store.engine import held
from tessera.store.till.identity_file import IDENTITY_FILE
from tessera.store.till.opening import OpenTill, open_till
from tessera.store.till.soundness import is_sound
from tessera.sync.http_head import BoundedHeads

_LOG = logging.getLogger("tessera.agent")
KEEP_ALIVE_S = 3_600
"""Idle connections stay open: a POS that has to connect anew for each sale waits longer."""
STOP_S_MAX = 5
ADDRESS_FILE = "agent.address"
MIB = 1_048_576
_SALVAGE_AFTER = frozenset({"database_begun_anew", "database_restored"})


class PortTaken(TesseraError):
    """The address to listen on is in use or not this machine's."""

    code = "port_taken"


def serve(settings: AgentSettings, *, sound: Callable[[Path], bool] = is_sound) -> None:
    """Serve until SIGTERM or Ctrl-C. TesseraError for whatever keeps the agent from starting.

    `sound` says whether the database's file is whole; the command began to look before this.
    """
    _make_folder(settings.data_dir)
    # The address first: a second agent then hears of the port, whatever database it has.
    with _listening(settings) as listener, held(settings.database):
        clock = SystemClock()
        till, findings = open_till(
            settings.data_dir,
            random=secrets.token_bytes,
            wall_ms=clock.wall_ms(),
            reserve_bytes=settings.disk.reserve_mb * MIB,
            sound=sound,
        )
        for finding in findings:
            _LOG.warning("%s", finding.text, extra={"code": finding.code})
        try:
            if any(finding.code in _SALVAGE_AFTER for finding in findings):
                salvage_at_start(till.engines.writer, settings.data_dir)
            try:
                keep_identity_beside(settings.data_dir, till.engines.reader)
            except OSError as error:
                _LOG.error("%s could not be written: %s", IDENTITY_FILE, error.strerror)
            asyncio.run(_run(settings, till, clock, listener))
        finally:
            till.close()


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise TesseraError(
            f"data folder {folder} cannot be made: {(error.strerror or str(error)).lower()}",
            hint="make it for the agent's user, or set data_dir to a folder that user may write",
            code="folder_unusable",
        ) from error


@contextmanager
def _listening(settings: AgentSettings) -> Iterator[socket.socket]:
    host, port = settings.listen.host, settings.listen.port
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # Named as TCP: asyncio only turns Nagle's algorithm off for sockets that say what they are,
    # and with it every answer would wait 40 ms for the POS's delayed acknowledgement.
    with socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((host, port))
        except OSError as error:
            raise PortTaken(
                f"cannot listen on {host} port {port}: {(error.strerror or str(error)).lower()}",
                hint="stop the other program, or set listen.port to another one",
            ) from error
        yield listener


async def _run(
    settings: AgentSettings, till: OpenTill, clock: SystemClock, listener: socket.socket
) -> None:
    hub = EventHub(first_id=clock.wall_ms())
    writer = Writer(till)
    state = TillState(
        settings=settings,
        till=till,
        writer=writer,
        clock=clock,
        random=secrets.token_bytes,
        hub=hub,
    )
    if (bundle := state.refresh()) is not None:
        state.programme.take(bundle, currency=state.currency)
    try:
        if first_pairing(settings.data_dir, random=secrets.token_bytes):
            _LOG.info("a token for the first POS is in %s", settings.data_dir / TOKEN_FILE)
    except OSError as error:
        _LOG.error("no token could be written for a first POS: %s", error.strerror)
    formats = read_card_formats(settings.card_formats).format
    checkout = Checkout(state, formats)
    checkout.take_up()
    passing_on = PassingOn(settings, hub, mono_ms=clock.mono_ms)
    readers = ReaderLoop(
        checkout, settings, formats, passing_on=passing_on, clock_ns=time.monotonic_ns
    )
    stop = asyncio.Event()
    async with AsyncExitStack() as stack:
        stack.callback(writer.close)
        stack.callback(checkout.close)
        beside = asyncio.create_task(writer.sync_beside(stop))
        stack.push_async_callback(_ended, beside, stop)
        stack.push_async_callback(checkout.kept.flush)
        server = _server(checkout, readers, listener, stop)
        await stack.enter_async_context(running_sync(state, stop))
        readers.start()
        stack.push_async_callback(readers.stop)
        await _serve(server, listener, settings, state)


async def _ended(task: asyncio.Task[None], stop: asyncio.Event) -> None:
    stop.set()
    await task


def _server(
    checkout: Checkout, readers: ReaderLoop, listener: socket.socket, stop: asyncio.Event
) -> "AgentServer":
    state = checkout.state
    listen = state.settings.listen
    port: int = listener.getsockname()[1]
    doors = doors_of(host=listen.host, port=port, hosts=listen.hosts, origins=listen.origins)
    app = make_app(checkout, readers, doors, stop)
    config = uvicorn.Config(
        app,
        http=BoundedHeads,
        ws="none",
        lifespan="off",
        loop="asyncio",
        access_log=False,
        log_config=None,
        server_header=False,
        date_header=False,
        timeout_keep_alive=KEEP_ALIVE_S,
        timeout_graceful_shutdown=STOP_S_MAX,
    )
    return AgentServer(config, state.hub, stop)


def make_app(checkout: Checkout, readers: ReaderLoop, doors: Doors, stop: asyncio.Event) -> Gate:
    """The local API and the cashier's page behind one gate."""
    state = checkout.state
    pairings = Pairings(state.settings.data_dir)
    door = PanelDoor(hosts=doors.hosts, origins=doors.own_origins, language=state.settings.language)
    routes: list[BaseRoute] = [
        stream_route(state.hub, pairings),
        *status_routes(state, pairings, readers.states),
        *api_routes(checkout, pairings),
        hw_proxy_route(readers.passing_on, pairings, doors.origins, stop),
        *panel_routes(
            Screen(checkout, readers.states),
            door=door,
            session=secrets.token_urlsafe(32),
            stop=stop,
        ),
    ]
    return Gate(Starlette(routes=routes, exception_handlers={HTTPException: _no_route}), doors)


async def _no_route(request: Request, error: Exception) -> Response:
    """An address or a method that does not exist."""
    wrong_method = isinstance(error, HTTPException) and error.status_code == 405
    code = "method_not_allowed" if wrong_method else "not_found"
    return problem_response(
        ApiProblem(
            code,
            f"{request.method} {request.url.path[:200]} is not served",
            hint="GET /v1/openapi.json lists what is",
        )
    )


class AgentServer(uvicorn.Server):
    """uvicorn's server, which ends open streams itself instead of waiting for their listeners."""

    def __init__(self, config: uvicorn.Config, hub: EventHub, stop: asyncio.Event) -> None:
        super().__init__(config)
        self._hub = hub
        self._stop_event = stop

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Stop on SIGTERM and Ctrl-C; uvicorn's own would raise them again and end with -15."""
        loop = asyncio.get_running_loop()
        signals = (signal.SIGTERM, signal.SIGINT)
        try:
            for number in signals:
                loop.add_signal_handler(number, self._ask_to_stop)
        except NotImplementedError:  # Windows' event loop has no signal handlers.
            with super().capture_signals():
                yield
            return
        try:
            yield
        finally:
            for number in signals:
                loop.remove_signal_handler(number)

    def _ask_to_stop(self) -> None:
        self.force_exit = self.should_exit
        self.should_exit = True

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """End the streams, then what uvicorn does."""
        self._stop_event.set()
        self._hub.close()
        await super().shutdown(sockets)


async def _serve(
    server: AgentServer, listener: socket.socket, settings: AgentSettings, state: TillState
) -> None:
    address = _address(settings, listener)
    _write_address(settings.data_dir, address)
    told = asyncio.create_task(_tell_ready(server, address, state))
    try:
        await server.serve(sockets=[listener])
    finally:
        told.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await told
    _LOG.info("stopped")


def _write_address(folder: Path, address: str) -> None:
    """Leave the address for commands and tests; a full disk is no reason not to serve."""
    fresh = folder / (ADDRESS_FILE + ".new")
    try:
        # Whole or not at all: whoever waits for this file reads it the moment that it appears.
        fresh.write_text(address + "\n", encoding="ascii")
        fresh.replace(folder / ADDRESS_FILE)
    except OSError as error:
        _LOG.error("%s could not be written: %s", ADDRESS_FILE, error.strerror)


def _address(settings: AgentSettings, listener: socket.socket) -> str:
    host = settings.listen.host
    shown = f"[{host}]" if ":" in host else host
    return f"http://{shown}:{listener.getsockname()[1]}"


async def _tell_ready(server: AgentServer, address: str, state: TillState) -> None:
    # uvicorn has no event for this; it is a matter of milliseconds.
    while not server.started:  # noqa: ASYNC110
        await asyncio.sleep(0.005)
    _LOG.info("ready on %s", address, extra={"mode": state.mode})
    if state.identity is None:
        _LOG.warning(
            "this register is not enrolled: it answers, but knows no members and records no sales;"
            " tessera agent enrol --help"
        )
    _notify_systemd()
    # In a thread: nothing that is asked now waits for the page's parts to be imported.
    await asyncio.to_thread(warm_up)


def _notify_systemd() -> None:
    """Tell systemd that the service is up, where it asked (sd_notify(3))."""
    path = os.environ.get("NOTIFY_SOCKET", "")
    if not path:
        return
    name = "\0" + path[1:] if path.startswith("@") else path
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notify:
        notify.connect(name)
        notify.sendall(b"READY=1")
