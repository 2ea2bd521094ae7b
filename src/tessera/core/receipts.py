"""The receipt's code: which sale it is of, and a mark that only this shop's registers can make.

Owns: its text (docs/formats.md), printed as it stands or as a bar code. The sale is named by its
register and record, so that any register and central find it. Must never: hold anything about the
customer.
"""

import hmac
import uuid
from dataclasses import dataclass

from tessera.core.cards import CardHasher
from tessera.core.identity import is_name

PREFIX = "TR1"
CODE_LENGTH_MAX = 128
_DIGITS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_READ_AS = str.maketrans("OIL", "011")
_UID_DIGITS = 26
_MARK_DIGITS = 8
_FIVE_BITS = 31


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """The sale that a code names: its register and the uid of its record."""

    register: str
    uid: str


def receipt_code(receipt: Receipt, hasher: CardHasher) -> str:
    """The code of a sale: prefix, register, record and mark, parted by `*`."""
    number = _base32(uuid.UUID(receipt.uid).int, _UID_DIGITS)
    return "*".join((PREFIX, receipt.register, number, _mark(receipt, hasher)))


def read_receipt_code(code: str, hasher: CardHasher) -> Receipt:
    """The sale that a code names. ValueError unless one of this shop's registers made it.

    Small letters, and O, I and L for the digits that they look like, are read as meant.
    """
    parts = code.strip().split("*") if len(code) <= CODE_LENGTH_MAX else []
    if len(parts) != 4 or parts[0].upper() != PREFIX or not is_name(parts[1]):
        raise ValueError("this is no receipt code")
    number, mark = (part.upper().translate(_READ_AS) for part in parts[2:])
    if len(number) != _UID_DIGITS or not set(number) <= set(_DIGITS):
        raise ValueError("the receipt code was misread")
    value = 0
    for digit in number:
        value = value << 5 | _DIGITS.index(digit)
    if value >> 128:
        raise ValueError("the receipt code was misread")
    receipt = Receipt(register=parts[1], uid=str(uuid.UUID(int=value)))
    if not hmac.compare_digest(mark.encode(), _mark(receipt, hasher).encode()):
        raise ValueError("the receipt code was misread, or is of another shop")
    return receipt


def _mark(receipt: Receipt, hasher: CardHasher) -> str:
    raw = hasher.receipt_mark(f"{receipt.register} {receipt.uid}")
    return _base32(int.from_bytes(raw, "big"), _MARK_DIGITS)


def _base32(value: int, digits: int) -> str:
    places = range(5 * (digits - 1), -1, -5)
    return "".join(_DIGITS[value >> place & _FIVE_BITS] for place in places)
