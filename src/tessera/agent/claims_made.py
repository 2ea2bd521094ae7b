"""Claims that stand in this register's journal, and what of them goes back with the goods.

Owns: the key of a claim, and the record by which returned goods give back what was claimed on them.
Must never: refund money; a claim earned units alone.
"""

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from decimal import Decimal
from hashlib import sha256

import sqlalchemy as sa

from tessera.core.basket import Basket
from tessera.core.identity import SaleKey, minted_ms
from tessera.core.quote import Quote
from tessera.core.sale import ClaimBody
from tessera.rules import claims
from tessera.rules.claims import ClaimedBack, claim_basket
from tessera.store.till import committed_sales
from tessera.sync.records import read_body, read_envelope

CLAIMS = "claims"


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimMade:
    """A claim of a sale: its record, and the goods that it earned on."""

    uid: str
    bundle: str
    body: ClaimBody
    basket: Basket


def claim_key(store: str, original_uid: str) -> SaleKey:
    """Under which key the claim of a sale stands: by the sale, so that there is one."""
    return SaleKey(
        store=store,
        pos=CLAIMS,
        business_day=minted_at(original_uid).date(),
        sale_id=f"claim:{original_uid}",
    )


def minted_at(uid: str) -> datetime:
    """When a record's uid was minted, which is when the record was begun."""
    return datetime.fromtimestamp(minted_ms(uid) / 1000, UTC)


def find_claim(
    connection: sa.Connection, *, store: str, original_uid: str, quote: Quote, basket: Basket
) -> ClaimMade | None:
    """The claim of a sale of this journal, whose frozen quote and basket are given."""
    standing = committed_sales.find_sale(connection, claim_key(store, original_uid))
    if standing is None:
        return None
    envelope = read_envelope(committed_sales.read_record(connection, standing.uid))
    body = read_body(envelope)
    assert isinstance(body, ClaimBody)
    returned = {wish.line_id: Decimal(wish.quantity) for wish in body.returned}
    return ClaimMade(
        uid=standing.uid,
        bundle=envelope.bundle,
        body=body,
        basket=claim_basket(quote, basket, returned),
    )


def claimed_back(
    claim: ClaimMade, wishes: dict[str, Decimal], before: dict[str, Decimal]
) -> ClaimedBack | None:
    """What goes back to the programme with these goods; None when nothing was worked out here.

    `before` is what had come back of the sale in all, some of it perhaps before the claim.
    """
    quote = claim.body.quote
    if quote is None:
        return None
    returned = {wish.line_id: Decimal(wish.quantity) for wish in claim.body.returned}
    since = {
        line_id: quantity - returned.get(line_id, Decimal(0))
        for line_id, quantity in before.items()
        if quantity > returned.get(line_id, Decimal(0))
    }
    return claims.claimed_back(quote, claim.basket, wishes, since)


def back_key(returning: SaleKey) -> SaleKey:
    """Under which key the units that a return takes back of a claim are recorded."""
    return replace(
        returning, pos=CLAIMS, sale_id="back:" + sha256(returning.text().encode()).hexdigest()[:40]
    )
