"""Somebody between a till and central: passes everything on, and may change, keep or replay it."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field

import httpx
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

Change = Callable[[str, bytes], bytes | Response | Awaitable[Response]]


def honest(_path: str, body: bytes) -> bytes:
    """Pass an answer on as it came."""
    return body


@dataclass
class Between:
    """`change` sees each answer's path and body; `seen` keeps what central really said."""

    central_url: str
    change: Change = honest
    seen: list[tuple[str, bytes]] = field(default_factory=list)

    async def serve(self, request: Request) -> Response:
        target = request.url.path + (f"?{request.url.query}" if request.url.query else "")
        headers = {
            name: value
            for name, value in request.headers.items()
            if name.lower() not in {"host", "content-length"}
        }
        async with httpx.AsyncClient(trust_env=False, timeout=30) as client:
            answer = await client.request(
                request.method,
                self.central_url + target,
                content=await request.body(),
                headers=headers,
            )
        self.seen.append((request.url.path, answer.content))
        changed = self.change(request.url.path, answer.content)
        if isinstance(changed, Response):
            return changed
        if not isinstance(changed, bytes):
            return await changed
        return Response(changed, answer.status_code, media_type="application/json")

    def app(self) -> Starlette:
        methods = ["GET", "POST"]
        return Starlette(routes=[Route("/{path:path}", self.serve, methods=methods)])

    def said(self, part: str) -> bytes:
        """The latest answer that central gave at an address with this part."""
        return next(body for path, body in reversed(self.seen) if part in path)


async def endless(piece: bytes, pause_s: float = 0.0) -> AsyncIterator[bytes]:
    """The same piece again and again."""
    while True:
        yield piece
        await asyncio.sleep(pause_s)
