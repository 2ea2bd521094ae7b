"""Amounts off the basket that compete by thresholds, as one table that a search decides.

Owns: which basket offers are such a ladder. Must never: look at a basket.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from tessera.core.quote import OfferOutcome, Stage
from tessera.rules.admitting import refusal_of
from tessera.rules.model import Kind, Need, Off, Offer
from tessera.rules.work import Work

_PERCENT = Kind.PERCENT


@dataclass(frozen=True, slots=True, eq=False)
class Ladder:
    """Amounts off the whole basket that compete, each from a threshold read after unit offers.

    By threshold, the lowest first: `starts`, `offers`, `places`, `lost` (their outcomes when a
    better one won), and `best`: the place in `offers` of the highest amount up to and with each.
    """

    starts: tuple[int, ...]
    offers: tuple[Offer, ...]
    places: tuple[int, ...]
    amounts: tuple[int, ...]
    best: tuple[int, ...]
    lost: tuple[OfferOutcome, ...]


def ladder_of(
    rules: Work, first_groups: dict[Offer, str], offers: Sequence[Offer]
) -> Ladder | None:
    """Give basket offers of one slot as a ladder, None when they are none.

    `rules` is asked who may meet whom.
    """
    groups = {offer.group for offer in offers}
    if len(offers) == 1 or len(groups) != 1 or not all(_is_step(offer) for offer in offers):
        return None
    if any(first_groups[offer] for offer in offers):
        return None
    if any(rules.may_share(offers[0], other) for other in offers[1:]):
        return None
    if any(offer.stacks_with or offer.stacks_all != offers[0].stacks_all for offer in offers):
        return None
    steps = sorted(offers, key=lambda offer: (offer.needs[0].minor, offer.place))
    amounts = [_amount(offer) for offer in steps]
    best = []
    top = 0
    for place, offer in enumerate(steps):
        if (amounts[place], -offer.place) > (amounts[top], -steps[top].place):
            top = place
        best.append(top)
    return Ladder(
        tuple(offer.needs[0].minor for offer in steps),
        tuple(steps),
        tuple(offer.place for offer in steps),
        tuple(amounts),
        tuple(best),
        tuple(refusal_of(offer, "better-offer") for offer in steps),
    )


def _amount(offer: Offer) -> int:
    assert isinstance(offer.reward, Off)
    return offer.reward.value[0]


def _is_step(offer: Offer) -> bool:
    reward = offer.reward
    return (
        isinstance(reward, Off)
        and not reward.ladder
        and reward.kind is not _PERCENT
        and reward.value[0] > 0
        and reward.cap_minor is None
        and offer.what.everything
        and not offer.changed_prices
        and len(offer.needs) == 1
        and _is_plain_need(offer.needs[0])
    )


def _is_plain_need(need: Need) -> bool:
    return need.at is Stage.UNIT and need.of.everything and need.minor > 0 and not need.quantity
