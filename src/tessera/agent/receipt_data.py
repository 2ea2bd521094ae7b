"""A sale as its receipt may carry it: what a return at another register needs, sealed.

Owns: that text, made from the frozen quote and read back at any register of the shop, offline too.
Must never: carry a card number, a name, or anything that a return does not read.
"""

import base64
import binascii
import hmac
import zlib
from dataclasses import replace

import msgspec

from tessera.core.basket import Basket
from tessera.core.cards import CardHasher
from tessera.core.member import MemberState
from tessera.core.sale import SaleBody
from tessera.sync.records import RecordMalformed, decoded, encoded

PREFIX = "TD1"
TEXT_LENGTH_MAX = 65_536
_JSON_BYTES_MAX = 1_048_576


class ReceiptSale(msgspec.Struct, frozen=True, kw_only=True):
    """A sale on its receipt: its record's uid, who wrote it, its bundle, what a return reads."""

    uid: str
    register: str
    bundle: str
    sale: SaleBody


def receipt_data(sale: ReceiptSale, hasher: CardHasher) -> str:
    """The sealed text of a sale."""
    body, quote = sale.sale, sale.sale.quote
    lean = replace(
        body,
        basket=Basket(
            currency=body.basket.currency,
            lines=tuple(
                replace(line, text="", categories=(), tags=(), attributes=(), brand="")
                for line in body.basket.lines
            ),
        ),
        member=MemberState(member_id=body.member.member_id) if body.member else None,
        quote=replace(quote, taxes=(), offers=(), prompts=(), receipt=(), fiscal_lines=()),
        tenders=(),
        leases=(),
        card_hash="",
        card_key_id=0,
    )
    packed = zlib.compress(encoded(msgspec.structs.replace(sale, sale=lean)), 9)
    text = f"{PREFIX}*{base64.urlsafe_b64encode(packed).decode()}"
    return f"{text}*{hasher.receipt_seal(text).hex()}"


def read_receipt_data(text: str, hasher: CardHasher) -> ReceiptSale:
    """The sale of a sealed text. ValueError unless a register of this shop sealed just that."""
    sealed, _, seal = text.strip().rpartition("*")
    prefix, _, packed = sealed.partition("*")
    if prefix != PREFIX or len(text) > TEXT_LENGTH_MAX:
        raise ValueError("this is no receipt's data")
    if not hmac.compare_digest(seal.lower().encode(), hasher.receipt_seal(sealed).hex().encode()):
        raise ValueError("the receipt's data was changed, or is of another shop")
    try:
        inflater = zlib.decompressobj()
        raw = inflater.decompress(base64.urlsafe_b64decode(packed), _JSON_BYTES_MAX)
        return decoded(raw, ReceiptSale)
    except (binascii.Error, zlib.error, RecordMalformed) as error:
        raise ValueError("the receipt's data cannot be read here") from error
