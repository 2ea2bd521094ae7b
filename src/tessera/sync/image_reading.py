"""Reading an image: its manifest, its file's hash, its lines. Nothing counts before all is checked.

Owns: every check of an image and what each failure is called. Must never: write to a database, or
hand out a line of a file whose hash was not compared.
"""

import hashlib
import zlib
from collections.abc import Iterator
from pathlib import Path

import msgspec

from tessera.core.errors import TesseraError
from tessera.sync.feed_reading import check_signed_rows, read_row
from tessera.sync.feed_wire import FeedRow
from tessera.sync.image_wire import (
    IMAGE_FORMAT,
    LINE_BYTES_MAX,
    LINE_ROWS_MAX,
    ImageContent,
    ImageEnd,
    ImageHead,
    ImageLine,
    ImageManifest,
    ImageMembers,
    ImageRows,
    SignedImage,
)
from tessera.sync.trust import IMAGE, Trust

_BLOCK_BYTES = 262_144
_GZIP = 16 + zlib.MAX_WBITS
_LINES: "msgspec.json.Decoder[ImageLine]" = msgspec.json.Decoder(ImageLine)
EMPTY_HASH = hashlib.sha256(b"").hexdigest()


class ImageRefused(TesseraError):
    """An image that must not be loaded; nothing of it was."""

    code = "image_refused"


def read_manifest(
    image: SignedImage, *, audience: str, generation: str, after: int, trust: Trust
) -> ImageManifest:
    """The manifest, once it is certain that central made it for this audience and not too early.

    `after`: the till has the stream up to here, so an image must go further. ImageRefused
    otherwise.
    """
    raw = image.manifest.encode()
    if not trust.is_signed(IMAGE, raw, image.signature):
        raise _refused(audience, "is not signed by central")
    try:
        manifest = msgspec.json.decode(raw, type=ImageManifest)
    except (msgspec.DecodeError, RecursionError) as error:
        raise _refused(audience, f"has a manifest that does not read: {error}") from error
    if manifest.format != IMAGE_FORMAT:
        raise _refused(audience, f"is of format {manifest.format}, which is unknown here")
    if (manifest.audience, manifest.generation) != (audience, generation):
        raise _refused(audience, f"is of {manifest.audience} in generation {manifest.generation}")
    if manifest.number <= after:
        raise _refused(audience, f"ends at {manifest.number}; {after} is here already")
    if (manifest.size == 0) != (manifest.hash == EMPTY_HASH):
        raise _refused(audience, "has a size that does not fit its hash")
    return manifest


def check_file(path: Path, manifest: ImageManifest) -> None:
    """ImageRefused unless the file is exactly what the manifest names."""
    digest = hashlib.sha256()
    size = 0
    with path.open("rb") as handle:
        while block := handle.read(_BLOCK_BYTES):
            size += len(block)
            digest.update(block)
    if size != manifest.size or digest.hexdigest() != manifest.hash:
        raise _refused(manifest.audience, "does not have the hash that central signed")


def read_lines(path: Path, manifest: ImageManifest) -> Iterator[ImageContent]:
    """The lines of a checked file, in order, without head and end.

    ImageRefused at the first line that is not as the format says, or when the end does not fit.
    """
    counts = {"members": 0, "cards": 0, "balances": 0}
    head = ImageHead(
        generation=manifest.generation, audience=manifest.audience, number=manifest.number
    )
    begun = ended = False
    for raw in _split(path, manifest):
        if ended:
            raise _refused(manifest.audience, "has lines after its end")
        try:
            line = _LINES.decode(raw)
        except (msgspec.DecodeError, RecursionError) as error:
            raise _refused(manifest.audience, f"has a line that does not read: {error}") from error
        if not begun or isinstance(line, ImageHead):
            if begun or line != head:
                raise _refused(manifest.audience, "begins with another image's head")
            begun = True
            continue
        if isinstance(line, ImageEnd):
            ended = True
            continue
        if len(line.rows) > LINE_ROWS_MAX:
            raise _refused(manifest.audience, f"has a line of {len(line.rows)} rows")
        name = line.__struct_config__.tag
        if isinstance(name, str) and name in counts:
            _check_numbers(line, counts["members"], manifest.audience)
            counts[name] += len(line.rows)
        yield line
    wanted = {name: getattr(manifest, name) for name in counts}
    if not ended or counts != wanted:
        raise _refused(manifest.audience, f"holds {counts}, and its manifest says {wanted}")


def _check_numbers(line: ImageContent, before: int, audience: str) -> None:
    """Members are numbered from 1 without gaps: cards name them by that number."""
    if isinstance(line, ImageMembers) and line.rows:
        first, last = line.rows[0][0], line.rows[-1][0]
        if (first, last) != (before + 1, before + len(line.rows)):
            raise _refused(audience, f"numbers its members {first} to {last} after {before}")


def feed_rows(line: ImageRows, *, audience: str, trust: Trust) -> tuple[FeedRow, ...]:
    """The feed rows of a line, signatures inside them checked; PageRefused otherwise."""
    rows = [row for raw in line.rows if (row := read_row(raw, audience)) is not None]
    check_signed_rows(rows, audience, trust)
    return tuple(rows)


def _split(path: Path, manifest: ImageManifest) -> Iterator[bytes]:
    """Inflate block by block and give line by line; never more than one line in memory."""
    inflater = zlib.decompressobj(_GZIP)
    unpacked = 0
    waiting = b""
    with path.open("rb") as handle:
        packed = b""
        while not inflater.eof:
            packed = packed or handle.read(_BLOCK_BYTES)
            is_all = not packed
            try:
                block = inflater.decompress(packed, _BLOCK_BYTES * 4)
            except zlib.error as error:
                raise _refused(manifest.audience, "does not inflate") from error
            if is_all and not block:
                break
            packed = inflater.unconsumed_tail
            unpacked += len(block)
            if unpacked > manifest.unpacked:
                raise _refused(manifest.audience, f"holds over {manifest.unpacked} bytes")
            lines = (waiting + block).split(b"\n")
            if len(lines[0]) > LINE_BYTES_MAX:  # the others are within one block
                raise _refused(manifest.audience, f"has a line over {LINE_BYTES_MAX} bytes")
            waiting = lines.pop()
            yield from lines
        if not inflater.eof or inflater.unused_data or handle.read(1) or waiting:
            raise _refused(manifest.audience, "is cut off or has bytes behind its end")
    if unpacked != manifest.unpacked:
        raise _refused(manifest.audience, f"holds {unpacked} bytes, not {manifest.unpacked}")


def _refused(audience: str, what: str) -> ImageRefused:
    return ImageRefused(
        f"the image for {audience} {what}",
        hint="nothing of it was loaded; it is asked for again, and sales go on",
    )
