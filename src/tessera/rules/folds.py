"""Equal lines folded into one, and the parcels of units that offers have taken from it.

Owns: what "equal" means, the order in which ties are broken, the splitting of units into parcels
and the distribution of a fold's sums back to its lines. Must never: decide what an offer gives.
"""

from collections.abc import Sequence
from decimal import Decimal
from math import gcd
from operator import attrgetter

from tessera.core.basket import Line, LineKind
from tessera.core.money import share
from tessera.rules.model import Offer

GOODS = LineKind.GOODS


class Parcel:
    """Some units of a fold that share one fate: their shelf amount, and what offers took off."""

    __slots__ = ("amount", "count", "discount", "offers")

    def __init__(self, count: int, amount: int, discount: int, offers: tuple[Offer, ...]) -> None:
        self.count = count
        self.amount = amount
        self.discount = discount
        self.offers = offers

    @property
    def due(self) -> int:
        """What is left to pay for the parcel."""
        return self.amount - self.discount


class Fold:
    """Equal lines taken together.

    `count` whole units (pieces, or weighed lines), `amount` their shelf amount. `plain`: goods with
    no flag or changed price that could keep an offer away. `rank`: its place in the order of ties.
    `shares` holds what
    (offer, group) took off, `unit_discount` what unit offers did and `line_discount` those of them
    that act on single lines; `redeemed` what units took off by their declared value; `earned` and
    `spent` are units by (unit, offer, issuer), spent ones with the money that they tendered.
    """

    __slots__ = (
        "amount",
        "count",
        "due",
        "earned",
        "goods",
        "line",
        "line_discount",
        "members",
        "number",
        "parcels",
        "plain",
        "rank",
        "redeemed",
        "shares",
        "spent",
        "tendered",
        "triggers",
        "unit_discount",
    )

    def __init__(self, number: int, line: Line, member: int, count: int) -> None:
        self.number = number
        self.line = line
        self.members = [member]
        self.count = count
        self.amount = self.due = line.amount_minor
        self.goods = line.kind is GOODS
        self.rank = -1
        self.plain = (
            self.goods
            and line.amount_minor >= 0
            and line.discountable
            and line.earns
            and line.redeemable
            and line.list_price_minor is None
        )
        self.parcels: list[Parcel] | None = None
        self.shares: dict[tuple[Offer, int], int] = {}
        self.unit_discount = 0
        self.line_discount = 0
        self.tendered = 0
        self.earned: dict[tuple[str, str, str], int] = {}
        self.triggers: list[Offer] = []
        self.redeemed: dict[str, int] = {}
        self.spent: dict[tuple[str, str, str], list[int]] = {}

    @property
    def all_parcels(self) -> list[Parcel]:
        """The parcels, made at the first look."""
        if self.parcels is None:
            self.parcels = [Parcel(self.count, self.amount, 0, ())]
        return self.parcels

    @property
    def order(self) -> tuple[object, ...]:
        """The documented order of ties: tax, dearer price first, sku, line id last."""
        line = self.line
        taxes: tuple[object, ...] = ()
        if line.taxes:
            taxes = tuple([(tax.code, str(tax.rate)) for tax in line.taxes])
        return (taxes, -(self.amount // self.count), line.sku, line.line_id)


def units_of(line: Line) -> int:
    """How many indivisible units a line holds: its pieces, or one when it was weighed."""
    if line.measure:
        return 1
    quantity = line.quantity
    count = int(quantity)
    return count if count == quantity and count > 0 else 1


def fold_lines(lines: Sequence[Line]) -> list[Fold]:
    """Fold equal lines; each fold stands where its first line stood."""
    folds: list[Fold] = []
    by_sku: dict[tuple[str, LineKind], list[Fold]] = {}
    joined: dict[int, Fold] = {}
    for member, line in enumerate(lines):
        count = 1 if line.measure else units_of(line)
        place = (line.sku, line.kind)
        alike = by_sku.get(place)
        if alike is None:
            fold = Fold(len(folds), line, member, count)
            folds.append(fold)
            by_sku[place] = [fold]
            continue
        key = _key(line, count)
        for fold in alike:
            if _key(fold.line, units_of(fold.line)) == key:
                fold.members.append(member)
                joined[fold.number] = fold
                fold.count += count
                fold.amount += line.amount_minor
                fold.due = fold.amount
                if line.line_id < fold.line.line_id:
                    fold.line = line
                break
        else:
            fold = Fold(len(folds), line, member, count)
            folds.append(fold)
            alike.append(fold)
    for fold in joined.values():  # left-over cents must not follow the order of scanning
        fold.members.sort(key=lambda member: lines[member].line_id)
    return folds


def _key(line: Line, count: int) -> tuple[object, ...]:
    """What must be equal for two lines to be one fold: price, taxes, flags and all selectors."""
    if line.measure:
        price: tuple[object, ...] = (line.amount_minor, line.quantity)
    else:
        common = gcd(line.amount_minor, count) or 1
        price = (line.amount_minor // common, count // common, line.quantity == count)
    return (
        price,
        line.measure,
        line.taxes,
        line.discountable,
        line.earns,
        line.redeemable,
        line.categories,
        line.brand,
        line.tags,
        line.attributes,
        None if line.list_price_minor is None else line.list_price_minor,
        line.price_reason,
        line.minimum_price_minor,
        line.text if not line.sku else "",
    )


def take(fold: Fold, parcel: Parcel, count: int) -> Parcel:
    """Split `count` units off a parcel of the fold; the whole parcel when it has no more.

    Units whose amount does not divide evenly: the first ones taken are the dearer by one.
    """
    if count >= parcel.count:
        return parcel
    amount = parcel.amount // parcel.count * count + min(count, parcel.amount % parcel.count)
    discount = parcel.discount // parcel.count * count + min(count, parcel.discount % parcel.count)
    taken = Parcel(count, amount, discount, parcel.offers)
    parcel.count -= count
    parcel.amount -= amount
    parcel.discount -= discount
    fold.all_parcels.append(taken)
    return taken


def join_alike(fold: Fold) -> None:
    """Put parcels that the same offers have acted on into one, the first of them."""
    first: dict[tuple[Offer, ...], Parcel] = {}
    for parcel in fold.all_parcels:
        there = first.setdefault(parcel.offers, parcel)
        if there is not parcel:
            there.count += parcel.count
            there.amount += parcel.amount
            there.discount += parcel.discount
    fold.parcels = [*first.values()]


def rank_folds(folds: Sequence[Fold]) -> list[Fold]:
    """Number the folds in the documented order of ties, and give them in it."""
    ranked = sorted(folds, key=_BY_ORDER)
    for rank, fold in enumerate(ranked):
        fold.rank = rank
    return ranked


_BY_ORDER = attrgetter("order")
_BY_RANK = attrgetter("rank")


def in_order(folds: Sequence[Fold]) -> list[Fold]:
    """The folds in the documented order of ties."""
    return sorted(folds, key=_BY_RANK)


def share_over(total: int, folds: Sequence[Fold], weights: Sequence[int]) -> list[tuple[Fold, int]]:
    """Share a sum over folds by largest remainder, ties by the documented order."""
    if len(folds) == 1:
        return [(folds[0], total)]
    places = sorted(range(len(folds)), key=lambda place: folds[place].rank)
    parts = share(total, [weights[place] for place in places])
    return [(folds[place], part) for place, part in zip(places, parts, strict=True)]


def spread_to_lines(total: int, fold: Fold, lines: Sequence[Line]) -> list[int]:
    """Share a fold's sum over its lines by their quantity, ties by line id; in member order."""
    if len(fold.members) == 1:
        return [total]
    places = sorted(range(len(fold.members)), key=lambda place: lines[fold.members[place]].line_id)
    weights = [units_of(lines[fold.members[place]]) for place in places]
    parts = share(total, weights)
    found = [0] * len(places)
    for place, part in zip(places, parts, strict=True):
        found[place] = part
    return found


def quantity_of(fold: Fold, lines: Sequence[Line]) -> Decimal:
    """The whole quantity of a fold as the POS counts it: pieces, kilograms, litres."""
    return sum((lines[member].quantity for member in fold.members), Decimal(0))
