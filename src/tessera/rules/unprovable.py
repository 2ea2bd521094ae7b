"""What of a programme keeps its best price from being proven, as warnings in its file.

Owns: the list of rules that the exact search does not put into numbers (see `choice`), told where
they compete. Must never: judge whether an offer is wise; it only says what is tried, not proven.
"""

from collections.abc import Iterator

from tessera.core.errors import Problem
from tessera.core.quote import Stage
from tessera.rules.model import Bundle, Each, Gift, GroupKind, Kind, Offer
from tessera.rules.programme import Programme

WHERE_TOLD = "see docs/best-price.md, what is not proven"


def unprovable(programme: Programme, *, file: str) -> list[Problem]:
    """Give a warning for each offer whose competition is tried out rather than proven."""
    units = [one for one in programme.offers if one.stage is Stage.UNIT]
    found = []
    for offer in units:
        rivals = [one for one in units if one is not offer and not may_share(programme, one, offer)]
        for reason in _reasons(programme, offer, units, rivals):
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


def _reasons(
    programme: Programme, offer: Offer, units: list[Offer], rivals: list[Offer]
) -> Iterator[str]:
    """Say why, where an offer competes at all."""
    settings, reward = programme.settings, offer.reward
    in_first = _in_first(programme, offer)
    if in_first and any(not _in_first(programme, one) for one in rivals):
        yield "its group says `first`, and it competes with offers that do not"
    if in_first or not rivals:
        return
    if isinstance(reward, Bundle):
        yield from _reasons_of_bundle(programme, offer, reward, units)
    elif isinstance(reward, Each):
        if settings.rounding_level == "offer" and reward.kind is Kind.PERCENT:
            yield "`rounding_level: offer`"
        if settings.exclusive == "line" and (reward.cap_minor is not None or offer.limits):
            yield "it is capped or limited, and `exclusive: line`"
    elif isinstance(reward, Gift) and settings.exclusive == "line":
        yield "it is a gift, and `exclusive: line`"


def _reasons_of_bundle(
    programme: Programme, offer: Offer, reward: Bundle, units: list[Offer]
) -> Iterator[str]:
    if any(limit.period == "budget" for limit in offer.limits):
        yield "it takes several units and has a budget"
    if any(may_share(programme, offer, one) for one in units if one is not offer):
        yield "it takes several units and may meet others on them"
    if reward.aim == "cheapest" and programme.settings.cheapest_free == "cheapest-overall":
        yield "`cheapest_free: cheapest-overall`"
    if reward.same_item and (offer.limits or reward.aim == "dearest"):
        yield "it wants equal items and is limited, or rewards the dearest"
    if reward.aim == "dearest" and reward.kind is not Kind.PERCENT:
        yield "it takes an amount off the dearest"


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
