"""What two offers can take off together at most, whatever the number of pieces in the basket.

Owns: straight lines above the discount of an offer ("20 % of the goods", "5.00"), and what two of
them come to together as a share of the shelf price. Must never: price a basket, or give a bound
that some basket of the goods in question breaks.

An offer is a list of modes, one of which holds for any basket in which it acts (the steps of a
ladder, say); in a mode every line is above what it takes off. `rate` is by minor unit of shelf
price, `plus` in minor units. Where the two may meet on a unit, and the later one reads what is
left, rates a and b leave (1 - a)(1 - b); where each unit serves one of them, the better rate counts
for all that the other does not need.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import combinations_with_replacement, product
from math import comb, prod

from tessera.core.basket import Line
from tessera.core.money import Rounding
from tessera.core.quote import Stage
from tessera.rules.model import Bundle, Each, Gift, Kind, Off, Offer, Selector, Step
from tessera.rules.sections import Settings
from tessera.rules.stacking import stacking_place

COMPOSITIONS_MAX = 500
"""Most mixes of prices in one use of a bundle that are looked at."""
_HALF = Fraction(1, 2)

Straight = tuple[Fraction, Fraction]
"""Rate and plus: at most `rate` of the shelf price and `plus` minor units are taken off."""


@dataclass(frozen=True, slots=True)
class Good:
    """One kind of goods that a pair is tried on: a piece (or a kg, a l) with its price.

    `by`: for each of the two offers whether it may act on it.
    """

    line: Line
    price: int
    by: tuple[bool, bool]


@dataclass(frozen=True, slots=True)
class Mode:
    """One way in which an offer acts: lines above what it takes off.

    `floor`: the basket's shelf price from which it is possible; `least`: the shelf price of the
    goods that it takes for itself at least. `on_rest`: it takes its rate off what is left to pay.
    """

    lines: tuple[Straight, ...]
    floor: int = 0
    least: int = 0
    on_rest: bool = False


@dataclass(frozen=True, slots=True)
class Ceiling:
    """Both offers together: for each choice of modes the lowest basket and the lines above them."""

    ways: tuple[tuple[int, tuple[Straight, ...]], ...]

    def share_from(self, shelf_minor: int) -> Fraction:
        """The largest share that can come off baskets of this shelf price and dearer."""
        return max((_share_from(lines, max(1, shelf_minor, low)) for low, lines in self.ways))

    @property
    def in_the_long_run(self) -> Fraction:
        """The share that ever larger baskets stay below or come near to."""
        return max(min(Fraction(1), *(rate for rate, _ in lines)) for _, lines in self.ways)


def _share_from(lines: Sequence[Straight], shelf_minor: int) -> Fraction:
    return min(Fraction(1), *(rate + max(Fraction(0), plus) / shelf_minor for rate, plus in lines))


def ceiling_of(
    offers: tuple[Offer, Offer], goods: Sequence[Good], settings: Settings, *, share: bool
) -> Ceiling | None:
    """Give the ceiling over two offers on some goods, None where none is known.

    `share`: the two may meet on one unit.
    """
    both = [one for one in goods if all(one.by)]
    found = []
    for place in (0, 1):
        mine = [one for one in goods if one.by[place]]
        other = offers[1 - place]
        before = (other, [one for one in goods if one.by[1 - place]])
        earlier = share and (offers[place].stage is not Stage.UNIT or other.stage is Stage.UNIT)
        modes = _modes_of(offers[place], mine, settings, before if earlier else None)
        if modes is None:
            return None
        floor = _floor_of(offers[place], goods)
        found.append([(mode, max(mode.floor, floor)) for mode in modes])
    ways = []
    for (one, low), (two, high) in product(*found):
        if share and both:
            least = max(low, high, one.least, two.least)
            lines = [*_sums(one, two), *_in_turn(offers, (one, two), settings)]
        else:
            least = max(low, high, one.least + two.least)
            lines = [*_apart(one, two)]
        ways.append((least, tuple(lines)))
    return Ceiling(tuple(ways)) if ways else None


def _floor_of(offer: Offer, goods: Sequence[Good]) -> int:
    """The shelf price that a basket must have for the thresholds, at the least."""
    cheapest = min(one.price for one in goods)
    return max((max(need.minor, need.quantity * cheapest) for need in offer.needs), default=0)


# -- two together


def _sums(one: Mode, two: Mode) -> Iterator[Straight]:
    for (rate, plus), (other, more) in product(one.lines, two.lines):
        yield rate + other, plus + more


def _apart(one: Mode, two: Mode) -> Iterator[Straight]:
    """Each unit serves one of them, and each has the goods that it needs at least."""
    for (rate, plus), (other, more) in product(one.lines, two.lines):
        best = max(rate, other)
        lost = (best - rate) * one.least + (best - other) * two.least
        yield best, plus + more - lost


def _in_turn(
    offers: tuple[Offer, Offer], modes: tuple[Mode, Mode], settings: Settings
) -> Iterator[Straight]:
    """One after the other, where the later one reads what the earlier one has left to pay."""
    if settings.stacked_base != "current":
        return
    order = _order_of(offers, settings)
    for first in (0, 1):
        then = 1 - first
        if order not in {None, first} or not modes[then].on_rest:
            continue
        if order is None and not modes[first].on_rest:
            continue
        for (rate, plus), (other, more) in product(modes[first].lines, modes[then].lines):
            if order is None and (plus or more):
                continue  # two plain percentages come to the same in either order, caps do not
            left = 1 - min(Fraction(1), other)
            yield 1 - left * (1 - rate), left * plus + more


def _order_of(offers: tuple[Offer, Offer], settings: Settings) -> int | None:
    """Tell which of two offers that meet acts first, None when a setting alone does not say."""
    one, two = offers
    if one.stage is not two.stage:
        return 0 if one.stage is Stage.UNIT else 1
    if all(isinstance(offer.reward, (Each, Off)) for offer in offers):
        return 0 if stacking_place(settings, one) < stacking_place(settings, two) else 1
    return None


# -- one offer


def _modes_of(
    offer: Offer,
    mine: Sequence[Good],
    settings: Settings,
    before: tuple[Offer, Sequence[Good]] | None,
) -> list[Mode] | None:
    """Give the modes of an offer on its goods; `before`: what may have acted on them, and where."""
    reward = offer.reward
    if not mine:
        return None
    amounts = [one.price for one in mine]
    if before is not None:
        taken = _taken_by(*before, offer, mine)
        amounts = amounts + taken if taken is not None else []
    if isinstance(reward, Each):
        return [_of_each(offer, reward, mine, settings, amounts)]
    if isinstance(reward, Bundle):
        return _of_bundle(offer, reward, mine, settings, amounts)
    if isinstance(reward, Gift):
        prices = [one.price for one in mine]
        plus = reward.count * max(0, max(prices) - reward.price_minor)
        return [Mode(((Fraction(0), Fraction(plus)),), least=min(prices))]
    assert isinstance(reward, Off)
    return _of_basket(offer, reward, mine, settings, amounts)


def _slack(settings: Settings, value: tuple[int, int], amounts: Sequence[int]) -> Fraction:
    """What one rounding of a percentage may add: nothing where it always comes out even."""
    if settings.rounding is Rounding.FLOOR:
        return Fraction(0)
    even = bool(amounts) and all(one * value[0] % value[1] == 0 for one in amounts)
    return Fraction(0) if even else _HALF


def _of_each(
    offer: Offer, reward: Each, mine: Sequence[Good], settings: Settings, amounts: Sequence[int]
) -> Mode:
    number = Fraction(*reward.value)
    cheapest, dearest = min(one.price for one in mine), max(one.price for one in mine)
    weighed = any(one.line.measure for one in mine)
    plus = Fraction(0)
    if reward.kind is Kind.PERCENT:
        rate = number
        slack = _slack(settings, reward.value, amounts)
        if settings.rounding_level == "unit":
            rate += slack / cheapest
        else:
            plus = slack * len(mine)
    elif reward.kind is Kind.AMOUNT:
        rate = min(Fraction(1), number / cheapest)
        slack = Fraction(0) if number.denominator == 1 else _HALF
        plus = slack * len(mine)
    else:
        rate = max(Fraction(0), (dearest - number) / dearest)
        if weighed and not reward.measure:
            rate = Fraction(1)  # so much for a line, whatever it weighs
    lines = [(min(Fraction(1), rate), plus)]
    most = [reward.cap_minor, reward.line_minor and reward.line_minor * len(mine)]
    most += [limit.most for limit in offer.limits if limit.period == "budget"]
    units = [reward.line_units and reward.line_units * len(mine)]
    units += [limit.most for limit in offer.limits if limit.period == "basket"]
    worth = rate * dearest
    lines += [(Fraction(0), Fraction(minor)) for minor in most if minor]
    if not weighed:
        lines += [(Fraction(0), worth * count + plus) for count in units if count]
    percent = reward.kind is Kind.PERCENT and settings.rounding_level != "unit"
    return Mode(tuple(lines), least=cheapest, on_rest=percent)


def _of_bundle(
    offer: Offer, reward: Bundle, mine: Sequence[Good], settings: Settings, amounts: Sequence[int]
) -> list[Mode] | None:
    if any(one.line.measure for one in mine):
        return None
    uses = _uses_of(reward, sorted({one.price for one in mine}))
    if uses is None:
        return None
    worth = [(_off_use(reward, use), sum(price for part in use for price in part)) for use in uses]
    percent = reward.kind is Kind.PERCENT
    plus = _slack(settings, reward.value, amounts) * len(mine) if percent else Fraction(0)
    lines = [(max(min(Fraction(1), off / shelf) for off, shelf in worth), plus)]
    dearest = max(off for off, _ in worth)
    uses_most = [limit.most for limit in offer.limits if limit.period == "basket"]
    lines += [(Fraction(0), dearest * most + plus) for most in uses_most]
    # Of goods at one price the cheapest cost no more than their part, whatever came off before.
    alike = reward.aim == "all" or (reward.aim == "cheapest" and len(uses) == 1)
    least = min(shelf for _, shelf in worth)
    return [Mode(tuple(lines), least=least, on_rest=percent and alike)]


def _uses_of(reward: Bundle, prices: Sequence[int]) -> list[tuple[tuple[int, ...], ...]] | None:
    """Every mix of prices that one use could take, part by part; None when there are too many."""
    sizes = [count for _, count in reward.parts]
    if prod(comb(len(prices) + size - 1, size) for size in sizes) > COMPOSITIONS_MAX:
        return None
    return [*product(*(combinations_with_replacement(prices, size) for size in sizes))]


def _off_use(reward: Bundle, use: tuple[tuple[int, ...], ...]) -> Fraction:
    """What one use takes off at most when it takes units of these prices."""
    units = sorted(price for part in use for price in part)
    if reward.aim == "cheapest":
        units = units[: reward.count]
    elif reward.aim == "dearest":
        units = units[-reward.count :]
    elif reward.aim.startswith("part:"):
        units = [*use[int(reward.aim.removeprefix("part:"))]]
    total, value = sum(units), Fraction(*reward.value)
    if reward.kind is Kind.PERCENT:
        return total * value
    if reward.kind is Kind.AMOUNT:
        return value
    return max(Fraction(0), total - value)


def _of_basket(
    offer: Offer, reward: Off, mine: Sequence[Good], settings: Settings, amounts: Sequence[int]
) -> list[Mode]:
    cheapest = min(one.price for one in mine)
    caps = [reward.cap_minor] if reward.cap_minor else []
    caps += [limit.most for limit in offer.limits if limit.period == "budget"]
    below = [(Fraction(0), Fraction(cap)) for cap in caps]

    def mode(kind: Kind, value: tuple[int, int], start: int) -> Mode:
        plus = Fraction(0)
        rate = Fraction(*value)
        if kind is Kind.PERCENT:
            plus = _slack(settings, value, amounts)
        else:
            rate, plus = Fraction(0), rate
        return Mode(((rate, plus), *below), start, max(cheapest, start), on_rest=True)

    if not reward.ladder:
        return [mode(reward.kind, reward.value, 0)]
    steps = reward.ladder
    by_items = reward.reads == "quantity"
    if reward.repeats:
        return [_repeated(reward, steps[0], below, cheapest)]
    if reward.marginal:
        return [_marginal(steps, below, cheapest, by_items=by_items)]
    if reward.reads not in {"basket", "quantity"}:
        return [mode(step.kind, step.value, 0) for step in steps]
    each = cheapest if by_items else 1
    return [mode(step.kind, step.value, step.start * each) for step in steps]


def _repeated(reward: Off, step: Step, below: Sequence[Straight], cheapest: int) -> Mode:
    start = step.start * (cheapest if reward.reads == "quantity" else 1)
    value = Fraction(*step.value)
    if step.kind is Kind.PERCENT or reward.reads not in {"basket", "quantity"}:
        return Mode(((Fraction(1), Fraction(0)), *below), start, max(cheapest, start))
    lines = [(min(Fraction(1), value / start), Fraction(0)), *below]
    if reward.times:
        lines.append((Fraction(0), value * reward.times))
    return Mode(tuple(lines), start, start, on_rest=reward.reads == "basket")


def _marginal(
    steps: Sequence[Step], below: Sequence[Straight], cheapest: int, *, by_items: bool
) -> Mode:
    """The best step for everything: more than the slices come to, but a bound."""
    rates = [Fraction(*step.value) for step in steps if step.kind is Kind.PERCENT]
    flat = sum((Fraction(*step.value) for step in steps if step.kind is not Kind.PERCENT), _HALF)
    if by_items and any(step.kind is not Kind.PERCENT for step in steps):
        return Mode(((Fraction(1), Fraction(0)), *below), 0, cheapest)
    rate = max(rates, default=Fraction(0))
    return Mode(((rate, flat), *below), 0, cheapest, on_rest=True)


# -- whether percentages of what is left come out even


def _taken_by(
    other: Offer, its: Sequence[Good], offer: Offer, mine: Sequence[Good]
) -> list[int] | None:
    """Amounts of which all is made up that another offer takes off some goods; None: unknown."""
    reward = other.reward
    if isinstance(reward, Each) and not (reward.cap_minor or reward.line_minor):
        if reward.kind is Kind.PERCENT:
            return _whole([one.price * Fraction(*reward.value) for one in its])
        return _whole([Fraction(*reward.value)])
    # A sum over several goods is shared over them in parts of any size.
    together = offer.stage is not Stage.UNIT and all(any(one is two for two in mine) for one in its)
    if isinstance(reward, Bundle) and together:
        uses = _uses_of(reward, sorted({one.price for one in its}))
        return _whole([_off_use(reward, use) for use in uses]) if uses else None
    if isinstance(reward, Off) and together and not reward.ladder and not reward.cap_minor:
        if reward.kind is Kind.PERCENT:
            return _whole([one.price * Fraction(*reward.value) for one in its])
        return _whole([Fraction(*reward.value)])
    return None


def _whole(amounts: Sequence[Fraction]) -> list[int] | None:
    return None if any(one.denominator != 1 for one in amounts) else [int(one) for one in amounts]


def never_together(one: Selector, two: Selector) -> bool:
    """Tell whether certainly no article is selected by both."""
    for mine, yours in ((one.skus, two.skus), (one.brands, two.brands)):
        if mine and yours and mine.isdisjoint(yours):
            return True
    if (
        one.price
        and two.price
        and max(one.price[0], two.price[0]) > min(one.price[1], two.price[1])
    ):
        return True
    if one.any_of and all(never_together(part, two) for part in one.any_of):
        return True
    return bool(two.any_of) and all(never_together(one, part) for part in two.any_of)
