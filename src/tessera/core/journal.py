"""The journal record: canonical bytes, content hash, link hash. Decided once, never changed.

Owns: how a record is written and chained (docs/formats.md has the byte layout).
Must never: read a clock, mint an id, or interpret a body.
"""

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

RECORD_VERSION = 1
HASH_ALGORITHM = 1
"""1: SHA-256 for content and link."""

BODY_BYTES_MAX = 1_048_576
_LINK = b"tessera/link/1\0"
_GENESIS = b"tessera/genesis/1\0"
HASH_BYTES = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """The end of a chain: who, which life, last number, last link."""

    register: str
    incarnation: str
    seq: int
    link_hash: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordDraft:
    """A record before it has its place in the chain.

    `uid` was minted and stored before anything was shown or sent. `body` is canonical JSON.
    `wall_ms`: UTC milliseconds since 1970, as the till's clock said; `mono_ms`: milliseconds since
    boot; `boot_id` names that boot. `bundle` is the hash of the programme's bundle in hexadecimal.
    """

    uid: str
    kind: str
    business_day: date
    wall_ms: int
    mono_ms: int
    boot_id: str
    bundle: str
    engine: str
    body: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class SealedRecord:
    """A record in its place: `raw` are the bytes that are hashed, stored and sent, for ever."""

    uid: str
    kind: str
    incarnation: str
    seq: int
    raw: bytes
    content_hash: bytes
    link_hash: bytes


def canonical(plain: object) -> bytes:
    """Canonical JSON: UTF-8, keys sorted, no white space, no number but whole ones.

    For ASCII keys and whole numbers of 64 bits this is RFC 8785 but for the range of integers,
    which stays exact here. TypeError for a float, since no two languages print it alike.
    """
    _refuse_floats(plain)
    return json.dumps(
        plain, ensure_ascii=False, sort_keys=True, separators=(",", ":"), allow_nan=False
    ).encode()


def _refuse_floats(plain: object) -> None:
    if isinstance(plain, float):
        raise TypeError(f"{plain!r} is a float; write a decimal as text")
    if isinstance(plain, dict):
        for value in plain.values():
            _refuse_floats(value)
    elif isinstance(plain, list | tuple):
        for value in plain:
            _refuse_floats(value)


def genesis(register: str, incarnation: str, parent: Head | None = None) -> Head:
    """The head before the first record: binds register, incarnation and the parent's last link."""
    if parent is None:
        origin = canonical([register, incarnation])
    else:
        origin = canonical(
            [register, incarnation, parent.incarnation, parent.seq, parent.link_hash.hex()]
        )
    link = hashlib.sha256(_GENESIS + origin).digest()
    return Head(register=register, incarnation=incarnation, seq=0, link_hash=link)


def link_after(previous_link: bytes, content_hash: bytes) -> bytes:
    """The link hash of a record: over the link before it and its own content hash."""
    return hashlib.sha256(_LINK + previous_link + content_hash).digest()


def seal(draft: RecordDraft, head: Head) -> SealedRecord:
    """Give a draft the next place after `head`. ValueError when the body is over 1 MiB."""
    if len(draft.body) > BODY_BYTES_MAX:
        raise ValueError(f"record body of {len(draft.body)} bytes; {BODY_BYTES_MAX} at most")
    seq = head.seq + 1
    rest = canonical(
        {
            "boot": draft.boot_id,
            "bundle": draft.bundle,
            "business_day": draft.business_day.isoformat(),
            "engine": draft.engine,
            "hash": HASH_ALGORITHM,
            "incarnation": head.incarnation,
            "kind": draft.kind,
            "mono_ms": draft.mono_ms,
            "register": head.register,
            "seq": seq,
            "uid": draft.uid,
            "v": RECORD_VERSION,
            "wall_ms": draft.wall_ms,
        }
    )
    # "body" sorts before every other key, so the encoded body is put in front of them as it is.
    raw = b'{"body":' + draft.body + b"," + rest[1:]
    content_hash = hashlib.sha256(raw).digest()
    return SealedRecord(
        uid=draft.uid,
        kind=draft.kind,
        incarnation=head.incarnation,
        seq=seq,
        raw=raw,
        content_hash=content_hash,
        link_hash=link_after(head.link_hash, content_hash),
    )


def head_after(record: SealedRecord, register: str) -> Head:
    """The chain's end once `record` stands."""
    return Head(
        register=register,
        incarnation=record.incarnation,
        seq=record.seq,
        link_hash=record.link_hash,
    )


def chain_links(start: Head, raws: Iterable[bytes]) -> list[bytes]:
    """The link hashes of records that follow `start`, in order, recomputed from their bytes."""
    return links_after(start, (hashlib.sha256(raw).digest() for raw in raws))


def links_after(start: Head, content_hashes: Iterable[bytes]) -> list[bytes]:
    """The link hashes of records that follow `start`, in order, from their content hashes."""
    links: list[bytes] = []
    link = start.link_hash
    for one in content_hashes:
        link = link_after(link, one)
        links.append(link)
    return links
