"""Who may meet whom, and in which order those take off that do.

Owns: the order in which offers on the same goods act, and whether a set of offers competes.
Must never: apply an offer or choose between two.
"""

from collections.abc import Iterable, Sequence
from itertools import combinations

from tessera.rules.model import Bundle, Each, GroupKind, Kind, Off, Offer
from tessera.rules.work import Work


def in_stacking_order(work: Work, offers: Sequence[Offer]) -> list[Offer]:
    """Offers that meet on the same goods take off in the order that the programme sets."""
    style = work.settings.basket_order
    if style == "listed":
        return sorted(offers, key=lambda offer: offer.rank)

    def place(offer: Offer) -> tuple[object, ...]:
        percent = is_percent(offer)
        return (percent if style == "amount-first" else not percent, offer.place)

    return sorted(offers, key=place)


def is_percent(offer: Offer) -> bool:
    """Tell whether an offer takes a percentage rather than an amount."""
    reward = offer.reward
    if isinstance(reward, Off) and reward.ladder:
        return reward.ladder[0].kind is Kind.PERCENT
    return isinstance(reward, (Each, Off, Bundle)) and reward.kind is Kind.PERCENT


def first_group_of(work: Work, offer: Offer) -> str:
    """Name the outermost group of an offer that says `first`, "" when there is none."""
    groups = work.programme.groups
    for name in reversed(offer.path):
        if groups[name].kind is GroupKind.FIRST:
            return name
    return ""


def none_may_share(work: Work, offers: Iterable[Offer]) -> bool:
    """Tell whether no two of the offers may meet on the same unit."""
    found = list(offers)
    alike = {(one.group, one.stacks_all, one.stacks_with) for one in found}
    if len(alike) == 1:
        group, stacks_all, stacks_with = next(iter(alike))
        if not stacks_with:
            if group:
                return work.programme.groups[group].kind is not GroupKind.ALL
            return not stacks_all
    return not any(work.may_share(one, two) for one, two in combinations(found, 2))
