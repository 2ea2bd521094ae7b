"""Lets a request in: who signed it, whether they still may, and whether it was here before.

Owns: authentication of registers. Must never: trust a register's clock; a nonce, remembered, is
what keeps a request from being sent again.
"""

from collections import OrderedDict
from threading import Lock

import sqlalchemy as sa

from tessera.central import refusals
from tessera.store.central import register_book
from tessera.store.central.register_book import ACTIVE, REVOKED, RegisterRow
from tessera.sync.signing import RequestSignature, read_request_header, request_is_signed

READ_NONCES_MAX = 200_000


def accepted_keys(register: RegisterRow, now_ms: int) -> list[bytes]:
    """The register's public keys that count now: its own and, for a while, the one before."""
    keys = [register.public_key]
    if register.public_key_before and now_ms < register.key_before_until_ms:
        keys.append(register.public_key_before)
    return [bytes.fromhex(key) for key in keys if key]


def signer_of(
    tx: sa.Connection, *, header: str, method: str, target: str, content: bytes, now_ms: int
) -> tuple[RegisterRow, RequestSignature]:
    """The register that signed this request; Refused when there is none or it may not speak."""
    parts = read_request_header(header)
    if parts is None:
        raise refusals.bad_signature()
    register = register_book.read_register(tx, parts.register)
    if register is None:
        raise refusals.bad_signature()
    if not any(
        request_is_signed(key, parts, method=method, target=target, content=content)
        for key in accepted_keys(register, now_ms)
    ):
        raise refusals.bad_signature()
    check_may_speak(register, now_ms)
    return register, parts


def check_may_speak(register: RegisterRow, now_ms: int) -> None:
    """Refused when a register that proved who it is has lost its rights."""
    if register.status == REVOKED:
        raise refusals.revoked(register.register_id)
    if register.status != ACTIVE:
        raise refusals.bad_signature()
    if now_ms >= register.not_after_ms:
        raise refusals.expired(register.register_id)


def admit_once(tx: sa.Connection, parts: RequestSignature, *, now_ms: int) -> None:
    """Remember the request's nonce for good; Refused when it was seen before."""
    if not register_book.remember_nonce(
        tx, register_id=parts.register, nonce=parts.nonce, seen_ms=now_ms
    ):
        raise refusals.replayed()


class ReadNonces:
    """Nonces of requests that only read, kept in memory: a write for each poll would cost a sync.

    A restart forgets them; what a replayed read could tell is what TLS already hides.
    """

    def __init__(self, most: int = READ_NONCES_MAX) -> None:
        self._most = most
        self._seen: OrderedDict[tuple[str, bytes], None] = OrderedDict()
        self._lock = Lock()

    def admit_once(self, parts: RequestSignature) -> None:
        """Remember a nonce; Refused when it was seen before."""
        key = (parts.register, parts.nonce)
        with self._lock:
            if key in self._seen:
                raise refusals.replayed()
            self._seen[key] = None
            if len(self._seen) > self._most:
                self._seen.popitem(last=False)
