"""What of a programme keeps its best price from being proven, in its file and in one quote.

Owns: the list of rules that the exact search does not put into numbers (see `choice`), told where
they compete. Must never: judge whether an offer is wise; it only says what is tried, not proven.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from tessera.core.errors import Problem
from tessera.core.quote import Quote, Stage
from tessera.rules.model import Bundle, Each, Gift, GroupKind, Kind, Offer
from tessera.rules.programme import Programme

WHERE_TOLD = "see docs/best-price.md, what is not proven"


def unprovable(programme: Programme, *, file: str) -> list[Problem]:
    """Give a warning for each offer whose competition is tried out rather than proven."""
    units = [one for one in programme.offers if one.stage is Stage.UNIT]
    found = []
    for offer in units:
        rivals = [one for one in units if one is not offer and not may_share(programme, one, offer)]
        for _, reason in _reasons(programme, offer, units, rivals):
            found.append(
                Problem(
                    file=file,
                    line=offer.line,
                    field=f"offers.{offer.offer_id}",
                    message=f"the best price is tried, not proven: {reason}",
                    proposal=WHERE_TOLD,
                    severity="warning",
                )
            )
            break
    return found


@dataclass(frozen=True, slots=True)
class Unproven:
    """Why a quote is not proven: a stable code, the offer it is about ("": none), a sentence."""

    code: str
    offer: str
    because: str


SEARCH_LIMIT = Unproven(
    "search-limit", "", "the search ended at its limit before all combinations were looked at"
)


def why_unproven(programme: Programme, quote: Quote) -> list[Unproven]:
    """Say why a quote is not proven to be the best; nothing when it is.

    An offer's rule counts where the offer was applied or lost its goods; otherwise the search came
    to its limit.
    """
    if quote.optimal:
        return []
    there = {one.offer for one in quote.offers if one.applied or one.reason in _LOST}
    found_there = [one for one in programme.offers if one.offer_id in there]
    units = [one for one in found_there if one.stage is Stage.UNIT]
    basket = [one for one in found_there if one.stage is Stage.BASKET]
    found = []
    for offer in units:
        rivals = [one for one in units if one is not offer and not may_share(programme, one, offer)]
        found += [
            Unproven(code, offer.offer_id, because)
            # What it meets on the units may still compete with offers on the basket.
            for code, because in _reasons(programme, offer, units, rivals or basket)
        ]
    return found or [SEARCH_LIMIT]


_LOST = frozenset({"better-offer", "goods-taken"})

Reason = tuple[str, str]
"""A stable code, and a sentence."""


def _reasons(
    programme: Programme, offer: Offer, units: list[Offer], rivals: list[Offer]
) -> Iterator[Reason]:
    """Say why, where an offer competes at all."""
    settings, reward = programme.settings, offer.reward
    in_first = _in_first(programme, offer)
    if in_first and any(not _in_first(programme, one) for one in rivals):
        because = "its group says `first`, and it competes with offers that do not"
        yield "first-beside-others", because
    if in_first or not rivals:
        return
    if isinstance(reward, Bundle):
        yield from _reasons_of_bundle(programme, offer, reward, units)
    elif isinstance(reward, Each):
        if settings.rounding_level == "offer" and reward.kind is Kind.PERCENT:
            yield "rounding-over-offer", "`rounding_level: offer`"
        if settings.exclusive == "line" and (reward.cap_minor is not None or offer.limits):
            yield "bound-by-line", "it is capped or limited, and `exclusive: line`"
    elif isinstance(reward, Gift) and settings.exclusive == "line":
        yield "gift-by-line", "it is a gift, and `exclusive: line`"


def _reasons_of_bundle(
    programme: Programme, offer: Offer, reward: Bundle, units: list[Offer]
) -> Iterator[Reason]:
    if any(limit.period == "budget" for limit in offer.limits):
        yield "budget-of-bundle", "it takes several units and has a budget"
    if any(may_share(programme, offer, one) for one in units if one is not offer):
        yield "bundle-meets-others", "it takes several units and may meet others on them"
    if reward.aim == "cheapest" and programme.settings.cheapest_free == "cheapest-overall":
        yield "cheapest-overall", "`cheapest_free: cheapest-overall`"
    if reward.same_item and (offer.limits or reward.aim == "dearest"):
        yield "equal-items-limited", "it wants equal items and is limited, or rewards the dearest"
    if reward.aim == "dearest" and programme.settings.exclusive == "line":
        yield "dearest-by-line", "it rewards the dearest, and `exclusive: line`"
    if reward.aim == "dearest" and reward.kind is not Kind.PERCENT:
        yield "amount-off-dearest", "it takes an amount off the dearest"


def _in_first(programme: Programme, offer: Offer) -> bool:
    return any(programme.groups[name].kind is GroupKind.FIRST for name in offer.path)


def may_share(programme: Programme, first: Offer, second: Offer) -> bool:
    """Tell whether two offers may meet on one unit; the same answer as while pricing."""
    if first.offer_id in second.stacks_with or second.offer_id in first.stacks_with:
        return True
    common = next((name for name in first.path if name in second.path), None)
    if common is not None:
        return programme.groups[common].kind is GroupKind.ALL
    if first.stacks_all or second.stacks_all:
        return True
    return not (
        first.stacks_with.isdisjoint(second.path) and second.stacks_with.isdisjoint(first.path)
    )
