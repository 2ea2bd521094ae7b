"""What a till asks of central, and how that can fail; without any HTTP.

Owns: the protocol that the loops talk to, and the small tree of what can go wrong.
Must never: import an HTTP library; `sync.client` is the real one, a simulation brings its own.
"""

from collections.abc import Callable
from typing import Protocol

from tessera.core.errors import TesseraError
from tessera.sync.feed_wire import FeedPage
from tessera.sync.grant_wire import PresentAnswer, PresentRequest
from tessera.sync.image_wire import SignedImage
from tessera.sync.profile_wire import ProfilesAnswer, ProfilesGiven
from tessera.sync.wire import (
    BatchAnswer,
    BatchHead,
    EnrolAnswer,
    EnrolRequest,
    Heartbeat,
    RenewAnswer,
    RenewRequest,
    SignedRoot,
)


class CentralError(TesseraError):
    """Central did not do what was asked."""

    code = "central_failed"


class CentralUnreachable(CentralError):
    """No answer: no network, no such host, refused, timed out, broken off."""

    code = "central_unreachable"


class CentralBusy(CentralError):
    """Central asks to come back later; `retry_after_s` is its own wish, 0 when it named none."""

    code = "central_busy"

    def __init__(self, message: str, *, hint: str = "", retry_after_s: int = 0) -> None:
        super().__init__(message, hint=hint)
        self.retry_after_s = retry_after_s


class CentralBroken(CentralError):
    """Central failed inside (a 5xx that names no time)."""

    code = "central_broken"


class CentralRefused(CentralError):
    """Central understood and refused; `code` is its stable word, `status` the HTTP status."""

    def __init__(self, message: str, *, hint: str = "", code: str = "", status: int = 0) -> None:
        super().__init__(message, hint=hint, code=code)
        self.status = status


class CentralConfused(CentralError):
    """An answer that is not in the documented form, or larger than allowed."""

    code = "central_confused"


class CentralLink(Protocol):
    """Central as a till sees it. Every call raises a CentralError when it fails."""

    async def enrol(self, request: EnrolRequest) -> EnrolAnswer:
        """Present a one-time code."""
        ...

    async def renew(self, request: RenewRequest) -> RenewAnswer:
        """Ask for a certificate; whoever asks checks its signature."""
        ...

    async def push(self, head: BatchHead, content: bytes) -> BatchAnswer:
        """Send a batch, its content packed by `batching.packed`.

        A gap (409) is an answer too, with the mark where to go on.
        """
        ...

    async def feed(
        self, audience: str, *, generation: str, after: int, limit: int, wait_s: int
    ) -> FeedPage:
        """Segments of an audience after a number; waits up to `wait_s` while there are none.

        A statement in the page is about this very request: its nonce has been compared.
        """
        ...

    async def bundle(self, bundle_hash: str, *, size: int) -> bytes:
        """The bytes of a bundle, at most `size`; whoever asks compares the hash."""
        ...

    async def root(self, version: int) -> SignedRoot | None:
        """Central's root of this version; None when there is none."""
        ...

    async def image(self, audience: str, *, generation: str) -> SignedImage:
        """What an audience's image is; whoever asks checks the signature."""
        ...

    async def image_file(
        self, image_hash: str, *, start: int, take: Callable[[int, bytes], None]
    ) -> None:
        """An image's bytes from `start` on, or from 0 when central cannot go on there.

        `take` gets each part with its offset; what it raises ends the call.
        """
        ...

    async def seed(self, bundle_hash: str) -> bytes:
        """The secret seed of a bundle's instant wins, in hexadecimal."""
        ...

    async def heartbeat(self, beat: Heartbeat) -> None:
        """Say how this register is."""
        ...

    async def present(self, request: PresentRequest) -> PresentAnswer:
        """Show grants again to a central that began a new generation."""
        ...

    async def profiles(self, given: ProfilesGiven) -> ProfilesAnswer:
        """Bring the persons behind members whom this register has enrolled."""
        ...

    async def close(self) -> None:
        """End connections."""
        ...
