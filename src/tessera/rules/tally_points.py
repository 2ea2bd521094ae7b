"""Units earned, in the quick way: sums by offer now, their shares on each fold when asked for.

Owns: the same counting of steps, multipliers and rounding as `accrual`, on lists of whole numbers.
Must never: issue rights or complete cards; such baskets go the full way.
"""

from collections.abc import Sequence
from fractions import Fraction
from math import lcm

from tessera.core.money import UNITS_MAX, share
from tessera.rules.accrual import NOT_REACHED, Exact
from tessera.rules.folds import GOODS, spread_to_lines
from tessera.rules.model import Earn, Multiply, Offer
from tessera.rules.reasons import NO_SAVING
from tessera.rules.tally import Beyond, Note, Tally


class Part:
    """Units that one offer grants, exact, and by which folds they were earned."""

    __slots__ = ("exact", "folds", "issuer", "offer", "weights")

    def __init__(
        self, offer: Offer, exact: Exact, folds: list[int], weights: list[int], issuer: str
    ) -> None:
        self.offer = offer
        self.exact = exact
        self.folds = folds
        self.weights = weights
        self.issuer = issuer


def tally_points(tally: Tally) -> None:
    """Work out the units that the basket earns, in the documented order of offers."""
    by_unit: dict[str, list[Part]] = {}
    multipliers: dict[str, list[Offer]] = {}
    basis: list[int] | None = None
    for offer in sorted(tally.accrual, key=lambda one: one.place):
        reward = offer.reward
        if isinstance(reward, Multiply):
            multipliers.setdefault(reward.unit, []).append(offer)
            continue
        assert isinstance(reward, Earn)
        if basis is None:
            basis = _basis(tally)
        part = _earned(tally, offer, reward, basis)
        if part is None:
            tally.say(offer, NOT_REACHED)
        elif reward.unit in by_unit:
            by_unit[reward.unit].append(part)
        else:
            by_unit[reward.unit] = [part]
    for unit in sorted(by_unit):
        parts = by_unit[unit]
        if unit in multipliers:
            parts = parts + _multiplied(tally, parts, multipliers[unit])
        _book(tally, unit, parts)
    for offers in multipliers.values():
        for offer in offers:
            if offer not in tally.became:
                tally.say(offer, NO_SAVING)


def _basis(tally: Tally) -> list[int]:
    """The money of each fold that units are counted on, as the programme sets it."""
    style = tally.prepared.programme.settings.accrual_basis
    if style == "shelf":
        return tally.amounts
    if style == "after-discounts":
        tally.share_out()
        return tally.dues
    if not tally.line_off:
        return tally.amounts
    basis = tally.amounts[:]
    for fold, minor in tally.line_off.items():
        basis[fold] -= minor
    return basis


def _earned(tally: Tally, offer: Offer, reward: Earn, basis: list[int]) -> Part | None:
    folds = tally.found[offer]
    if tally.odd and any(tally.lines[fold].kind is not GOODS for fold in folds):
        raise Beyond
    if offer.undiscounted_only:
        tally.share_out()
        folds = [fold for fold in folds if tally.dues[fold] == tally.amounts[fold]]
    funding = offer.funding
    issuer = funding.partner if funding else tally.prepared.programme.units[reward.unit].issuer
    number, denominator = reward.count
    per = reward.per
    if per == "amount":
        weights = [basis[fold] for fold in folds]
    elif per == "quantity":
        counts = tally.counts
        weights = [counts[fold] for fold in folds]
    elif per == "basket":
        tally.share_out()
        weights = [tally.dues[fold] for fold in folds]
        return Part(offer, _exact(1, reward.count), folds, weights, issuer)
    else:
        weights = [_measured(tally, reward, fold) for fold in folds]
    steps: Exact
    if reward.by_line:
        steps = sum([_steps(part, reward) for part in _by_line(tally, folds, weights)])
    elif reward.whole:
        steps = sum(weights) // reward.step
    else:
        steps = Fraction(sum(weights), reward.step)
    exact = steps * number if denominator == 1 else Fraction(number, denominator) * steps
    if reward.cap is not None:
        exact = min(exact, reward.cap)
    if tally.prepared.programme.settings.units_rounding == "before-multiplying":
        exact = exact // 1
    return Part(offer, exact, folds, weights, issuer) if exact > 0 else None


def _exact(steps: Exact, count: tuple[int, int]) -> Exact:
    number, denominator = count
    return steps * number if denominator == 1 else Fraction(number, denominator) * steps


def _steps(measured: int, reward: Earn) -> Exact:
    return measured // reward.step if reward.whole else Fraction(measured, reward.step)


def _by_line(tally: Tally, folds: list[int], weights: list[int]) -> list[int]:
    if tally.folds is None:
        return weights
    whole, lines = tally.folds, tally.basket.lines
    return [
        part
        for fold, weight in zip(folds, weights, strict=True)
        for part in spread_to_lines(weight, whole[fold], lines)
    ]


def _measured(tally: Tally, reward: Earn, fold: int) -> int:
    """What counts of a fold in thousandths of its measure."""
    line = tally.lines[fold]
    if line.measure != reward.measure:
        return 0
    return int(Fraction(line.quantity) * 1000 * tally.counts[fold])


# -- multipliers


def _multiplied(tally: Tally, parts: Sequence[Part], offers: Sequence[Offer]) -> list[Part]:
    """Give what multipliers add, in the name of the offers that add it."""
    style = tally.prepared.programme.settings.multipliers
    factors = [(_factor(offer), offer) for offer in offers]
    over_all = all(offer.what.everything for offer in offers)
    added: list[Part] = []
    for part in parts:
        earn = part.offer.reward
        assert isinstance(earn, Earn)
        if earn.per == "basket":
            continue  # a welcome present is no amount that a multiplier could count
        if over_all:
            added += _extra(style, part, factors, part.exact, part.folds, part.weights)
            continue
        whole = sum(part.weights)
        for fold, weight in zip(part.folds, part.weights, strict=True):
            reached = [pair for pair in factors if fold in tally.found[pair[1]]]
            if reached and weight:
                exact = Fraction(part.exact * weight, whole)
                added += _extra(style, part, reached, exact, [fold], [weight])
    return added


def _factor(offer: Offer) -> Exact:
    assert isinstance(offer.reward, Multiply)
    number, denominator = offer.reward.factor
    return number if denominator == 1 else Fraction(number, denominator)


def _extra(
    style: str,
    part: Part,
    factors: Sequence[tuple[Exact, Offer]],
    exact: Exact,
    folds: list[int],
    weights: list[int],
) -> list[Part]:
    if style == "highest":
        # Offers come in the documented order, so the first of equal factors has the name.
        factor, offer = factors[0]
        if len(factors) > 1:
            factor, offer = max(factors, key=lambda pair: pair[0])
        added: Exact = exact * (factor.numerator - factor.denominator)
        if factor.denominator != 1:
            added = Fraction(added, factor.denominator)
        return [Part(offer, added, folds, weights, part.issuer)]
    extra: list[Part] = []
    reached: Exact = 1
    for factor, offer in factors:
        grown = reached * factor if style == "multiply" else reached + factor - 1
        extra.append(Part(offer, exact * (grown - reached), folds, weights, part.issuer))
        reached = grown
    return extra


# -- booking


def _book(tally: Tally, unit: str, parts: Sequence[Part]) -> None:
    """Round the sum down once for each issuer, and share it over the offers."""
    by_issuer: dict[str, list[Part]] = {}
    for part in parts:
        by_issuer.setdefault(part.issuer, []).append(part)
    for issuer in sorted(by_issuer):
        found = by_issuer[issuer]
        # Over one denominator the exact sum costs no more than one of whole numbers.
        common = lcm(*[part.exact.denominator for part in found])
        scaled = [part.exact.numerator * (common // part.exact.denominator) for part in found]
        total = max(0, min(UNITS_MAX, sum(scaled) // common))
        shares = share(total, [max(0, one) for one in scaled])
        for part, units in zip(found, shares, strict=True):
            became = tally.became_of(part.offer)
            became.units += units
            became.uses = 1
            if units:
                key = (unit, issuer)
                tally.earned[key] = tally.earned.get(key, 0) + units
                if part.folds:
                    tally.notes.append(
                        Note(unit, part.offer, issuer, units, part.folds, part.weights)
                    )
