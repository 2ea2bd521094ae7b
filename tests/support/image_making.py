"""An image made by hand, so that every byte of it can be wrong; and a line that serves it."""

import gzip
import hashlib
from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from tessera.sync.feed_wire import FeedPage
from tessera.sync.image_wire import IMAGE_FORMAT, ImageManifest, SignedImage
from tessera.sync.link import CentralRefused
from tessera.sync.records import encoded
from tessera.sync.signing import PURPOSE_IMAGE, SigningKey

AUDIENCE = "store:shop"
GENERATION = "g1"
Row = tuple[Any, ...]


def member_row(number: int, member_id: str, *, version: int = 1, name: str = "A. M.") -> Row:
    return (
        *(number, member_id, version, "active", "gold", name, "de"),
        *('["new"]', "", "2026-01-15", "07-31", 0, 3, 1_000, 500, None),
    )


def lines_of(
    members: Sequence[Row] = (),
    cards: Sequence[Row] = (),
    balances: Sequence[Row] = (),
    *,
    number: int = 7,
    rows_in_line: int = 2_000,
) -> list[bytes]:
    """The lines of an image, as central writes them."""
    head = {"type": "head", "generation": GENERATION, "audience": AUDIENCE, "number": number}
    lines = [msgspec.json.encode(head)]
    for kind, rows in (("members", members), ("cards", cards), ("balances", balances)):
        for start in range(0, len(rows), rows_in_line):
            part = rows[start : start + rows_in_line]
            lines.append(msgspec.json.encode({"type": kind, "rows": part}))
    counts = {"members": len(members), "cards": len(cards), "balances": len(balances)}
    return [*lines, msgspec.json.encode({"type": "end", **counts})]


def packed(lines: Sequence[bytes]) -> bytes:
    return gzip.compress(b"".join(line + b"\n" for line in lines), 6, mtime=0)


def manifest_of(lines: Sequence[bytes], **changes: object) -> ImageManifest:
    body = packed(lines)
    end = msgspec.json.decode(lines[-1]) if lines[-1].strip() else {}
    fields: dict[str, Any] = {
        "generation": GENERATION,
        "audience": AUDIENCE,
        "number": 7,
        "format": IMAGE_FORMAT,
        "hash": hashlib.sha256(body).hexdigest(),
        "size": len(body),
        "unpacked": sum(len(line) + 1 for line in lines),
        "members": end.get("members", 0),
        "cards": end.get("cards", 0),
        "balances": end.get("balances", 0),
        "built_ms": 1_795_000_000_000,
    }
    return ImageManifest(**{**fields, **changes})


def signed(manifest: ImageManifest, key: SigningKey) -> SignedImage:
    raw = encoded(manifest)
    return SignedImage(manifest=raw.decode(), signature=key.sign(PURPOSE_IMAGE, raw).hex())


class ImageLine:
    """A line to a central that has one image and nothing after it."""

    def __init__(self, image: SignedImage, body: bytes) -> None:
        self._image = image
        self._body = body
        self._number = msgspec.json.decode(image.manifest, type=ImageManifest).number

    async def root(self, _version: int) -> None:
        """There is no newer root."""

    async def image(self, _audience: str, *, generation: str) -> SignedImage:
        if generation != GENERATION:
            raise CentralRefused("another generation", code="generation_changed", status=409)
        return self._image

    async def image_file(
        self, _hash: str, *, start: int, take: Callable[[int, bytes], None]
    ) -> None:
        for offset in range(start, len(self._body), 4_096):
            take(offset, self._body[offset : offset + 4_096])

    async def feed(
        self, audience: str, *, generation: str, after: int, limit: int, wait_s: int
    ) -> FeedPage:
        assert (limit > 0, wait_s) == (True, 0)
        return FeedPage(generation=generation, audience=audience, head=after, central_ms=1)
