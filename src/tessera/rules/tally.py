"""One basket in whole numbers: folds as places in lists, offers found, admitted or refused.

Owns: the state of the quick way to a quote, and what sends a basket to the full way instead.
Must never: give another answer than the full way (see `work`), or make a value of a quote.
"""

from collections.abc import Sequence

from tessera.core.basket import Basket, Line, LineKind, Place
from tessera.core.member import MemberState
from tessera.core.money import share
from tessera.core.quote import OfferOutcome, Stage
from tessera.rules.admitting import Moment, is_refused, refusal_of
from tessera.rules.conditions import MEMBERS_ONLY, NOT_CHOSEN, selects
from tessera.rules.folds import Fold, fold_lines
from tessera.rules.model import Bundle, Need, Offer, Selector
from tessera.rules.prepared import ACCRUAL_WAY, BASKET_WAY, UNIT_WAY, Ladder, Prepared
from tessera.rules.programme import Hits
from tessera.rules.reasons import AMOUNT_SHORT, NOTHING_SELECTED, QUANTITY_SHORT, is_eligible

_GOODS = LineKind.GOODS
_BASKET, _ACCRUAL, _SHELF = Stage.BASKET, Stage.ACCRUAL, Stage.SHELF

Cut = tuple[Offer, int, int]
"""What an offer took off a fold: the offer, its group, minor units."""


class Beyond(Exception):
    """The basket needs something that only the full way can do."""


class Became:
    """What became of one offer: applied when it has uses, or a reason and what is missing."""

    __slots__ = ("discount", "missing_minor", "missing_quantity", "reason", "units", "uses")

    def __init__(self) -> None:
        self.uses = 0
        self.discount = 0
        self.units = 0
        self.reason = ""
        self.missing_minor = 0
        self.missing_quantity = 0


class Note:
    """Units that an offer earned, to be shared over folds by weights when somebody asks."""

    __slots__ = ("folds", "issuer", "offer", "unit", "units", "weights")

    def __init__(
        self,
        unit: str,
        offer: Offer,
        issuer: str,
        units: int,
        folds: list[int],
        weights: list[int],
    ) -> None:
        self.unit = unit
        self.offer = offer
        self.issuer = issuer
        self.units = units
        self.folds = folds
        self.weights = weights


class Tally:
    """One basket under way. Folds are numbered in the order of their lines.

    By fold: `lines` (the line that stands for it), `counts`, `amounts`, `dues`, `line_off` (what
    unit offers on single lines took), `cuts` (by whom), `free` and `free_amounts` (units that no
    unit offer has taken), `owners` (who took the others). `folds` is None while every line is a
    fold of its own. `odd` are folds that some offer may not touch. `pending` are basket discounts
    that are not shared over the folds yet, `notes` earned units that are not. `steps` are the
    ladders that were asked: how many thresholds were reached, by what money, and who won.
    """

    __slots__ = (
        "_eligible",
        "_ranks",
        "accrual",
        "amounts",
        "basket",
        "became",
        "counts",
        "cuts",
        "dues",
        "earned",
        "folds",
        "found",
        "free",
        "free_amounts",
        "gap_minor",
        "goods",
        "line_off",
        "lines",
        "member",
        "moment",
        "nodes",
        "notes",
        "odd",
        "off",
        "on_basket",
        "optimal",
        "owners",
        "pending",
        "place",
        "prepared",
        "refused",
        "shelf",
        "steps",
        "unit",
    )

    def __init__(
        self, prepared: Prepared, member: MemberState | None, basket: Basket, place: Place
    ) -> None:
        self.prepared = prepared
        self.member = member
        self.basket = basket
        self.place = place
        self.moment = Moment(place)
        self.folds: list[Fold] | None = None
        self._fold(basket)
        self.dues = self.amounts[:]
        self.free = self.counts[:]
        self.free_amounts = self.amounts[:]
        self.line_off: dict[int, int] = {}
        self.cuts: dict[int, list[Cut]] = {}
        self.owners: dict[int, tuple[Offer, ...]] = {}
        self.found: dict[Offer, list[int]] = {}
        self.refused: dict[int, OfferOutcome] = {}
        self.became: dict[Offer, Became] = {}
        self.unit: list[Offer] = []
        self.on_basket: list[Offer] = []
        self.accrual: list[Offer] = []
        self.pending: list[tuple[Offer, int, list[int]]] = []
        self.notes: list[Note] = []
        self.earned: dict[tuple[str, str], int] = {}
        self.steps: list[tuple[Ladder, int, int, Offer | None]] = []
        self._eligible: dict[tuple[Stage, bool], list[int]] = {}
        self._ranks: list[int] | None = None
        self.shelf = sum(self.amounts)
        self.off = 0
        self.nodes = 0
        self.gap_minor = 0
        self.optimal = True

    # -- folds

    def _fold(self, basket: Basket) -> None:
        lines: list[Line] = list(basket.lines)
        if len({line.sku for line in lines}) < len(lines):
            self.folds = fold_lines(basket.lines)
            lines = [fold.line for fold in self.folds]
            self.counts = [fold.count for fold in self.folds]
            self.amounts = [fold.amount for fold in self.folds]
        else:
            self.counts = [_units_of(line) for line in lines]
            self.amounts = [line.amount_minor for line in lines]
        self.lines = lines
        odd = {
            fold
            for fold, line in enumerate(lines)
            if line.kind is not _GOODS
            or not (line.discountable and line.earns and line.redeemable)
            or line.list_price_minor is not None
            or line.amount_minor < 0
        }
        self.odd = odd
        self.goods = list(range(len(lines)))
        if odd:
            amounts = self.amounts
            self.goods = [
                fold
                for fold in self.goods
                if fold not in odd or (lines[fold].kind is _GOODS and amounts[fold] >= 0)
            ]

    def order_of(self, fold: int) -> tuple[object, ...]:
        """The documented order of ties: tax, dearer price first, sku, line id last."""
        line = self.lines[fold]
        taxes: tuple[object, ...] = ()
        if line.taxes:
            taxes = tuple([(tax.code, str(tax.rate)) for tax in line.taxes])
        return (taxes, -(self.amounts[fold] // self.counts[fold]), line.sku, line.line_id)

    # -- finding

    def find(self) -> None:
        """Look up which offers the lines touch, and sort out those that can't be had."""
        if not self.goods:
            raise Beyond
        programme = self.prepared.programme
        by_sku, by_brand, by_tag = programme.by_sku, programme.by_brand, programme.by_tag
        alike: dict[tuple[str, ...], list[int]] = {}
        for fold, line in enumerate(self.lines):
            hits = by_sku.get(line.sku)
            if hits is not None:
                self._touch(hits, fold)
            if by_brand and line.brand and (hits := by_brand.get(line.brand)) is not None:
                self._touch(hits, fold)
            if by_tag and line.tags:
                for tag in line.tags:
                    self._touch(by_tag.get(tag, ()), fold)
            group = alike.get(line.categories)
            if group is None:
                alike[line.categories] = [fold]
            else:
                group.append(fold)
        self._find_by_categories(alike)
        self._find_broad()
        self._admit_all()

    def _touch(self, hits: Hits, fold: int) -> None:
        found, odd = self.found, self.odd
        for offer, alone in hits:
            if (alone and fold not in odd) or self._takes(offer, fold, alone):
                touched = found.get(offer)
                if touched is None:
                    found[offer] = [fold]
                elif touched[-1] != fold:
                    touched.append(fold)

    def _find_by_categories(self, alike: dict[tuple[str, ...], list[int]]) -> None:
        found, odd, prepared = self.found, self.odd, self.prepared
        several = prepared.keys_several
        for categories, group in alike.items():
            for offer, alone in prepared.hits_of(categories):
                mine = group
                if odd or not alone:
                    mine = [
                        fold
                        for fold in group
                        if (alone and fold not in odd) or self._takes(offer, fold, alone)
                    ]
                    if not mine:
                        continue
                known = found.get(offer)
                if known is None:
                    found[offer] = mine
                elif offer in several:
                    found[offer] = known + [fold for fold in mine if fold not in known]
                else:
                    found[offer] = known + mine

    def _find_broad(self) -> None:
        """Add the offers that no key of a line finds: on everything, and by coupon."""
        found, prepared = self.found, self.prepared
        for offer, everything in prepared.broad:
            if everything:
                found[offer] = self.eligible(offer)
            elif offer not in found:
                found[offer] = []
        for code in self.basket.coupons:
            for offer in prepared.programme.by_coupon.get(code, ()):
                found[offer] = self.eligible(offer)

    def eligible(self, offer: Offer) -> list[int]:
        """The goods whose flags let an offer act on them; one list for all offers alike."""
        if not self.odd:
            return self.goods
        key = (offer.stage, offer.changed_prices)
        known = self._eligible.get(key)
        if known is None:
            known = [
                fold
                for fold in self.goods
                if fold not in self.odd or is_eligible(offer, self.lines[fold])
            ]
            self._eligible[key] = known
            if not known:
                raise Beyond
        return known

    def _takes(self, offer: Offer, fold: int, alone: bool) -> bool:  # noqa: FBT001
        """Tell whether an offer may act on a fold: kind, flags, changed prices, selection."""
        line = self.lines[fold]
        if line.kind is not _GOODS:
            return (
                offer.stage is _ACCRUAL
                and line.kind.value in offer.what.kinds
                and self._selects(offer.what, line)
            )
        if self.amounts[fold] < 0 or not is_eligible(offer, line):
            return False
        if alone:
            return True
        if isinstance(offer.reward, Bundle):
            return any(self.matches(selector, fold) for selector, _ in offer.reward.parts)
        return self.matches(offer.what, fold)

    def matches(self, selector: Selector, fold: int) -> bool:
        """Tell whether a selection matches a fold of goods."""
        if selector.kinds and _GOODS.value not in selector.kinds:
            return False
        return self._selects(selector, self.lines[fold])

    def _selects(self, selector: Selector, line: Line) -> bool:
        above = self.prepared.programme.hits_of(line.categories)[0]
        return selects(selector, line, above, _units_of(line))

    # -- admitting

    def _admit_all(self) -> None:
        prepared, member, refused = self.prepared, self.member, self.refused
        conditions, ways = prepared.conditions, prepared.ways
        for offer, folds in self.found.items():
            asked = conditions[offer]
            if asked:
                if asked == 1:
                    reason = MEMBERS_ONLY if member is None else ""
                else:
                    reason = self._refusal(offer)
                if reason:
                    refused[offer.place] = refusal_of(offer, reason)
                    continue
                if offer.needs and not self._meets_shelf(offer):
                    continue
            way = ways[offer]
            if not way:
                raise Beyond
            if not folds:
                refused[offer.place] = refusal_of(offer, NOTHING_SELECTED)
            elif way == UNIT_WAY:
                self.unit.append(offer)
            elif way == BASKET_WAY:
                self.on_basket.append(offer)
            else:
                assert way == ACCRUAL_WAY
                self.accrual.append(offer)
        self._admit_steady()

    def _admit_steady(self) -> None:
        """Add the offers on everything whose conditions were decided for all who are alike."""
        verdict = self.prepared.verdict(self.moment, self.basket, self.member)
        if verdict.others:
            raise Beyond
        self.refused.update(verdict.refused)
        self._admit(verdict.unit, self.unit)
        self._admit(verdict.basket, self.on_basket)
        self._admit(verdict.accrual, self.accrual)

    def _admit(self, offers: Sequence[Offer], admitted: list[Offer]) -> None:
        """Add offers on everything to those that are had at their stage."""
        if self.odd:
            for offer in offers:
                self.found[offer] = self.eligible(offer)
        else:
            self.found.update(dict.fromkeys(offers, self.goods))
        admitted += offers

    def _refusal(self, offer: Offer) -> str:
        prepared = self.prepared
        reason = is_refused(prepared.programme, offer, self.moment, self.basket, self.member)
        # A limit has to be counted, and a reward that could be chosen is asked for.
        if (not reason and offer.limits) or (reason == NOT_CHOSEN and not prepared.ways[offer]):
            raise Beyond
        return reason

    def _meets_shelf(self, offer: Offer) -> bool:
        if not self.prepared.ways[offer]:
            raise Beyond
        return all(need.at is not _SHELF or self.meets(need, offer) for need in offer.needs)

    def meets(self, need: Need, offer: Offer) -> bool:
        """Tell whether a threshold is reached; what is missing goes into what became of it."""
        at_shelf, everything = need.at is _SHELF, need.of.everything
        if everything and not self.odd:
            minor = self.shelf if at_shelf else self.shelf - self.off
            quantity = sum(self.counts)
        else:
            if not at_shelf:
                self.share_out()
            moneys = self.amounts if at_shelf else self.dues
            wanted = self.eligible(offer)
            if not everything:
                wanted = [fold for fold in wanted if self.matches(need.of, fold)]
            minor = sum([moneys[fold] for fold in wanted])
            quantity = sum([self.counts[fold] for fold in wanted])
        missing_minor, missing_quantity = need.minor - minor, need.quantity - quantity
        if missing_minor <= 0 and missing_quantity <= 0:
            return True
        became = self.became_of(offer)
        became.reason = AMOUNT_SHORT if missing_minor > 0 else QUANTITY_SHORT
        became.missing_minor = max(0, missing_minor)
        became.missing_quantity = max(0, missing_quantity)
        return False

    # -- outcomes

    def became_of(self, offer: Offer) -> Became:
        """What became of an offer so far, to be filled in."""
        known = self.became.get(offer)
        if known is None:
            known = self.became[offer] = Became()
        return known

    def say(self, offer: Offer, reason: str) -> None:
        """Note why an offer was not applied."""
        self.refused[offer.place] = refusal_of(offer, reason)

    def cut(self, offer: Offer, group: int, fold: int, minor: int) -> None:
        """Take an amount off a fold in the name of a unit offer."""
        self.dues[fold] -= minor
        self.off += minor
        known = self.cuts.get(fold)
        if known is None:
            self.cuts[fold] = [(offer, group, minor)]
        else:
            known.append((offer, group, minor))
        if offer.of_a_line:
            self.line_off[fold] = self.line_off.get(fold, 0) + minor

    def applied_so_far(self) -> list[Offer]:
        """The offers that have taken something off or goods away."""
        return [offer for offer, became in self.became.items() if became.uses]

    def share_out(self) -> None:
        """Share basket discounts over the folds by what is due on each; ties by their order."""
        for offer, minor, folds in self.pending:
            dues = self.dues
            bearing = [fold for fold in self.in_order(folds) if dues[fold] > 0]
            parts = share(minor, [dues[fold] for fold in bearing])
            for fold, part in zip(bearing, parts, strict=True):
                if part:
                    dues[fold] -= part
                    self.cuts.setdefault(fold, []).append((offer, 1, part))
        self.pending.clear()

    def in_order(self, folds: list[int]) -> list[int]:
        """Some folds in the documented order of ties."""
        if len(folds) == 1:
            return folds
        if self._ranks is None:
            places = range(len(self.lines))
            self._ranks = [0] * len(self.lines)
            for rank, fold in enumerate(sorted(places, key=self.order_of)):
                self._ranks[fold] = rank
        return sorted(folds, key=self._ranks.__getitem__)


def _units_of(line: Line) -> int:
    if line.measure:
        return 1
    quantity = line.quantity
    count = int(quantity)
    return count if count == quantity and count > 0 else 1
