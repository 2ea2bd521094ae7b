"""What is written of an open sale, and the sale of it again.

Owns: the form of that: ids, keyed card hashes and amounts, with the frozen quote that was promised.
Who the customer is, is looked up again, and a promise whose member has none any more is dropped.
Must never: hold a card number, a phone number or a name.
"""

from dataclasses import replace

import msgspec
import sqlalchemy as sa

from tessera.agent import api_shapes
from tessera.agent.checkout_member import NOBODY, Buyer, ScannedCard, find_buyer
from tessera.agent.checkout_quote import Quoted
from tessera.agent.notices import notice
from tessera.agent.open_sales import OpenSale
from tessera.agent.pairing import PairedPos
from tessera.agent.till_state import TillState
from tessera.core.basket import Basket, Place
from tessera.core.member import MemberState
from tessera.core.quote import Quote


class _KeptQuote(msgspec.Struct, frozen=True, kw_only=True):
    """A frozen quote with what it was computed from, but who bought: that is looked up again."""

    quote_id: str
    quote: Quote
    basket: Basket
    place: Place
    member: MemberState | None
    bundle: str
    notices: tuple[str, ...]


class KeptBody(msgspec.Struct, frozen=True, kw_only=True):
    """What is kept of a sale. `given` is without its member and cashier, cards are keyed hashes."""

    revision: int
    given: api_shapes.BasketGiven
    member_id: str
    attached: tuple[str, ...]
    rewards: tuple[str, ...]
    quoted: _KeptQuote | None


class Snapshot:
    """A sale at one moment, encoded later in another thread; what it holds never changes."""

    def __init__(self, sale: OpenSale) -> None:
        quoted = sale.quoted
        buyer = quoted.buyer if quoted is not None else NOBODY
        self._revision = sale.revision
        self._given = sale.given
        self._attached = sale.attached
        self._rewards = sale.rewards
        self._quoted = quoted
        self._buyer = buyer

    def body(self) -> KeptBody:
        """What is kept of it."""
        quoted, buyer = self._quoted, self._buyer
        named = buyer.member.member_id if buyer.member is not None else ""
        cards = [card.card_hash for card in self._attached if card.card_hash]
        # Who is unknown here may be known once central has spoken.
        if buyer.card_hash and buyer.card_hash not in cards and not named:
            cards.append(buyer.card_hash)
        kept = None
        if quoted is not None:
            kept = _KeptQuote(
                quote_id=quoted.quote_id,
                quote=quoted.quote,
                basket=quoted.basket,
                place=quoted.place,
                member=quoted.member,
                bundle=quoted.bundle,
                notices=tuple(said.code for said in quoted.notices),
            )
        return KeptBody(
            revision=self._revision,
            given=msgspec.structs.replace(self._given, member=None, cashier=None),
            member_id=named if self._given.member is not None else "",
            attached=tuple(card_hash.hex() for card_hash in cards),
            rewards=self._rewards,
            quoted=kept,
        )


def sale_of(
    connection: sa.Connection,
    state: TillState,
    body: KeptBody,
    *,
    pos: PairedPos,
    sale_id: str,
    suspended: bool,
) -> OpenSale:
    """The sale as it was kept. ValueError when a card's hash is none."""
    attached = tuple(ScannedCard(card_hash=bytes.fromhex(one)) for one in body.attached)
    given = body.given
    if body.member_id:
        member = api_shapes.MemberGiven(member_id=body.member_id)
        given = msgspec.structs.replace(given, member=member)
    sale = OpenSale(
        pos=pos,
        sale_id=sale_id,
        given=given,
        revision=body.revision,
        attached=attached,
        rewards=body.rewards,
        suspended=suspended,
    )
    if body.quoted is not None:
        buyer = find_buyer(
            connection,
            given.member,
            hasher=state.hasher,
            as_of_ms=state.balance_as_of_ms,
            scanned=attached,
        )
        if _is_same_member(buyer, body.quoted.member):
            sale.keep(_as_quoted(body.quoted, pos, buyer))
    return sale


def _is_same_member(buyer: Buyer, member: MemberState | None) -> bool:
    """Whether the promise still has its member; one who was blocked or erased has none."""
    known = buyer.known.member_id if buyer.known is not None else ""
    return member is None or member.member_id == known


def _as_quoted(kept: _KeptQuote, pos: PairedPos, buyer: Buyer) -> Quoted:
    told = tuple(notice(code) for code in kept.notices)
    return Quoted(
        quote_id=kept.quote_id,
        quote=kept.quote,
        basket=kept.basket,
        place=kept.place,
        buyer=replace(buyer, notices=()),
        member=kept.member,
        bundle=kept.bundle,
        pos=pos,
        notices=told,
    )
