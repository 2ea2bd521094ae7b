"""An image on its way to this till: a file that grows, and beside it the manifest it belongs to.

Owns: both files, so that a download goes on after a kill at any byte. Must never: say that a file
is good; `sync.image_reading` compares its hash.
"""

import os
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

import msgspec

from tessera.sync.image_wire import SignedImage
from tessera.sync.records import encoded

MANIFEST = "till.image.json"
PART = "till.image.part"


class TooLong(Exception):
    """More bytes came than the manifest names."""


class ImageFile:
    """The image that is being fetched, in the till's folder; both files hold personal fields."""

    def __init__(self, folder: Path) -> None:
        self._manifest = folder / MANIFEST
        self.path = folder / PART

    def kept(self) -> SignedImage | None:
        """The manifest of a download that was begun; None when there is none that reads."""
        try:
            return msgspec.json.decode(self._manifest.read_bytes(), type=SignedImage)
        except (FileNotFoundError, msgspec.DecodeError):
            return None

    def begin(self, image: SignedImage) -> None:
        """Begin another download; what came of an earlier one goes."""
        self.drop()
        _private(self.path).close()
        beside = self._manifest.with_suffix(".new")
        with _private(beside) as handle:
            handle.write(encoded(image))
        beside.replace(self._manifest)

    def size(self) -> int:
        """How many bytes have come."""
        with suppress(FileNotFoundError):
            return self.path.stat().st_size
        return 0

    def take(self, offset: int, part: bytes, *, most: int) -> None:
        """Write a part at its place; what was behind it goes. TooLong beyond `most` bytes."""
        if offset + len(part) > most:
            raise TooLong
        with self.path.open("r+b") as handle:
            handle.truncate(offset)
            handle.seek(offset)
            handle.write(part)

    def drop(self) -> None:
        """Forget the download."""
        for path in (self._manifest, self.path):
            path.unlink(missing_ok=True)


def _private(path: Path) -> BinaryIO:
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb")
