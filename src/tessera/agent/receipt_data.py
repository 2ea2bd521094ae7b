"""A sale as its receipt may carry it: what a return at another register needs, sealed.

Owns: that text, made from the frozen quote and read back at any register of the shop, offline too.
Must never: carry a card number, a name, or anything that a return does not read.
"""

from dataclasses import replace

import msgspec

from tessera.agent.sealed_text import read_sealed_text, sealed_text
from tessera.core.basket import Basket
from tessera.core.cards import CardHasher
from tessera.core.member import MemberState
from tessera.core.sale import SaleBody

PREFIX = "TD1"
TEXT_LENGTH_MAX = 65_536


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
    return sealed_text(PREFIX, msgspec.structs.replace(sale, sale=lean), hasher)


def read_receipt_data(text: str, hasher: CardHasher) -> ReceiptSale:
    """The sale of a sealed text. ValueError unless a register of this shop sealed just that."""
    return read_sealed_text(
        PREFIX, text, ReceiptSale, hasher, what="receipt's data", length_max=TEXT_LENGTH_MAX
    )
