"""Central over HTTP: the only module that imports httpx.

Owns: signing each attempt, limits on time and size, and the mapping of foreign errors to ours.
Must never: retry, or decide what an answer means; the loops do, by `sync.batching`.
"""

import asyncio
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import TypeVar

import httpx
import msgspec

from tessera import __version__
from tessera.core.errors import TesseraError
from tessera.sync.batching import head_headers
from tessera.sync.feed_wire import FeedPage
from tessera.sync.grant_wire import PresentAnswer, PresentRequest
from tessera.sync.image_wire import SignedImage
from tessera.sync.link import (
    CentralBroken,
    CentralBusy,
    CentralConfused,
    CentralRefused,
    CentralUnreachable,
)
from tessera.sync.profile_wire import ProfilesAnswer, ProfilesGiven
from tessera.sync.records import encoded
from tessera.sync.signing import NONCE_BYTES, REQUEST_HEADER, SigningKey, sign_request
from tessera.sync.wire import (
    BUNDLE_BYTES_MAX,
    ROOT_BYTES_MAX,
    BatchAnswer,
    BatchHead,
    EnrolAnswer,
    EnrolRequest,
    Heartbeat,
    Refusal,
    RenewAnswer,
    RenewRequest,
    SignedRoot,
    Statement,
)

T = TypeVar("T")
SEED_BYTES_MAX = 1_024

CONNECT_S_MAX = 5.0
ANSWER_S_MAX = 30.0
"""Longest silence within an answer."""
WHOLE_S_MAX = 300.0
"""Longest time for a whole answer: one that trickles in byte by byte is given up."""
LONG_POLL_S_MAX = 20
PAGE_BYTES_MAX = 67_108_864
ANSWER_BYTES_MAX = 1_048_576
ROOT_ANSWER_MAX = 4 * ROOT_BYTES_MAX
_LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Signer:
    """Who signs requests: the register in its present life."""

    register: str
    incarnation: str
    key: SigningKey


class HttpCentral:
    """Central at an address. Give `signer` for all calls but `enrol`."""

    def __init__(
        self,
        url: str,
        *,
        signer: Signer | None,
        wall_ms: Callable[[], int],
        random: Callable[[int], bytes],
        ca_file: Path | None = None,
        whole_s_max: float = WHOLE_S_MAX,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        """TesseraError when the address is none, or would send secrets in clear.

        `transport` takes the network's place; without one the network is used.
        """
        self._base = _checked_address(url)
        self._signer = signer
        self._wall_ms = wall_ms
        self._random = random
        self._whole_s_max = whole_s_max
        self._http = httpx.AsyncClient(
            # Plain http asks for no authority, and reading them all costs a start some 50 ms.
            verify=_trust(ca_file)
            if self._base.scheme == "https"
            else ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT),
            timeout=httpx.Timeout(ANSWER_S_MAX, connect=CONNECT_S_MAX),
            headers={"User-Agent": f"tessera-agent/{__version__}"},
            follow_redirects=False,
            trust_env=False,
            transport=transport,
        )

    async def enrol(self, request: EnrolRequest) -> EnrolAnswer:
        """See `CentralLink`."""
        answer = await self._call("POST", "/v1/enrol", content=encoded(request))
        return _read(answer, EnrolAnswer)

    async def renew(self, request: RenewRequest) -> RenewAnswer:
        """See `CentralLink`."""
        answer = await self._call("POST", "/v1/certificate", content=encoded(request))
        return _read(answer, RenewAnswer)

    async def push(self, head: BatchHead, content: bytes) -> BatchAnswer:
        """See `CentralLink`."""
        assert self._signer is not None
        headers = head_headers(head, self._signer.key)
        headers["Content-Encoding"] = "gzip"
        headers["Content-Type"] = "application/x-ndjson"
        answer = await self._call(
            "POST", "/v1/batches", content=content, headers=headers, also=(409,)
        )
        return _read(answer, BatchAnswer)

    async def feed(
        self, audience: str, *, generation: str, after: int, limit: int, wait_s: int
    ) -> FeedPage:
        """See `CentralLink`."""
        nonce = self._random(NONCE_BYTES)
        answer = await self._call(
            "GET",
            f"/v1/feed/{audience}",
            query={
                "generation": generation,
                "after": str(after),
                "limit": str(limit),
                "wait_s": str(min(wait_s, LONG_POLL_S_MAX)),
            },
            bytes_max=PAGE_BYTES_MAX,
            nonce=nonce,
        )
        page = _read(answer, FeedPage)
        if page.statement and _read(page.statement.encode(), Statement).nonce != nonce.hex():
            raise CentralConfused("central's answer is to another request: somebody replays it")
        return page

    async def bundle(self, bundle_hash: str, *, size: int) -> bytes:
        """See `CentralLink`."""
        return await self._call(
            "GET", f"/v1/bundles/{bundle_hash}", bytes_max=min(size, BUNDLE_BYTES_MAX)
        )

    async def root(self, version: int) -> SignedRoot | None:
        """See `CentralLink`."""
        try:
            answer = await self._call("GET", f"/v1/roots/{version}", bytes_max=ROOT_ANSWER_MAX)
        except CentralRefused as error:
            if error.status == HTTPStatus.NOT_FOUND:
                return None
            raise
        return _read(answer, SignedRoot)

    async def image(self, audience: str, *, generation: str) -> SignedImage:
        """See `CentralLink`."""
        answer = await self._call("GET", f"/v1/images/{audience}", query={"generation": generation})
        return _read(answer, SignedImage)

    async def image_file(
        self, image_hash: str, *, start: int, take: Callable[[int, bytes], None]
    ) -> None:
        """See `CentralLink`."""
        url = self._base.copy_with(
            path=self._base.raw_path.decode().rstrip("/") + f"/v1/image-files/{image_hash}"
        )
        assert self._signer is not None
        sent = {
            REQUEST_HEADER: self._signature(self._signer, "GET", url.raw_path.decode(), b""),
            # What is hashed is what is kept: nothing on the way may pack it once more.
            "Accept-Encoding": "identity",
        }
        if start:
            sent["Range"] = f"bytes={start}-"
            sent["If-Range"] = f'"{image_hash}"'
        try:
            async with self._http.stream("GET", url, headers=sent) as response:
                if response.status_code not in (200, 206):
                    body = await _bounded(response, ANSWER_BYTES_MAX)
                    raise _failure(response, _refusal(body))
                offset = _begins_at(response, start)
                async for part in response.aiter_raw():
                    take(offset, part)
                    offset += len(part)
        except httpx.HTTPError as error:
            raise CentralUnreachable(
                f"central at {self._base.host} broke off: {_reason(error)}",
                hint="what has come of the image is kept; it goes on from there",
            ) from error

    async def seed(self, bundle_hash: str) -> bytes:
        """See `CentralLink`."""
        return await self._call("GET", f"/v1/bundles/{bundle_hash}/seed", bytes_max=SEED_BYTES_MAX)

    async def heartbeat(self, beat: Heartbeat) -> None:
        """See `CentralLink`."""
        await self._call("POST", "/v1/heartbeat", content=encoded(beat))

    async def present(self, request: PresentRequest) -> PresentAnswer:
        """See `CentralLink`."""
        answer = await self._call("POST", "/v1/grants", content=encoded(request))
        return _read(answer, PresentAnswer)

    async def profiles(self, given: ProfilesGiven) -> ProfilesAnswer:
        """See `CentralLink`."""
        answer = await self._call("POST", "/v1/profiles", content=encoded(given))
        return _read(answer, ProfilesAnswer)

    async def close(self) -> None:
        """See `CentralLink`."""
        await self._http.aclose()

    async def _call(
        self,
        method: str,
        path: str,
        *,
        content: bytes = b"",
        query: dict[str, str] | None = None,
        headers: dict[str, str] | None = None,
        also: tuple[int, ...] = (),
        bytes_max: int = ANSWER_BYTES_MAX,
        nonce: bytes = b"",
    ) -> bytes:
        base = self._base.raw_path.decode().rstrip("/")
        url = self._base.copy_with(path=base + path)
        if query:
            url = url.copy_with(params=query)
        sent = dict(headers or {})
        if content:
            sent.setdefault("Content-Type", "application/json")
        if self._signer is not None:
            sent[REQUEST_HEADER] = self._signature(
                self._signer, method, url.raw_path.decode(), content, nonce
            )
        try:
            async with (
                asyncio.timeout(self._whole_s_max),
                self._http.stream(method, url, content=content, headers=sent) as response,
            ):
                body = await _bounded(response, bytes_max)
        except TimeoutError as error:
            raise CentralUnreachable(
                f"central at {self._base.host} did not end its answer in {self._whole_s_max:g} s",
                hint="nothing is lost: sales are kept here until the line is back",
            ) from error
        except httpx.HTTPError as error:
            raise CentralUnreachable(
                f"central at {self._base.host} did not answer: {_reason(error)}",
                hint="nothing is lost: sales are kept here until the line is back",
            ) from error
        if response.status_code in (200, 201, 204):
            return body
        refusal = _refusal(body)
        if response.status_code in also and refusal is None:
            return body
        raise _failure(response, refusal)

    def _signature(
        self, signer: Signer, method: str, target: str, content: bytes, nonce: bytes = b""
    ) -> str:
        return sign_request(
            signer.key,
            method=method,
            target=target,
            content=content,
            register=signer.register,
            incarnation=signer.incarnation,
            wall_ms=self._wall_ms(),
            nonce=nonce or self._random(NONCE_BYTES),
        ).header()


def _checked_address(url: str) -> httpx.URL:
    try:
        address = httpx.URL(url)
    except httpx.InvalidURL as error:
        raise TesseraError(
            "central's address does not read as one", hint="write https://central.example:8450"
        ) from error
    if address.scheme not in {"http", "https"} or not address.host:
        raise TesseraError(
            f"central's address {url!r} is no web address",
            hint="write https://central.example:8450",
        )
    if address.scheme == "http" and address.host not in _LOOPBACK:
        raise TesseraError(
            f"central's address {url!r} is not encrypted",
            hint="write https://…; plain http only serves trials on one machine",
        )
    return address


def _trust(ca_file: Path | None) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cafile=str(ca_file) if ca_file else None)
    except (OSError, ssl.SSLError) as error:
        raise TesseraError(
            f"certificates in {ca_file} cannot be read: {error}",
            hint="give a PEM file that the agent's user may read",
        ) from error


async def _bounded(response: httpx.Response, bytes_max: int) -> bytes:
    parts: list[bytes] = []
    size = 0
    async for part in response.aiter_bytes():
        size += len(part)
        if size > bytes_max:
            raise CentralConfused(f"central's answer is longer than {bytes_max} bytes")
        parts.append(part)
    return b"".join(parts)


def _begins_at(response: httpx.Response, wanted: int) -> int:
    """At which byte of the file an answer begins; CentralConfused when it does not say so."""
    if response.headers.get("Content-Encoding", "identity") != "identity":
        raise CentralConfused("central's image came packed once more")
    if response.status_code == 200:
        return 0
    if not response.headers.get("Content-Range", "").startswith(f"bytes {wanted}-"):
        raise CentralConfused(f"central's answer does not begin at byte {wanted}")
    return wanted


def _reason(error: httpx.HTTPError) -> str:
    return str(error) or type(error).__name__


def _read(body: bytes, kind: type[T]) -> T:
    try:
        return msgspec.json.decode(body, type=kind)
    except (msgspec.DecodeError, RecursionError) as error:
        raise CentralConfused(f"central's answer does not read: {error}") from error


def _refusal(body: bytes) -> Refusal | None:
    try:
        return msgspec.json.decode(body, type=Refusal)
    except (msgspec.DecodeError, RecursionError):
        return None


def _failure(response: httpx.Response, refusal: Refusal | None) -> TesseraError:
    status = response.status_code
    detail = refusal.detail if refusal else f"status {status}"
    hint = refusal.hint if refusal else ""
    if status in (429, 503):
        named = refusal.retry_after_s if refusal else 0
        header = response.headers.get("Retry-After", "")
        wait_s = named or (int(header) if header.isdecimal() else 0)
        return CentralBusy(f"central is busy: {detail}", hint=hint, retry_after_s=min(wait_s, 3600))
    if status >= 500:
        return CentralBroken(f"central failed: {detail}", hint=hint)
    return CentralRefused(
        f"central refused: {detail}",
        hint=hint,
        code=refusal.code if refusal else "refused",
        status=status,
    )
