"""What a forgotten card earns on a sale of the past: on what was paid, by the rules of that day.

Owns: the basket that a claim is priced as. Must never: change what the sale cost.
"""

from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal
from fractions import Fraction

from tessera.core.basket import Basket
from tessera.core.money import Rounding, rounded
from tessera.core.quote import Quote


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
