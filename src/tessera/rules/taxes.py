"""Net, tax and gross of every group of lines that are taxed alike, and each line's part of it.

Owns: included taxes, taxes on top, several on one line, compound and per-unit ones. Must never:
change what a line costs. A line that costs nothing bears no tax, a per-unit tax included.
"""

from collections.abc import Sequence
from decimal import Decimal
from fractions import Fraction
from typing import Protocol

from tessera.core.basket import Line, LineTax, TaxRounding
from tessera.core.money import Rounding, rounded, share
from tessera.core.quote import TaxGroup, TaxPart

Taxed = tuple[int, list[int], int]
"""Net in minor units, each tax, and the part of the taxes that comes on top of the amount."""

Slope = tuple[Fraction, Fraction]
"""A tax as a rate on the net amount and a fixed part."""

_NOTHING = Fraction(0)


def tax_of(
    taxes: Sequence[LineTax], amount_minor: int, quantity: Fraction, rounding: Rounding
) -> Taxed:
    """Take an amount apart into net and taxes, each tax rounded once; the parts sum exactly.

    `amount_minor` holds the included taxes and not the others. A negative amount gives the same
    with its sign turned.
    """
    if amount_minor <= 0:
        if amount_minor == 0:
            return 0, [0] * len(taxes), 0
        net, parts, on_top = tax_of(taxes, -amount_minor, abs(quantity), rounding)
        return -net, [-part for part in parts], -on_top
    if len(taxes) == 1 and not taxes[0].per_unit_minor:
        return _one_tax(taxes[0], amount_minor, rounding)
    slopes = _slopes(taxes, quantity)
    fixed = sum((b for tax, (_, b) in zip(taxes, slopes, strict=True) if tax.included), Fraction(0))
    slope = sum((a for tax, (a, _) in zip(taxes, slopes, strict=True) if tax.included), Fraction(0))
    exact_net = max(Fraction(0), (amount_minor - fixed) / (1 + slope))
    parts, left = [], amount_minor
    for tax, (a, b) in zip(taxes, slopes, strict=True):
        part = rounded(a * exact_net + b, rounding)
        if tax.included:
            part = min(part, left)
            left -= part
        parts.append(part)
    on_top = sum(part for tax, part in zip(taxes, parts, strict=True) if not tax.included)
    return left, parts, on_top


def _one_tax(tax: LineTax, amount_minor: int, rounding: Rounding) -> Taxed:
    number, denominator = tax.rate.as_integer_ratio()
    if tax.included:
        part = rounded(Fraction(amount_minor * number, denominator + number), rounding)
        return amount_minor - part, [part], 0
    part = rounded(Fraction(amount_minor * number, denominator), rounding)
    return amount_minor, [part], part


def _slopes(taxes: Sequence[LineTax], quantity: Fraction) -> list[Slope]:
    """Give each tax as a · net + b; a circle of compound taxes counts as not compound."""
    by_code = {tax.code: tax for tax in taxes}
    known: dict[str, tuple[Fraction, Fraction]] = {}

    def find(tax: LineTax, asked: tuple[str, ...]) -> tuple[Fraction, Fraction]:
        if tax.code in known:
            return known[tax.code]
        rate = Fraction(tax.rate)
        a, b = rate, tax.per_unit_minor * quantity
        for code in tax.compound_on:
            if code in by_code and code not in asked and code != tax.code:
                more_a, more_b = find(by_code[code], (*asked, tax.code))
                a += rate * more_a
                b += rate * more_b
        known[tax.code] = (a, b)
        return a, b

    return [find(tax, ()) for tax in taxes]


def exact_taxes(
    taxes: Sequence[LineTax], quantity: Fraction
) -> tuple[list[Slope], list[Slope], list[Slope]]:
    """Give every tax as (a, b) of a · net + b: all, those inside the price, those on top."""
    slopes = _slopes(taxes, quantity)
    inside = [one for tax, one in zip(taxes, slopes, strict=True) if tax.included]
    on_top = [one for tax, one in zip(taxes, slopes, strict=True) if not tax.included]
    return slopes, inside, on_top


def tax_rounding(rounding: Rounding) -> Rounding:
    """How tax is rounded: half-even where the programme says so, else half away from zero."""
    return Rounding.HALF_EVEN if rounding is Rounding.HALF_EVEN else Rounding.HALF_AWAY


class Taxable(Protocol):
    """What is taxed: lines that are taxed alike, and what is due for them."""

    @property
    def number(self) -> int:
        """Its place among the folds."""

    @property
    def line(self) -> Line:
        """The line whose taxes it bears."""

    @property
    def due(self) -> int:
        """What is left to pay."""


class FoldTax:
    """The tax of one fold: all of it, and the part on top."""

    __slots__ = ("on_top", "tax")

    def __init__(self) -> None:
        self.tax = 0
        self.on_top = 0


def tax_groups(
    folds: Sequence[Taxable],
    quantities: Sequence[Decimal],
    extra: dict[int, int],
    level: TaxRounding,
    rounding: Rounding,
) -> tuple[list[TaxGroup], list[FoldTax]]:
    """Give the tax groups, sorted by code and rate, and the tax of each fold.

    `extra` adds to a fold's taxable amount what a partner pays for it.
    """
    rounding = tax_rounding(rounding)
    together: dict[tuple[LineTax, ...], list[int]] = {}
    for place, fold in enumerate(folds):
        together.setdefault(fold.line.taxes, []).append(place)
    fold_taxes = [FoldTax() for _ in folds]
    groups = []
    for taxes, places in sorted(together.items(), key=_in_group_order):
        amounts = [folds[place].due + extra.get(folds[place].number, 0) for place in places]
        if not taxes:
            groups.append(_group(taxes, sum(amounts), []))
            continue
        # Quantities matter to per-unit taxes alone, and an exact fraction of each costs time.
        counted = [_NOTHING] * len(places)
        if any(tax.per_unit_minor for tax in taxes):
            counted = [Fraction(quantities[place]) for place in places]
        if level is TaxRounding.LINE:
            groups.append(_by_line(taxes, places, amounts, counted, fold_taxes, rounding))
        else:
            groups.append(_at_once(taxes, places, amounts, counted, fold_taxes, rounding))
    return groups, fold_taxes


def _in_group_order(pair: tuple[tuple[LineTax, ...], list[int]]) -> tuple[object, ...]:
    """By code and rate; taxes that share both come in an order that no scan decides."""
    taxes = pair[0]
    rest = [(tax.included, tax.compound_on, tax.per_unit_minor) for tax in taxes]
    return "+".join(tax.code for tax in taxes), "+".join(str(tax.rate) for tax in taxes), rest


def _by_line(
    taxes: tuple[LineTax, ...],
    places: list[int],
    amounts: list[int],
    counted: list[Fraction],
    fold_taxes: list[FoldTax],
    rounding: Rounding,
) -> TaxGroup:
    net, sums = 0, [0] * len(taxes)
    for place, amount, quantity in zip(places, amounts, counted, strict=True):
        one_net, parts, one_on_top = tax_of(taxes, amount, quantity, rounding)
        fold_taxes[place].tax, fold_taxes[place].on_top = sum(parts), one_on_top
        net += one_net
        sums = [old + new for old, new in zip(sums, parts, strict=True)]
    return _group(taxes, net, sums)


def _at_once(
    taxes: tuple[LineTax, ...],
    places: list[int],
    amounts: list[int],
    counted: list[Fraction],
    fold_taxes: list[FoldTax],
    rounding: Rounding,
) -> TaxGroup:
    total = sum(amounts)
    # A line that costs nothing bears no per-unit tax, so its quantity does not count.
    quantity = sum(
        (one for one, due in zip(counted, amounts, strict=True) if due and one), _NOTHING
    )
    net, parts, on_top = tax_of(taxes, total, quantity, rounding)
    weights = [max(0, amount) if total >= 0 else max(0, -amount) for amount in amounts]
    shared = zip(places, share(sum(parts), weights), share(on_top, weights), strict=True)
    for place, tax, top in shared:
        fold_taxes[place].tax, fold_taxes[place].on_top = tax, top
    return _group(taxes, net, parts)


def _group(taxes: tuple[LineTax, ...], net: int, parts: list[int]) -> TaxGroup:
    several = len(taxes) > 1
    return TaxGroup(
        code="+".join(tax.code for tax in taxes),
        rate="+".join(str(tax.rate) for tax in taxes) or "0",
        net_minor=net,
        tax_minor=sum(parts),
        gross_minor=net + sum(parts),
        parts=tuple(
            TaxPart(code=tax.code, rate=str(tax.rate), tax_minor=part, included=tax.included)
            for tax, part in zip(taxes, parts, strict=True)
        )
        if several
        else (),
    )
