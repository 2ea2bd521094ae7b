"""What a register asks and sends, and what it is answered, with bounds. docs/sync.md shows it.

Owns: shapes only. Unknown fields are ignored when read (the release before and after must be
understood), and what is hashed or signed is always the bytes as they came.
Must never: decide anything.
"""

import hashlib
from typing import Annotated

import msgspec

BATCH_RECORDS_MAX = 200
BATCH_BYTES_MAX = 8_388_608
"""Largest batch, uncompressed; a reader stops inflating there."""
BUNDLE_BYTES_MAX = 16_777_216
ROOT_BYTES_MAX = 65_536
ROOT_KEYS_MAX = 16

Id = Annotated[str, msgspec.Meta(min_length=1, max_length=64)]
Digest = Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{64}$")]
Incarnation = Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{16}$")]
Count = Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)]
Int64 = Annotated[int, msgspec.Meta(ge=-(2**63), le=2**63 - 1)]
ShortText = Annotated[str, msgspec.Meta(max_length=500)]


class Message(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A message; fields at their default are left out on the wire."""


# ---- trust ---------------------------------------------------------------------------------

KeyList = Annotated[tuple[Digest, ...], msgspec.Meta(min_length=1, max_length=ROOT_KEYS_MAX)]


class Root(Message, frozen=True, kw_only=True):
    """Which keys may sign what. `root_threshold` of `root_keys` sign it, and the next one.

    `roles`: public keys in hexadecimal by role (`tessera.sync.trust` names the roles).
    """

    version: Annotated[int, msgspec.Meta(ge=1, le=2**31)]
    expires_ms: Count
    root_keys: KeyList
    root_threshold: Annotated[int, msgspec.Meta(ge=1, le=ROOT_KEYS_MAX)]
    roles: Annotated[dict[str, KeyList], msgspec.Meta(max_length=32)]


class KeySignature(Message, frozen=True, kw_only=True):
    """One key's signature, both in hexadecimal."""

    key: Digest
    signature: Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{128}$")]


class SignedRoot(Message, frozen=True, kw_only=True):
    """A root as served and kept: the signatures are over `document`, its canonical JSON."""

    document: Annotated[str, msgspec.Meta(max_length=ROOT_BYTES_MAX)]
    signatures: Annotated[tuple[KeySignature, ...], msgspec.Meta(max_length=2 * ROOT_KEYS_MAX)]


class Statement(Message, frozen=True, kw_only=True):
    """Central's signed word in an answer: how things stand at this moment, to this very request.

    `nonce` is the request's, so that an old statement never passes for a new one whatever the
    till's clock says; `root` is the newest root's version.
    """

    nonce: Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{32}$")]
    register: Id
    generation: Id
    audience: Id
    head: Count
    root: Count
    central_ms: Count


# ---- enrolment -----------------------------------------------------------------------------


class EnrolRequest(Message, frozen=True, kw_only=True):
    """A new register presents its one-time code and the public key it made for itself."""

    code: Annotated[str, msgspec.Meta(min_length=8, max_length=64)]
    public_key: Digest
    incarnation: Incarnation
    host: ShortText = ""
    release: ShortText = ""


class Certificate(Message, frozen=True, kw_only=True):
    """Central's statement who a register is; signed, so that it can be presented again later."""

    register: Id
    store: Id
    region: str = ""
    public_key: Digest
    serial: Count
    issued_ms: Count
    not_after_ms: Count


class EnrolAnswer(Message, frozen=True, kw_only=True):
    """What a register needs to begin. `certificate` is canonical JSON, `signature` central's.

    `card_key` is secret: the key under which card numbers are hashed, in hexadecimal. `root` is
    central's newest, and what the register believes from now on.
    """

    certificate: str
    signature: str
    central_key: Digest
    generation: Id
    card_key_id: int
    card_key: str
    time_zone: str
    currency: str
    central_ms: Count
    root: SignedRoot | None = None


class RenewRequest(Message, frozen=True, kw_only=True):
    """A register asks for a certificate about `public_key`: a new key, or the one it has.

    `proof`: the signature of that key over `renewal_bytes`. `certificate` and its signature are
    what the register holds; a central that was restored from a backup learns from them again.
    """

    public_key: Digest
    proof: Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{128}$")]
    certificate: Annotated[str, msgspec.Meta(max_length=4096)] = ""
    certificate_signature: Annotated[str, msgspec.Meta(max_length=128)] = ""


class RenewAnswer(Message, frozen=True, kw_only=True):
    """The certificate that counts from now on, central's signature in hexadecimal."""

    certificate: Annotated[str, msgspec.Meta(max_length=4096)]
    signature: Annotated[str, msgspec.Meta(max_length=128)]
    central_ms: Count


# ---- push ----------------------------------------------------------------------------------


class BatchHead(Message, frozen=True, kw_only=True):
    """What a register signs of a batch: its place in the chain and the hash of its bytes.

    `previous_link` is the link hash before the first record, `last_link` the one after the last.
    `content_hash` is over the uncompressed payload: the records' raw bytes, each ended by a line
    feed (canonical JSON holds none). `parent` and `parent_link` name the life before this one,
    in the first batch of an incarnation. `opaque`: the one record of this batch made central fail
    before; it is to be parked with its raw bytes, without reading them. `missing_from`: the
    register no longer has the records from this one up to this batch, since central had named them
    as backed up. `accepted_seq`: what central has acknowledged of this life in this generation, as
    far as the register has heard; 0 where it does not say.
    """

    register: Id
    incarnation: Incarnation
    first_seq: Annotated[int, msgspec.Meta(ge=1)]
    last_seq: Annotated[int, msgspec.Meta(ge=1)]
    previous_link: Digest
    last_link: Digest
    content_hash: Digest
    generation: str = ""
    parent: str = ""
    parent_seq: int = 0
    parent_link: str = ""
    opaque: bool = False
    missing_from: Annotated[int, msgspec.Meta(ge=0)] = 0
    accepted_seq: Annotated[int, msgspec.Meta(ge=0)] = 0


class Malformed(Message, frozen=True, kw_only=True):
    """A record that cannot be read; it is parked with its raw bytes, and the till moves on."""

    seq: int
    reason: ShortText


class BatchAnswer(Message, frozen=True, kw_only=True):
    """Given after central's commit: `high_water` is the last of the gap-free stored records.

    `fork` is set when central holds another history under this incarnation: the till goes on
    under a new one.
    """

    generation: Id
    incarnation: Incarnation
    high_water: Count
    central_ms: Count
    repeated: bool = False
    fork: bool = False
    malformed: tuple[Malformed, ...] = ()
    next_after_s: int = 0


# ---- how a register is, and what central refuses ---------------------------------------------


class Heartbeat(Message, frozen=True, kw_only=True):
    """How a register is; separate from uploads, so that a stuck queue is still heard of."""

    register: Id
    incarnation: Incarnation
    release: ShortText = ""
    queued: Count = 0
    bundle: str = ""
    clock_ms: Count = 0
    disk_free_bytes: Count = 0
    cursors: tuple[tuple[str, int], ...] = ()


class Refusal(Message, frozen=True, kw_only=True):
    """Central's answer to a request that it does not serve: a stable code and what to do next."""

    code: Id
    detail: ShortText
    hint: ShortText = ""
    retry_after_s: int = 0


def content_hash(payload: bytes) -> str:
    """SHA-256 of a payload in hexadecimal, as batch heads and bundles name it."""
    return hashlib.sha256(payload).hexdigest()
