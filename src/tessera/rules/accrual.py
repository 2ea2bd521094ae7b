"""Units earned and rights issued: points, stamps, multipliers, coupons, draw entries, access.

Owns: the basis that points are counted on, whole steps, multipliers and the one rounding down per
basket. Must never: change a price.
"""

from calendar import monthrange
from collections.abc import Sequence
from datetime import MAXYEAR, date
from fractions import Fraction
from math import lcm

from tessera.core.member import MemberState
from tessera.core.money import UNITS_MAX, Rounding, divided, share
from tessera.core.quote import IssuedCoupon, Stage, UnitMovement
from tessera.rules.folds import Fold, spread_to_lines
from tessera.rules.model import Earn, Issue, Multiply, Offer
from tessera.rules.programme import Programme
from tessera.rules.sections import UnitDefinition
from tessera.rules.work import BY_PLACE, NO_SAVING, Work

NOT_REACHED = "step-not-reached"


Exact = int | Fraction


class Part:
    """Units that one offer grants, exact, and by which folds they were earned."""

    __slots__ = ("exact", "folds", "issuer", "offer", "weights")

    def __init__(
        self, offer: Offer, exact: Exact, folds: list[Fold], weights: list[int], issuer: str
    ) -> None:
        self.offer = offer
        self.exact = exact
        self.folds = folds
        self.weights = weights
        self.issuer = issuer


def accrue(work: Work) -> None:
    """Work out the units that the basket earns and note them on its folds."""
    by_unit: dict[str, list[Part]] = {}
    multipliers: dict[str, list[Offer]] = {}
    for offer in sorted(work.available[Stage.ACCRUAL], key=BY_PLACE):
        reward = offer.reward
        if isinstance(reward, Multiply):
            multipliers.setdefault(reward.unit, []).append(offer)
        elif isinstance(reward, Earn):
            part = _earned(work, offer, reward)
            if part is None:
                work.outcomes[offer].reason = NOT_REACHED
            else:
                by_unit.setdefault(reward.unit, []).append(part)
    for unit in sorted(by_unit):
        parts = by_unit[unit]
        _book(work, unit, [*parts, *_multiplied(work, parts, multipliers.get(unit, []))])
    for offers in multipliers.values():
        for offer in offers:
            if not work.outcomes[offer].uses and not work.outcomes[offer].reason:
                work.outcomes[offer].reason = NO_SAVING


def basis_of(work: Work, fold: Fold) -> int:
    """The money of a fold that points are counted on, as the programme sets it."""
    settings = work.settings
    if settings.accrual_basis == "after-discounts":
        basis = fold.due
    elif settings.accrual_basis == "shelf":
        basis = fold.amount
    else:
        basis = fold.amount - fold.line_discount
    if fold.tendered and settings.units_paid_earn == "no":
        basis -= fold.tendered
    return max(0, basis)


def _moneys(work: Work, folds: list[Fold]) -> list[int]:
    """The minor units that count of each fold, remembered for goods."""
    basis = work.basis
    return [basis[fold.number] if fold.number in basis else _money(work, fold) for fold in folds]


def _money(work: Work, fold: Fold) -> int:
    """The minor units that count: the basis of goods, the whole of a load or a fee."""
    if not fold.goods:
        return max(0, fold.due)
    known = work.basis[fold.number] = basis_of(work, fold)
    return known


def _earned(work: Work, offer: Offer, reward: Earn) -> Part | None:
    folds = work.found[offer]
    if offer.undiscounted_only:
        folds = [fold for fold in folds if fold.due == fold.amount]
    issuer = issuer_of(work.programme, offer, reward)
    if reward.per == "basket":
        weights = [max(0, fold.due) for fold in folds]
        return Part(offer, _exact(1, reward.count), folds, weights, issuer)
    if reward.per == "amount":
        weights = _moneys(work, folds)
    else:
        weights = [_measured(reward, fold) for fold in folds]
    steps: Exact
    if reward.by_line:
        counted = [
            part
            for fold, weight in zip(folds, weights, strict=True)
            for part in spread_to_lines(weight, fold, work.basket.lines)
        ]
        steps = sum([_steps(part, reward) for part in counted])
    else:
        steps = _steps(sum(weights), reward)
    exact = _exact(steps, reward.count)
    if reward.cap is not None:
        exact = min(exact, reward.cap)
    if work.settings.units_rounding == "before-multiplying":
        exact = _whole(work, exact.numerator, exact.denominator)
    return Part(offer, exact, folds, weights, issuer) if exact > 0 else None


def issuer_of(programme: Programme, offer: Offer, reward: Earn) -> str:
    """Tell which partner issues the units of an offer."""
    return offer.funding.partner if offer.funding else programme.units[reward.unit].issuer


def _steps(measured: int, reward: Earn) -> Exact:
    return measured // reward.step if reward.whole else Fraction(measured, reward.step)


def _exact(steps: Exact, count: tuple[int, int]) -> Exact:
    number, denominator = count
    return steps * number if denominator == 1 else Fraction(number, denominator) * steps


def _measured(reward: Earn, fold: Fold) -> int:
    """What counts of a fold: pieces, or thousandths of its measure."""
    if reward.per == "quantity":
        return fold.count
    if fold.line.measure != reward.measure:
        return 0
    return int(Fraction(fold.line.quantity) * 1000 * fold.count)


# -- multipliers


def _multiplied(work: Work, parts: Sequence[Part], offers: Sequence[Offer]) -> list[Part]:
    """Give what multipliers add, in the name of the offers that add it."""
    style = work.settings.multipliers
    added: list[Part] = []
    if not offers:
        return added
    factors = [(_factor(offer), offer) for offer in offers]
    over_all = all(offer.what.everything for offer in offers)
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
            reached = [pair for pair in factors if fold in work.found[pair[1]]]
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
    folds: list[Fold],
    weights: list[int],
) -> list[Part]:
    if style == "highest":
        # Offers come in the documented order, so the first of equal factors has the name.
        factor, offer = factors[0]
        if len(factors) > 1:
            factor, offer = max(factors, key=lambda pair: pair[0])
        more = factor.numerator - factor.denominator
        added: Exact = exact * more
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


def _book(work: Work, unit: str, parts: Sequence[Part]) -> None:
    """Round the sum down once for each issuer, and share it over offers and folds."""
    by_issuer: dict[str, list[Part]] = {}
    for part in parts:
        by_issuer.setdefault(part.issuer, []).append(part)
    for issuer in sorted(by_issuer):
        found = by_issuer[issuer]
        # Over one denominator the exact sum costs no more than one of whole numbers.
        common = lcm(*[part.exact.denominator for part in found])
        scaled = [part.exact.numerator * (common // part.exact.denominator) for part in found]
        total = max(0, min(UNITS_MAX, _whole(work, sum(scaled), common)))
        shares = share(total, [max(0, one) for one in scaled])
        for part, units in zip(found, shares, strict=True):
            _note(work, unit, issuer, part, units)


def _whole(work: Work, number: int, denominator: int) -> int:
    """Make whole units of an exact count: those that are complete, or the nearest number."""
    if work.settings.units_fraction == "nearest":
        return divided(number, denominator, Rounding.HALF_AWAY)
    return number // denominator


def _note(work: Work, unit: str, issuer: str, part: Part, units: int) -> None:
    outcome = work.outcomes[part.offer]
    outcome.units += units
    outcome.uses = 1
    if units:
        work.earned[unit, issuer] = work.earned.get((unit, issuer), 0) + units
    if not part.folds or not units:
        return
    key = (unit, part.offer.offer_id, issuer)
    for fold, earned in zip(part.folds, share(units, part.weights), strict=True):
        if earned:
            fold.earned[key] = fold.earned.get(key, 0) + earned


def movements(
    programme: Programme,
    day: date,
    spendings: Sequence[tuple[str, str, int, int]],
    earned: dict[tuple[str, str], int],
) -> list[UnitMovement]:
    """Give the movement of each (unit, issuer): what was earned, and what the folds spent."""
    spent: dict[tuple[str, str], list[int]] = {}
    for unit, issuer, units, minor in spendings:
        noted = spent.setdefault((unit, issuer), [0, 0])
        noted[0] += units
        noted[1] += minor
    found = []
    for unit, issuer in sorted(earned.keys() | spent.keys()):
        definition = programme.units[unit]
        gained = earned.get((unit, issuer), 0)
        units, minor = spent.get((unit, issuer), (0, 0))
        available, expires = lifetime(definition, day) if gained else ("", "")
        found.append(
            UnitMovement(
                unit=unit,
                earned=gained,
                spent=units,
                spent_value_minor=minor,
                issuer=issuer,
                available_from=available,
                expires=expires,
            )
        )
    return found


def lifetime(unit: UnitDefinition, day: date) -> tuple[str, str]:
    """Give from when and until when units earned on a day count, as ISO dates; "" for ever."""
    available = _days_after(day, unit.available_days)
    if unit.expires_months:
        return available.isoformat(), add_months(day, unit.expires_months).isoformat()
    if unit.expires_days:
        return available.isoformat(), _days_after(day, unit.expires_days).isoformat()
    return available.isoformat(), ""


def _days_after(day: date, days: int) -> date:
    return date.fromordinal(min(day.toordinal() + days, date.max.toordinal()))


def add_months(day: date, months: int) -> date:
    """The same day of the month so many months later, or the last one that month has.

    What lies beyond the last day that can be written (9999-12-31) is that day.
    """
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    if year > MAXYEAR:
        return date.max
    return date(year, month + 1, min(day.day, monthrange(year, month + 1)[1]))


# -- rights


def issue(work: Work, earned: dict[tuple[str, str], int]) -> list[IssuedCoupon]:
    """Give the rights that the sale grants, in the documented order of their offers."""
    issuing = [one for one in work.available[Stage.ACCRUAL] if isinstance(one.reward, Issue)]
    for offer in issuing:
        work.outcomes[offer].uses = 1
    programme, day = work.programme, work.place.business_day
    return rights_of(programme, issuing, day) + completed_cards(
        programme, work.known_member, day, earned
    )


def rights_of(programme: Programme, issuing: Sequence[Offer], day: date) -> list[IssuedCoupon]:
    """Give the rights that some offers grant on a day, in their documented order."""
    found = []
    for offer in sorted(issuing, key=BY_PLACE):
        reward = offer.reward
        assert isinstance(reward, Issue)
        if reward.kind == "private-access":
            continue
        start = _days_after(day, reward.starts_in_days)
        end = _days_after(start, reward.days).isoformat() if reward.days else ""
        detail: tuple[str, ...] = ()
        if reward.kind == "win":
            detail = (f"{reward.chance[0]} in {reward.chance[1]}", *reward.prizes)
        elif reward.kind == "coupon":
            detail = _code_of(programme, reward.name)
        found.append(
            IssuedCoupon(
                kind=reward.kind,
                offer=offer.offer_id,
                count=reward.count,
                valid_from=start.isoformat(),
                valid_until=end,
                name=reward.name,
                detail=detail,
            )
        )
    return found


def _code_of(programme: Programme, name: str) -> tuple[str, ...]:
    """Tell what opens the offer that a coupon stands for: a code of its own, or one for all."""
    target = next((one for one in programme.offers if one.offer_id == name), None)
    if target is None or target.trigger is None:
        return ()
    trigger = target.trigger
    if trigger.single_use and trigger.prefixes:
        return ("single-use", trigger.prefixes[0])
    return ("shared", min(trigger.coupons)) if trigger.coupons and not trigger.single_use else ()


def completed_cards(
    programme: Programme,
    member: MemberState | None,
    day: date,
    earned: dict[tuple[str, str], int],
) -> list[IssuedCoupon]:
    """Give the stamp cards that the units earned on a day complete; `member` may have rewards."""
    found = []
    balances = {unit.unit: unit.balance for unit in member.units} if member else {}
    completing = [pair for pair in programme.units.items() if pair[1].completes]
    for unit, definition in sorted(completing):
        gained = sum(count for (name, _), count in earned.items() if name == unit)
        if not gained:
            continue
        before = balances.get(unit, 0)
        size = definition.completes
        count = (before + gained) // size - before // size
        if count:
            found.append(
                IssuedCoupon(
                    kind="completed",
                    offer=definition.completes_offer,
                    count=count,
                    valid_from=day.isoformat(),
                    name=unit,
                )
            )
    return found
