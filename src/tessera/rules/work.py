"""The state of one evaluation while it runs: folds, who may have what, what has been applied.

Owns: what selections match, thresholds, the record of outcomes, and the application of a discount
to parcels. Must never: look for offers (see `finding`), or choose between them (see `combine`).
"""

from collections.abc import Iterable
from fractions import Fraction
from operator import attrgetter

from tessera.core.basket import Basket, Line, LineKind, Place
from tessera.core.member import MemberState
from tessera.core.quote import Stage
from tessera.rules.conditions import BLOCKED, Moment, selects, spent_here
from tessera.rules.folds import Fold, Parcel, fold_lines, rank_folds
from tessera.rules.model import (
    EVERYTHING,
    Gift,
    GroupKind,
    Issue,
    Need,
    Offer,
    Selector,
)
from tessera.rules.outcome import Outcome
from tessera.rules.programme import Programme
from tessera.rules.reasons import (
    AMOUNT_SHORT,
    BETTER_OFFER,
    BUDGET_USED,
    GOODS_TAKEN,
    NO_SAVING,
    NOTHING_SELECTED,
    QUANTITY_SHORT,
    above,
    is_eligible,
)
from tessera.rules.spending import Meter
from tessera.rules.with_tax import counted

# Looking a member up in its enumeration is a call; these are asked for by every line and offer.
_SHELF, _UNIT = Stage.SHELF, Stage.UNIT
_PRICED = frozenset({Stage.UNIT, Stage.BASKET})

__all__ = [
    "AMOUNT_SHORT",
    "BETTER_OFFER",
    "BUDGET_USED",
    "BY_PLACE",
    "BY_RANK",
    "GOODS_TAKEN",
    "NOTHING_SELECTED",
    "NO_SAVING",
    "QUANTITY_SHORT",
    "Outcome",
    "Snapshot",
    "Work",
]

BY_PLACE = attrgetter("place")
"""Sorts offers in the documented order of the programme."""
BY_RANK = attrgetter("rank")
"""Sorts offers in the merchant's order, that of the file."""

Snapshot = tuple[
    list[tuple[Fold, list[Parcel] | None, dict[tuple[Offer, int], int], int, int, int]],
    list[tuple["Outcome", str, int, int, int]],
]

Base = tuple[int, int, int, list[tuple[Fold, Parcel]]]
"""What a basket offer reads: base, amount left to pay, units, and the parcels they are in."""

RESERVED = Offer(
    offer_id="",
    rank=0,
    line=0,
    names=(),
    receipt=(),
    stage=Stage.UNIT,
    reward=Issue(kind="", name=""),
)
"""Stands on units that are kept out of the unit stage while that is tried out."""


class Work:
    """One evaluation under way.

    `folds` stand in the order of their lines, `ranked`, `goods` and all that is found in the order
    of ties. `changes` counts what has been taken off so far, and sums are remembered for one count.
    """

    __slots__ = (
        "_counted",
        "_open",
        "_sums",
        "above",
        "available",
        "bases",
        "basis",
        "basket",
        "changes",
        "discountable",
        "earned",
        "fitting",
        "folds",
        "found",
        "gap_minor",
        "goods",
        "left",
        "meeting",
        "meetings",
        "member",
        "meter",
        "moment",
        "most",
        "nodes",
        "optimal",
        "outcomes",
        "pieces",
        "place",
        "programme",
        "ranked",
        "settings",
        "spendings",
    )

    def __init__(
        self, programme: Programme, member: MemberState | None, basket: Basket, place: Place
    ) -> None:
        self.programme = programme
        self.settings = programme.settings
        self.member = member
        self.basket = basket
        self.place = place
        sale_minor = spent_here(programme.settings.spend_reads, basket)
        self.moment = Moment(place, sale_minor=sale_minor)
        self.folds = fold_lines(basket.lines)
        self.ranked = rank_folds(self.folds)
        self.goods = [fold for fold in self.ranked if fold.goods and fold.amount >= 0]
        self.pieces = sum([fold.count for fold in self.goods])
        self.found: dict[Offer, list[Fold]] = {}
        self.outcomes: dict[Offer, Outcome] = {}
        self.left: dict[Offer, int | None] = {}
        self.available: dict[Stage, list[Offer]] = {stage: [] for stage in Stage}
        self.spendings: list[tuple[str, str, int, int]] = []
        self.earned: dict[tuple[str, str], int] = {}
        self.changes = 0
        self.optimal = True
        self.gap_minor = 0
        self.nodes = 0
        self.meter = Meter()
        self.fitting: dict[Offer, list[frozenset[int]]] = {}
        self.most: dict[Offer, int] = {}
        self.meeting: dict[Offer, list[int]] = {}
        self.meetings: dict[tuple[Offer, ...], list[tuple[Offer, ...]] | None] = {}
        self._counted: dict[tuple[int, int], int | Fraction] = {}
        self._open: dict[tuple[Offer, tuple[Offer, ...]], bool] = {}
        self._sums: dict[tuple[object, ...], tuple[int, int]] = {}
        self.above: dict[int, frozenset[str]] = {}
        self.bases: dict[tuple[object, ...], Base] = {}
        self.basis: dict[int, int] = {}
        self.discountable: dict[tuple[Stage, bool], list[Fold]] = {}

    # -- goods

    def all_eligible(self, offer: Offer) -> list[Fold]:
        """The goods whose flags let an offer act on them; one list for all offers alike."""
        key = (offer.stage, offer.changed_prices)
        known = self.discountable.get(key)
        if known is None:
            known = [fold for fold in self.goods if fold.plain or is_eligible(offer, fold.line)]
            self.discountable[key] = known
        return known

    def categories_above(self, line: Line) -> frozenset[str]:
        """The categories of a line with all their ancestors."""
        return self.programme.hits_of(line.categories)[0]

    def _above(self, fold: Fold) -> frozenset[str]:
        """The same for a fold, remembered."""
        above = self.above.get(fold.number)
        if above is None:
            above = self.above[fold.number] = self.categories_above(fold.line)
        return above

    def matches(self, selector: Selector, fold: Fold) -> bool:
        """Tell whether a selection matches a fold of goods."""
        match selector.only:
            case "skus":
                return fold.line.sku in selector.skus
            case "categories":
                return not selector.categories.isdisjoint(self._above(fold))
            case "price":
                assert selector.price is not None
                low, high = selector.price
                return low * fold.count <= fold.amount <= high * fold.count
        line = fold.line
        if selector.skus and line.sku not in selector.skus:
            return False  # most often; the categories need not be looked up then
        if selector.kinds and LineKind.GOODS.value not in selector.kinds:
            return False
        return selects(selector, line, self._above(fold))

    def matching(self, selector: Selector, folds: Iterable[Fold]) -> list[Fold]:
        """Give those of some folds of goods that a selection matches."""
        if selector.only == "skus":
            skus = selector.skus
            return [fold for fold in folds if fold.line.sku in skus]
        return [fold for fold in folds if self.matches(selector, fold)]

    def meets(self, need: Need, offer: Offer, outcome: Outcome) -> bool:
        """Tell whether a threshold is reached; what is missing goes into the outcome."""
        minor, quantity = self._reading(need, offer)
        missing_minor, missing_quantity = need.minor - minor, need.quantity - quantity
        if missing_minor <= 0 and missing_quantity <= 0:
            over = above(need, minor, quantity)
            outcome.reason = over or outcome.reason
            return not over
        outcome.reason = AMOUNT_SHORT if missing_minor > 0 else QUANTITY_SHORT
        outcome.missing_minor = max(0, missing_minor)
        outcome.missing_quantity = max(0, missing_quantity)
        return False

    def _reading(self, need: Need, offer: Offer) -> tuple[int, int]:
        """Give money and items that a threshold reads, remembered until something changes."""
        at_shelf = need.at is _SHELF
        gift = offer.reward if isinstance(offer.reward, Gift) else None
        key: tuple[object, ...] = (
            -1 if at_shelf else self.changes,
            None if need.of is EVERYTHING or need.of.everything else need.of,
            need.at,
            offer.stage,
            offer.changed_prices,
            gift,
        )
        known = self._sums.get(key)
        if known is not None:
            return known
        folds, settings, quantity = self.all_eligible(offer), self.settings, 0
        if gift is not None:  # it does not help to reach its own threshold
            folds = [fold for fold in folds if fold.line.sku not in gift.choices]
        if not need.of.everything:
            folds = self.matching(need.of, folds)
        of_units = need.at is _UNIT and offer.stage not in _PRICED
        minor: int | Fraction = 0
        for fold in folds:
            read = fold.amount if at_shelf else fold.due
            if of_units:
                read = fold.amount - fold.unit_discount
            place = (fold.number, read)
            known_minor = self._counted.get(place)
            if known_minor is None:
                known_minor = self._counted[place] = counted(settings, fold, read)
            minor += known_minor
            quantity += fold.count
        self._sums[key] = (int(minor), quantity)
        return self._sums[key]

    @property
    def known_member(self) -> MemberState | None:
        """The member when they may have anything at all."""
        member = self.member
        return None if member is None or member.status in BLOCKED else member

    # -- trying out

    def snapshot(
        self, among: Iterable[Fold] | None = None, offers: Iterable[Offer] | None = None
    ) -> "Snapshot":
        """Remember what has been applied, to some folds or to all, to come back to it."""
        folds = [
            (
                fold,
                None
                if fold.parcels is None
                else [
                    Parcel(one.count, one.amount, one.discount, one.offers) for one in fold.parcels
                ],
                dict(fold.shares),
                fold.due,
                fold.unit_discount,
                fold.line_discount,
            )
            for fold in (self.goods if among is None else among)
        ]
        asked = self.outcomes if offers is None else offers
        outcomes = [
            (outcome, outcome.reason, outcome.uses, outcome.groups, outcome.discount)
            for outcome in (self.outcomes[offer] for offer in asked)
        ]
        return folds, outcomes

    def restore(self, snapshot: "Snapshot") -> None:
        """Come back to a snapshot; it can be used again."""
        folds, outcomes = snapshot
        for fold, parcels, shares, due, unit_discount, line_discount in folds:
            fold.parcels = (
                None
                if parcels is None
                else [Parcel(one.count, one.amount, one.discount, one.offers) for one in parcels]
            )
            fold.shares = dict(shares)
            fold.due = due
            fold.unit_discount = unit_discount
            fold.line_discount = line_discount
        self.changes += 1
        for outcome, reason, uses, groups, discount in outcomes:
            outcome.reason = reason
            outcome.uses = uses
            outcome.groups = groups
            outcome.discount = discount

    @property
    def due(self) -> int:
        """What the goods cost as things stand."""
        return sum(fold.due for fold in self.goods)

    # -- stacking

    def may_share(self, first: Offer, second: Offer) -> bool:
        """Tell whether two offers may meet on the same unit."""
        if first is second:
            return False
        if first.offer_id in second.stacks_with or second.offer_id in first.stacks_with:
            return True
        path, other = first.path, second.path
        if path and other:
            common = next((name for name in path if name in other), None)
            if common is not None:
                return self.programme.groups[common].kind is GroupKind.ALL
        if first.stacks_all or second.stacks_all:
            return True
        return not (first.stacks_with.isdisjoint(other) and second.stacks_with.isdisjoint(path))

    def is_open(self, parcel: Parcel, offer: Offer) -> bool:
        """Tell whether an offer may act on a parcel beside those that already have."""
        if not parcel.offers:
            return True
        if parcel.offers[0] is RESERVED:
            return False
        if offer.undiscounted_only and parcel.discount:
            return False
        key = (offer, parcel.offers)
        known = self._open.get(key)
        if known is None:
            known = all(self.may_share(other, offer) for other in parcel.offers)
            self._open[key] = known
        return known

    def open_parcels(self, fold: Fold, offer: Offer) -> list[Parcel]:
        """The parcels of a fold that an offer may act on."""
        if fold.parcels is None:
            return fold.all_parcels
        is_open = self.is_open
        return [one for one in fold.parcels if not one.offers or is_open(one, offer)]

    # -- applying

    def put(self, offer: Offer, group: int, fold: Fold, parcel: Parcel, minor: int) -> None:
        """Take an amount off a parcel in the name of an offer; zero marks it as used."""
        parcel.offers = (*parcel.offers, offer)
        if minor:
            self.changes += 1
            parcel.discount += minor
            fold.due -= minor
            key = (offer, group)
            fold.shares[key] = fold.shares.get(key, 0) + minor
            self.outcomes[offer].discount += minor
            if offer.stage is _UNIT:
                fold.unit_discount += minor
                if offer.of_a_line:
                    fold.line_discount += minor
