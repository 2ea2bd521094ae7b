"""What unit offers take off single units: percent, amount, price, gifts.

Owns: the arithmetic of one offer on the units that are open to it, and its shares by fold.
Must never: choose between offers; whoever calls says which offer is next.
"""

from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction

from tessera.core.money import divided, rounded, share
from tessera.rules.conditions import budget_left
from tessera.rules.folds import Fold, Parcel, share_over, take
from tessera.rules.model import Each, Gift, Kind, Offer
from tessera.rules.with_tax import price_share
from tessera.rules.work import GOODS_TAKEN, NO_SAVING, Work

GIFT_NOT_IN_BASKET = "gift-not-in-basket"

Target = tuple[Fold, list[Parcel]]

_PERCENT = Kind.PERCENT


def base_of(work: Work, parcel: Parcel) -> int:
    """What a percentage of a parcel is taken of: what is left, or the shelf price, by setting."""
    return parcel.amount if work.settings.stacked_base == "shelf" else parcel.due


def each_discount(work: Work, reward: Each, fold: Fold, count: int, base: int) -> int:
    """What an offer on every unit takes off `count` units of a fold that cost `base` together."""
    if reward.line_units is not None or reward.line_minor is not None:
        return _within_line(work, reward, fold, count, base)
    settings = work.settings
    number, denominator = reward.value
    if reward.measure:
        if fold.line.measure != reward.measure:
            return 0
        quantity = Fraction(fold.line.quantity) * count
        if reward.kind is Kind.PRICE:
            return max(0, base - rounded(number * quantity, settings.rounding))
        in_price = Fraction(*price_share(settings, [(fold, base)]))
        return min(base, rounded(number * quantity * in_price, settings.rounding))
    if reward.kind is _PERCENT:
        if settings.rounding_level == "unit" and count > 1:
            unit, dearer = divmod(base, count)
            rounding = settings.rounding
            return divided(unit * number, denominator, rounding) * (count - dearer) + (
                divided((unit + 1) * number, denominator, rounding) * dearer
            )
        return divided(base * number, denominator, settings.rounding)
    if reward.kind is Kind.AMOUNT:
        share_number, share_denominator = price_share(settings, [(fold, base)])
        return min(
            base, divided(number * count * share_number, share_denominator, settings.rounding)
        )
    return max(0, base - number * count)


def _within_line(work: Work, reward: Each, fold: Fold, count: int, base: int) -> int:
    """The same, where an offer rewards only so many units of equal lines, or only so much."""
    free = replace(reward, line_units=None, line_minor=None)
    if reward.line_units is not None and reward.line_units < count:
        unit, dearer = divmod(base, count)
        count = reward.line_units
        base = unit * count + min(dearer, count)
    minor = each_discount(work, free, fold, count, base)
    return minor if reward.line_minor is None else min(minor, reward.line_minor)


def apply_each(work: Work, offer: Offer, targets: Sequence[Target]) -> None:
    """Apply an offer on every unit of some parcels, within its limits, cap and budget."""
    reward = offer.reward
    assert isinstance(reward, Each)
    chosen = _within_uses(work, offer, targets)
    sums: list[tuple[Fold, list[Parcel], int, int]] = []
    for fold, parcels in chosen:
        if len(parcels) == 1:
            parcel = parcels[0]
            base, count, due = base_of(work, parcel), parcel.count, parcel.due
        else:
            base = sum(base_of(work, parcel) for parcel in parcels)
            count = sum(parcel.count for parcel in parcels)
            due = sum(parcel.due for parcel in parcels)
        minor = min(due, each_discount(work, reward, fold, count, base))
        if minor > 0:
            sums.append((fold, parcels, base, minor))
    if not sums:
        work.outcomes[offer].reason = NO_SAVING if chosen else GOODS_TAKEN
        return
    amounts = _capped(work, offer, reward, sums)
    outcome = work.outcomes[offer]
    outcome.groups = outcome.groups or 1
    for (fold, parcels, _, _), minor in zip(sums, amounts, strict=True):
        if len(parcels) == 1:
            work.put(offer, 1, fold, parcels[0], minor)
            outcome.uses += parcels[0].count
        else:
            parts = share(minor, [parcel.due for parcel in parcels])
            for parcel, part in zip(parcels, parts, strict=True):
                work.put(offer, 1, fold, parcel, part)
                outcome.uses += parcel.count
        close_line(work, offer, fold)


def _within_uses(work: Work, offer: Offer, targets: Sequence[Target]) -> list[Target]:
    """Keep as many units as the limits allow, the dearest first."""
    reward, left = offer.reward, work.left.get(offer)
    if isinstance(reward, Each) and reward.line_units is not None:
        targets = [
            (fold, few)
            for fold, parcels in targets
            if (few := _of_line(fold, parcels, reward.line_units))
        ]
    if left is None:
        return list(targets)
    left -= work.outcomes[offer].uses
    pieces = [(fold, parcel) for fold, parcels in targets for parcel in parcels]
    sign = 1 if work.settings.limited_units == "cheapest" else -1
    pieces.sort(key=lambda piece: (Fraction(sign * piece[1].due, piece[1].count), piece[0].rank))
    kept: dict[int, Target] = {}
    for fold, parcel in pieces:
        if left <= 0:
            break
        part = take(fold, parcel, left)
        left -= part.count
        kept.setdefault(fold.number, (fold, []))[1].append(part)
    return list(kept.values())


def _of_line(fold: Fold, parcels: Sequence[Parcel], units: int) -> list[Parcel]:
    """Keep so many units of equal lines, the dearest first."""
    kept: list[Parcel] = []
    for parcel in sorted(parcels, key=lambda one: Fraction(-one.due, one.count)):
        if units > 0:
            part = take(fold, parcel, units)
            units -= part.count
            kept.append(part)
    return kept


def _capped(
    work: Work, offer: Offer, reward: Each, sums: Sequence[tuple[Fold, list[Parcel], int, int]]
) -> list[int]:
    """Give the discount of each fold: rounded over the offer if so set, never above the cap."""
    amounts = [minor for _, _, _, minor in sums]
    if (
        work.settings.rounding_level == "offer"
        and reward.kind is Kind.PERCENT
        and not reward.measure
    ):
        number, denominator = reward.value
        bases = [base for _, _, base, _ in sums]
        total = divided(sum(bases) * number, denominator, work.settings.rounding)
        amounts = _shared(total, sums, bases)
    cap = reward.cap_minor
    if cap is not None:
        folds = [fold for fold, _, _, _ in sums]
        number, denominator = price_share(work.settings, zip(folds, amounts, strict=True))
        cap = divided(cap * number, denominator, work.settings.rounding)
    cap = most_of(work, offer, cap)
    if cap is not None and sum(amounts) > cap:
        amounts = _shared(cap, sums, amounts)
    return amounts


def _shared(
    total: int, sums: Sequence[tuple[Fold, list[Parcel], int, int]], weights: Sequence[int]
) -> list[int]:
    shared = share_over(total, [fold for fold, _, _, _ in sums], weights)
    parts = {fold.number: part for fold, part in shared}
    return [parts[fold.number] for fold, _, _, _ in sums]


def most_of(work: Work, offer: Offer, cap: int | None) -> int | None:
    """The most that an offer may still take off: its cap, or what its budget has left."""
    budget = budget_left(offer, work.place, work.member) if offer.limits else None
    if budget is not None:
        budget -= work.outcomes[offer].discount
        return budget if cap is None else min(cap, budget)
    return cap


def close_line(work: Work, offer: Offer, fold: Fold) -> None:
    """Close the rest of a line, where offers are exclusive by line rather than by unit."""
    if work.settings.exclusive == "line":
        for parcel in fold.all_parcels:
            if not parcel.offers:
                parcel.offers = (offer,)


# -- gifts


def apply_gift(work: Work, offer: Offer) -> None:
    """Take the price of a gift off that lies in the basket; a chosen one before others."""
    reward = offer.reward
    assert isinstance(reward, Gift)
    chosen = work.basket.chosen
    left = reward.count
    folds = sorted(
        work.found[offer],
        key=lambda fold: (fold.line.sku not in chosen, -fold.due // fold.count, fold.rank),
    )
    outcome = work.outcomes[offer]
    for fold in folds:
        for parcel in list(work.open_parcels(fold, offer)):
            if not left:
                break
            piece = take(fold, parcel, left)
            minor = piece.due - reward.price_minor * piece.count
            if minor > 0:
                left -= piece.count
                outcome.uses += piece.count
                outcome.groups = 1
                work.put(offer, 1, fold, piece, minor)
    if not outcome.uses:
        outcome.reason = GOODS_TAKEN if folds else GIFT_NOT_IN_BASKET
        return
    for fold in work.goods:
        if fold.line.sku not in reward.choices and _hangs_on(work, offer, fold):
            fold.triggers.append(offer)


def _hangs_on(work: Work, offer: Offer, fold: Fold) -> bool:
    """Tell whether a gift was given because of a fold."""
    if offer.needs:
        return any(work.matches(need.of, fold) for need in offer.needs)
    return work.matches(offer.what, fold)
