"""Ids that are fixed for ever: record uids, incarnations, buckets, sale keys.

Owns: how an id is built from a clock reading and random bytes that the caller brings.
Must never: read a clock or a random source.
"""

import hashlib
import re
import uuid
from dataclasses import dataclass
from datetime import date
from functools import lru_cache

BUCKETS = 1024
"""Shards by member (and by register, and by card); a row's bucket never changes."""

_BUCKETS_REMEMBERED = 2_048
"""Ids whose bucket is not computed anew: registers and stores come again with every record."""

UID_RANDOM_BYTES = 10
INCARNATION_BYTES = 8

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/-]{0,63}\Z")


def new_uid(wall_ms: int, random: bytes) -> str:
    """A UUID of version 7 as text: RFC 9562, section 5.7.

    `wall_ms`: milliseconds since 1970, 48 bits are used. `random`: 10 bytes.
    """
    if len(random) != UID_RANDOM_BYTES:
        raise ValueError(f"a uid takes {UID_RANDOM_BYTES} random bytes, not {len(random)}")
    raw = bytearray((wall_ms & (2**48 - 1)).to_bytes(6, "big") + random)
    raw[6] = 0x70 | (raw[6] & 0x0F)
    raw[8] = 0x80 | (raw[8] & 0x3F)
    return str(uuid.UUID(bytes=bytes(raw)))


def minted_ms(uid: str) -> int:
    """When a uid was made, in milliseconds since 1970 by the clock of whoever made it."""
    return uuid.UUID(uid).int >> 80


def is_uid(text: str) -> bool:
    """Whether `text` is a UUID in its usual lower-case form."""
    try:
        return str(uuid.UUID(text)) == text
    except ValueError:
        return False


def new_incarnation(random: bytes) -> str:
    """64 random bits as 16 hexadecimal digits: one life of a register between two restores."""
    if len(random) != INCARNATION_BYTES:
        raise ValueError(f"an incarnation takes {INCARNATION_BYTES} random bytes")
    return random.hex()


@lru_cache(maxsize=_BUCKETS_REMEMBERED)
def bucket_of(key: str) -> int:
    """The shard of a member or register id: the first 16 bits of SHA-256, mod 1024.

    Fixed for ever: every table of central carries it.
    """
    return int.from_bytes(hashlib.sha256(key.encode()).digest()[:2], "big") % BUCKETS


def bucket_of_hash(card_hash: bytes) -> int:
    """The shard of a card: the first 16 bits of its keyed hash, mod 1024."""
    return int.from_bytes(card_hash[:2], "big") % BUCKETS


def is_name(text: str) -> bool:
    """Whether `text` may name a store, register, POS or sale.

    1 to 64 letters, digits and `. _ : / -`, a letter or digit first.
    """
    return bool(_NAME.match(text))


@dataclass(frozen=True, slots=True, kw_only=True)
class SaleKey:
    """What makes a sale the same one wherever it is resumed: store, POS, business day, POS's id."""

    store: str
    pos: str
    business_day: date
    sale_id: str

    def text(self) -> str:
        """One line that is unique: none of its parts can hold a space."""
        return f"{self.store} {self.pos} {self.business_day.isoformat()} {self.sale_id}"
