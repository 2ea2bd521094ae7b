"""Card numbers and phone numbers: one normal form, one keyed hash, one mask.

Owns: normalisation (fixed for ever, since hashes depend on it), the 16-byte keyed card hash, and
how a number is shown. Must never: keep or print a number in clear.
"""

import hashlib
import re
import unicodedata
from dataclasses import dataclass

CARD_LENGTH_MAX = 128
CARD_HASH_BYTES = 16
RECEIPT_MARK_BYTES = 5
KEY_BYTES_MIN = 16
KEY_BYTES_MAX = 64
_SHOWN = 4
_PHONE = re.compile(r"\+[1-9][0-9]{6,14}\Z")


def normal_card(number: str) -> str:
    """The one form of a card number: NFKC, upper case, without spaces, dashes and controls.

    ValueError when nothing is left or it is longer than 128 characters.
    """
    if len(number) > CARD_LENGTH_MAX:
        raise ValueError(f"card number of {len(number)} characters; {CARD_LENGTH_MAX} at most")
    folded = unicodedata.normalize("NFKC", number).upper()
    kept = "".join(c for c in folded if unicodedata.category(c)[0] in "LNSP" and c != "-")
    if not kept or len(kept) > CARD_LENGTH_MAX:
        raise ValueError("card number is empty or too long once normalised")
    return kept


def normal_phone(number: str) -> str:
    """A phone number in E.164 (+ and 7–15 digits); ValueError otherwise.

    Without a country code there is no one answer, so the caller must bring it: 0049… is accepted.
    """
    digits = re.sub(r"[\s()./-]", "", unicodedata.normalize("NFKC", number)[:CARD_LENGTH_MAX])
    if digits.startswith("00"):
        digits = "+" + digits[2:]
    if not _PHONE.match(digits):
        raise ValueError("phone number is not international: + and 7 to 15 digits are needed")
    return digits


@dataclass(frozen=True, slots=True, repr=False)
class CardHasher:
    """Turns numbers into the 16 bytes that databases and records hold.

    Keyed BLAKE2b, so that a stolen database cannot be searched by trying numbers. `key_id` names
    the key in every row, so that it can be rotated.
    """

    key_id: int
    key: bytes

    def __post_init__(self) -> None:
        """Refuse a key that is too short to protect anything."""
        if not KEY_BYTES_MIN <= len(self.key) <= KEY_BYTES_MAX:
            raise ValueError(f"card key has {len(self.key)} bytes; 16 to 64 are needed")

    def card(self, number: str) -> bytes:
        """The hash of a card number, normalised first. ValueError as in `normal_card`."""
        return self._hash(b"tessera-card", normal_card(number))

    def phone(self, number: str) -> bytes:
        """The hash of a phone number, normalised first; never equal to a card's by its purpose."""
        return self._hash(b"tessera-phone", normal_phone(number))

    def staff(self, number: str) -> bytes:
        """The hash of the number by which a POS names its cashier; normalised like a card's."""
        return self._hash(b"tessera-staff", normal_card(number))

    def receipt_mark(self, text: str) -> bytes:
        """Five bytes that prove that one of the shop's registers wrote this on a receipt."""
        return hashlib.blake2b(
            text.encode(), digest_size=RECEIPT_MARK_BYTES, key=self.key, person=b"tessera-receipt"
        ).digest()

    def receipt_seal(self, text: str) -> bytes:
        """Sixteen bytes that prove that one of the shop's registers sealed this receipt's data."""
        return hashlib.blake2b(
            text.encode(), digest_size=CARD_HASH_BYTES, key=self.key, person=b"tessera-sealed"
        ).digest()

    def _hash(self, purpose: bytes, text: str) -> bytes:
        return hashlib.blake2b(
            text.encode(), digest_size=CARD_HASH_BYTES, key=self.key, person=purpose
        ).digest()


def masked(number: str) -> str:
    """A number as it may be shown and logged: its last four characters, if that is under half."""
    if len(number) < 2 * _SHOWN:
        return "•" * min(len(number), _SHOWN)
    return "••••" + number[-_SHOWN:]
