"""Ed25519 signatures over bytes with a named purpose, and the bytes that a request signs.

Owns: purposes (so that a signature for one thing never fits another), the request header.
Must never: read a key file or a clock.
"""

import base64
import hashlib
from dataclasses import dataclass

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

PURPOSE_BATCH = "tessera/batch/1"
PURPOSE_REQUEST = "tessera/request/1"
PURPOSE_CERTIFICATE = "tessera/certificate/1"
PURPOSE_SEGMENT = "tessera/segment/1"
PURPOSE_LEASE = "tessera/lease/1"
PURPOSE_ASSIGNMENT = "tessera/assignment/1"
PURPOSE_IMAGE = "tessera/image/1"
PURPOSE_ROOT = "tessera/trust-root/1"
PURPOSE_STATEMENT = "tessera/statement/1"
PURPOSE_RENEWAL = "tessera/renewal/1"

KEY_BYTES = 32
SIGNATURE_BYTES = 64
NONCE_BYTES = 16
REQUEST_HEADER = "Tessera-Request"
_REQUEST_PARTS = 6


class SigningKey:
    """An Ed25519 private key that signs for a purpose."""

    __slots__ = ("_key", "public")

    def __init__(self, seed: bytes) -> None:
        """`seed`: 32 random bytes; ValueError for any other length."""
        self._key = Ed25519PrivateKey.from_private_bytes(seed)
        self.public: bytes = self._key.public_key().public_bytes_raw()

    def sign(self, purpose: str, message: bytes) -> bytes:
        """The 64 bytes of the signature over purpose, a line feed, and the message."""
        return self._key.sign(purpose.encode() + b"\n" + message)


def is_signed(public: bytes, purpose: str, message: bytes, signature: bytes) -> bool:
    """Whether the holder of `public` signed this message for this purpose."""
    if len(public) != KEY_BYTES or len(signature) != SIGNATURE_BYTES:
        return False
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(
            signature, purpose.encode() + b"\n" + message
        )
    except InvalidSignature:
        return False
    return True


def renewal_bytes(*, register: str, public_key: str) -> bytes:
    """What a new key signs to show that the register holds it; `public_key` in hexadecimal."""
    return f"{register}\n{public_key}".encode()


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestSignature:
    """The parts of the request header: who signs, in which life, when, once.

    `wall_ms` is the sender's clock and only shown to people: a till's clock may be years off, the
    nonce is what prevents a replay.
    """

    register: str
    incarnation: str
    wall_ms: int
    nonce: bytes
    signature: bytes

    def header(self) -> str:
        """`v1 register incarnation wall_ms nonce signature`, the last two in base64url."""
        nonce = base64.urlsafe_b64encode(self.nonce).decode()
        signature = base64.urlsafe_b64encode(self.signature).decode()
        return f"v1 {self.register} {self.incarnation} {self.wall_ms} {nonce} {signature}"


def request_bytes(
    *,
    method: str,
    target: str,
    content: bytes,
    register: str,
    incarnation: str,
    wall_ms: int,
    nonce: bytes,
) -> bytes:
    """The bytes that a request signs, one part a line; `target` is path and query as sent."""
    return "\n".join(
        (
            method.upper(),
            target,
            hashlib.sha256(content).hexdigest(),
            register,
            incarnation,
            str(wall_ms),
            nonce.hex(),
        )
    ).encode()


def sign_request(
    key: SigningKey,
    *,
    method: str,
    target: str,
    content: bytes,
    register: str,
    incarnation: str,
    wall_ms: int,
    nonce: bytes,
) -> RequestSignature:
    """Sign one request; `nonce`: 16 random bytes that are used once."""
    message = request_bytes(
        method=method,
        target=target,
        content=content,
        register=register,
        incarnation=incarnation,
        wall_ms=wall_ms,
        nonce=nonce,
    )
    return RequestSignature(
        register=register,
        incarnation=incarnation,
        wall_ms=wall_ms,
        nonce=nonce,
        signature=key.sign(PURPOSE_REQUEST, message),
    )


def read_request_header(text: str) -> RequestSignature | None:
    """The parts of a request header, or None when it is not in the documented form."""
    parts = text.split(" ")
    if len(text) > 512 or len(parts) != _REQUEST_PARTS or parts[0] != "v1":
        return None
    try:
        nonce, signature = (base64.urlsafe_b64decode(part) for part in parts[4:])
        wall_ms = int(parts[3])
    except ValueError:
        return None
    if len(nonce) != NONCE_BYTES or len(signature) != SIGNATURE_BYTES:
        return None
    return RequestSignature(
        register=parts[1], incarnation=parts[2], wall_ms=wall_ms, nonce=nonce, signature=signature
    )


def request_is_signed(
    public: bytes, parts: RequestSignature, *, method: str, target: str, content: bytes
) -> bool:
    """Whether the register signed exactly this request."""
    message = request_bytes(
        method=method,
        target=target,
        content=content,
        register=parts.register,
        incarnation=parts.incarnation,
        wall_ms=parts.wall_ms,
        nonce=parts.nonce,
    )
    return is_signed(public, PURPOSE_REQUEST, message, parts.signature)
