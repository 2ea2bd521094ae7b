"""One basket in whole numbers: folds as places in lists, offers found, admitted or refused.

Owns: the state of the quick way to a quote, and what sends a basket to the full way instead.
Must never: give another answer than the full way (see `work`), or make a value of a quote.
"""

from collections.abc import Sequence
from decimal import Decimal
from operator import attrgetter

from tessera.core.basket import Basket, Line, LineKind, Place
from tessera.core.member import MemberState
from tessera.core.money import share
from tessera.core.quote import OfferOutcome, Stage
from tessera.rules.admitting import Moment, refusal_of
from tessera.rules.bundles import PIECES_APART
from tessera.rules.conditions import BLOCKED, selects
from tessera.rules.folds import Fold, fold_lines, units_of
from tessera.rules.model import Need, Offer, Selector
from tessera.rules.prepared import Prepared, Verdict
from tessera.rules.quick_ladders import Ladder
from tessera.rules.reasons import AMOUNT_SHORT, QUANTITY_SHORT, above, is_eligible

_GOODS = LineKind.GOODS
_MEASURE = attrgetter("measure")
_COUNT_OF = {Decimal(count): count for count in range(1, 100)}
"""Usual quantities as whole numbers: looking one up is quicker than turning it into one."""

Cut = tuple[Offer, int, int]
"""What an offer took off a fold: the offer, its group, minor units."""


class Beyond(Exception):
    """The basket needs something that only the full way can do."""


class Became:
    """What an offer that was applied came to: its uses, and minor units taken off."""

    __slots__ = ("discount", "uses")

    def __init__(self) -> None:
        self.uses = 0
        self.discount = 0


Short = tuple[str, int, int]
"""A reason with what is missing: minor units, items."""

Grant = tuple[Offer, int, int, list[int], list[int] | None]
"""Units that an offer grants: the offer, numerator and denominator, the folds that earned them,
and what counts of each fold (None: the basis in money)."""


def _counts(lines: Sequence[Line]) -> list[int]:
    """The units of each line; see `units_of`."""
    counts = [_COUNT_OF.get(line.quantity, 0) for line in lines]
    if 0 in counts or any(map(_MEASURE, lines)):
        return [units_of(line) for line in lines]
    return counts


class Tally:
    """One basket under way. Folds are numbered in the order of their lines.

    By fold: `lines` (the line that stands for it), `counts`, `amounts`, `dues`, `line_off` (what
    unit offers on single lines took), `cuts` (by whom), `free` and `free_amounts` (units that no
    unit offer has taken), `owners` (who took the others). `folds` is None while every line is a
    fold of its own. `odd` are folds that some offer may not touch.

    `found` are the folds that offers touch, `asked` those of the offers that are still to be asked
    about. `unit`, `on_basket` and `accrual` are the offers that may be had, besides the basket
    offers on everything of the `verdict`; `issuing` grant rights, `unchosen` are rewards that
    nobody asked for, `limited`: some offer has limits to be counted. `refused` are outcomes by
    place, `short` what offers are short of, `became` what came of those that were applied,
    `granted` units by offer. `pending` are basket discounts that are not shared over the folds yet,
    `notes` earned units that are not: unit, issuer, grants and the units of each; `basis` is the
    money that they are counted on. `steps` are the ladders that were asked: how many thresholds
    were reached, by what money, and who won.
    """

    __slots__ = (
        "_eligible",
        "_ranks",
        "accrual",
        "amounts",
        "asked",
        "basis",
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
        "goods",
        "granted",
        "issuing",
        "limited",
        "line_off",
        "lines",
        "member",
        "moment",
        "nodes",
        "notes",
        "odd",
        "off",
        "on_basket",
        "owners",
        "pending",
        "pieces",
        "place",
        "prepared",
        "refused",
        "shelf",
        "short",
        "steps",
        "together",
        "unchosen",
        "unit",
        "verdict",
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
        self.short: dict[Offer, Short] = {}
        self.asked: list[Offer] = []
        self.unit: list[Offer] = []
        self.on_basket: list[Offer] = []
        self.verdict: Verdict | None = None
        self.accrual: list[Offer] = []
        self.issuing: list[Offer] = []
        self.unchosen: list[Offer] = []
        self.limited = False
        self.pending: list[tuple[Offer, int, list[int]]] = []
        self.notes: list[tuple[str, str, list[Grant], list[int]]] = []
        self.granted: dict[Offer, int] = {}
        self.basis = self.amounts
        self.earned: dict[tuple[str, str], int] = {}
        self.steps: list[tuple[Ladder, int, int, Offer | None]] = []
        self._eligible: dict[tuple[Stage, bool], list[int]] = {}
        self._ranks: list[int] | None = None
        self.shelf = sum(self.amounts)
        goods = self.counts
        if self.odd:
            goods = [self.counts[fold] for fold in self.goods]
        self.pieces = sum(goods)
        self.together = self.pieces > PIECES_APART
        self.off = 0
        self.nodes = 0

    # -- folds

    def _fold(self, basket: Basket) -> None:
        lines: Sequence[Line] = basket.lines
        if len({line.sku for line in lines}) < len(lines):
            self.folds = fold_lines(lines)
            lines = [fold.line for fold in self.folds]
            self.counts = [fold.count for fold in self.folds]
            self.amounts = [fold.amount for fold in self.folds]
        else:
            self.counts = _counts(lines)
            self.amounts = [line.amount_minor for line in lines]
        self.lines = lines
        self.goods = list(range(len(lines)))
        self.odd = odd = {
            fold
            for fold, line in enumerate(lines)
            if not (
                line.kind is _GOODS
                and line.discountable
                and line.earns
                and line.redeemable
                and line.list_price_minor is None
                and line.minimum_price_minor is None
                and line.amount_minor >= 0
            )
        }
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

    # -- what an offer may act on

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

    def matches(self, selector: Selector, fold: int) -> bool:
        """Tell whether a selection matches a fold of goods."""
        if selector.only == "skus":
            return self.lines[fold].sku in selector.skus
        if selector.kinds and _GOODS.value not in selector.kinds:
            return False
        return self.selects(selector, self.lines[fold])

    def selects(self, selector: Selector, line: Line) -> bool:
        """Tell whether a selection matches a line of any kind."""
        above = self.prepared.programme.hits_of(line.categories)[0]
        return selects(selector, line, above)

    def meets(self, need: Need, offer: Offer) -> bool:
        """Tell whether a threshold is reached by what is due now; what is missing is noted.

        Those that read the shelf are asked before anything is taken off.
        """
        everything = need.of.everything
        if everything and not self.odd:
            minor, quantity = self.shelf - self.off, sum(self.counts)
        else:
            self.share_out()
            wanted = self.eligible(offer)
            if not everything:
                wanted = [fold for fold in wanted if self.matches(need.of, fold)]
            minor = sum([self.dues[fold] for fold in wanted])
            quantity = sum([self.counts[fold] for fold in wanted])
        missing_minor, missing_quantity = need.minor - minor, need.quantity - quantity
        if missing_minor <= 0 and missing_quantity <= 0:
            over = above(need, minor, quantity)
            if over:
                self.say(offer, over)
            return not over
        reason = AMOUNT_SHORT if missing_minor > 0 else QUANTITY_SHORT
        self.short[offer] = (reason, max(0, missing_minor), max(0, missing_quantity))
        return False

    @property
    def known_member(self) -> MemberState | None:
        """The member when they may have anything at all."""
        member = self.member
        return None if member is None or member.status in BLOCKED else member

    # -- outcomes

    def became_of(self, offer: Offer) -> Became:
        """What an offer came to so far, to be counted on."""
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
