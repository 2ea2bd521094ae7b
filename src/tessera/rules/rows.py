"""Rows of equal units, and the takers of units: what a choice between unit offers is made of.

Owns: the state that a taker runs through along the rows, and the parts that share no goods. Must
never: say which offers can be put into numbers so (see `choice`), or choose.

In every component rows stand from the dearest unit down. All values of takers are minor units
times `scale`.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from tessera.rules.bundle_uses import fitting_of
from tessera.rules.folds import Fold, Parcel
from tessera.rules.model import Bundle, Each, Gift, Kind, Offer
from tessera.rules.unit_offers import each_discount, most_of
from tessera.rules.work import Work

Clique = tuple[Offer, ...]
"""Fills that meet on the same units, in the order in which they take off."""


class Row:
    """Equal units that are still free: how many, their amount, and who may act on them."""

    __slots__ = ("amount", "cliques", "count", "fold", "parcel", "price", "split", "takers")

    def __init__(self, fold: Fold, parcel: Parcel, scale: int) -> None:
        self.fold = fold
        self.parcel = parcel
        self.count = parcel.count
        self.amount = parcel.amount
        self.price = parcel.amount * scale // parcel.count
        self.cliques: list[Clique] = []
        self.split = True
        self.takers: list[int] = []

    def base(self, taken: int, count: int) -> int:
        """What `count` units cost when `taken` are gone; the first ones are dearer by one."""
        whole, dearer = divmod(self.amount, self.count)
        return whole * count + min(dearer, taken + count) - min(dearer, taken)


@dataclass(slots=True, eq=False)
class Taker:
    """An offer (or a part of one) that takes units one after the other, from the dearest down.

    In every `size` units the last `rewarded` get `rate` of their price off, and each unit bears
    `flat`, its part of what one use costs or gives. `most`: at most so many units (None: any).
    `part`: the counts of all parts of an offer must agree in the end. `table`: what k units of a
    row get, for offers on single units with a limit or a `cap`, in minor units.
    """

    offer: Offer
    size: int = 1
    rewarded: int = 1
    rate: tuple[int, int] = (1, 1)
    flat: int = 0
    most: int | None = None
    cap: int | None = None
    part: int = -1
    table: Callable[[Row, int], int] | None = None

    def done(self, state: int) -> bool:
        """Tell whether no use is left half filled."""
        return self.part >= 0 or self.table is not None or state % self.size == 0

    @property
    def fractional(self) -> bool:
        """Tell whether its sum may have to be rounded."""
        return self.table is None and self.rate[1] != 1


@dataclass(slots=True, eq=False)
class Component:
    """Rows, the dearest first, that takers tie together; alone they share no goods with others."""

    rows: list[Row]
    takers: list[Taker]
    scale: int = 1
    fractions: int = 0
    known: dict[object, object] = field(default_factory=dict)


def clique_discount(work: Work, row: Row, clique: Clique, count: int, amount: int) -> int:
    """What fills that meet take off `count` units that cost `amount` together."""
    due = amount
    for offer in clique:
        reward = offer.reward
        assert isinstance(reward, Each)
        base = amount if work.settings.stacked_base == "shelf" else due
        due -= max(0, min(due, each_discount(work, reward, row.fold, count, base)))
    return amount - due


def components_of(
    work: Work,
    rows: dict[int, Row],
    takers: Sequence[Offer],
    found: dict[Offer, list[Fold]],
    scale: int,
) -> list[Component]:
    """Join rows that a taker ties together; every other row stands alone."""
    parts: list[tuple[set[int], list[tuple[Taker, set[int]]]]] = []
    for offer in takers:
        numbers = [fold.number for fold in found[offer] if fold.number in rows]
        for group in _takers_of(work, offer, [rows[number] for number in numbers], scale):
            touched = {number for _, there in group for number in there}
            joined = list(group)
            for part in [part for part in parts if not part[0].isdisjoint(touched)]:
                parts.remove(part)
                touched |= part[0]
                joined = part[1] + joined
            parts.append((touched, joined))
    components = [_component(rows, touched, joined, scale) for touched, joined in parts]
    tied = {number for touched, _ in parts for number in touched}
    components += [
        Component([row], [], scale) for number, row in rows.items() if number not in tied
    ]
    return sorted(components, key=lambda one: min(row.fold.rank for row in one.rows))


def _component(
    rows: dict[int, Row], touched: set[int], joined: list[tuple[Taker, set[int]]], scale: int
) -> Component:
    here = sorted((rows[number] for number in touched), key=lambda row: (-row.price, row.fold.rank))
    joined.sort(key=lambda pair: (pair[0].offer.place, pair[0].part, min(pair[1])))
    for place, (_, there) in enumerate(joined):
        for row in here:
            if row.fold.number in there:
                row.takers.append(place)
    fractions = len(
        {
            taker.offer.offer_id
            for taker, there in joined
            if taker.fractional
            and any(
                row.price * taker.rate[0] % (taker.rate[1] * scale)
                for row in here
                if row.fold.number in there
            )
        }
    )
    return Component(here, [taker for taker, _ in joined], scale, fractions)


def _takers_of(
    work: Work, offer: Offer, rows: list[Row], scale: int
) -> list[list[tuple[Taker, set[int]]]]:
    """Give the takers of an offer with the rows that each may take from, tied ones in one list."""
    reward = offer.reward
    if not isinstance(reward, Bundle):
        return _single_takers(work, offer, rows)
    if len(reward.parts) > 1 or reward.aim == "dearest":
        return _part_takers(work, offer, rows, scale)
    size = reward.parts[0][1]
    left = work.left.get(offer)
    rewarded = size if reward.aim == "all" else min(reward.count, size)
    rate, flat = _rate_of(reward, size, scale)
    by_sku: dict[str, set[int]] = {}
    units: dict[str, int] = {}
    for row in rows:
        key = row.fold.line.sku if reward.same_item else ""
        by_sku.setdefault(key, set()).add(row.fold.number)
        units[key] = units.get(key, 0) + row.count
    groups = [
        (
            Taker(
                offer,
                size=size,
                rewarded=rewarded,
                rate=rate,
                flat=flat,
                most=None if left is None else (left - work.outcomes[offer].uses) * size,
            ),
            by_sku[key],
        )
        for key in sorted(by_sku)
        if units[key] >= size
    ]
    if rate[1] != 1:  # rounded once over all items
        return [groups] if groups else []
    return [[group] for group in groups]


def _rate_of(reward: Bundle, size: int, scale: int) -> tuple[tuple[int, int], int]:
    """Give the rate on rewarded units, and what every unit bears of a use's fixed part."""
    if reward.kind is Kind.PERCENT:
        return reward.value, 0
    fixed = reward.value[0] * scale // size
    return ((1, 1), -fixed) if reward.kind is Kind.PRICE else ((0, 1), fixed)


def _part_takers(
    work: Work, offer: Offer, rows: list[Row], scale: int
) -> list[list[tuple[Taker, set[int]]]]:
    reward = offer.reward
    assert isinstance(reward, Bundle)
    if reward.aim == "dearest":
        size = reward.parts[0][1]
        parts = [(0, reward.count, True), (0, size - reward.count, False)]
    else:
        aimed = int(reward.aim.removeprefix("part:")) if reward.aim != "all" else -1
        parts = [
            (number, count, aimed in {-1, number}) for number, (_, count) in enumerate(reward.parts)
        ]
    rate, flat = _rate_of(reward, sum(count for _, count, _ in parts), scale)
    numbers = fitting_of(work, offer, reward)
    fitting = [[row for row in rows if row.fold.number in numbers[part]] for part, _, _ in parts]
    uses = min(
        sum(row.count for row in there) // count
        for there, (_, count, _) in zip(fitting, parts, strict=True)
        if count
    )
    left = work.left.get(offer)
    if left is not None:
        uses = min(uses, left - work.outcomes[offer].uses)
    group = [
        (
            Taker(
                offer,
                size=count,
                rewarded=count,
                rate=rate if aimed_at else (0, 1),
                flat=flat,
                most=uses * count,
                part=number,
            ),
            {row.fold.number for row in there},
        )
        for number, (there, (_, count, aimed_at)) in enumerate(zip(fitting, parts, strict=True))
        if count
    ]
    return [group] if uses > 0 else []


def _single_takers(work: Work, offer: Offer, rows: list[Row]) -> list[list[tuple[Taker, set[int]]]]:
    """An offer on single units that has a limit or a cap, or a gift."""
    reward = offer.reward
    if not rows:
        return []
    if isinstance(reward, Gift):
        chosen = work.basket.chosen
        wished = [row for row in rows if row.fold.line.sku in chosen]
        one = Each(kind=Kind.PRICE, value=(reward.price_minor, 1))
        most: int | None = reward.count
        cap, rows = None, wished or rows
    else:
        assert isinstance(reward, Each)
        one, most, cap = reward, work.left.get(offer), most_of(work, offer, reward.cap_minor)
        if most is not None:
            most -= work.outcomes[offer].uses

    def table(row: Row, count: int) -> int:
        base = row.base(0, count)
        return max(0, min(base, each_discount(work, one, row.fold, count, base)))

    taker = Taker(offer, most=most, cap=cap, table=table)
    return [[(taker, {row.fold.number for row in rows})]]
