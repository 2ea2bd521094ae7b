"""Reasons that the stages give, and whether the flags of a line let an offer act on it.

Owns: the reason codes besides those of conditions (see docs/reasons.md), and when there is more
than a threshold allows. Must never: read a basket.
"""

from tessera.core.basket import Line
from tessera.core.quote import Stage
from tessera.rules.model import Need, Offer

AMOUNT_SHORT = "amount-short"
QUANTITY_SHORT = "quantity-short"
AMOUNT_ABOVE = "amount-above"
QUANTITY_ABOVE = "quantity-above"
NOTHING_SELECTED = "nothing-selected"
GOODS_TAKEN = "goods-taken"
BETTER_OFFER = "better-offer"
NO_SAVING = "no-saving"
MINIMUM_PRICE = "minimum-price"
BUDGET_USED = "budget-used"

APPLIED, NOT_APPLIED = True, False
"""Said of an offer."""

_ACCRUAL = Stage.ACCRUAL
_PRICED = frozenset({Stage.UNIT, Stage.BASKET})


def above(need: Need, minor: int, quantity: int) -> str:
    """Give the reason when there is more than a threshold allows, "" when there is not."""
    if need.minor_most is not None and minor > need.minor_most:
        return AMOUNT_ABOVE
    if need.quantity_most is not None and quantity > need.quantity_most:
        return QUANTITY_ABOVE
    return ""


def is_eligible(offer: Offer, line: Line) -> bool:
    """Tell whether a line's flags let an offer of its stage act on it, or count it."""
    if offer.stage is _ACCRUAL:
        return line.earns
    if offer.stage in _PRICED:
        return line.discountable and (line.list_price_minor is None or offer.changed_prices)
    return line.redeemable
