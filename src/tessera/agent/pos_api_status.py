"""How the agent is, for people, for programs and for Prometheus.

Owns: `/v1/status`, `/healthz`, `/metrics`, `/v1/openapi.json` and `/v1/client.js`. Must never:
change anything.
"""

from collections.abc import Callable
from datetime import UTC, datetime
from importlib.resources import files

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from tessera import __version__
from tessera.agent.api_answers import (
    BundleStatus,
    ClockStatus,
    DiskStatus,
    QueueStatus,
    ReaderStatus,
    StatusAnswer,
    as_json,
)
from tessera.agent.checkout_quote import state_notices
from tessera.agent.notices import notice, worded
from tessera.agent.openapi import openapi_bytes
from tessera.agent.pairing import Pairings
from tessera.agent.pos_api import answered, paired
from tessera.agent.till_state import TillState
from tessera.agent.trust_ends import LATEST_MS, read_trust_ends
from tessera.store.engine import DATABASE_ERRORS, sqlite_version
from tessera.store.till import outbox

Readers = Callable[[], tuple[ReaderStatus, ...]]


def status_of(state: TillState, readers: Readers) -> StatusAnswer:
    """The whole status now."""
    sync = state.sync() if state.sync is not None else None
    identity, programme, disk = state.identity, state.programme, state.disk()
    ends = read_trust_ends(state.settings.data_dir, identity)
    told = state_notices(state)
    if ends.is_near(state.believed_ms()):
        told = (*told, notice("trust_ending"))
    if sync is not None and sync.awaited:
        told = (*told, notice("points_held"))
    now = datetime.fromtimestamp(state.clock.wall_ms() / 1000, UTC).astimezone(state.zone)
    bundle = None
    if programme.programme is not None:
        bundle = BundleStatus(
            hash=programme.bundle,
            number=programme.number,
            programme=programme.programme.programme_id,
        )
    return StatusAnswer(
        release=__version__,
        mode=state.mode,
        enrolled=identity is not None,
        training=state.settings.training,
        store=identity.store if identity else "",
        register=identity.register if identity else "",
        queue=QueueStatus(waiting=queue_length(state)),
        disk=DiskStatus(
            free_bytes=disk.free_bytes,
            total_bytes=disk.total_bytes,
            benefits_stopped=disk.benefits_stopped,
        ),
        clock=ClockStatus(
            now=now.isoformat(timespec="seconds"),
            time_zone=str(state.zone),
            doubtful=state.is_clock_doubtful(),
            off_by_s=round(state.clock_off_ms() / 1000),
        ),
        sqlite=".".join(map(str, sqlite_version())),
        offline_since=_when(sync.offline_since_ms if sync else None),
        last_contact=_when(sync.last_contact_ms if sync else None),
        balance_as_of=_when(state.balance_as_of_ms or None),
        last_error=sync.last_error if sync else "",
        certificate_until=_when(ends.certificate_ms or None),
        root_until=_when(ends.root_ms or None),
        bundle=bundle,
        readers=readers(),
        notices=worded(told, state.settings.language),
    )


def queue_length(state: TillState) -> int:
    """How many records wait for central; -1 when the database does not answer."""
    try:
        with state.engines.reader.connect() as connection:
            return outbox.depth(connection)
    except DATABASE_ERRORS:
        return -1


def _when(ms: int | None) -> str:
    if ms is None:
        return ""
    return datetime.fromtimestamp(min(ms, LATEST_MS) / 1000, UTC).isoformat(timespec="seconds")


def metrics_text(state: TillState, readers: Readers) -> str:
    """The figures in Prometheus's text format."""
    status = status_of(state, readers)
    figures = (
        ("records_waiting", "Records that central has not acknowledged.", status.queue.waiting),
        ("online", "1 while central answers.", int(status.mode == "online")),
        ("enrolled", "1 once the register is enrolled.", int(status.enrolled)),
        ("disk_free_bytes", "Free space beside the database.", status.disk.free_bytes),
        (
            "benefits_stopped",
            "1 while too little disk is left to promise benefits.",
            int(status.disk.benefits_stopped),
        ),
        ("clock_off_seconds", "How wrong the clock is thought to be.", status.clock.off_by_s),
        (
            "trust_ending",
            "1 when the register's certificate, or central's root, ends soon.",
            int(any(one.code == "trust_ending" for one in status.notices)),
        ),
        ("event_listeners", "Open event streams.", state.hub.listeners),
        (
            "readers_connected",
            "Readers that can be used now.",
            sum(reader.condition == "connected" for reader in status.readers),
        ),
    )
    lines = []
    for name, about, number in figures:
        lines += [
            f"# HELP tessera_agent_{name} {about}",
            f"# TYPE tessera_agent_{name} gauge",
            f"tessera_agent_{name} {number}",
        ]
    return "\n".join(lines) + "\n"


def status_routes(state: TillState, pairings: Pairings, readers: Readers) -> list[Route]:
    """The addresses that only tell."""

    async def status(request: Request) -> Response:
        async def answer(request: Request) -> Response:
            paired(request, pairings)
            return Response(as_json(status_of(state, readers)), media_type="application/json")

        return await answered(answer, request)

    async def health(_request: Request) -> Response:
        return Response(b"ok\n", media_type="text/plain")

    async def metrics(request: Request) -> Response:
        async def answer(_: Request) -> Response:
            return Response(metrics_text(state, readers), media_type="text/plain; version=0.0.4")

        return await answered(answer, request)

    async def document(_request: Request) -> Response:
        return Response(openapi_bytes(), media_type="application/json")

    async def client(_request: Request) -> Response:
        script = files("tessera.agent").joinpath("client.js").read_bytes()
        headers = {"Cache-Control": "no-cache", "X-Content-Type-Options": "nosniff"}
        return Response(script, media_type="text/javascript", headers=headers)

    return [
        Route("/v1/status", status, methods=["GET"]),
        Route("/healthz", health, methods=["GET"]),
        Route("/metrics", metrics, methods=["GET"]),
        Route("/v1/openapi.json", document, methods=["GET"]),
        Route("/v1/client.js", client, methods=["GET"]),
    ]
