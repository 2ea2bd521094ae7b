"""What basket offers take off: a percentage, an amount or a step of a ladder, in one sum.

Owns: the base of a basket offer and the arithmetic on it. Must never: choose between offers.
"""

from collections.abc import Iterator, Sequence
from fractions import Fraction

from tessera.core.money import divided, rounded, share
from tessera.core.quote import Stage
from tessera.rules.folds import Fold, Parcel
from tessera.rules.model import Kind, Off, Offer, Step
from tessera.rules.unit_offers import most_of
from tessera.rules.with_tax import AS_PRICED, Share, price_share
from tessera.rules.work import AMOUNT_SHORT, GOODS_TAKEN, NO_SAVING, QUANTITY_SHORT, Base, Work

OTHER_VISIT = "other-visit"

Piece = tuple[Fold, Parcel]


def base_pieces(work: Work, offer: Offer) -> list[Piece]:
    """The parcels that an offer may act on: those that nothing it can't stack with has taken."""
    is_open = work.is_open
    return [
        (fold, parcel)
        for fold in work.found[offer]
        for parcel in (fold.parcels or fold.all_parcels)
        if parcel.amount > parcel.discount and (not parcel.offers or is_open(parcel, offer))
    ]


def off_discount(
    work: Work,
    offer: Offer,
    base: int,
    due: int,
    quantity: int,
    in_price: Share = AS_PRICED,
    pieces: Sequence[Piece] = (),
) -> int:
    """What an offer takes off a base of `base` minor units, of which `due` are left to pay.

    `in_price`: what one minor unit of an amount or a cap comes to in prices, see `with_tax`;
    `pieces` are the goods of the base, which steps for the first and further items look at.
    """
    reward = offer.reward
    assert isinstance(reward, Off)
    if reward.marginal and reward.reads == "quantity":
        minor = _by_item(work, reward, pieces, in_price)
    elif reward.ladder:
        minor = _ladder(work, reward, base, quantity, in_price)
    else:
        minor = _one(work, reward.kind, reward.value, base, in_price)
    cap = most_of(work, offer, _priced(work, reward.cap_minor, in_price))
    minor = min(minor, due)
    return max(0, minor if cap is None else min(minor, cap))


def _priced(work: Work, minor: int | None, in_price: Share) -> int | None:
    if minor is None or in_price is AS_PRICED:
        return minor
    return divided(minor * in_price[0], in_price[1], work.settings.rounding)


def _one(work: Work, kind: Kind, value: tuple[int, int], base: int, in_price: Share) -> int:
    number, denominator = value
    if kind is Kind.PERCENT:
        return divided(base * number, denominator, work.settings.rounding)
    return min(base, divided(number * in_price[0], in_price[1], work.settings.rounding))


def _ladder(work: Work, reward: Off, base: int, quantity: int, in_price: Share) -> int:
    reading = reading_of(work, reward, base, quantity)
    if reward.repeats:
        step = reward.ladder[0]
        times = times_of(reward, reading)
        return _one(work, step.kind, (step.value[0] * times, step.value[1]), base, in_price)
    if reward.marginal and reward.reads == "basket":
        return _marginal(work, reward.ladder, base, in_price)
    reached = [step for step in reward.ladder if step.start <= reading]
    return _one(work, reached[-1].kind, reached[-1].value, base, in_price) if reached else 0


def times_of(reward: Off, reading: int) -> int:
    """How often a repeated step counts: once for every whole step of what it reads."""
    times = reading // reward.ladder[0].start
    return min(times, reward.times) if reward.times else times


def reading_of(work: Work, reward: Off, base: int, quantity: int) -> int:
    """Give what the steps of a ladder are read by: money, items, or the member's past."""
    member = work.known_member
    match reward.reads:
        case "basket":
            return base
        case "quantity":
            return quantity
        case "lifetime":
            return member.lifetime_spend_minor + work.moment.sale_minor if member else 0
        case "visits":
            return member.visits if member else 0
    assert reward.reads == "period"
    return member.period_spend_minor + work.moment.sale_minor if member else 0


def _marginal(work: Work, ladder: Sequence[Step], base: int, in_price: Share) -> int:
    """Each step's percentage on its own slice of the base, rounded once over all slices."""
    exact_number, exact_denominator, flat = 0, 1, 0
    for place, step in enumerate(ladder):
        if base < step.start:
            break
        end = ladder[place + 1].start if place + 1 < len(ladder) else base
        slice_minor = min(base, end) - step.start
        if step.kind is Kind.PERCENT:
            number, denominator = step.value
            exact_number = exact_number * denominator + slice_minor * number * exact_denominator
            exact_denominator *= denominator
        else:
            flat += divided(step.value[0] * in_price[0], in_price[1], work.settings.rounding)
    return flat + divided(exact_number, exact_denominator, work.settings.rounding)


def _by_item(work: Work, reward: Off, pieces: Sequence[Piece], in_price: Share) -> int:
    """Each item at its own step, the dearest first unless so set; percentages rounded once."""
    settings = work.settings
    sign = 1 if settings.limited_units == "cheapest" else -1
    shelf = settings.stacked_base == "shelf"
    items = [
        (parcel.amount if shelf else parcel.due, parcel.count, fold.rank) for fold, parcel in pieces
    ]
    items.sort(key=lambda item: (Fraction(sign * item[0], item[1]), item[2]))
    exact, flat = Fraction(0), 0
    for place, step in enumerate(reward.ladder):
        last = place + 1 == len(reward.ladder)
        end = None if last else reward.ladder[place + 1].start - 1
        amount = number = 0
        for minor, count in _between(items, max(0, step.start - 1), end):
            amount += minor
            number += count
        if step.kind is Kind.PERCENT:
            exact += Fraction(amount * step.value[0], step.value[1])
        else:
            each = step.value[0] * number
            flat += min(amount, divided(each * in_price[0], in_price[1], settings.rounding))
    return flat + rounded(exact, settings.rounding)


def _between(
    items: Sequence[tuple[int, int, int]], start: int, end: int | None
) -> Iterator[tuple[int, int]]:
    """Give amount and number of the items from one place to another, in their order."""
    place = 0
    for minor, count, _ in items:
        low = max(0, start - place)
        high = count if end is None else min(count, end - place)
        if low < high:
            unit, dearer = divmod(minor, count)
            yield unit * (high - low) + min(dearer, high) - min(dearer, low), high - low
        place += count


def saving_of(work: Work, offer: Offer) -> int:
    """What an offer would take off as things stand, if its thresholds are reached."""
    base, due, count, pieces = _base(work, offer)
    in_price = price_share(work.settings, ((fold, parcel.due) for fold, parcel in pieces))
    return off_discount(work, offer, base, due, count, in_price, pieces)


def _base(work: Work, offer: Offer) -> Base:
    """Give what is open to an offer.

    Remembered for all offers that find the same goods and stack alike, until something changes.
    """
    key = (
        work.changes,
        id(work.found[offer]),
        offer.manner,
    )
    known = work.bases.get(key)
    if known is None:
        pieces = base_pieces(work, offer)
        due = sum([parcel.amount - parcel.discount for _, parcel in pieces])
        base = due
        if work.settings.stacked_base == "shelf":
            base = sum([parcel.amount for _, parcel in pieces])
        known = (base, due, sum([parcel.count for _, parcel in pieces]), pieces)
        work.bases[key] = known
    return known


def later_needs_met(work: Work, offer: Offer, stage: Stage) -> bool:
    """Tell whether the thresholds that are read after a stage are reached."""
    for need in offer.needs:
        if need.at is stage and not work.meets(need, offer, work.outcomes[offer]):
            return False
    return True


def refuse_unmet(work: Work) -> None:
    """Leave out what earns or spends once a threshold that it reads later is not reached.

    Prices are final but for what units will take off them.
    """
    for stage in (Stage.REDEMPTION, Stage.TENDER, Stage.ACCRUAL):
        work.available[stage] = [
            offer
            for offer in work.available[stage]
            if later_needs_met(work, offer, Stage.UNIT)
            and later_needs_met(work, offer, Stage.BASKET)
        ]


def apply_off(work: Work, offer: Offer) -> int:
    """Apply a basket offer to what is open to it; give the discount."""
    outcome = work.outcomes[offer]
    if not later_needs_met(work, offer, Stage.BASKET):
        return 0
    pieces = _base(work, offer)[3]
    if not pieces:
        outcome.reason = GOODS_TAKEN if work.found[offer] else NO_SAVING
        return 0
    minor = saving_of(work, offer)
    if minor <= 0:
        _say_next_step(work, offer)
        return 0
    outcome.uses += 1
    outcome.groups = 1
    _put_shares(work, offer, pieces, minor)
    return minor


def _put_shares(work: Work, offer: Offer, pieces: Sequence[Piece], minor: int) -> None:
    """Share a discount over the folds by what is due on each, then over a fold's parcels.

    Pieces come in the order of ties, the parcels of a fold together.
    """
    folds: list[Fold] = []
    parcels: list[list[Parcel]] = []
    weights: list[int] = []
    for fold, parcel in pieces:
        due = parcel.amount - parcel.discount
        if folds and folds[-1] is fold:
            parcels[-1].append(parcel)
            weights[-1] += due
        else:
            folds.append(fold)
            parcels.append([parcel])
            weights.append(due)
    for place, part in enumerate(share(minor, weights)):
        mine = parcels[place]
        if len(mine) == 1:
            work.put(offer, 1, folds[place], mine[0], part)
            continue
        for parcel, piece in zip(mine, share(part, [one.due for one in mine]), strict=True):
            work.put(offer, 1, folds[place], parcel, piece)


def _say_next_step(work: Work, offer: Offer) -> None:
    """Say what is missing for the first step of a ladder."""
    reward, outcome = offer.reward, work.outcomes[offer]
    assert isinstance(reward, Off)
    outcome.reason = NO_SAVING
    if not reward.ladder:
        return
    base, _, count, _ = _base(work, offer)
    missing = reward.ladder[0].start - reading_of(work, reward, base, count)
    if missing <= 0:
        return
    if reward.reads == "quantity":
        outcome.reason, outcome.missing_quantity = QUANTITY_SHORT, missing
    elif reward.reads == "visits":
        outcome.reason = OTHER_VISIT
    else:
        outcome.reason, outcome.missing_minor = AMOUNT_SHORT, missing
