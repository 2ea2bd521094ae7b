"""What a shop may claim that a customer saves: measured by the lowest price of the last 30 days.

Owns: the claim of a line where the POS gave `lowest_30d_minor`. Must never: change a price, or
claim more than the line costs less than by that price (Directive 98/6/EC, article 6a).
"""

from tessera.core.basket import Basket
from tessera.core.quote import Quote


def savings_claimed(basket: Basket, quote: Quote) -> dict[str, int]:
    """Minor units by line id: lowest price of 30 days × quantity − what is due, never below zero.

    Only lines whose lowest price is known; rounded down, so that nothing is claimed too high.
    """
    due = {line.line_id: line.due_minor for line in quote.lines}
    return {
        line.line_id: max(0, int(line.lowest_30d_minor * line.quantity) - due[line.line_id])
        for line in basket.lines
        if line.lowest_30d_minor is not None and line.line_id in due
    }
