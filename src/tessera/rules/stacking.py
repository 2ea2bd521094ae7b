"""Who may meet whom, and in which order those take off that do.

Owns: the order in which offers on the same goods act, and whether a set of offers competes.
Must never: apply an offer or choose between two.
"""

from collections.abc import Iterable, Sequence
from itertools import combinations
from operator import itemgetter

from tessera.core.quote import Stage
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
    if len(found) <= 1:
        return True
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
        if offer.offer_id in named:
            kept.append(offer)
            continue
        alike = seen.get(offer.manner, 0)
        if alike < 2:
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
    ordered, meets = _meetings(work, offers)
    if not any(meets.values()):
        found: list[tuple[int, ...]] | None = [(place,) for place in meets]
    else:
        found = _every_set(meets) if every else _widest_sets(meets)
    if found is None:
        return None
    found.sort(key=lambda members: (len(members), members))
    return [tuple([ordered[place] for place in members]) for members in found]


def _meetings(work: Work, offers: Sequence[Offer]) -> tuple[dict[int, Offer], dict[int, int]]:
    """Give the offers by their place in the order in which they take off, and whom each may meet.

    Sets of places are bits of a number. The rows of a basket ask for the same pairs over and over,
    so what was asked once is remembered.
    """
    known = work.meeting
    if any(offer not in known for offer in offers):
        everybody = dict.fromkeys([*known, *work.available[Stage.UNIT], *offers])
        known.clear()
        for place, offer in enumerate(in_stacking_order(work, list(everybody))):
            known[offer] = [place, 0, 0]
    ordered = sorted([(known[offer][0], offer) for offer in offers], key=itemgetter(0))
    among = sum([1 << place for place, _ in ordered])
    for number, (place, second) in enumerate(ordered):
        entry = known[second]
        if not among & ~entry[1] & ((1 << place) - 1):
            continue
        for before, first in ordered[:number]:
            if entry[1] >> before & 1:
                continue
            entry[1] |= 1 << before
            # An offer for goods without any discount can only be the first of a set.
            if not second.undiscounted_only and work.may_share(first, second):
                entry[2] |= 1 << before
                known[first][2] |= 1 << place
    return dict(ordered), {place: known[offer][2] & among for place, offer in ordered}


def _places(bits: int) -> list[int]:
    """The places that a number holds, the lowest first."""
    found = []
    while bits:
        low = bits & -bits
        found.append(low.bit_length() - 1)
        bits ^= low
    return found


def _every_set(meets: dict[int, int]) -> list[tuple[int, ...]] | None:
    """All sets whose members meet pairwise."""
    found: list[tuple[int, ...]] = [(place,) for place in meets]
    for members in found:
        common = -1 << (members[-1] + 1)
        for one in members:
            common &= meets[one]
        found += [(*members, place) for place in _places(common)]
        if len(found) > SETS_MAX:
            return None
    return found


def _widest_sets(meets: dict[int, int]) -> list[tuple[int, ...]] | None:
    """The single places, and the sets that nothing could join, by Bron and Kerbosch."""
    found: list[tuple[int, ...]] = [(place,) for place in meets]
    open_sets: list[tuple[tuple[int, ...], int, int]] = [((), sum([1 << one for one in meets]), 0)]
    while open_sets:
        members, left, gone = open_sets.pop()
        if not left and not gone and len(members) > 1:
            found.append(tuple(sorted(members)))
            if len(found) > SETS_MAX:
                return None
        if not left:
            continue
        most, pivot = -1, 0
        for place in _places(left | gone):
            count = (meets[place] & left).bit_count()
            if count > most:
                most, pivot = count, place
        for place in _places(left & ~meets[pivot]):
            bit = 1 << place
            open_sets.append(((*members, place), left & meets[place], gone & meets[place]))
            left &= ~bit
            gone |= bit
    return found
