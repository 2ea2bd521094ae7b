"""Pairs of offers that can meet, and the lowest price that comes of each.

Owns: a smallest basket that satisfies two offers at once, priced with these two alone. Must never:
take a pair's word for it; a pair is told when the engine applied both.

Whether a customer can be had who meets both is taken for granted, but for tiers that exclude each
other; so are coupons, events and limits over time. A pair may therefore be told that nobody can
reach; and since not every basket is tried, one may be missed.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time
from decimal import Decimal
from itertools import combinations, islice, product

from tessera.core.basket import Basket, Line, Place
from tessera.rules.conditions import Moment, why_not
from tessera.rules.evaluate import evaluate
from tessera.rules.model import Bundle, Each, Gift, Off, Offer, Selector, Where
from tessera.rules.programme import Programme, compile_programme

PAIRS_MAX = 20_000
"""Most pairs that are tried, in the order of the file."""
UNITS_MAX = 10_000
USUAL_MINOR = 1_000
"""Price of a unit where a selection asks for none, in minor units."""

_OF_A_BASKET = frozenset({"basket", "line", "line_amount"})
USUAL_DAY = date(2026, 1, 1).toordinal()
"""A day to try where no window names one; any day does."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """Two offers, applied together to a basket of `shelf_minor`, leave `due_minor` to pay.

    `same_line`: both took something off one line. `basket`: quantity, sku, amount of each line.
    """

    offers: tuple[str, str]
    shelf_minor: int
    due_minor: int
    same_line: bool
    basket: tuple[tuple[str, str, int], ...]

    @property
    def off_permille(self) -> int:
        """What they take off together, in thousandths of the shelf price, rounded down."""
        return (self.shelf_minor - self.due_minor) * 1000 // self.shelf_minor


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
        if _can_coincide(first, second) and (pair := _lowest(programme, first, second)):
            found.append(pair)
    found.sort(
        key=lambda pair: (-pair.off_permille, pair.due_minor - pair.shelf_minor, pair.offers)
    )
    tried = min(total, pairs_max)
    return Found(pairs=tuple(found), tried=tried, left_out=total - tried)


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


# -- a smallest basket


@dataclass(frozen=True, slots=True)
class _Want:
    """So many units of what all the selectors select, or so much money of it."""

    selectors: tuple[Selector, ...]
    count: int
    minor: int = 0
    measure: str = ""
    sku: str = ""


def _lowest(programme: Programme, first: Offer, second: Offer) -> Pair | None:
    bare = tuple(
        replace(
            one,
            when=(),
            where=None,
            who=(),
            trigger=None,
            offline="allow",
            limits=tuple(limit for limit in one.limits if limit.period in _OF_A_BASKET),
            free_to_all=False,
        )
        for one in (first, second)
    )
    # With its own memory of what categories find: the programme's remembers other offers.
    alone = compile_programme(
        replace(programme, offers=bare, stopped=frozenset(), found_by_categories={})
    )
    at = datetime(2026, 1, 1, 12, tzinfo=UTC)
    place = Place(at=at, business_day=at.date())
    ids = (first.offer_id, second.offer_id)
    best: Pair | None = None
    for lines in _baskets(first, second):
        basket = Basket(
            currency=programme.currency,
            lines=lines,
            chosen=(*ids, *(line.sku for line in lines)),
        )
        quote = evaluate(alone, None, basket, place)
        taken = {one.offer for one in quote.offers if one.discount_minor}
        if not taken.issuperset(ids):
            continue
        shares = [{one.offer for one in line.offers if one.discount_minor} for line in quote.lines]
        pair = Pair(
            offers=ids,
            shelf_minor=quote.shelf_minor,
            due_minor=quote.due_minor,
            same_line=any(share.issuperset(ids) for share in shares),
            basket=tuple((str(line.quantity), line.sku, line.amount_minor) for line in lines),
        )
        if best is None or _rank(pair) < _rank(best):
            best = pair
    return best


def _rank(pair: Pair) -> tuple[int, int]:
    """The most off first, then the smaller basket."""
    return (-pair.off_permille, pair.shelf_minor)


def _baskets(first: Offer, second: Offer) -> Iterator[tuple[Line, ...]]:
    """Give baskets to try: goods that serve both, once and for each, then goods side by side."""
    mine, yours = _wants(first), _wants(second)
    beside = [*mine, *yours]
    tries = [beside]
    for one, two in product(mine, yours):
        if one.sku or two.sku or one.measure != two.measure:
            continue
        rest = [want for want in beside if want is not one and want is not two]
        both = one.selectors + two.selectors
        minor = max(one.minor, two.minor)
        counts = sorted({max(one.count, two.count), one.count + two.count})
        tries += [[_Want(both, count, minor, one.measure), *rest] for count in counts]
    for wants in tries:
        lines = [_line_of(want, number) for number, want in enumerate(wants)]
        found = tuple(line for line in lines if line is not None)
        if len(found) == len(wants):
            yield found


def _wants(offer: Offer) -> list[_Want]:
    reward = offer.reward
    floor = max((need.minor for need in offer.needs if need.of.everything), default=0)
    count = max([1, *(need.quantity for need in offer.needs if need.of.everything)])
    if isinstance(reward, Bundle):
        found = [_Want((offer.what, part), count) for part, count in reward.parts]
    else:
        measure = reward.measure if isinstance(reward, Each) else ""
        if isinstance(reward, Off) and reward.ladder and reward.reads == "basket":
            floor = max(floor, reward.ladder[-1].start)
        if isinstance(reward, Off) and reward.ladder and reward.reads == "quantity":
            count = max(count, reward.ladder[-1].start)
        found = [_Want((offer.what,), count, floor, measure)]
    found += [
        _Want((need.of,), max(1, need.quantity), need.minor)
        for need in offer.needs
        if not need.of.everything
    ]
    if isinstance(reward, Gift):
        found += [_Want((), reward.count, sku=reward.choices[0])]
    return found


def _line_of(want: _Want, number: int) -> Line | None:
    """Give a line that all selectors of a want select, None when there is none to be had."""
    parts = [part for selector in want.selectors for part in _flat(selector)]
    skus = _common([part.skus for part in parts])
    brands = _common([part.brands for part in parts])
    ranges = [part.price for part in parts if part.price]
    low = max((one[0] for one in ranges), default=0)
    high = min((one[1] for one in ranges), default=max(low, USUAL_MINOR))
    if skus is None or brands is None or low > high:
        return None
    price = max(1, low, min(USUAL_MINOR, high))
    count = max(want.count, -(-want.minor // price))
    if count > UNITS_MAX or any(part.kinds and "goods" not in part.kinds for part in parts):
        return None
    return Line(
        line_id=str(number + 1),
        sku=want.sku or min(skus, default=f"item-{number + 1}"),
        quantity=Decimal(count),
        measure=want.measure,
        amount_minor=count * price,
        categories=tuple(sorted({min(part.categories) for part in parts if part.categories})),
        brand=min(brands, default=""),
        tags=tuple(sorted({min(part.tags) for part in parts if part.tags})),
        attributes=tuple(sorted({min(part.attributes) for part in parts if part.attributes})),
    )


def _flat(selector: Selector) -> list[Selector]:
    """Give a selector with the first of its alternatives, which all have to hold together."""
    return [selector, *(_flat(selector.any_of[0]) if selector.any_of else ())]


def _common(lists: list[frozenset[str]]) -> frozenset[str] | None:
    """Give what all lists that are given have in common, None when that is nothing."""
    given = [one for one in lists if one]
    if not given:
        return frozenset()
    return frozenset.intersection(*given) or None
