"""What a draft changes, and whether that can touch a sale.

Owns: the comparison of two programmes as rules, and the question for one sale. Must never: price.

A sale that no changed offer can touch comes to the same by both programmes, so that it needs to be
priced only once. The question is asked of the goods first, by the programmes' own indexes, then of
time, place, member and thresholds. "It may" is always a safe answer.
"""

from collections.abc import Collection, Iterable
from dataclasses import fields, replace

from tessera.core.basket import Basket, Place
from tessera.core.member import MemberState
from tessera.rules.differences import meaning
from tessera.rules.finding import find_offers
from tessera.rules.model import Offer
from tessera.rules.programme import Programme, compile_programme
from tessera.rules.work import Work

_OF_ALL_SALES = ("currency", "settings", "units", "tiers", "parents", "partners", "groups")
"""What no sale escapes when it changes."""
_NO_RULE = frozenset(
    {"rank", "line", "names", "receipt", "place", "manner", "refusals"}
    | {"label", "receipt_label", "tier_label"}
)
"""What of an offer is derived, or only said; the order is compared for itself."""


class Changes:
    """The offers that differ between two programmes; `all_sales`: more than offers differs."""

    __slots__ = ("_sides", "all_sales")

    def __init__(self, draft: Programme, current: Programme) -> None:
        changed = _changed(draft, current)
        alike = all(
            _rules(getattr(draft, one)) == _rules(getattr(current, one)) for one in _OF_ALL_SALES
        )
        self.all_sales = not alike or _order(draft, changed) != _order(current, changed)
        self._sides = tuple(
            side
            for side in (_only(draft, changed), _only(current, changed))
            if side.offers and not self.all_sales
        )

    def may_touch(self, member: MemberState | None, basket: Basket, place: Place) -> bool:
        """Tell whether the two programmes could come to different sums for a sale."""
        return self.all_sales or any(
            _finds(side, basket) and _admits(side, member, basket, place) for side in self._sides
        )


def _rules(value: object) -> object:
    """Give what a part of a programme means; of entries also their order, where they have one."""
    if isinstance(value, dict):
        return tuple((name, meaning(one)) for name, one in value.items())
    return meaning(value)


def _changed(draft: Programme, current: Programme) -> frozenset[str]:
    """Name the offers that one of the programmes lacks, or that mean something else."""
    stopped = draft.stopped ^ current.stopped
    return frozenset(
        name
        for name in draft.by_id.keys() | current.by_id.keys()
        if name in stopped
        or name not in draft.by_id
        or name not in current.by_id
        or _rule(draft.by_id[name]) != _rule(current.by_id[name])
    )


def _rule(offer: Offer) -> object:
    return tuple(
        meaning(getattr(offer, one.name)) for one in fields(offer) if one.name not in _NO_RULE
    )


def _order(programme: Programme, changed: Collection[str]) -> list[str]:
    """Give the order of the offers that stay; some groups and settings look at it."""
    kept = (offer for offer in programme.offers if offer.offer_id not in changed)
    return [offer.offer_id for offer in sorted(kept, key=lambda offer: offer.rank)]


def _only(programme: Programme, names: Collection[str]) -> Programme:
    """Give a programme of some offers alone. Copies: compiling numbers its offers anew."""
    offers: Iterable[Offer] = (one for one in programme.offers if one.offer_id in names)
    return compile_programme(
        replace(programme, offers=tuple(replace(offer, refusals={}) for offer in offers))
    )


def _finds(side: Programme, basket: Basket) -> bool:
    """Tell whether any line, or any coupon, could bring an offer into play."""
    if side.broad or any(code in side.by_coupon for code in basket.coupons):
        return True
    by_sku, by_brand, by_tag = side.by_sku, side.by_brand, side.by_tag
    return any(
        line.sku in by_sku
        or side.hits_of(line.categories)[1]
        or (by_brand and line.brand in by_brand)
        or (by_tag and any(tag in by_tag for tag in line.tags))
        for line in basket.lines
    )


def _admits(side: Programme, member: MemberState | None, basket: Basket, place: Place) -> bool:
    """Tell whether any offer is left when time, place, member and thresholds are looked at."""
    work = Work(side, member, basket, place)
    find_offers(work)
    return any(work.available.values())
