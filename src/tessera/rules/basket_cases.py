"""Which basket offers may act together and in which order, and what they take off at most.

Owns: the cases of the basket stage, straight lines that lie nowhere below what a case takes off,
and the discount that a case may not exceed to keep its thresholds. Must never: apply an offer.

A case is a list of basket offers in the order in which they act. Offers that may meet keep the
order that the programme sets; for those that may not, either may go first and take the goods.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import product
from math import lcm

from tessera.core.quote import Stage
from tessera.rules.basket_offers import later_needs_met, times_of
from tessera.rules.model import Kind, Off, Offer, Step
from tessera.rules.stacking import all_may_share, in_stacking_order, none_may_share
from tessera.rules.unit_offers import most_of
from tessera.rules.weights import Weights
from tessera.rules.work import Work

CASES_MAX = 64
"""Most lists of basket offers that are looked at."""

Line = tuple[Fraction, Fraction]
"""A fixed amount, and a rate on what is left open to the offer, in minor units."""


@dataclass(slots=True, eq=False)
class Case:
    """Basket offers in the order in which they act, each with the numbers of the folds it finds.

    `lines`: in each, one line an offer; what the case takes off lies below every one of them.
    `most_off`: what unit offers may take off at most, None when no threshold reads after them.
    """

    offers: tuple[Offer, ...]
    bases: tuple[frozenset[int], ...]
    lines: list[tuple[Line, ...]]
    most_off: int | None = None

    def weights(self, line: tuple[Line, ...]) -> Weights:
        """Turn the rates of a line into weights."""
        whole = lcm(*(rate.denominator for _, rate in line)) if line else 1
        bases = [
            (int(rate * whole), base, offer)
            for (_, rate), base, offer in zip(line, self.bases, self.offers, strict=True)
            if rate
        ]
        return Weights(whole, tuple(bases))


def cases_of(work: Work, offers: Sequence[Offer]) -> tuple[list[Case], bool]:
    """Give the cases for the offers whose thresholds can be met, and whether these are all."""
    ready = [
        offer
        for offer in offers
        if later_needs_met(work, offer, Stage.UNIT) and later_needs_met(work, offer, Stage.BASKET)
    ]
    found = {offer: frozenset(fold.number for fold in work.found[offer]) for offer in ready}
    if len(ready) > 1 and _only_gain(work, ready, found):
        orders = [(), tuple(in_stacking_order(work, ready))]
        return _cases(work, orders, found), True
    position = {offer: place for place, offer in enumerate(in_stacking_order(work, ready))}
    lists: list[tuple[Offer, ...]] = [()]
    alone = none_may_share(work, ready)
    if alone and len(set(found.values())) == 1:  # whoever comes first leaves nothing
        lists += [(offer,) for offer in position]
        return _cases(work, lists, found), True
    for chosen in lists:
        if len(lists) > CASES_MAX:
            break
        lists += [
            (*chosen, offer)
            for offer in position
            if offer not in chosen and _may_follow(work, chosen, offer, found, position, alone)
        ]
    whole = len(lists) <= CASES_MAX
    return _cases(work, lists[:CASES_MAX], found), whole


def _cases(
    work: Work, lists: Sequence[tuple[Offer, ...]], found: dict[Offer, frozenset[int]]
) -> list[Case]:
    amounts = {fold.number: fold.due for fold in work.goods}
    return [_case(work, offers, found, amounts) for offers in lists]


def _only_gain(work: Work, ready: Sequence[Offer], found: dict[Offer, frozenset[int]]) -> bool:
    """Tell whether every offer may join all others, and never spoils anything by joining."""
    return (
        len(set(found.values())) == 1
        and all(is_steady(offer) for offer in ready)
        and all_may_share(work, ready)
    )


def is_steady(offer: Offer) -> bool:
    """Tell whether an offer takes off no less, the more there is to pay: no threshold, no steps."""
    reward = offer.reward
    assert isinstance(reward, Off)
    later = any(need.at is not Stage.SHELF for need in offer.needs)
    return not (reward.ladder or later or offer.undiscounted_only)


def _may_follow(
    work: Work,
    chosen: tuple[Offer, ...],
    offer: Offer,
    found: dict[Offer, frozenset[int]],
    position: dict[Offer, int],
    alone: bool,  # noqa: FBT001
) -> bool:
    """Tell whether an offer may act after others: on goods left to it, in the set order."""
    left = found[offer]
    for place, before in enumerate(chosen):
        meet = not alone and work.may_share(before, offer)
        overlap = not found[before].isdisjoint(found[offer])
        fixed = meet or (not overlap and place == len(chosen) - 1)
        if fixed and position[before] > position[offer]:
            return False
        if not meet:
            left -= found[before]
    return bool(left)


def _case(
    work: Work,
    offers: tuple[Offer, ...],
    found: dict[Offer, frozenset[int]],
    amounts: dict[int, int],
) -> Case:
    bases: list[frozenset[int]] = []
    for place, offer in enumerate(offers):
        left = found[offer]
        for before in offers[:place]:
            if not work.may_share(before, offer):
                left -= found[before]
        bases.append(left)
    each = [
        lines_of(work, offer, sum(amounts[number] for number in base))
        for offer, base in zip(offers, bases, strict=True)
    ]
    lines = [tuple(line) for line in product(*each)][:8]
    if work.settings.stacked_base != "shelf":
        lines = [_one_after_the_other(work, line, offers, bases) for line in lines]
    return Case(offers, tuple(bases), lines, _most_off(work, offers))


def _one_after_the_other(
    work: Work, lines: tuple[Line, ...], offers: Sequence[Offer], bases: Sequence[frozenset[int]]
) -> tuple[Line, ...]:
    """Lower lines by what earlier offers have taken off the same goods already."""
    found = list(lines)
    for place, (_, rate) in enumerate(lines):
        for before in range(place):
            if (
                rate
                and bases[before] <= bases[place]
                and work.may_share(offers[before], offers[place])
            ):
                fixed, slope = found[before]
                found[before] = (fixed * (1 - rate), slope * (1 - rate))
    return tuple(found)


def lines_of(work: Work, offer: Offer, most: int) -> list[Line]:
    """Give lines that lie nowhere below what an offer takes off a base of up to `most`."""
    reward = offer.reward
    assert isinstance(reward, Off)
    lines: list[Line] = []
    if reward.repeats:
        lines += _repeated_lines(work, offer, reward, most)
    elif reward.ladder:
        steps = [
            step for step in reward.ladder if reward.reads != "basket" or step.start <= most
        ] or list(reward.ladder[:1])
        lines += _ladder_lines(steps, marginal=reward.marginal)
        if reward.marginal and reward.reads == "quantity":
            # Each item may get the dearest step's amount, beside its percentage.
            items = sum(fold.count for fold in work.found[offer])
            lines = [(fixed * items, rate) for fixed, rate in lines]
    elif reward.kind is Kind.PERCENT:
        lines.append((Fraction(0), Fraction(*reward.value)))
    else:
        lines += [(Fraction(reward.value[0]), Fraction(0)), (Fraction(0), Fraction(1))]
    cap = most_of(work, offer, reward.cap_minor)
    if cap is not None:
        lines.append((Fraction(cap), Fraction(0)))
    return lines


def _repeated_lines(work: Work, offer: Offer, reward: Off, most: int) -> list[Line]:
    """All the steps that the whole base holds; by money, also the step's share of what is left."""
    step = reward.ladder[0]
    by_money = reward.reads == "basket"
    reading = most if by_money else sum(fold.count for fold in work.found[offer])
    flat = (Fraction(step.value[0] * times_of(reward, reading)), Fraction(0))
    rate = Fraction(step.value[0], step.start) if by_money else Fraction(1)
    return [flat, (Fraction(0), min(rate, Fraction(1)))]


def _ladder_lines(steps: Sequence[Step], *, marginal: bool) -> list[Line]:
    flats = [Fraction(step.value[0]) for step in steps if step.kind is not Kind.PERCENT]
    rates = [Fraction(*step.value) for step in steps if step.kind is Kind.PERCENT]
    flat = sum(flats, Fraction(0)) if marginal else max(flats, default=Fraction(0))
    return [(flat, max(rates, default=Fraction(0)))]


def _most_off(work: Work, offers: Sequence[Offer]) -> int | None:
    """What unit offers may take off so that the thresholds that read after them still hold."""
    most: int | None = None
    if work.settings.thresholds != "as-priced":
        return most
    for offer in offers:
        for need in offer.needs:
            if need.at is Stage.SHELF or not need.of.everything:
                continue
            room = sum(fold.due for fold in work.all_eligible(offer)) - need.minor
            # Goods that the offer may not touch do not count, whatever is taken off them.
            if len(work.all_eligible(offer)) == len(work.goods):
                most = room if most is None else min(most, room)
    return most
