"""Goods and small baskets on which two offers can be tried together.

Owns: one line for goods that serve one offer or both, and the smallest baskets of them. Must never:
price anything, or take it for granted that the offers act.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from itertools import islice, product

from tessera.core.basket import Line
from tessera.rules.conditions import selects
from tessera.rules.model import Bundle, Each, Gift, Off, Offer, Selector
from tessera.rules.programme import Programme

UNITS_MAX = 10_000
USUAL_MINOR = 1_000
"""Price of a unit where a selection asks for none, in minor units."""
WAYS_MAX = 16
"""Most ways to choose between alternatives of selections until goods are found."""

Matches = Callable[[Selector, Line], bool]


@dataclass(frozen=True, slots=True)
class _Want:
    """So many units of what all the selectors select, or so much money of it."""

    selectors: tuple[Selector, ...]
    count: int
    minor: int = 0
    measure: str = ""
    sku: str = ""


def matching(programme: Programme) -> Matches:
    """Give the question whether a selector selects a line, by a programme's categories."""

    def matches(selector: Selector, line: Line) -> bool:
        above = programme.hits_of(line.categories)[0]
        return selects(selector, line, above)

    return matches


def takes(offer: Offer, line: Line, matches: Matches) -> bool:
    """Tell whether an offer may act on a line, its thresholds aside."""
    reward = offer.reward
    if isinstance(reward, Gift):
        return line.sku in reward.choices
    if isinstance(reward, Bundle):
        return any(matches(part, line) for part, _ in reward.parts)
    fits = not isinstance(reward, Each) or reward.measure in {"", line.measure}
    return fits and matches(offer.what, line)


def baskets_for(first: Offer, second: Offer, matches: Matches) -> Iterator[tuple[Line, ...]]:
    """Give baskets to try: goods that serve both, once and for each, then goods side by side."""
    mine, yours = _wants(first), _wants(second)
    beside = [*mine, *yours]
    tries = [beside]
    for one, two in product(mine, yours):
        if (one.sku and two.sku) or (one.measure != two.measure):
            continue
        rest = [want for want in beside if want is not one and want is not two]
        both = one.selectors + two.selectors
        minor = max(one.minor, two.minor)
        counts = sorted({max(one.count, two.count), one.count + two.count})
        sku = one.sku or two.sku
        tries += [[_Want(both, count, minor, one.measure, sku), *rest] for count in counts]
    for wants in tries:
        lines = [_line_of(want, number, matches) for number, want in enumerate(wants)]
        found = tuple(line for line in lines if line is not None)
        if len(found) == len(wants):
            yield found


def one_piece(line: Line, number: int) -> Line:
    """Give one piece (one kg, one l) of a line's goods, under an id of its own."""
    sku = f"{_NAMELESS}{number}" if line.sku.startswith(_NAMELESS) else line.sku
    price = line.amount_minor // int(line.quantity)
    return replace(line, line_id=str(number), sku=sku, quantity=Decimal(1), amount_minor=price)


_NAMELESS = "item-"


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


def _line_of(want: _Want, number: int, matches: Matches) -> Line | None:
    """Give a line that all selectors of a want select, None when there is none to be had."""
    choices = [_ways(selector) for selector in want.selectors]
    for ways in islice(product(*choices), WAYS_MAX):
        line = _line_by(want, number, [part for way in ways for part in way])
        if line is not None and all(matches(one, line) for one in want.selectors):
            return line
    return None


def _line_by(want: _Want, number: int, parts: Sequence[Selector]) -> Line | None:
    skus = _common([part.skus for part in parts])
    brands = _common([part.brands for part in parts])
    ranges = [part.price for part in parts if part.price]
    low = max((one[0] for one in ranges), default=0)
    high = min((one[1] for one in ranges), default=max(low, USUAL_MINOR))
    if skus is None or brands is None or low > high or (want.sku and skus and want.sku not in skus):
        return None
    price = max(1, low, min(USUAL_MINOR, high))
    count = max(want.count, -(-want.minor // price))
    if count > UNITS_MAX or any(part.kinds and "goods" not in part.kinds for part in parts):
        return None
    return Line(
        line_id=str(number + 1),
        sku=want.sku or min(skus, default=f"{_NAMELESS}{number + 1}"),
        quantity=Decimal(count),
        measure=want.measure,
        amount_minor=count * price,
        categories=tuple(sorted({min(part.categories) for part in parts if part.categories})),
        brand=min(brands, default=""),
        tags=tuple(sorted({min(part.tags) for part in parts if part.tags})),
        attributes=tuple(sorted({one for part in parts for one in _one_of_each(part.attributes)})),
    )


def _one_of_each(attributes: frozenset[tuple[str, str]]) -> list[tuple[str, str]]:
    """Give one value for each attribute that is named; values of one name are alternatives."""
    return [*{name: (name, value) for name, value in sorted(attributes, reverse=True)}.values()]


def _ways(selector: Selector) -> list[list[Selector]]:
    """Give a selector with each of its alternatives; all in one list have to hold."""
    if not selector.any_of:
        return [[selector]]
    return [[selector, *way] for part in selector.any_of for way in _ways(part)]


def _common(lists: list[frozenset[str]]) -> frozenset[str] | None:
    """Give what all lists that are given have in common, None when that is nothing."""
    given = [one for one in lists if one]
    if not given:
        return frozenset()
    return frozenset.intersection(*given) or None
