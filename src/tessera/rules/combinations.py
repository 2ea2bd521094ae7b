"""Pairs of offers that can meet, and the lowest price that comes of each.

Owns: small baskets of goods that serve two offers, priced with these two alone, and whether any
other basket of these goods, however many pieces, could be cheaper by share. Must never: take a
pair's word for it: a pair is told when the engine applied both, and its price is called proven
when a ceiling over all larger baskets says so (see `pair_bounds`).

Goods have one price a piece: the usual one, or what a selection asks for. Whether a customer can be
had who meets both is taken for granted, but for tiers that exclude each other; so are coupons,
events and limits over time. A pair may therefore be told that nobody can reach.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time
from itertools import combinations, islice, product

from tessera.core.basket import Basket, Place
from tessera.rules.conditions import Moment, why_not
from tessera.rules.model import Bundle, Each, Gift, Off, Offer, Where
from tessera.rules.pair_search import Pair, Pricings, judged, lowest_tried
from tessera.rules.programme import Programme

PAIRS_MAX = 20_000
"""Most pairs that are tried, in the order of the file."""
JUDGED_MAX = 2_000
"""Most pairs that are looked at more closely, those that take off most first."""
USUAL_DAY = date(2026, 1, 1).toordinal()
"""A day to try where no window names one; any day does."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """Pairs, those that take off most first; `left_out` pairs were not tried."""

    pairs: tuple[Pair, ...]
    tried: int
    left_out: int


def combinations_of(
    programme: Programme, pairs_max: int = PAIRS_MAX, tell: Callable[[int], None] | None = None
) -> Found:
    """Try every two offers that take something off; `tell` hears how many are done."""
    offers = [
        offer
        for offer in programme.offers
        if isinstance(offer.reward, (Each, Bundle, Gift, Off))
        and offer.offer_id not in programme.stopped
    ]
    total = len(offers) * (len(offers) - 1) // 2
    found = []
    for done, (first, second) in enumerate(islice(combinations(offers, 2), pairs_max)):
        if tell is not None:
            tell(done)
        if _can_coincide(first, second) and (pair := lowest_tried(programme, first, second)):
            found.append(pair)
    found.sort(key=_rank)
    pricings = Pricings()
    looked_at = [judged(programme, pair, pricings) for pair in found[:JUDGED_MAX]]
    found = sorted([*looked_at, *found[JUDGED_MAX:]], key=_rank)
    tried = min(total, pairs_max)
    return Found(pairs=tuple(found), tried=tried, left_out=total - tried)


def _rank(pair: Pair) -> tuple[int, int, tuple[str, str]]:
    return (-pair.off_permille, pair.due_minor - pair.shelf_minor, pair.offers)


def new_against(found: Found, before: Found) -> tuple[Pair, ...]:
    """Give the pairs that were not there before, or that now take off more."""
    known = {frozenset(pair.offers): pair.off_permille for pair in before.pairs}
    return tuple(
        pair for pair in found.pairs if pair.off_permille > known.get(frozenset(pair.offers), -1)
    )


# -- can both hold at one time and place, for one customer


def _can_coincide(first: Offer, second: Offer) -> bool:
    here = first.where is None or second.where is None or _meet(first.where, second.where)
    tiers = [
        one.values for one in (*first.who, *second.who) if one.kind == "tier" and not one.negated
    ]
    somebody = not tiers or bool(frozenset.intersection(*tiers))
    return here and somebody and _common_moment(first, second)


def _meet(first: Where, second: Where) -> bool:
    lists = (
        (first.stores, second.stores),
        (first.regions, second.regions),
        (first.registers, second.registers),
    )
    return all(not one or not two or one & two for one, two in lists)


def _common_moment(first: Offer, second: Offer) -> bool:
    """Two sets of windows share a moment exactly when they share one at which a window starts."""
    windows = (*first.when, *second.when)
    if not windows:
        return True
    starts = {USUAL_DAY, *(one.dates[0].toordinal() for one in windows if one.dates[0])}
    starts |= {one.dates[1].toordinal() - 6 for one in windows if one.dates[1]}
    numbers = {start + ahead for start in starts for ahead in range(7)}
    days = [date.fromordinal(one) for one in numbers if 1 <= one <= date.max.toordinal()]
    minutes = {0, *(one.minutes[0] for one in windows if one.minutes)}
    bare = [replace(one, where=None, who=(), trigger=None) for one in (first, second)]
    nothing = Basket(currency="EUR")
    for day, minute in product(sorted(days), sorted(minutes)):
        at = datetime.combine(day, time(minute // 60 % 24, minute % 60), UTC)
        moment = Moment(Place(at=at, business_day=at.date()))
        if not any(why_not(one, moment, nothing, None) for one in bare):
            return True
    return False
