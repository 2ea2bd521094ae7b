"""Bodies of journal records as canonical bytes, and back.

Owns: the encoding of `core.sale` values and the reading of a record's raw bytes, old ones for ever.
Must never: accept a record whose bytes it would have written otherwise without saying so.
"""

from datetime import date
from typing import TypeVar

import msgspec

from tessera.core.errors import TesseraError
from tessera.core.journal import BODY_BYTES_MAX, HASH_ALGORITHM, RECORD_VERSION
from tessera.core.sale import (
    KIND_CLAIM,
    KIND_ENROLMENT,
    KIND_LEASE_RETURN,
    KIND_REPLACEMENT,
    KIND_RETURN,
    KIND_SALE,
    ClaimBody,
    EnrolmentBody,
    LeaseReturnBody,
    ReplacementBody,
    ReturnBody,
    SaleBody,
)

Body = SaleBody | ReturnBody | LeaseReturnBody | ClaimBody | EnrolmentBody | ReplacementBody
T = TypeVar("T")

BODY_TYPES: dict[str, type[Body]] = {
    KIND_SALE: SaleBody,
    KIND_RETURN: ReturnBody,
    KIND_LEASE_RETURN: LeaseReturnBody,
    KIND_CLAIM: ClaimBody,
    KIND_ENROLMENT: EnrolmentBody,
    KIND_REPLACEMENT: ReplacementBody,
}
_ENCODER = msgspec.json.Encoder(order="sorted")
_ENVELOPE_BYTES = 4096


class RecordMalformed(TesseraError):
    """Bytes that are no journal record of a version that this release can read."""


class Envelope(msgspec.Struct, frozen=True, kw_only=True):
    """What every record says about itself; unknown fields of later releases are ignored here.

    They stay in the raw bytes, which are what is hashed and kept.
    """

    v: int
    uid: str
    register: str
    incarnation: str
    seq: int
    kind: str
    wall_ms: int
    business_day: date
    mono_ms: int
    boot: str
    bundle: str
    engine: str
    hash: int
    body: msgspec.Raw


_ENVELOPES = msgspec.json.Decoder(Envelope)


def encoded(value: object) -> bytes:
    """Canonical JSON of values made of dataclasses, structs, dates, decimals and whole numbers.

    The same bytes as `core.journal.canonical` gives for the same plain content; a test holds both
    to it.
    """
    return _ENCODER.encode(value)


def decoded(raw: bytes | msgspec.Raw, kind: type[T]) -> T:
    """The value that `encoded` wrote; RecordMalformed with the field's path otherwise."""
    try:
        return msgspec.json.decode(raw, type=kind)
    except (msgspec.DecodeError, RecursionError) as error:
        raise RecordMalformed(
            f"content does not read as {kind.__name__}: {error}",
            hint="keep the raw bytes; a later release may be able to read them",
        ) from error


def read_envelope(raw: bytes) -> Envelope:
    """The envelope of a record; RecordMalformed when it is none or of an unknown version."""
    if len(raw) > BODY_BYTES_MAX + _ENVELOPE_BYTES:
        raise RecordMalformed(f"record of {len(raw)} bytes is over the limit", hint="")
    try:
        envelope = _ENVELOPES.decode(raw)
    except (msgspec.DecodeError, RecursionError) as error:
        raise RecordMalformed(f"bytes are no journal record: {error}", hint="") from error
    if envelope.v != RECORD_VERSION or envelope.hash != HASH_ALGORITHM:
        raise RecordMalformed(
            f"record version {envelope.v} with hash {envelope.hash} is unknown here",
            hint="upgrade central before the registers",
        )
    return envelope


def read_body(envelope: Envelope) -> Body:
    """The typed body of a record; RecordMalformed for an unknown kind or a broken body."""
    kind = BODY_TYPES.get(envelope.kind)
    if kind is None:
        raise RecordMalformed(
            f"record kind {envelope.kind!r} is unknown here",
            hint="upgrade central before the registers",
        )
    return decoded(envelope.body, kind)
