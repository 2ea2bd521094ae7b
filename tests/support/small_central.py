"""A small central of the tests: real sockets, real signatures, everything in memory.

It checks what the real one checks (request, batch head, chain) and can be told to fail. It applies
a record by the test's own `apply`, so that balances can be worked out by hand.
"""

import base64
import gzip
import hashlib
import json
import threading
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, Self

import msgspec
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from tessera.core.journal import Head, chain_links, genesis
from tessera.sync.feed_reading import bytes_to_sign
from tessera.sync.feed_wire import (
    AccountVersion,
    AssignmentRow,
    BalanceRow,
    FeedPage,
    FeedRow,
    LeaseRow,
    OutcomeRow,
    Segment,
    SegmentBody,
)
from tessera.sync.grant_wire import PresentAnswer
from tessera.sync.records import encoded
from tessera.sync.signing import (
    PURPOSE_ASSIGNMENT,
    PURPOSE_BATCH,
    PURPOSE_CERTIFICATE,
    PURPOSE_LEASE,
    PURPOSE_SEGMENT,
    REQUEST_HEADER,
    SigningKey,
    is_signed,
    read_request_header,
    request_is_signed,
)
from tessera.sync.wire import (
    BatchAnswer,
    BatchHead,
    Certificate,
    EnrolAnswer,
    EnrolRequest,
    Refusal,
)

CENTRAL_KEY = SigningKey(b"\x11" * 32)
CENTRAL_MS = 1_795_000_000_000


@dataclass
class SmallCentral:
    """The state; the server's thread and the test's share it under the lock."""

    generation: str = "g1"
    public_key: bytes = b""
    code: str = "CODE-1234"
    lock: threading.Lock = field(default_factory=threading.Lock)
    stored: dict[str, list[bytes]] = field(default_factory=dict)
    starts: dict[str, Head] = field(default_factory=dict)
    segments: dict[str, list[SegmentBody]] = field(default_factory=dict)
    balances: dict[str, tuple[int, int]] = field(default_factory=dict)
    applied: list[str] = field(default_factory=list)
    parked: list[str] = field(default_factory=list)
    bundles: dict[str, bytes] = field(default_factory=dict)
    seed: bytes = b""
    batches: list[BatchHead] = field(default_factory=list)
    beats: list[bytes] = field(default_factory=list)
    presented: list[bytes] = field(default_factory=list)
    nonces: set[bytes] = field(default_factory=set)
    fail: Callable[[Request, bytes], Response | None] = lambda _request, _content: None
    drop_replies: int = 0
    poison: set[str] = field(default_factory=set)
    tampered: Callable[[FeedPage], FeedPage] = lambda page: page
    forked: bool = False

    # ---- what a test says

    def publish(self, audience: str, *rows: FeedRow) -> None:
        """One more segment."""
        with self.lock:
            self._publish(audience, rows)

    def _publish(self, audience: str, rows: tuple[FeedRow, ...]) -> None:
        kept = self.segments.setdefault(audience, [])
        kept.append(
            SegmentBody(
                generation=self.generation,
                audience=audience,
                number=len(kept) + 1,
                rows=rows,
                central_ms=CENTRAL_MS,
            )
        )

    def restore(self, generation: str, keep: int) -> None:
        """Come back from a backup that holds the first `keep` records of each life."""
        with self.lock:
            self.generation = generation
            self.segments.clear()
            self.balances.clear()
            self.applied.clear()
            for incarnation, raws in self.stored.items():
                self.stored[incarnation] = raws[:keep]
                for raw in self.stored[incarnation]:
                    self._apply(raw)

    def _apply(self, raw: bytes) -> None:
        record = json.loads(raw)
        uid, body = record["uid"], record["body"]
        if uid in self.applied:
            return
        self.applied.append(uid)
        member, delta = body.get("member", "m1"), body.get("delta", 0)
        points, version = self.balances.get(member, (0, 0))
        self.balances[member] = (points + delta, version + 1)
        account = AccountVersion(
            account="points", points=points + delta, leased=0, version=version + 1
        )
        outcome = OutcomeRow(
            uid=uid,
            incarnation=record["incarnation"],
            seq=record["seq"],
            state="applied",
            member_id=member,
            accounts=(account,),
        )
        self._publish(f"register:{record['register']}", (outcome,))
        row = BalanceRow(
            member_id=member, account="points", points=points + delta, version=version + 1
        )
        self._publish("store:shop", (row,))

    # ---- routes

    async def enrol(self, request: Request) -> Response:
        asked = msgspec.json.decode(await request.body(), type=EnrolRequest)
        if asked.code != self.code:
            return refusal(403, "code_unknown")
        self.public_key = bytes.fromhex(asked.public_key)
        certificate = encoded(
            Certificate(
                register="till-1",
                store="shop",
                public_key=asked.public_key,
                serial=1,
                issued_ms=CENTRAL_MS,
                not_after_ms=CENTRAL_MS * 2,
            )
        )
        return answer(
            EnrolAnswer(
                certificate=certificate.decode(),
                signature=CENTRAL_KEY.sign(PURPOSE_CERTIFICATE, certificate).hex(),
                central_key=CENTRAL_KEY.public.hex(),
                generation=self.generation,
                card_key_id=1,
                card_key="22" * 32,
                time_zone="Europe/Berlin",
                currency="EUR",
                central_ms=CENTRAL_MS,
            )
        )

    async def batches_route(self, request: Request) -> Response:
        content = await request.body()
        refused = self._check(request, content)
        if refused is not None:
            return refused
        raw_head = base64.urlsafe_b64decode(request.headers["Tessera-Batch"])
        signature = base64.urlsafe_b64decode(request.headers["Tessera-Batch-Signature"])
        if not is_signed(self.public_key, PURPOSE_BATCH, raw_head, signature):
            return refusal(401, "bad_signature")
        head = msgspec.json.decode(raw_head, type=BatchHead)
        payload = gzip.decompress(content)
        assert hashlib.sha256(payload).hexdigest() == head.content_hash
        raws = payload.splitlines()
        with self.lock:
            self.batches.append(head)
            given = self._store(head, raws)
            if self.drop_replies > 0:
                self.drop_replies -= 1
                return Dropped()
        return given

    def _store(self, head: BatchHead, raws: list[bytes]) -> Response:
        if not head.opaque and any(json.loads(raw)["uid"] in self.poison for raw in raws):
            return refusal(500, "failed")
        kept = self.stored.setdefault(head.incarnation, [])
        if head.incarnation not in self.starts:
            parent = None
            if head.parent:
                parent = Head(
                    register=head.register,
                    incarnation=head.parent,
                    seq=head.parent_seq,
                    link_hash=bytes.fromhex(head.parent_link),
                )
            self.starts[head.incarnation] = genesis(head.register, head.incarnation, parent)
        if head.first_seq > len(kept) + 1:
            return answer(self._batch_answer(head), 409)
        links = chain_links(self.starts[head.incarnation], [*kept[: head.first_seq - 1], *raws])
        assert head.last_link == links[-1].hex()
        before = links[head.first_seq - 2] if head.first_seq > 1 else None
        assert before is None or before.hex() == head.previous_link
        repeated = head.last_seq <= len(kept)
        for raw in raws[len(kept) - head.first_seq + 1 :] if not repeated else ():
            kept.append(raw)
            if head.opaque:
                self.parked.append(json.loads(raw)["uid"])
            else:
                self._apply(raw)
        return answer(self._batch_answer(head, repeated=repeated))

    def _batch_answer(self, head: BatchHead, *, repeated: bool = False) -> BatchAnswer:
        return BatchAnswer(
            generation=self.generation,
            incarnation=head.incarnation,
            high_water=len(self.stored[head.incarnation]),
            central_ms=CENTRAL_MS,
            repeated=repeated,
            fork=self.forked,
        )

    async def feed(self, request: Request) -> Response:
        refused = self._check(request, b"")
        if refused is not None:
            return refused
        asked = request.query_params
        audience = request.path_params["audience"]
        if asked["generation"] not in {"", self.generation}:
            return refusal(409, "generation_changed")
        with self.lock:
            kept = self.segments.get(audience, [])
            after, limit = int(asked["after"]), int(asked["limit"])
            page = FeedPage(
                generation=self.generation,
                audience=audience,
                head=len(kept),
                central_ms=CENTRAL_MS,
                segments=tuple(signed(body) for body in kept[after : after + limit]),
            )
        return answer(self.tampered(page))

    async def bundle(self, request: Request) -> Response:
        refused = self._check(request, b"")
        return refused or Response(self.bundles[request.path_params["hash"]])

    async def seed_of(self, request: Request) -> Response:
        refused = self._check(request, b"")
        return refused or (Response(self.seed) if self.seed else refusal(404, "unknown"))

    async def heartbeat(self, request: Request) -> Response:
        content = await request.body()
        refused = self._check(request, content)
        self.beats.append(content)
        return refused or Response(status_code=204)

    async def grants(self, request: Request) -> Response:
        content = await request.body()
        refused = self._check(request, content)
        self.presented.append(content)
        return refused or answer(PresentAnswer(generation=self.generation))

    def _check(self, request: Request, content: bytes) -> Response | None:
        failed = self.fail(request, content)
        if failed is not None:
            return failed
        parts = read_request_header(request.headers.get(REQUEST_HEADER, ""))
        target = request.url.path + (f"?{request.url.query}" if request.url.query else "")
        if parts is None or not request_is_signed(
            self.public_key, parts, method=request.method, target=target, content=content
        ):
            return refusal(401, "bad_signature")
        if parts.nonce in self.nonces:
            return refusal(401, "replayed_request")
        self.nonces.add(parts.nonce)
        return None

    def app(self) -> Starlette:
        return Starlette(
            routes=[
                Route("/v1/enrol", self.enrol, methods=["POST"]),
                Route("/v1/batches", self.batches_route, methods=["POST"]),
                Route("/v1/feed/{audience}", self.feed),
                Route("/v1/bundles/{hash}", self.bundle),
                Route("/v1/bundles/{hash}/seed", self.seed_of),
                Route("/v1/grants", self.grants, methods=["POST"]),
                Route("/v1/heartbeat", self.heartbeat, methods=["POST"]),
            ]
        )


def signed(body: SegmentBody) -> Segment:
    raw = encoded(body)
    return Segment(
        number=body.number,
        body=raw.decode(),
        signature=CENTRAL_KEY.sign(PURPOSE_SEGMENT, raw).hex(),
    )


def signed_lease(row: LeaseRow) -> LeaseRow:
    signature = CENTRAL_KEY.sign(PURPOSE_LEASE, bytes_to_sign(row)).hex()
    return msgspec.structs.replace(row, signature=signature)


def signed_assignment(row: AssignmentRow) -> AssignmentRow:
    signature = CENTRAL_KEY.sign(PURPOSE_ASSIGNMENT, bytes_to_sign(row)).hex()
    return msgspec.structs.replace(row, signature=signature)


def answer(message: msgspec.Struct, status: int = 200) -> Response:
    return Response(encoded(message), status, media_type="application/json")


def refusal(status: int, code: str) -> Response:
    return answer(Refusal(code=code, detail=code), status)


class Dropped(Response):
    """The connection breaks before the answer is whole."""

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        headers = [(b"content-length", b"100")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})


class Serving:
    """Serves an ASGI app on a free port of this machine, in a thread."""

    def __init__(
        self, app: Callable[..., Awaitable[None]], port: int = 0, *, lifespan: bool = False
    ) -> None:
        self._server = uvicorn.Server(
            uvicorn.Config(
                app,
                host="127.0.0.1",
                port=port,
                log_level="critical",
                lifespan="on" if lifespan else "off",
            )
        )
        self._thread = threading.Thread(target=self._server.run, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        while not self._server.started:
            if not self._thread.is_alive():
                raise RuntimeError("the small central did not start")
            threading.Event().wait(0.01)
        return self

    @property
    def port(self) -> int:
        return int(self._server.servers[0].sockets[0].getsockname()[1])

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def __exit__(self, *_: object) -> None:
        self._server.should_exit = True
        self._server.force_exit = True
        self._thread.join(10)
