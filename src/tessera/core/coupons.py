"""Single-use coupon codes: a serial, the days on which it holds, a seal that any till can check.

Owns: the form of a code (fixed for ever, since codes are printed) and its keyed hash, which is all
that records and databases of it hold. Must never: tell whether a code was used.

After its prefix a code has 16 characters of 80 bits (52 of chance, 14 each for the first and the
last day) and 6 of 30 bits of seal, in the 32 characters of Crockford's Base32.
"""

import hashlib
from dataclasses import dataclass
from datetime import date, timedelta

from tessera.core.cards import CardHasher

ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
BODY_LENGTH, SEAL_LENGTH = 16, 6
SERIAL_BITS, DAY_BITS = 52, 14
SERIAL_BYTES = 7
HASH_BYTES = 16
FIRST_DAY = date(2020, 1, 1)
DAYS_MAX = (1 << DAY_BITS) - 1
"""Days that a code can name, counted from 2020: until November 2064; the last stands for ever."""

COUPON_PREFIX = "coupon:"
_VALUES = {character: value for value, character in enumerate(ALPHABET)}


@dataclass(frozen=True, slots=True, kw_only=True)
class CouponTerm:
    """The days on which a code holds, ends included; `last` None: no end."""

    first: date
    last: date | None = None

    def holds(self, day: date) -> bool:
        """Whether a code may be used on a day."""
        return self.first <= day and (self.last is None or day <= self.last)


def mint(hasher: CardHasher, prefix: str, *, chance: bytes, term: CouponTerm) -> str:
    """A new code; `chance` are 7 random bytes. ValueError for days that no code can name."""
    serial = int.from_bytes(chance) & ((1 << SERIAL_BITS) - 1)
    first = (term.first - FIRST_DAY).days
    last = DAYS_MAX if term.last is None else (term.last - FIRST_DAY).days
    if not 0 <= first < DAYS_MAX or not 0 <= last <= DAYS_MAX:
        raise ValueError("the coupon's days are out of bounds")
    number = ((serial << DAY_BITS) | first) << DAY_BITS | last
    body = prefix + _text(number, BODY_LENGTH)
    return body + _seal(hasher, body)


def term_of(hasher: CardHasher, prefix: str, code: str) -> CouponTerm | None:
    """The days of a code that this shop made; None for any other code."""
    body, seal = code[:-SEAL_LENGTH], code[-SEAL_LENGTH:]
    if len(body) != len(prefix) + BODY_LENGTH or not body.startswith(prefix):
        return None
    if _seal(hasher, body) != seal or any(one not in _VALUES for one in body[len(prefix) :]):
        return None
    number = 0
    for character in body[len(prefix) :]:
        number = number << 5 | _VALUES[character]
    first, last = number >> DAY_BITS & DAYS_MAX, number & DAYS_MAX
    return CouponTerm(
        first=FIRST_DAY + timedelta(days=first),
        last=None if last == DAYS_MAX else FIRST_DAY + timedelta(days=last),
    )


def coupon_hash(hasher: CardHasher, code: str) -> bytes:
    """The keyed hash of a code, by a purpose of its own."""
    return _keyed(hasher, b"tessera-coupon", code)


def coupon_account(code_hash: str) -> str:
    """The account that counts whether a code (by its hash in hexadecimal) was used."""
    return COUPON_PREFIX + code_hash


def _seal(hasher: CardHasher, body: str) -> str:
    digest = _keyed(hasher, b"tessera-seal", body)
    return _text(int.from_bytes(digest), SEAL_LENGTH)


def _keyed(hasher: CardHasher, purpose: bytes, text: str) -> bytes:
    return hashlib.blake2b(
        text.encode(), digest_size=HASH_BYTES, key=hasher.key, person=purpose
    ).digest()


def _text(number: int, length: int) -> str:
    return "".join(ALPHABET[number >> 5 * place & 31] for place in reversed(range(length)))
