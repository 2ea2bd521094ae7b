"""Makes the image of a store: its members, cards, balances and programme in one signed file.

Owns: the order of steps that makes an image true. The stream's last number is read first, then the
state page by page, then it waits until everything that had changed by then is published. So every
row is at least as new as that number says, what is newer is told again after it and changes nothing
by its version, and whoever reads a register's stream after fetching the image finds every outcome
that the image's balances include. No snapshot over all of it is needed, so it works as well on many
servers. Must never: hold a store's members in memory, or give a file its name before it is whole.
"""

import hashlib
import os
import tempfile
import zlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

import msgspec
import sqlalchemy as sa

from tessera.central.opening import Central
from tessera.central.programmes import current_assignment
from tessera.central.rows import store_audience
from tessera.central.stops import current_stops
from tessera.store.central import feed, feed_floor, image_rows, member_book, register_book
from tessera.store.central.image_rows import Part, Row, Sorter
from tessera.store.central.ledger_book import MemberKey
from tessera.sync.image_wire import (
    IMAGE_BYTES_MAX,
    IMAGE_FORMAT,
    IMAGE_UNPACKED_MAX,
    LINE_ROWS_MAX,
    ImageEnd,
    ImageHead,
    ImageManifest,
    SignedImage,
)
from tessera.sync.records import encoded
from tessera.sync.signing import PURPOSE_IMAGE, SigningKey

PAGE_MEMBERS = 2_000
LINE_BYTES = 2_097_152
"""About how many bytes a line may have before another is begun."""
LEVEL = 6
_GZIP = 16 + zlib.MAX_WBITS


class ImageTooLarge(Exception):
    """A store with more than an image may hold: its tills read the stream."""


def sign_with(key: SigningKey, manifest: ImageManifest) -> SignedImage:
    """The manifest as it is served."""
    raw = encoded(manifest)
    return SignedImage(manifest=raw.decode(), signature=key.sign(PURPOSE_IMAGE, raw).hex())


def build_image(
    central: Central,
    store_id: str,
    folder: Path,
    *,
    pause: Callable[[], None],
    bytes_max: int = IMAGE_BYTES_MAX,
) -> SignedImage:
    """Make the image of a store in `folder`, named by its hash; `pause` waits for publication.

    ImageTooLarge beyond `bytes_max` bytes; nothing stays behind then.
    """
    audience = store_audience(store_id)
    state = central.state()
    with central.engines.reader.begin() as tx:
        number = feed.audience_head(tx, audience, state.generation)
    with tempfile.TemporaryDirectory(dir=folder, prefix="building-") as scratch:
        sorter = Sorter(Path(scratch) / "sorting.db")
        try:
            _read_all(central, store_id, sorter, base=state.version_base)
            sorter.sort()
            with central.engines.reader.begin() as tx:
                heads = feed_floor.read_heads(tx)
                told = (
                    current_assignment(tx, central, store_id),
                    current_stops(tx, store_id),
                )
            packed = Packing(Path(scratch) / "image", bytes_max=bytes_max)
            head = ImageHead(generation=state.generation, audience=audience, number=number)
            packed.write(head, sorter, [encoded(row) for row in told if row is not None])
        finally:
            sorter.close()
        while not _is_published(central, heads):
            pause()
        manifest = packed.manifest(head, built_ms=central.now_ms())
        signed = sign_with(central.keys.signing, manifest)
        (Path(scratch) / "image").rename(folder / manifest.hash)
    return signed


def _is_published(central: Central, heads: feed_floor.Heads) -> bool:
    with central.engines.reader.begin() as tx:
        return feed_floor.is_published(tx, heads)


def _read_all(central: Central, store_id: str, sorter: Sorter, *, base: int) -> None:
    after: MemberKey = (-1, "")
    while True:
        with central.engines.reader.begin() as tx:
            keys = member_book.members_of_store(tx, store_id, after=after, limit=PAGE_MEMBERS)
            if not keys:
                return
            part = Part(store_id, after=after, last=keys[-1], base=base)
            of_members = image_rows.members(tx, part)
            of_cards = image_rows.cards(tx, part)
            of_balances = image_rows.balances(tx, part)
        sorter.add(of_members, of_cards, of_balances)
        after = keys[-1]


@dataclass(slots=True)
class Packing:
    """A file that is written line by line, packed and hashed on the way."""

    path: Path
    bytes_max: int
    digest: "hashlib._Hash" = field(default_factory=hashlib.sha256)
    size: int = 0
    unpacked: int = 0
    counts: dict[str, int] = field(default_factory=dict)

    def manifest(self, head: ImageHead, *, built_ms: int) -> ImageManifest:
        """What the file is, once it is written."""
        return ImageManifest(
            generation=head.generation,
            audience=head.audience,
            number=head.number,
            format=IMAGE_FORMAT,
            hash=self.digest.hexdigest(),
            size=self.size,
            unpacked=self.unpacked,
            built_ms=built_ms,
            **self.counts,
        )

    def write(self, head: ImageHead, sorter: Sorter, rows: list[bytes]) -> None:
        """Write all of it; ImageTooLarge as soon as it is. `rows`: feed rows of other kinds."""
        packer = zlib.compressobj(LEVEL, zlib.DEFLATED, _GZIP)
        handle = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "wb") as out:
            for line in self._lines(head, sorter, rows):
                self.unpacked += len(line)
                self._keep(out, packer.compress(line))
            self._keep(out, packer.flush())
            out.flush()
            os.fsync(out.fileno())

    def _keep(self, out: BinaryIO, part: bytes) -> None:
        self.size += len(part)
        if self.size > self.bytes_max or self.unpacked > IMAGE_UNPACKED_MAX:
            raise ImageTooLarge
        self.digest.update(part)
        out.write(part)

    def _lines(self, head: ImageHead, sorter: Sorter, rows: list[bytes]) -> Iterator[bytes]:
        yield encoded(head) + b"\n"
        for kind, found in (
            ("members", sorter.members()),
            ("cards", sorter.cards()),
            ("balances", sorter.balances()),
        ):
            self.counts[kind] = 0
            for part in _cut(found):
                self.counts[kind] += len(part)
                yield b'{"type":"%s","rows":[%s]}\n' % (kind.encode(), b",".join(part))
        if rows:
            yield b'{"type":"rows","rows":[%s]}\n' % b",".join(rows)
        yield encoded(ImageEnd(**self.counts)) + b"\n"


def _cut(found: Iterable[list[Row]]) -> Iterator[list[bytes]]:
    """Rows as JSON, in portions of a line."""
    encode = msgspec.json.Encoder().encode
    part: list[bytes] = []
    size = 0
    for rows in found:
        for row in rows:
            text = encode(row)
            if part and (len(part) >= LINE_ROWS_MAX or size + len(text) > LINE_BYTES):
                yield part
                part, size = [], 0
            part.append(text)
            size += len(text) + 1
    if part:
        yield part


def empty_image(central: Central, tx: sa.Connection, audience: str) -> SignedImage:
    """For a register's own stream: go on after what is kept; nothing before it is needed."""
    state = register_book.read_central(tx)
    assert state is not None
    floor = feed_floor.read_floor(tx, audience, state.generation)
    return sign_with(
        central.keys.signing,
        ImageManifest(
            generation=state.generation,
            audience=audience,
            number=floor.segments_after,
            format=IMAGE_FORMAT,
            hash=hashlib.sha256(b"").hexdigest(),
            size=0,
            unpacked=0,
            built_ms=central.now_ms(),
        ),
    )
