"""Units earned, in the quick way: sums by offer now, their shares on each fold when asked for.

Owns: the same counting of steps, multipliers and rounding as `accrual`, on lists of whole numbers.
Must never: issue rights or complete cards; such baskets go the full way.
"""

from collections.abc import Sequence
from fractions import Fraction
from math import lcm

from tessera.core.money import UNITS_MAX, share
from tessera.rules.accrual import NOT_REACHED
from tessera.rules.folds import GOODS, spread_to_lines
from tessera.rules.model import Earn, Multiply, Offer
from tessera.rules.reasons import NO_SAVING
from tessera.rules.tally import Beyond, Grant, Tally
from tessera.rules.work import BY_PLACE

Factor = tuple[int, int, Offer]
"""A multiplier as numerator and denominator, and the offer that it is of."""


def tally_points(tally: Tally) -> None:
    """Work out the units that the basket earns, in the documented order of offers."""
    multipliers: dict[str, list[Offer]] = {}
    earning, earners = tally.prepared.earning, []
    for offer in sorted(tally.accrual, key=BY_PLACE):
        if offer in earning:
            earners.append(offer)
        else:
            multipliers.setdefault(_multiply(offer).unit, []).append(offer)
    basis = _basis(tally) if earners else []
    by_unit = _grants(tally, earners, basis)
    for unit, issuer in sorted(by_unit):
        grants = by_unit[unit, issuer]
        if unit in multipliers:
            grants += _multiplied(tally, grants, multipliers[unit], basis)
        _book(tally, unit, issuer, grants)
    for offers in multipliers.values():
        for offer in offers:
            if offer not in tally.granted:
                tally.say(offer, NO_SAVING)


def _grants(
    tally: Tally, earners: Sequence[Offer], basis: list[int]
) -> dict[tuple[str, str], list[Grant]]:
    """What each offer grants, by unit and issuer; plain whole steps of an amount are done here."""
    by_unit: dict[tuple[str, str], list[Grant]] = {}
    earning, found, goods, odd = tally.prepared.earning, tally.found, tally.goods, tally.odd
    total = sum(basis)
    for offer in earners:
        account, count, step = earning[offer]
        grant: Grant | None
        if count and not odd:
            folds = found[offer]
            if folds is goods:
                whole = total
            elif len(folds) == 1:
                whole = basis[folds[0]]
            else:
                whole = sum([basis[fold] for fold in folds])
            units = count * (whole // step)
            grant = (offer, units, 1, folds, None) if units > 0 else None
        else:
            grant = _earned(tally, offer, _earn(offer), basis, total)
        if grant is None:
            tally.say(offer, NOT_REACHED)
        elif account in by_unit:
            by_unit[account].append(grant)
        else:
            by_unit[account] = [grant]
    return by_unit


def _earn(offer: Offer) -> Earn:
    assert isinstance(offer.reward, Earn)
    return offer.reward


def _multiply(offer: Offer) -> Multiply:
    assert isinstance(offer.reward, Multiply)
    return offer.reward


def _basis(tally: Tally) -> list[int]:
    """The money of each fold that units are counted on, as the programme sets it."""
    style = tally.prepared.programme.settings.accrual_basis
    if style == "shelf":
        basis = tally.amounts
    elif style == "after-discounts":
        tally.share_out()
        basis = tally.dues
    elif tally.line_off:
        basis = tally.amounts[:]
        for fold, minor in tally.line_off.items():
            basis[fold] -= minor
    else:
        basis = tally.amounts
    tally.basis = basis
    return basis


def _earned(tally: Tally, offer: Offer, reward: Earn, basis: list[int], total: int) -> Grant | None:
    """What an offer grants: exact, as numerator and denominator; None when that is nothing."""
    folds = tally.found[offer]
    if tally.odd and any(tally.lines[fold].kind is not GOODS for fold in folds):
        raise Beyond
    if offer.undiscounted_only:
        tally.share_out()
        folds = [fold for fold in folds if tally.dues[fold] == tally.amounts[fold]]
    number, denominator = reward.count
    per, weights = reward.per, None
    if per == "amount":
        if folds is tally.goods and not tally.odd:
            measured = total
        else:
            measured = sum([basis[fold] for fold in folds])
    elif per == "basket":
        tally.share_out()
        return offer, number, denominator, folds, [tally.dues[fold] for fold in folds]
    else:
        weights = _weights(tally, reward, folds)
        measured = sum(weights)
    if reward.by_line:
        each = [basis[fold] for fold in folds] if weights is None else weights
        number, denominator = _by_line(tally, reward, folds, each)
    elif reward.whole:
        number *= measured // reward.step
    else:
        number, denominator = number * measured, denominator * reward.step
    if reward.cap is not None and number > reward.cap * denominator:
        number, denominator = reward.cap, 1
    if denominator != 1 and tally.prepared.whole_first:
        number, denominator = number // denominator, 1
    return (offer, number, denominator, folds, weights) if number > 0 else None


def _weights(tally: Tally, reward: Earn, folds: list[int]) -> list[int]:
    """What counts of each fold: pieces, or thousandths of its measure."""
    counts = tally.counts
    if reward.per == "quantity":
        return [counts[fold] for fold in folds]
    lines, measure = tally.lines, reward.measure
    return [
        int(Fraction(lines[fold].quantity) * 1000 * counts[fold])
        if lines[fold].measure == measure
        else 0
        for fold in folds
    ]


def _by_line(tally: Tally, reward: Earn, folds: list[int], weights: list[int]) -> tuple[int, int]:
    """Count the steps on each line; give the units of all of them."""
    number, denominator = reward.count
    if not reward.whole:
        return number * sum(weights), denominator * reward.step
    parts = weights
    if tally.folds is not None:
        whole, lines = tally.folds, tally.basket.lines
        parts = [
            part
            for fold, weight in zip(folds, weights, strict=True)
            for part in spread_to_lines(weight, whole[fold], lines)
        ]
    return number * sum([part // reward.step for part in parts]), denominator


# -- multipliers


def _multiplied(
    tally: Tally, grants: Sequence[Grant], offers: Sequence[Offer], basis: list[int]
) -> list[Grant]:
    """Give what multipliers add, in the name of the offers that add it."""
    prepared = tally.prepared
    style, known = prepared.programme.settings.multipliers, prepared.factors
    factors = [(known[offer][0], known[offer][1], offer) for offer in offers]
    over_all = all(known[offer][2] for offer in offers)
    # A welcome present is no amount that a multiplier could count.
    grants = [grant for grant in grants if _earn(grant[0]).per != "basket"]
    if over_all and style == "highest":
        top, bottom, best = _highest(factors)
        more = top - bottom
        return [
            (best, number * more, denominator * bottom, folds, weights)
            for _, number, denominator, folds, weights in grants
        ]
    added: list[Grant] = []
    for _, number, denominator, folds, weights in grants:
        if over_all:
            added += _extra(style, factors, (number, denominator), folds, weights)
            continue
        each = [basis[fold] for fold in folds] if weights is None else weights
        whole = sum(each)
        for fold, weight in zip(folds, each, strict=True):
            reached = [factor for factor in factors if fold in tally.found[factor[2]]]
            if reached and weight:
                exact = (number * weight, denominator * whole)
                added += _extra(style, reached, exact, [fold], [weight])
    return added


def _highest(factors: Sequence[Factor]) -> Factor:
    """The highest factor; offers come in the documented order, the first of equal ones wins."""
    best = factors[0]
    for factor in factors[1:]:
        if factor[0] * best[1] > best[0] * factor[1]:
            best = factor
    return best


def _extra(
    style: str,
    factors: Sequence[Factor],
    exact: tuple[int, int],
    folds: list[int],
    weights: list[int] | None,
) -> list[Grant]:
    number, denominator = exact
    if style == "highest":
        top, bottom, offer = _highest(factors)
        return [(offer, number * (top - bottom), denominator * bottom, folds, weights)]
    extra: list[Grant] = []
    for top, bottom, offer in factors:
        extra.append((offer, number * (top - bottom), denominator * bottom, folds, weights))
        if style == "multiply":
            number, denominator = number * top, denominator * bottom
    return extra


# -- booking


def _book(tally: Tally, unit: str, issuer: str, grants: list[Grant]) -> None:
    """Round the sum down once for each issuer, and share it over the offers."""
    bottoms = {grant[2] for grant in grants}
    if len(bottoms) == 1:
        common = grants[0][2]
        scaled = [grant[1] for grant in grants]
    else:
        common = lcm(*bottoms)
        scaled = [grant[1] * (common // grant[2]) for grant in grants]
    exact = sum(scaled)
    total = min(UNITS_MAX, exact // common)
    shares = scaled if total == exact else share(total, scaled)
    granted = tally.granted
    for grant, units in zip(grants, shares, strict=True):
        offer = grant[0]
        granted[offer] = granted[offer] + units if offer in granted else units
    if total:
        tally.earned[unit, issuer] = total
        tally.notes.append((unit, issuer, grants, shares))
