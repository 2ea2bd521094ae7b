"""What a forgotten card earns on a sale of the past: on what was paid, by the rules of that day.

Owns: the basket that a claim is priced as, and what of it goes back with goods. Must never: change
what the sale cost, or refund money.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from fractions import Fraction

from tessera.core.basket import Basket
from tessera.core.money import Rounding, rounded
from tessera.core.quote import Quote, ReturnQuote
from tessera.rules.returns import quote_return


def claim_basket(quote: Quote, basket: Basket, returned: Mapping[str, Decimal]) -> Basket:
    """The goods of a sale that are still with the customer, each at what was paid for it.

    `quote` and `basket` are the frozen ones of the sale, `returned` is what came back of it since,
    by line. Earning only: what was paid stays as it is, nothing is redeemed, no coupon counts.
    """
    due = {line.line_id: line.due_minor for line in quote.lines}
    lines = []
    for line in basket.lines:
        left = line.quantity - returned.get(line.line_id, Decimal(0))
        if left <= 0:
            continue
        whole = due.get(line.line_id, line.amount_minor)
        amount = rounded(whole * Fraction(left) / Fraction(line.quantity), Rounding.HALF_AWAY)
        lines.append(replace(line, quantity=left, unit_price=None, amount_minor=amount))
    return Basket(currency=basket.currency, lines=tuple(lines), earning_only=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimedBack:
    """What goes back of a claim: units, and `unspent_minor` that the member's spend falls by."""

    quote: ReturnQuote
    unspent_minor: int


def claimed_back(
    quote: Quote, basket: Basket, wishes: Mapping[str, Decimal], since: Mapping[str, Decimal]
) -> ClaimedBack:
    """What goes back to the programme with goods of a sale that was claimed.

    `quote` and `basket` are those of the claim, `since` is what came back after it and before now.
    Raises ReturnRefused where that is more than the claim earned on.
    """
    whole = quote_return(quote, basket, wishes, since)
    units = replace(
        whole,
        refund_minor=0,
        tendered_units_minor=0,
        taxes=(),
        lines=tuple(
            replace(line, refund_minor=0, gift_charge_minor=0, discount_minor=0, tax_minor=0)
            for line in whole.lines
        ),
    )
    return ClaimedBack(quote=units, unspent_minor=sum(line.refund_minor for line in whole.lines))
