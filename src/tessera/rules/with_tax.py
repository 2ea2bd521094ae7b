"""What an amount in the customer's money comes to in prices, where taxes come on top of them.

Owns: the two readings of an amount off and the three of a threshold. Must never: tax anything (see
`taxes`). Shares are exact; whoever takes an amount off rounds it once.

An amount V off goods that cost D, and G with the taxes on top, is V·D/G off their prices: shared by
price, every part of it is then worth its share of V with its tax. Taxes of a fixed amount for each
unit stay what they are and don't count.
"""

from collections.abc import Iterable
from fractions import Fraction
from functools import lru_cache

from tessera.core.basket import LineTax
from tessera.rules.folds import Fold
from tessera.rules.sections import Settings
from tessera.rules.taxes import exact_taxes

Share = tuple[int, int]
"""Price over price with tax, as numerator and denominator."""

AS_PRICED: Share = (1, 1)


@lru_cache(maxsize=4_096)
def _growth(taxes: tuple[LineTax, ...]) -> Fraction:
    """By which part of itself a price grows by the taxes on top of it, fixed amounts left out."""
    _, inside, on_top = exact_taxes(taxes, Fraction(0))
    slope = sum((a for a, _ in inside), Fraction(0))
    return sum((a for a, _ in on_top), Fraction(0)) / (1 + slope)


@lru_cache(maxsize=4_096)
def _share_under(taxes: tuple[LineTax, ...]) -> Share:
    """The price of goods that are taxed alike over their price with tax."""
    share = 1 / (1 + _growth(taxes))
    return share.numerator, share.denominator


def price_share(settings: Settings, parts: Iterable[tuple[Fold, int]]) -> Share:
    """What one minor unit off is in prices of (fold, amount due), as the programme reads it."""
    if settings.amounts_off == "as-priced":
        return AS_PRICED
    dues: dict[int, int] = {}
    taxed: dict[int, tuple[LineTax, ...]] = {}
    for fold, due in parts:
        taxes = fold.line.taxes
        place = id(taxes) if taxes else 0
        taxed[place] = taxes
        dues[place] = dues.get(place, 0) + due
    price = sum(dues.values())
    if not price:
        return AS_PRICED
    if len(dues) == 1:  # whatever the sum is
        return _share_under(*taxed.values())
    paid = sum((due * (1 + _growth(taxed[place])) for place, due in dues.items()), Fraction(0))
    share = Fraction(price) / paid
    return share.numerator, share.denominator


def counted(settings: Settings, fold: Fold, minor: int) -> int | Fraction:
    """What an amount of a fold counts for a threshold, as the programme reads it."""
    taxes = fold.line.taxes
    if settings.thresholds == "as-priced" or not taxes or minor <= 0:
        return minor
    quantity = Fraction(fold.line.quantity) if fold.line.measure else Fraction(1)
    _, inside, on_top = exact_taxes(taxes, quantity * fold.count)
    fixed = sum((b for _, b in inside), Fraction(0))
    slope = sum((a for a, _ in inside), Fraction(0))
    net = max(Fraction(0), (minor - fixed) / (1 + slope))
    if settings.thresholds == "without-tax":
        return net
    return minor + sum((a * net + b for a, b in on_top), Fraction(0))
