"""Values that leave a register as text and come back at another one of the shop, sealed.

Owns: the text's form, its seal by the shop's card key, and the bounds of what is unpacked. It is
no secret: whoever carries it can read it.
Must never: take in a value whose seal does not fit.
"""

import base64
import binascii
import hmac
import zlib
from typing import TypeVar

from tessera.core.cards import CardHasher
from tessera.sync.records import RecordMalformed, decoded, encoded

_JSON_BYTES_MAX = 1_048_576
T = TypeVar("T")


def sealed_text(prefix: str, value: object, hasher: CardHasher) -> str:
    """The value as `prefix*data*seal`, data being compressed canonical JSON in base64url."""
    packed = zlib.compress(encoded(value), 9)
    text = f"{prefix}*{base64.urlsafe_b64encode(packed).decode()}"
    return f"{text}*{hasher.receipt_seal(text).hex()}"


def read_sealed_text(
    prefix: str, text: str, kind: type[T], hasher: CardHasher, *, what: str, length_max: int
) -> T:
    """The value of a text that this shop sealed; ValueError about `what` otherwise."""
    sealed, _, seal = text.strip().rpartition("*")
    given, _, packed = sealed.partition("*")
    if given != prefix or len(text) > length_max:
        raise ValueError(f"this is no {what}")
    if not hmac.compare_digest(seal.lower().encode(), hasher.receipt_seal(sealed).hex().encode()):
        raise ValueError(f"the {what} was changed, or is of another shop")
    try:
        inflater = zlib.decompressobj()
        raw = inflater.decompress(base64.urlsafe_b64decode(packed), _JSON_BYTES_MAX)
        return decoded(raw, kind)
    except (binascii.Error, zlib.error, RecordMalformed) as error:
        raise ValueError(f"the {what} cannot be read here") from error
