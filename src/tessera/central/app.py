"""Central's HTTP side: routes, limits, and the server's life. Wiring only.

Owns: what a request may cost (size, time, queue) and the shape of every answer. Deciding is done in
`gate`, `ingest`, `enrol` and the books. Must never: answer *accepted* before the commit.
"""

import asyncio
import json
import logging
import threading
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import sqlalchemy as sa
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from tessera.central import gate, ingest, refusals
from tessera.central.bell import Bell
from tessera.central.bodies import (
    JSON_TYPE,
    SMALL_BODY_MAX,
    bounded_body,
    json_answer,
    read_as,
    whole_number,
)
from tessera.central.feed_page import feed_page
from tessera.central.grant_routes import GrantRoutes
from tessera.central.image_routes import ImageRoutes
from tessera.central.image_shelf import ImageShelf
from tessera.central.log import LOGGER, note
from tessera.central.metrics import CONTENT_TYPE, Metrics
from tessera.central.opening import Central
from tessera.central.placing import BatchGap
from tessera.central.profiles import ProfileRoutes
from tessera.central.rechecking import Rechecker
from tessera.central.refusals import Refused
from tessera.central.register_routes import RegisterRoutes
from tessera.central.rows import register_audience, store_audience
from tessera.central.seeds import bundle_name, read_seed
from tessera.central.went_back import ALARM, WentBack, proof_in_batch, proof_in_cursor
from tessera.central.worker import Worker
from tessera.store.central import (
    bundle_book,
    quarantine_book,
    recheck_book,
    register_book,
    standing_book,
)
from tessera.store.central.register_book import RegisterRow
from tessera.sync.feed_wire import FEED_SEGMENTS_MAX
from tessera.sync.records import encoded
from tessera.sync.signing import REQUEST_HEADER, RequestSignature
from tessera.sync.wire import BATCH_BYTES_MAX, BATCH_RECORDS_MAX, BatchAnswer, Heartbeat, Refusal

WAIT_S_MAX = 20
RECHECK_S = 1.0
"""How often a waiting poll looks by itself: another process may have published."""
RETRY_AFTER_S = 5
ROOT_VERSION_MAX = 2**31


class CentralApp:
    """The routes over one open central."""

    def __init__(
        self, central: Central, worker: Worker, shelf: ImageShelf, metrics: Metrics, bell: Bell
    ) -> None:
        self._central = central
        self._worker = worker
        self._images = ImageRoutes(shelf, reader=self._reader)
        self._registers = RegisterRoutes(central, worker)
        self._grants = GrantRoutes(central, worker, signer=self._signer)
        self._profiles = ProfileRoutes(central, worker)
        self._metrics = metrics
        self._bell = bell
        self._read_nonces = gate.ReadNonces()
        self._went_back = WentBack(central, worker.turns)

    def routes(self) -> list[Route]:
        """Every route."""
        images, known = self._images, self._registers
        return [
            Route("/v1/enrol", self._guarded(known.enrol), methods=["POST"]),
            Route("/v1/certificate", self._guarded(known.certificate), methods=["POST"]),
            Route("/v1/batches", self._guarded(self.batches), methods=["POST"]),
            Route("/v1/feed/{audience:path}", self._guarded(self.feed), methods=["GET"]),
            Route("/v1/bundles/{hash}", self._guarded(self.bundle), methods=["GET"]),
            Route("/v1/images/{audience:path}", self._guarded(images.manifest), methods=["GET"]),
            Route("/v1/image-files/{hash}", self._guarded(images.file), methods=["GET"]),
            Route("/v1/bundles/{hash}/seed", self._guarded(self.seed), methods=["GET"]),
            Route("/v1/roots/{version:int}", self._guarded(self.root), methods=["GET"]),
            Route("/v1/grants", self._guarded(self._grants.present), methods=["POST"]),
            Route("/v1/profiles", self._guarded(self._profiles.take), methods=["POST"]),
            Route("/v1/heartbeat", self._guarded(self.heartbeat), methods=["POST"]),
            Route("/healthz", self.healthz, methods=["GET"]),
            Route("/metrics", self.metrics, methods=["GET"]),
        ]

    def _guarded(
        self, serve: Callable[[Request], Awaitable[Response]]
    ) -> Callable[[Request], Awaitable[Response]]:
        async def endpoint(request: Request) -> Response:
            try:
                return await serve(request)
            except Refused as refused:
                return self._refusal(refused)
            except Exception as error:  # noqa: BLE001 - a stranger gets no traceback
                LOGGER.error(
                    "a request failed", exc_info=error, extra={"fields": {"path": request.url.path}}
                )
                return self._refusal(refusals.failed())

        return endpoint

    async def not_served(self, request: Request, error: Exception) -> Response:
        """What is answered where no route is."""
        assert isinstance(error, HTTPException)
        return self._refusal(refusals.not_served(request.method, request.url.path, error))

    def _refusal(self, refused: Refused) -> Response:
        self._metrics.count("tessera_refusals_total", code=refused.code)
        body = Refusal(
            code=refused.code,
            detail=refused.message[:500],
            hint=refused.hint[:500],
            retry_after_s=refused.retry_after_s,
        )
        headers = {"Retry-After": str(refused.retry_after_s)} if refused.retry_after_s else {}
        return json_answer(body, status=refused.status, headers=headers)

    async def batches(self, request: Request) -> Response:
        """Accept a batch."""
        limits = self._central.settings.limits
        if self._worker.waiting > limits.inbox_batches_max:
            raise refusals.busy(RETRY_AFTER_S)
        body = await bounded_body(request, BATCH_BYTES_MAX)
        try:
            answer = await run_in_threadpool(self._accept, request, body)
        except BatchGap as gap:
            self._metrics.count("tessera_refusals_total", code=gap.code)
            return json_answer(
                BatchAnswer(
                    generation=self._central.state().generation,
                    incarnation=gap.incarnation,
                    high_water=gap.high_water,
                    central_ms=self._central.now_ms(),
                ),
                status=409,
            )
        self._worker.kick()
        return json_answer(answer)

    def _accept(self, request: Request, body: bytes) -> BatchAnswer:
        central = self._central
        now_ms = central.now_ms()
        with central.engines.reader.begin() as tx:
            register, parts = self._signer(tx, request, body)
            state = register_book.read_central(tx)
            assert state is not None
        parcel = ingest.read_parcel(
            head_text=request.headers.get("Tessera-Batch", ""),
            signature_text=request.headers.get("Tessera-Batch-Signature", ""),
            body=body,
            register=register,
            keys=gate.accepted_keys(register, now_ms),
        )
        with central.engines.reader.begin() as tx:
            known = ingest.known_answer(tx, parcel, generation=state.generation, now_ms=now_ms)
            proof = proof_in_batch(tx, parcel.head)
        if proof is not None:
            self._went_back.refuse(proof)
        if known is not None:
            with self._worker.turns.first(), central.engines.writer.begin() as tx:
                gate.admit_once(tx, parts, now_ms=now_ms)
            self._count_accepted(known, 0, register)
            return known
        reading = ingest.read_payload(parcel)
        with self._worker.turns.first(), central.engines.writer.begin() as tx:
            gate.admit_once(tx, parts, now_ms=now_ms)
            answer = ingest.store_parcel(
                tx, parcel, reading, generation=state.generation, now_ms=now_ms
            )
        if len(reading.raws) == BATCH_RECORDS_MAX and not answer.fork:
            self._worker.turns.expect_more()
        self._count_accepted(answer, len(reading.raws), register)
        return answer

    def _count_accepted(self, answer: BatchAnswer, records: int, register: RegisterRow) -> None:
        if answer.fork:
            self._metrics.count("tessera_forks_total")
            note(
                "two histories under one incarnation",
                level=logging.WARNING,
                register=register.register_id,
                incarnation=answer.incarnation,
            )
        if answer.repeated:
            self._metrics.count("tessera_batches_repeated_total")
            return
        self._metrics.count("tessera_batches_accepted_total")
        self._metrics.count("tessera_records_accepted_total", records)
        self._metrics.count("tessera_records_malformed_total", len(answer.malformed))

    async def feed(self, request: Request) -> Response:
        """Segments of an audience after a number."""
        audience = request.path_params["audience"]
        query = request.query_params
        generation = query.get("generation", "")[:64]
        after = whole_number(query.get("after", "0"), most=2**62)
        limit = whole_number(query.get("limit", str(FEED_SEGMENTS_MAX)), most=FEED_SEGMENTS_MAX)
        wait_s = whole_number(query.get("wait_s", "0"), most=WAIT_S_MAX)

        def admit() -> RequestSignature:
            with self._central.engines.reader.begin() as tx:
                register, parts = self._signer(tx, request, b"")
            allowed = {
                register_audience(register.register_id),
                store_audience(register.store_id),
            }
            if audience not in allowed:
                raise refusals.not_yours(audience[:80])
            self._read_nonces.admit_once(parts)
            with self._central.engines.reader.begin() as tx:
                proof = self._went_back.known(tx, register.register_id) or proof_in_cursor(
                    tx, register.register_id, audience, generation=generation, after=after
                )
            if proof is not None:
                self._went_back.refuse(proof)
            return parts

        parts = await run_in_threadpool(admit)
        until = asyncio.get_running_loop().time() + wait_s
        while True:
            page = await run_in_threadpool(
                feed_page,
                self._central,
                audience,
                generation=generation,
                after=after,
                limit=max(1, limit),
                request=parts,
            )
            left_s = until - asyncio.get_running_loop().time()
            if page.segments or left_s <= 0 or self._bell.is_closing:
                return json_answer(page)
            await self._bell.wait(min(left_s, RECHECK_S))

    async def root(self, request: Request) -> Response:
        """A root by its version: public, since it is signed and holds public keys alone."""
        version: int = request.path_params["version"]
        found = await run_in_threadpool(self._central.roots.read, min(version, ROOT_VERSION_MAX))
        if found is None:
            raise refusals.unknown("there is no root of this version")
        return json_answer(found)

    async def bundle(self, request: Request) -> Response:
        """A bundle's bytes by its hash."""

        def work() -> bytes:
            with self._central.engines.reader.begin() as tx:
                _register, parts = self._signer(tx, request, b"")
                self._read_nonces.admit_once(parts)
                body = bundle_book.read_bundle(tx, request.path_params["hash"])
            if body is None:
                raise refusals.unknown("there is no bundle of this hash")
            return body

        body = await run_in_threadpool(work)
        return Response(body, media_type="application/yaml")

    def _reader(self, request: Request) -> RegisterRow:
        """The register that signed a request which only reads."""
        with self._central.engines.reader.begin() as tx:
            register, parts = self._signer(tx, request, b"")
        self._read_nonces.admit_once(parts)
        return register

    async def seed(self, request: Request) -> Response:
        """The seed of a bundle's instant wins, in hexadecimal."""

        def work() -> bytes:
            with self._central.engines.reader.begin() as tx:
                _register, parts = self._signer(tx, request, b"")
                self._read_nonces.admit_once(parts)
                bundle = request.path_params["hash"]
                known = bundle_book.read_bundle(tx, bundle) is not None
            name = bundle_name(bundle)
            found = read_seed(self._central.settings.data_dir, name) if known else b""
            if not found:
                raise refusals.unknown("no seed is kept for a bundle of this hash")
            return found

        body = await run_in_threadpool(work)
        return Response(body.hex(), media_type="text/plain", headers={"Cache-Control": "no-store"})

    async def heartbeat(self, request: Request) -> Response:
        """How a register is."""
        raw = await bounded_body(request, SMALL_BODY_MAX)
        beat = read_as(raw, Heartbeat)

        def work() -> None:
            now_ms = self._central.now_ms()
            with self._worker.turns.first(), self._central.engines.writer.begin() as tx:
                register, parts = self._signer(tx, request, raw)
                gate.admit_once(tx, parts, now_ms=now_ms)
                register_book.write_heartbeat(
                    tx,
                    register_id=register.register_id,
                    received_ms=now_ms,
                    body=encoded(beat).decode(),
                )

        await run_in_threadpool(work)
        return Response(status_code=204)

    async def healthz(self, _request: Request) -> Response:
        """Whether central answers and reaches its database."""
        try:
            state = await run_in_threadpool(self._central.state)
        except Exception as error:  # noqa: BLE001 - any failure means: not well
            LOGGER.error("health check failed", exc_info=error)
            return Response('{"state":"failing"}', status_code=503, media_type=JSON_TYPE)
        told = {"state": "stopping" if self._bell.is_closing else "fine"}
        told["generation"] = state.generation
        return Response(json.dumps(told), media_type=JSON_TYPE)

    async def metrics(self, _request: Request) -> Response:
        """Numbers for monitoring."""

        def work() -> str:
            with self._central.engines.reader.begin() as tx:
                gauges = {
                    "tessera_inbox_batches": self._worker.waiting,
                    "tessera_quarantine_records": quarantine_book.count_parked(tx),
                    "tessera_registers_active": register_book.count_active(tx),
                    "tessera_registers_ahead": len(standing_book.read_ahead(tx, ALARM)),
                    "tessera_rechecks_waiting": recheck_book.count_due(tx),
                }
            return self._metrics.text(gauges)

        return Response(await run_in_threadpool(work), media_type=CONTENT_TYPE)

    def _signer(
        self, tx: sa.Connection, request: Request, content: bytes
    ) -> tuple[RegisterRow, RequestSignature]:
        raw_path: bytes = request.scope.get("raw_path") or request.url.path.encode()
        query: bytes = request.scope.get("query_string", b"")
        target = raw_path.decode("latin-1") + (f"?{query.decode('latin-1')}" if query else "")
        return gate.signer_of(
            tx,
            header=request.headers.get(REQUEST_HEADER, ""),
            method=request.method,
            target=target,
            content=content,
            now_ms=self._central.now_ms(),
        )


def build_app(central: Central, *, bell: Bell | None = None) -> Starlette:
    """The ASGI application; its lifespan runs the worker's thread."""
    metrics = Metrics()
    bell = bell or Bell()
    worker = Worker(central, metrics=metrics, on_published=bell.ring)
    rechecker = Rechecker(
        central, metrics=metrics, turns=worker.turns, is_busy=lambda: worker.waiting > 0
    )
    shelf = ImageShelf(central)
    served = CentralApp(central, worker, shelf, metrics, bell)

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        bell.bind()
        threads = [
            threading.Thread(target=worker.run, name="booking", daemon=True),
            threading.Thread(target=shelf.run, name="images", daemon=True),
            threading.Thread(target=rechecker.run, name="rechecks", daemon=True),
        ]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            bell.close()
            shelf.stop()
            rechecker.stop()
            worker.stop()
            for thread in threads:
                await run_in_threadpool(thread.join)

    return Starlette(
        routes=served.routes(),
        lifespan=lifespan,
        exception_handlers={HTTPException: served.not_served},
    )
