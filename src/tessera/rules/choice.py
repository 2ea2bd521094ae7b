"""The choice between unit offers as whole numbers: which rules can be put so, and which can't.

Owns: the translation of folds and unit offers into rows and takers (see `rows`), and the scale at
which all their values are whole. Must never: choose, or apply anything.

Offers on every unit that know no limit are fills: what one row gets from them depends on nothing
else. All other offers are takers, whose state runs along the rows from the dearest unit down.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import chain, combinations, product
from math import lcm

from tessera.core.quote import Stage
from tessera.rules.folds import Fold, Parcel
from tessera.rules.model import Bundle, Each, Gift, Kind, Offer
from tessera.rules.rows import Component, Row, components_of
from tessera.rules.sections import Settings
from tessera.rules.stacking import first_group_of, meeting_sets, none_may_share
from tessera.rules.work import Work


@dataclass(slots=True, eq=False)
class Choice:
    """All that is to be chosen between unit offers."""

    components: list[Component]
    offers: list[Offer]
    scale: int
    by_line: bool

    @property
    def rounds(self) -> bool:
        """Tell whether several sums of one component are rounded, so that cents may be lost."""
        return any(
            component.fractions > 1 or any(taker.cap is not None for taker in component.takers)
            for component in self.components
        )


def choice_of(work: Work, offers: Sequence[Offer], folds: Sequence[Fold]) -> Choice | None:
    """Translate unit offers on some folds; None when their rules can't be put into numbers so.

    That is: groups that say `first`, offers that stack with one that takes several units, budgets
    of bundles, the merchant's reading of "cheapest free", rounding over a whole offer.
    """
    wanted = {fold.number for fold in folds}
    fills: list[Offer] = []
    takers: list[Offer] = []
    for offer in offers:
        if (offer.path and first_group_of(work, offer)) or not _is_plain(work, offer):
            return None
        (fills if _is_fill(offer) else takers).append(offer)
    found = {
        offer: [fold for fold in work.found[offer] if fold.number in wanted]
        for offer in (*fills, *takers)
    }
    alone = none_may_share(work, offers)
    if not alone and _takers_share(work, takers, fills, found):
        return None
    parcels = _free_parcels(work, offers, folds)
    if parcels is None:
        return None
    scale = _scale(parcels, takers)
    by_line = work.settings.exclusive == "line"
    rows = {fold.number: Row(fold, parcel, scale) for fold, parcel in parcels}
    for fill in fills:
        for fold in found[fill]:
            if fold.number in rows:
                rows[fold.number].cliques.append((fill,))
    if not alone:
        # Less off may be worth more only where an offer on the basket comes after.
        every = bool(work.available[Stage.BASKET])
        if not all(_stack(work, row, every=every) for row in rows.values()):
            return None
    components = components_of(work, rows, takers, found, scale)
    return Choice(components, [*offers], scale, by_line)


def _is_fill(offer: Offer) -> bool:
    reward = offer.reward
    return isinstance(reward, Each) and reward.cap_minor is None and not offer.limits


def _is_plain(work: Work, offer: Offer) -> bool:
    reward, settings = offer.reward, work.settings
    if isinstance(reward, Each):
        return _is_plain_each(offer, reward, settings)
    if isinstance(reward, Gift):
        return settings.exclusive != "line"
    assert isinstance(reward, Bundle)
    if any(limit.period == "budget" for limit in offer.limits) or _may_exceed(work, offer, reward):
        return False
    if _by_the_merchant(settings, reward):
        return False
    if len(reward.parts) > 1:
        return not reward.same_item and (reward.aim == "all" or reward.aim.startswith("part:"))
    if reward.same_item and (offer.limits or reward.aim == "dearest"):
        return False
    if reward.aim == "dearest" and settings.exclusive == "line":
        return False
    return not (reward.aim == "dearest" and reward.kind is not Kind.PERCENT)


def _is_plain_each(offer: Offer, reward: Each, settings: Settings) -> bool:
    if settings.rounding_level == "offer" and reward.kind is Kind.PERCENT:
        return False
    if offer.limits and settings.limited_units == "cheapest":
        return False
    if reward.cap_minor is not None and settings.amounts_off == "with-tax":
        return False  # what the cap comes to hangs on the goods that it covers
    return _is_fill(offer) or settings.exclusive != "line"


def _by_the_merchant(settings: Settings, reward: Bundle) -> bool:
    """Tell whether a setting says which units a bundle takes, or makes its sum hang on them."""
    if reward.kind is Kind.AMOUNT and settings.amounts_off == "with-tax":
        return True
    if reward.kind is Kind.PRICE and settings.set_price_units == "cheapest":
        return True
    return reward.aim == "cheapest" and settings.cheapest_free == "cheapest-overall"


def _may_exceed(work: Work, offer: Offer, reward: Bundle) -> bool:
    """Tell whether an amount off could be more than the units cost that it is taken off."""
    if reward.kind is not Kind.AMOUNT:
        return False
    least = min((fold.amount // fold.count for fold in work.found[offer]), default=0)
    rewarded = sum(count for _, count in reward.parts)
    if reward.aim.startswith("part:"):
        rewarded = reward.parts[int(reward.aim.removeprefix("part:"))][1]
    elif reward.aim != "all":
        rewarded = min(reward.count, rewarded)
    return rewarded * least < reward.value[0]


def _takers_share(
    work: Work,
    takers: Sequence[Offer],
    fills: Sequence[Offer],
    found: dict[Offer, list[Fold]],
) -> bool:
    """Tell whether an offer that takes several units may meet another on the same goods."""
    goods = {offer: {fold.number for fold in found[offer]} for offer in (*takers, *fills)}
    pairs = chain(combinations(takers, 2), product(takers, fills))
    return any(
        work.may_share(one, two) and not goods[one].isdisjoint(goods[two]) for one, two in pairs
    )


def _free_parcels(
    work: Work, offers: Sequence[Offer], folds: Sequence[Fold]
) -> list[tuple[Fold, Parcel]] | None:
    """Give each fold's parcel that nobody has taken; None when somebody may join a taken one."""
    found = []
    for fold in folds:
        free = [parcel for parcel in fold.all_parcels if not parcel.offers]
        taken = [parcel for parcel in fold.all_parcels if parcel.offers]
        if len(free) > 1 or any(parcel.discount for parcel in free):
            return None
        if any(work.is_open(parcel, offer) for parcel in taken for offer in offers):
            return None
        if free and free[0].amount > 0:
            found.append((fold, free[0]))
    return found


def _scale(parcels: Sequence[tuple[Fold, Parcel]], takers: Sequence[Offer]) -> int:
    """A number that makes every value of a unit whole."""
    scale = 1
    for _, parcel in parcels:
        if parcel.amount % parcel.count:
            scale = lcm(scale, Fraction(parcel.amount, parcel.count).denominator)
    for offer in takers:
        reward = offer.reward
        if isinstance(reward, Bundle):
            size = sum(count for _, count in reward.parts)
            scale = lcm(scale, reward.value[1] if reward.kind is Kind.PERCENT else size)
    return scale


def _stack(work: Work, row: Row, *, every: bool) -> bool:
    """Add the sets of fills that may meet; then nobody splits the row. False: too many."""
    fills = [clique[0] for clique in row.cliques]
    if none_may_share(work, fills):
        return True
    sets = meeting_sets(work, fills, every=every)
    if sets is None:
        return False
    row.split = False
    row.cliques += [together for together in sets if len(together) > 1]
    return True
