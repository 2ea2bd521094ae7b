"""The lowest price of two offers together, searched for and judged.

Owns: which baskets are priced, in which order, and when it is certain that no other basket of the
same goods pays a smaller share. Must never: call a price proven on the strength of baskets tried;
what is larger than those is covered by a ceiling, or the price is called the lowest found.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from decimal import Decimal
from fractions import Fraction
from heapq import heappop, heappush
from itertools import product

from tessera.core.basket import Basket, Line, Place
from tessera.core.member import MemberState
from tessera.core.money import UNITS_MAX
from tessera.rules.evaluate import evaluate
from tessera.rules.model import Bundle, Each, Gift, Offer, Selector
from tessera.rules.pair_bounds import Ceiling, Good, ceiling_of, never_together
from tessera.rules.pair_goods import baskets_for, matching, one_piece, takes
from tessera.rules.programme import Programme, compile_programme
from tessera.rules.unprovable import may_share

OF_A_PAIR_MAX = 30
"""Most baskets that are priced to settle one pair."""
IN_ALL_MAX = 6_000
"""Most baskets that are priced to settle all pairs."""
LOOKED_AT_MAX = 2_000
"""Most baskets of one pair that are counted through, priced or not."""
MANY = 200
"""So many further pieces (or uses) show that a share is come near to."""

PROVEN, APPROACHED, PIECES, GOODS, NO_CEILING, NOT_JUDGED = (
    "",
    "approached",
    "more-pieces",
    "other-goods",
    "no-ceiling",
    "not-judged",
)
_OF_A_BASKET = frozenset({"basket", "line", "line_amount"})
_ANYBODY = MemberState(
    member_id="anybody",
    visits=UNITS_MAX,
    lifetime_spend_minor=UNITS_MAX,
    period_spend_minor=UNITS_MAX,
)
"""Somebody who has spent enough for every step that reads what was spent before."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """Two offers, applied together to a basket of `shelf_minor`, leave `due_minor` to pay.

    `same_line`: both took something off one line. `basket`: quantity, sku, amount of each line.
    `limit`: the largest share that any basket of these goods can have taken off, as numerator and
    denominator; None where none is known. `reason`: why the price is not proven to be the lowest by
    share; empty when it is, `approached` when larger baskets come ever nearer to the limit.
    """

    offers: tuple[str, str]
    shelf_minor: int
    due_minor: int
    same_line: bool
    basket: tuple[tuple[str, str, int], ...]
    limit: tuple[int, int] | None = None
    reason: str = NOT_JUDGED

    @property
    def off(self) -> Fraction:
        """What they take off together, as a share of the shelf price."""
        return Fraction(self.shelf_minor - self.due_minor, self.shelf_minor)

    @property
    def off_permille(self) -> int:
        """The same in thousandths, rounded down."""
        return int(self.off * 1000)

    @property
    def limit_permille(self) -> int | None:
        """The limit in thousandths, rounded up."""
        return None if self.limit is None else -(-self.limit[0] * 1000 // self.limit[1])

    @property
    def proven(self) -> bool:
        """Tell whether it is certain how much can come off: just that, or the limit."""
        return self.reason in {PROVEN, APPROACHED}


@dataclass(slots=True)
class Pricings:
    """How many baskets may still be priced to settle pairs."""

    left: int = IN_ALL_MAX


class Trial:
    """Two offers alone in their programme, and goods that serve them."""

    def __init__(self, programme: Programme, first: Offer, second: Offer) -> None:
        self.offers = (_bare(first), _bare(second))
        self.ids = (first.offer_id, second.offer_id)
        self.alone = compile_programme(replace(programme, offers=self.offers, stopped=frozenset()))
        self.offers = (self.alone.by_id[self.ids[0]], self.alone.by_id[self.ids[1]])
        self.matches = matching(self.alone)
        self.goods: list[Good] = []
        self.tries: list[tuple[int, ...]] = []
        self._sort([*baskets_for(*self.offers, self.matches)])

    def _sort(self, baskets: Sequence[tuple[Line, ...]]) -> None:
        """Tell kinds of goods apart: what differs in price or in who selects it."""
        kinds: dict[tuple[object, ...], Good] = {}
        counted: list[dict[str, int]] = []
        for lines in baskets:
            counts: dict[str, int] = {}
            for line in lines:
                one = one_piece(line, len(kinds) + 1)
                good = kinds.setdefault(self._kind(one), self._good(one))
                name = good.line.line_id
                counts[name] = counts.get(name, 0) + int(line.quantity)
            if counts not in counted:
                counted.append(counts)
        self.goods = [*kinds.values()]
        self.tries = [
            tuple(counts.get(good.line.line_id, 0) for good in self.goods) for counts in counted
        ]

    def _good(self, line: Line) -> Good:
        by = tuple(takes(one, line, self.matches) for one in self.offers)
        return Good(line, line.amount_minor, (by[0], by[1]))

    def _kind(self, line: Line) -> tuple[object, ...]:
        selectors = [part for one in self.offers for part in _selectors(one)]
        selectors += [need.of for one in self.offers for need in one.needs]
        chosen = tuple(self.matches(one, line) for one in selectors)
        return (line.amount_minor, line.measure, chosen)

    def price(self, counts: Sequence[int]) -> Pair | None:
        """Price so many pieces of each kind; None when not both offers take something off."""
        lines = [
            _pieces(good.line, count)
            for good, count in zip(self.goods, counts, strict=True)
            if count
        ]
        basket = Basket(
            currency=self.alone.currency,
            lines=tuple(lines),
            chosen=(*self.ids, *(line.sku for line in lines)),
        )
        at = datetime(2026, 1, 1, 12, tzinfo=UTC)
        quote = evaluate(self.alone, _ANYBODY, basket, Place(at=at, business_day=at.date()))
        taken = {one.offer for one in quote.offers if one.discount_minor}
        if not taken.issuperset(self.ids):
            return None
        shares = [{one.offer for one in line.offers if one.discount_minor} for line in quote.lines]
        return Pair(
            offers=self.ids,
            shelf_minor=quote.shelf_minor,
            due_minor=quote.due_minor,
            same_line=any(share.issuperset(self.ids) for share in shares),
            basket=tuple((str(line.quantity), line.sku, line.amount_minor) for line in lines),
        )


def _bare(offer: Offer) -> Offer:
    """Give an offer without the conditions that a customer, a place or a time meets."""
    return replace(
        offer,
        when=(),
        where=None,
        who=(),
        trigger=None,
        offline="allow",
        limits=tuple(limit for limit in offer.limits if limit.period in _OF_A_BASKET),
        free_to_all=False,
    )


def lowest_tried(programme: Programme, first: Offer, second: Offer) -> Pair | None:
    """Price the smallest baskets that serve both offers; None where they never both act."""
    trial = Trial(programme, first, second)
    found = [pair for counts in trial.tries if (pair := trial.price(counts)) is not None]
    return min(found, key=_better, default=None)


def _better(pair: Pair) -> tuple[Fraction, int]:
    """The most off first, then the smaller basket."""
    return (-pair.off, pair.shelf_minor)


def judged(programme: Programme, pair: Pair, pricings: Pricings) -> Pair:
    """Look for a lower price, and say whether the lowest is proven or found."""
    trial = Trial(programme, *(programme.by_id[name] for name in pair.offers))
    one, two = trial.offers
    share = may_share(trial.alone, one, two)
    ceiling = ceiling_of(trial.offers, trial.goods, programme.settings, share=share)
    if ceiling is None:
        return replace(pair, reason=NO_CEILING)
    both = any(all(good.by) for good in trial.goods)
    if ceiling.in_the_long_run > pair.off and not (share and both):
        found = _approached(trial, pair, ceiling)
    else:
        found = _searched(trial, pair, ceiling, pricings)
    if not both and not _certainly_apart(one, two):
        return replace(found, reason=GOODS, limit=None)
    return found


def _searched(trial: Trial, pair: Pair, ceiling: Ceiling, pricings: Pricings) -> Pair:
    """Price baskets from the cheapest up until no dearer one can have a larger share off."""
    best, spent = pair, 0
    lowest = min(low for low, _ in ceiling.ways)
    for number, (shelf_minor, counts) in enumerate(_from_the_cheapest(trial.goods)):
        limit = ceiling.share_from(shelf_minor)
        if limit <= best.off:
            return replace(best, limit=best.off.as_integer_ratio(), reason=PROVEN)
        if spent == OF_A_PAIR_MAX or not pricings.left or number == LOOKED_AT_MAX:
            break
        if shelf_minor < lowest:
            continue
        spent += 1
        pricings.left -= 1
        found = trial.price(counts)
        best = best if found is None else min(best, found, key=_better)
    return replace(best, limit=limit.as_integer_ratio(), reason=PIECES)


def _approached(trial: Trial, pair: Pair, ceiling: Ceiling) -> Pair:
    """Show on a large basket that the share of the better offer is come near to."""
    limit = ceiling.in_the_long_run
    start = ceiling.share_from(1)
    for place in (0, 1):
        counts = _enlarged(trial, pair, place)
        found = trial.price(counts) if counts else None
        if found is None or start > limit:
            continue
        if found.off * found.shelf_minor >= int(limit * (found.shelf_minor - pair.shelf_minor)):
            return replace(pair, limit=limit.as_integer_ratio(), reason=APPROACHED)
    return replace(pair, limit=max(start, limit).as_integer_ratio(), reason=PIECES)


def _enlarged(trial: Trial, pair: Pair, place: int) -> list[int]:
    """Give the pair's basket with many more pieces of what one of the offers takes."""
    goods, offer = trial.goods, trial.offers[place]
    there = {sku: int(quantity) for quantity, sku, _ in pair.basket}
    counts = [there.get(good.line.sku, 0) for good in goods]
    for selector, count in _parts(offer):
        mine = [
            (good.by[1 - place], -good.price, number)
            for number, good in enumerate(goods)
            if good.by[place] and trial.matches(selector, good.line)
        ]
        if not mine:
            return []
        counts[min(mine)[2]] += count * MANY
    return counts


def _from_the_cheapest(goods: Sequence[Good]) -> Iterator[tuple[int, tuple[int, ...]]]:
    """Give every number of pieces of each kind of goods, with the shelf price, in its order."""
    waiting: list[tuple[int, tuple[int, ...], int]] = []
    for place, good in enumerate(goods):
        alone = tuple(int(other == place) for other in range(len(goods)))
        heappush(waiting, (good.price, alone, place))
    while waiting:
        shelf_minor, counts, last = heappop(waiting)
        yield shelf_minor, counts
        for place in range(last, len(goods)):
            more = tuple(count + (other == place) for other, count in enumerate(counts))
            heappush(waiting, (shelf_minor + goods[place].price, more, place))


def _pieces(line: Line, count: int) -> Line:
    return replace(line, quantity=Decimal(count), amount_minor=line.amount_minor * count)


# -- what an offer selects


def _parts(offer: Offer) -> Sequence[tuple[Selector, int]]:
    if isinstance(offer.reward, Bundle):
        return offer.reward.parts
    return [(part, 1) for part in _selectors(offer)]


def _selectors(offer: Offer) -> list[Selector]:
    reward = offer.reward
    if isinstance(reward, Bundle):
        return [part for part, _ in reward.parts]
    if isinstance(reward, Gift):
        return [Selector(skus=frozenset(reward.choices))]
    return [offer.what]


def _certainly_apart(one: Offer, two: Offer) -> bool:
    """Tell whether certainly no goods serve both offers."""
    measures = {
        offer.reward.measure
        for offer in (one, two)
        if isinstance(offer.reward, Each) and offer.reward.measure
    }
    if len(measures) > 1:
        return True
    pairs = product(_selectors(one), _selectors(two))
    return all(never_together(first, second) for first, second in pairs)
