"""The quick way to a quote: sums and reasons first, its values when somebody reads them.

Owns: the order of the stages on whole numbers, and the parts of a quote that are made later.
Must never: give another quote than `evaluate_in_full`; where it can't give that one it gives none.
"""

from collections.abc import Callable

from tessera.core.basket import Basket, Place
from tessera.core.member import MemberState
from tessera.core.quote import (
    CounterUse,
    FiscalLine,
    IssuedCoupon,
    LineQuote,
    OfferOutcome,
    Prompt,
    Quote,
    ReceiptLine,
    Stage,
    TaxGroup,
    UnitMovement,
    quote_maker,
)
from tessera.core.values import maker
from tessera.rules.accrual import completed_cards, movements, rights_of
from tessera.rules.admitting import refusal_of
from tessera.rules.beside_lines import (
    counters_of,
    discounts_on_receipt,
    earned_on_receipt,
    issued_on_receipt,
    near_miss,
    reward_prompts,
)
from tessera.rules.fiscal import fiscal_lines
from tessera.rules.folds import GOODS, quantity_of
from tessera.rules.prepared import prepared_of
from tessera.rules.programme import Programme
from tessera.rules.quick_lines import quick_lines, taxable_folds
from tessera.rules.reasons import AMOUNT_SHORT, APPLIED, BETTER_OFFER, NO_SAVING
from tessera.rules.tally import Beyond, Tally
from tessera.rules.tally_basket import stages_compete, tally_basket
from tessera.rules.tally_offers import find_offers
from tessera.rules.tally_points import tally_points
from tessera.rules.tally_units import tally_units
from tessera.rules.taxes import FoldTax, tax_groups

_offer_outcome = maker(OfferOutcome)
_quote = quote_maker(
    (
        *("engine", "programme", "currency", "shelf_minor", "discount_minor"),
        *("tendered_units_minor", "due_minor", "settings_used", "nodes", "tax_on_top_minor"),
        *("third_party_minor", "optimal", "gap_minor"),
    )
)
_ACCRUAL = Stage.ACCRUAL


def quick_quote(
    programme: Programme, member: MemberState | None, basket: Basket, place: Place, engine: str
) -> Quote | None:
    """Price a basket the quick way; None when it needs the full one."""
    prepared = prepared_of(programme)
    if not prepared.quick or basket.redemptions or basket.earning_only or not basket.lines:
        return None
    tally = Tally(prepared, member, basket, place)
    try:
        find_offers(tally)
        if stages_compete(tally):
            return None
        tally_units(tally)
        tally_basket(tally)
        tally_points(tally)
    except Beyond:
        return None
    if tally.odd and _exceeds(tally):
        return None
    parts = Parts(tally)
    third_party = parts.paid_by_others() if prepared.third_party else 0
    on_top = 0
    taxes = [line.taxes for line in tally.lines if line.taxes]
    if taxes and any(not tax.included for each in taxes for tax in each):
        on_top = sum(tax.on_top for tax in parts.fold_taxes())
    return _quote(
        parts,
        engine,
        programme.programme_id,
        basket.currency,
        tally.shelf,
        tally.off,
        0,
        tally.shelf - tally.off + on_top,
        programme.settings_used,
        tally.nodes,
        on_top,
        third_party,
        True,  # noqa: FBT003 — what is not proven is left to the full way
        0,
    )


def _exceeds(tally: Tally) -> bool:
    """Tell whether offers take off more than goods below zero or lowest prices may leave."""
    if any(line.minimum_price_minor is not None for line in tally.lines):
        return True
    goods = [
        minor for line, minor in zip(tally.lines, tally.amounts, strict=True) if line.kind is GOODS
    ]
    return min(goods, default=0) < 0 and tally.off > max(0, sum(goods))


class Parts:
    """The parts of one quote that are made when they are read."""

    __slots__ = ("_extra", "_fold_taxes", "_issued", "_lines", "_taxes", "_units", "tally")

    def __init__(self, tally: Tally) -> None:
        self.tally = tally
        self._taxes: list[TaxGroup] = []
        self._fold_taxes: list[FoldTax] | None = None
        self._lines: tuple[LineQuote, ...] | None = None
        self._units: list[UnitMovement] | None = None
        self._issued: list[IssuedCoupon] | None = None
        self._extra: dict[int, int] = {}

    def give(self, name: str) -> object:
        """One part by the name of its field; AttributeError for anything else."""
        make = _PARTS.get(name)
        if make is None:
            raise AttributeError(name)
        return make(self)

    def outcomes(self) -> tuple[OfferOutcome, ...]:
        """What became of every offer that was considered, in the documented order."""
        tally = self.tally
        found = tally.refused.copy()
        for ladder, reached, due, winner in tally.steps:
            found.update(zip(ladder.places[:reached], ladder.lost, strict=False))
            offers, starts = ladder.offers, ladder.starts
            for step in range(reached, len(offers)):
                offer = offers[step]
                found[offer.place] = near_miss(offer, AMOUNT_SHORT, starts[step] - due, 0)
            if winner is not None:
                found[winner.place] = refusal_of(winner, BETTER_OFFER)
        for offer, (reason, minor, quantity) in tally.short.items():
            found[offer.place] = near_miss(offer, reason, minor, quantity)
        for offer, became in tally.became.items():
            found[offer.place] = _offer_outcome(
                offer.offer_id, APPLIED, offer.stage, "", became.uses, became.discount
            )
        for offer, units in tally.granted.items():
            found[offer.place] = _offer_outcome(offer.offer_id, APPLIED, _ACCRUAL, "", 1, 0, units)
        for offer in tally.issuing:
            found[offer.place] = _offer_outcome(offer.offer_id, APPLIED, _ACCRUAL, "", 1, 0)
        for had in (tally.unit, tally.on_basket, tally.accrual):
            for offer in had:
                if offer.place not in found:
                    found[offer.place] = refusal_of(offer, NO_SAVING)
        return tuple([found[place] for place in sorted(found)])

    def paid_by_others(self) -> int:
        """Note what partners pay without lowering the tax base, by fold; give the sum."""
        tally = self.tally
        if not any(one.funding and one.funding.third_party_paid for one in tally.became):
            return 0
        tally.share_out()
        for fold, cuts in tally.cuts.items():
            for offer, _, minor in cuts:
                funding = offer.funding
                if funding is not None and funding.third_party_paid:
                    part = minor * funding.share[0] // funding.share[1]
                    self._extra[fold] = self._extra.get(fold, 0) + part
        return sum(self._extra.values())

    def fold_taxes(self) -> list[FoldTax]:
        """The tax of each fold."""
        if self._fold_taxes is None:
            tally = self.tally
            folds, lines = taxable_folds(tally), tally.basket.lines
            quantities = (
                [quantity_of(fold, lines) for fold in tally.folds]
                if tally.folds
                else [line.quantity for line in lines]
            )
            rounding = tally.prepared.programme.settings.rounding
            self._taxes, self._fold_taxes = tax_groups(
                folds, quantities, self._extra, tally.place.tax_rounding, rounding
            )
        return self._fold_taxes

    def taxes(self) -> tuple[TaxGroup, ...]:
        """The sums by tax group."""
        self.fold_taxes()
        return tuple(self._taxes)

    def lines(self) -> tuple[LineQuote, ...]:
        """Each line's answer."""
        if self._lines is None:
            self._lines = quick_lines(self.tally, self.fold_taxes())
        return self._lines

    def fiscal(self) -> tuple[FiscalLine, ...]:
        """Lines split so that each has an exact unit price."""
        return fiscal_lines(self.tally.basket.lines, self.lines())

    def units(self) -> list[UnitMovement]:
        """What the basket does to each unit of account."""
        if self._units is None:
            tally = self.tally
            programme, day = tally.prepared.programme, tally.place.business_day
            self._units = movements(programme, day, (), tally.earned)
        return self._units

    def prompts(self) -> tuple[Prompt, ...]:
        """The rewards that the member could take."""
        return tuple(reward_prompts(self.tally.unchosen, self.tally.known_member))

    def issued(self) -> list[IssuedCoupon]:
        """The rights that the sale grants."""
        if self._issued is None:
            tally = self.tally
            programme, day = tally.prepared.programme, tally.place.business_day
            self._issued = rights_of(programme, tally.issuing, day)
            if tally.prepared.completing:
                self._issued += completed_cards(programme, tally.known_member, day, tally.earned)
        return self._issued

    def counters(self) -> list[CounterUse]:
        """What limits have to count."""
        tally = self.tally
        used = [
            (offer, became.uses, became.discount, 0)
            for offer, became in tally.became.items()
            if became.uses
        ]
        used += [(offer, 1, 0, units) for offer, units in tally.granted.items()]
        used += [(offer, 1, 0, 0) for offer in tally.issuing]
        return counters_of(tally.prepared.programme, tally.place.business_day, used)

    def receipt(self) -> tuple[ReceiptLine, ...]:
        """The lines of the receipt."""
        applied = [
            (offer, became.discount)
            for offer, became in self.tally.became.items()
            if became.discount
        ]
        programme = self.tally.prepared.programme
        found = discounts_on_receipt(applied) + earned_on_receipt(programme, self.units())
        return tuple(found + issued_on_receipt(programme, self.issued()))


_PARTS: dict[str, Callable[[Parts], object]] = {
    "offers": Parts.outcomes,
    "lines": Parts.lines,
    "taxes": Parts.taxes,
    "fiscal_lines": Parts.fiscal,
    "units": lambda parts: tuple(parts.units()),
    "receipt": Parts.receipt,
    "prompts": Parts.prompts,
    "issued": lambda parts: tuple(parts.issued()),
    "counters": lambda parts: tuple(parts.counters()),
}
