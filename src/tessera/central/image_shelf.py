"""The images that this central serves: made when first asked for, kept, replaced, thrown away.

Owns: the folder `images` in data_dir, which image of a store is good now, and that one is made at a
time. Several centrals on one database each keep their own. Must never: make a request wait for a
build, or serve an image that may hold somebody who was erased since.
"""

import contextlib
import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from tessera.central import refusals
from tessera.central.images import ImageTooLarge, build_image, empty_image
from tessera.central.log import LOGGER, note
from tessera.central.opening import Central
from tessera.central.rows import register_audience, store_audience
from tessera.store.central import feed, feed_floor, register_book
from tessera.store.central.register_book import CentralState, RegisterRow
from tessera.sync.image_wire import IMAGE_BYTES_MAX, ImageManifest, SignedImage
from tessera.sync.records import encoded

FOLDER = "images"
HOUR_MS = 3_600_000
GRACE_MS = HOUR_MS
"""How long an image that was replaced is still served to whoever is fetching it."""
PUBLISHED_S = 0.05
RETRY_S = 2
TIDY_S = 600
TOO_LARGE_S = 3_600
"""How long an image that was too large is not tried again."""
ALARM = "image-failed"
DO = (
    "until there is one, new registers of the store cannot load its members. Too little room on the"
    " disk of data_dir: make some. Too large: give some of its members another home store"
)
_MANIFEST = ".json"


@dataclass(frozen=True, slots=True, kw_only=True)
class _TooLarge:
    """An image that went beyond `bytes_max`, and when."""

    bytes_max: int
    at_ms: int


class ImageShelf:
    """Images of stores. Its thread builds; every other method may be called from any thread.

    `bytes_max`: what no image may go beyond, whatever the settings say.
    """

    def __init__(self, central: Central, *, bytes_max: int = IMAGE_BYTES_MAX) -> None:
        self._central = central
        self._bytes_max = bytes_max
        self._folder = central.settings.data_dir / FOLDER
        self._lock = threading.Lock()
        self._wanted: list[str] = []
        self._too_large: dict[str, _TooLarge] = {}
        self._called = threading.Event()
        self._stopping = threading.Event()

    def manifest(self, register: RegisterRow, audience: str, generation: str) -> SignedImage:
        """What the image of an audience is; Refused while it is made, or when none is needed."""
        central = self._central
        with central.engines.reader.begin() as tx:
            state = register_book.read_central(tx)
            assert state is not None
            if generation != state.generation:
                raise refusals.generation_changed(state.generation)
            if audience == register_audience(register.register_id):
                return empty_image(central, tx, audience)
            if audience != store_audience(register.store_id):
                raise refusals.not_yours(audience[:80])
            if not state.is_told:
                raise refusals.image_building(audience, RETRY_S)
            head = feed.audience_head(tx, audience, state.generation)
            floor = feed_floor.read_floor(tx, audience, state.generation)
        known = self._good(audience, state, floor)
        if known is not None:
            return known
        limits = central.settings.images
        is_short = head < max(1, limits.segments_least)
        is_too_large = self._is_too_large(audience, floor)
        if not floor.segments_after and (is_short or is_too_large):
            raise refusals.image_not_needed(audience)
        if is_too_large:
            raise refusals.image_too_large(audience, TOO_LARGE_S)
        # Until the stream has passed the last erasure, another image could not be told from one
        # that was begun before it.
        if head >= floor.images_from:
            self._want(register.store_id)
        raise refusals.image_building(audience, RETRY_S)

    def file_of(self, register: RegisterRow, image_hash: str) -> Path:
        """The file of an image that this register may have; Refused when there is none."""
        manifest = self._read(image_hash) if image_hash.isalnum() else None
        if manifest is None:
            raise refusals.unknown("there is no image of this hash here")
        if manifest.audience != store_audience(register.store_id):
            raise refusals.not_yours(manifest.audience)
        with self._central.engines.reader.begin() as tx:
            state = register_book.read_central(tx)
            assert state is not None
            floor = feed_floor.read_floor(tx, manifest.audience, state.generation)
        if manifest.generation != state.generation or not _is_above(manifest, floor):
            raise refusals.unknown("this image is no longer served")
        return self._folder / image_hash

    def tidy(self) -> int:
        """Throw away what is not good any more; how many files went."""
        central = self._central
        gone = 0
        newest: dict[str, int] = {}
        found = self._all()
        for manifest in found:
            newest[manifest.audience] = max(newest.get(manifest.audience, 0), manifest.built_ms)
        state = central.state()
        for manifest in found:
            with central.engines.reader.begin() as tx:
                floor = feed_floor.read_floor(tx, manifest.audience, state.generation)
            age_ms = central.now_ms() - manifest.built_ms
            is_old = age_ms > central.settings.images.hours * HOUR_MS + GRACE_MS
            is_replaced = manifest.built_ms < newest[manifest.audience] and age_ms > GRACE_MS
            is_void = manifest.generation != state.generation or not _is_above(manifest, floor)
            if is_old or is_replaced or is_void:
                for name in (manifest.hash + _MANIFEST, manifest.hash):
                    (self._folder / name).unlink(missing_ok=True)
                gone += 1
        return gone

    def build(self, store_id: str, *, pause: Callable[[], None]) -> SignedImage:
        """Make the image of a store now. ImageTooLarge once it is noted."""
        self._folder.mkdir(mode=0o700, exist_ok=True)
        audience = store_audience(store_id)
        with self._central.engines.reader.begin() as tx:
            floor = feed_floor.read_floor(tx, audience, self._central.state().generation)
        bytes_max = self._most(floor)
        try:
            signed = self._built(store_id, bytes_max, pause)
        except ImageTooLarge:
            self._too_large[audience] = _TooLarge(bytes_max=bytes_max, at_ms=self._central.now_ms())
            if floor.segments_after:
                self._tell(store_id, f"an image of {bytes_max} bytes does not hold its members")
            raise
        self._too_large.pop(audience, None)
        return signed

    def _built(self, store_id: str, bytes_max: int, pause: Callable[[], None]) -> SignedImage:
        signed = build_image(
            self._central,
            store_id,
            self._folder,
            pause=pause,
            bytes_max=bytes_max,
        )
        manifest = msgspec.json.decode(signed.manifest, type=ImageManifest)
        beside = self._folder / (manifest.hash + ".new")
        beside.write_bytes(encoded(signed))
        beside.replace(self._folder / (manifest.hash + _MANIFEST))
        note(
            "image made",
            store=store_id,
            number=manifest.number,
            members=manifest.members,
            bytes=manifest.size,
        )
        return signed

    def run(self) -> None:
        """Build what is asked for, one after the other, until `stop`."""
        self._clear_scratch()
        while not self._stopping.is_set():
            with self._lock:
                store_id = self._wanted[0] if self._wanted else ""
                if not store_id:
                    self._called.clear()
            if not store_id:
                self.tidy()
                self._called.wait(TIDY_S)
                continue
            try:
                self.build(store_id, pause=self._pause)
            except ImageTooLarge:
                note("image too large", level=logging.WARNING, store=store_id)
            except _StoppedError:
                return
            except Exception as error:  # noqa: BLE001 - tills ask again; log and status say why not
                LOGGER.error(
                    "an image could not be made, trying again",
                    exc_info=error,
                    extra={"fields": {"store": store_id}},
                )
                self._tell(store_id, f"{type(error).__name__} while it was made")
                self._stopping.wait(RETRY_S)
            with self._lock:
                self._wanted.remove(store_id)

    def _most(self, floor: feed_floor.Floor) -> int:
        """Bytes that an image may have: where the stream is gone, it is the only way to load."""
        wished = self._central.settings.images.megabytes_max * 1_048_576
        return self._bytes_max if floor.segments_after else min(wished, self._bytes_max)

    def _is_too_large(self, audience: str, floor: feed_floor.Floor) -> bool:
        found = self._too_large.get(audience)
        if found is None or self._most(floor) > found.bytes_max:
            return False
        return 0 <= self._central.now_ms() - found.at_ms < TOO_LARGE_S * 1000

    def _tell(self, store_id: str, what: str) -> None:
        """Raise the alarm, once a day for a store."""
        now_ms = self._central.now_ms()
        day = datetime.fromtimestamp(now_ms / 1000, tz=UTC).date().isoformat()
        try:
            with self._central.engines.writer.begin() as tx:
                register_book.raise_alarm(
                    tx,
                    register_id=register_book.CENTRAL_ITSELF,
                    kind=ALARM,
                    about=f"{store_id} {day}",
                    detail=f"store {store_id} has no image: {what}",
                    raised_ms=now_ms,
                )
        except Exception as error:  # noqa: BLE001 - the next attempt tells it again
            LOGGER.error("an alarm about an image could not be raised", exc_info=error)

    def stop(self) -> None:
        """End the thread; what is being made is thrown away."""
        self._stopping.set()
        self._called.set()

    def _pause(self) -> None:
        if self._stopping.wait(PUBLISHED_S):
            raise _StoppedError

    def _want(self, store_id: str) -> None:
        with self._lock:
            if store_id not in self._wanted:
                self._wanted.append(store_id)
            self._called.set()

    def _good(
        self, audience: str, state: CentralState, floor: feed_floor.Floor
    ) -> SignedImage | None:
        """The newest image of an audience that may be served to somebody who begins now."""
        since_ms = self._central.now_ms() - self._central.settings.images.hours * HOUR_MS
        good = [
            manifest
            for manifest in self._all()
            if manifest.audience == audience
            and manifest.generation == state.generation
            and manifest.built_ms > since_ms
            and _is_above(manifest, floor)
        ]
        if not good:
            return None
        newest = max(good, key=lambda manifest: (manifest.number, manifest.built_ms))
        return self._signed(newest.hash)

    def _all(self) -> list[ImageManifest]:
        names = sorted(self._folder.glob("*" + _MANIFEST))
        return [found for path in names if (found := self._read(path.stem)) is not None]

    def _read(self, image_hash: str) -> ImageManifest | None:
        signed = self._signed(image_hash)
        if signed is None or not (self._folder / image_hash).is_file():
            return None
        return msgspec.json.decode(signed.manifest, type=ImageManifest)

    def _signed(self, image_hash: str) -> SignedImage | None:
        try:
            raw = (self._folder / (image_hash + _MANIFEST)).read_bytes()
        except FileNotFoundError:
            return None
        return msgspec.json.decode(raw, type=SignedImage)

    def _clear_scratch(self) -> None:
        """What a build that was killed left behind."""
        for folder in self._folder.glob("building-*"):
            for path in folder.iterdir():
                path.unlink(missing_ok=True)
            with contextlib.suppress(OSError):
                folder.rmdir()


class _StoppedError(Exception):
    """The server stops while an image waits for publication."""


def _is_above(manifest: ImageManifest, floor: feed_floor.Floor) -> bool:
    return manifest.number >= floor.images_from and manifest.number >= floor.segments_after
