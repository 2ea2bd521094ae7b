"""Who may meet whom, and in which order those take off that do.

Owns: the order in which offers on the same goods act, and whether a set of offers competes.
Must never: apply an offer or choose between two.
"""

from collections.abc import Iterable, Sequence
from itertools import combinations

from tessera.rules.model import Bundle, Each, GroupKind, Kind, Off, Offer
from tessera.rules.sections import Settings
from tessera.rules.work import Work

SETS_MAX = 128
"""Most sets of offers that may meet on the same goods; with more, the choice is not proven."""


def in_stacking_order(work: Work, offers: Sequence[Offer]) -> list[Offer]:
    """Offers that meet on the same goods take off in the order that the programme sets."""
    return sorted(offers, key=lambda offer: stacking_place(work.settings, offer))


def stacking_place(settings: Settings, offer: Offer) -> tuple[int, int]:
    """Give the place of an offer among those of its stage that it meets."""
    style = settings.basket_order
    if style == "listed":
        return (0, offer.rank)
    return (is_percent(offer) is (style == "amount-first"), offer.place)


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
    return not any(work.may_share(one, two) for one, two in combinations(unlike(found), 2))


def all_may_share(work: Work, offers: Iterable[Offer]) -> bool:
    """Tell whether any two of the offers may meet on the same unit."""
    return all(work.may_share(one, two) for one, two in combinations(unlike(list(offers)), 2))


def unlike(offers: Sequence[Offer]) -> list[Offer]:
    """Give two offers of each manner of stacking, which stand for all; those named, each."""
    named = {name for offer in offers for name in offer.stacks_with}
    kept: list[Offer] = []
    seen: dict[int, int] = {}
    for offer in offers:
        alike = seen.get(offer.manner, 0)
        if alike < 2 or offer.offer_id in named:
            kept.append(offer)
            seen[offer.manner] = alike + 1
    return kept


def meeting_sets(
    work: Work, offers: Sequence[Offer], *, every: bool
) -> list[tuple[Offer, ...]] | None:
    """Give the sets of offers that may meet pairwise, each in the order in which they take off.

    The single offers, and those sets that no further offer could join; or every set, for where
    taking less off may be worth more. None when there are more than SETS_MAX.
    """
    ordered = in_stacking_order(work, offers)
    meets: list[set[int]] = [set() for _ in ordered]
    shared = work.shared  # the rows of a basket ask for the same pairs over and over
    for (one, first), (two, second) in combinations(enumerate(ordered), 2):
        known = shared.get((first, second))
        if known is None:
            # An offer for goods without any discount can only be the first of a set.
            known = not second.undiscounted_only and work.may_share(first, second)
            shared[first, second] = known
        if known:
            meets[one].add(two)
            meets[two].add(one)
    singles = [(place,) for place in range(len(ordered))]
    if not any(meets):
        found: list[tuple[int, ...]] | None = [*singles]
    else:
        found = _every_set(meets) if every else _widest_sets(meets)
    if found is None:
        return None
    found.sort(key=lambda members: (len(members), members))
    return [tuple([ordered[place] for place in members]) for members in found]


def _every_set(meets: Sequence[set[int]]) -> list[tuple[int, ...]] | None:
    """All sets whose members meet pairwise."""
    found: list[tuple[int, ...]] = [(place,) for place in range(len(meets))]
    for members in found:
        found += [
            (*members, place)
            for place in range(members[-1] + 1, len(meets))
            if all(place in meets[one] for one in members)
        ]
        if len(found) > SETS_MAX:
            return None
    return found


def _widest_sets(meets: Sequence[set[int]]) -> list[tuple[int, ...]] | None:
    """The single places, and the sets that nothing could join, by Bron and Kerbosch."""
    found: list[tuple[int, ...]] = [(place,) for place in range(len(meets))]
    open_sets: list[tuple[tuple[int, ...], set[int], set[int]]] = [
        ((), set(range(len(meets))), set())
    ]
    while open_sets:
        members, left, gone = open_sets.pop()
        if not left and not gone and len(members) > 1:
            found.append(tuple(sorted(members)))
            if len(found) > SETS_MAX:
                return None
        if not left:
            continue
        pivot = max(sorted(left | gone), key=lambda place: len(meets[place] & left))
        for place in sorted(left - meets[pivot]):
            open_sets.append(((*members, place), left & meets[place], gone & meets[place]))
            left = left - {place}
            gone = gone | {place}
    return found
