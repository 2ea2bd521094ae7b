"""Whole minor units, exact rates, and the few ways in which the trade rounds.

Owns: currencies' digits, rounding of exact fractions, sharing an amount without losing a unit.
Must never: touch a float.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction

AMOUNT_MINOR_MAX = 999_999_999_999
"""Largest amount of money, in minor units, that any line, total or balance may hold."""

UNITS_MAX = 2**63 - 1
"""Largest count of points, miles, stamps …: what a 64-bit column holds."""


class Rounding(StrEnum):
    """How an exact amount becomes a whole number of minor units."""

    HALF_AWAY = "half-away"
    HALF_DOWN = "half-down"
    HALF_EVEN = "half-even"
    FLOOR = "floor"


_FLOOR = Rounding.FLOOR
_HALF_AWAY = Rounding.HALF_AWAY
_HALF_EVEN = Rounding.HALF_EVEN


@dataclass(frozen=True, slots=True)
class Currency:
    """An ISO 4217 currency: its code and how many digits its minor unit has (0, 2 or 3)."""

    code: str
    digits: int


# ISO 4217 lists minor units per currency; every code that is not named here has two digits.
_DIGITS_0 = frozenset(
    [
        "BIF",
        "CLP",
        "DJF",
        "GNF",
        "ISK",
        "JPY",
        "KMF",
        "KRW",
        "PYG",
        "RWF",
        "UGX",
        "UYI",
        "VND",
        "VUV",
        "XAF",
        "XOF",
        "XPF",
    ]
)
_DIGITS_3 = frozenset(["BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"])
_CODE_LENGTH = 3


def currency(code: str) -> Currency:
    """The currency of an ISO 4217 code; ValueError when it is not three capital letters."""
    if len(code) != _CODE_LENGTH or not (code.isascii() and code.isalpha() and code.isupper()):
        raise ValueError(f"{code!r} is no ISO 4217 code: three capital letters are")
    return Currency(code, 0 if code in _DIGITS_0 else 3 if code in _DIGITS_3 else 2)


def rounded(amount: Fraction, rounding: Rounding) -> int:
    """The whole number nearest to `amount`, by the named convention.

    >>> rounded(Fraction(-5, 2), Rounding.HALF_AWAY), rounded(Fraction(5, 2), Rounding.HALF_EVEN)
    (-3, 2)
    """
    numerator, denominator = amount.numerator, amount.denominator
    if rounding is Rounding.FLOOR:
        return numerator // denominator
    if rounding is Rounding.HALF_EVEN:
        return round(amount)
    half = denominator - 1 if rounding is Rounding.HALF_DOWN else denominator
    magnitude = (2 * abs(numerator) + half) // (2 * denominator)
    return magnitude if numerator >= 0 else -magnitude


def divided(numerator: int, denominator: int, rounding: Rounding) -> int:
    """The whole number nearest to numerator / denominator, by the named convention.

    `denominator` is above zero. The same as `rounded`, without the cost of a Fraction.

    >>> divided(291 * 15, 100, Rounding.HALF_AWAY), divided(5, 2, Rounding.FLOOR)
    (44, 2)
    """
    if rounding is _FLOOR:
        return numerator // denominator
    quotient, remainder = divmod(abs(numerator), denominator)
    twice = 2 * remainder
    away = twice > denominator
    if twice == denominator:
        away = quotient % 2 == 1 if rounding is _HALF_EVEN else rounding is _HALF_AWAY
    magnitude = quotient + away
    return magnitude if numerator >= 0 else -magnitude


def share(total: int, weights: Sequence[int]) -> list[int]:
    """Share `total` over non-negative `weights` by largest remainder; the shares sum to `total`.

    Equal remainders go to the earlier place, so the caller decides ties by its order.
    All weights zero: everything goes to the first place. ValueError without any place or with a
    negative weight.

    >>> share(300, [4300, 1400, 2300])
    [161, 53, 86]
    """
    if not weights:
        raise ValueError("nothing to share over")
    if min(weights) < 0:
        raise ValueError(f"weight {min(weights)} is below zero")
    if len(weights) == 1:
        return [total]
    sign, magnitude = (1, total) if total >= 0 else (-1, -total)
    whole = sum(weights)
    if whole == 0:
        return [total] + [0] * (len(weights) - 1)
    shares = [magnitude * weight // whole for weight in weights]
    missing = magnitude - sum(shares)
    if missing:
        remainders = [magnitude * weight % whole for weight in weights]
        # A stable sort leaves equal remainders in the order of their places, reversed or not.
        for place in sorted(range(len(weights)), key=remainders.__getitem__, reverse=True)[
            :missing
        ]:
            shares[place] += 1
    return shares if sign > 0 else [-part for part in shares]
