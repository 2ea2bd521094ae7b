"""The quote put together from what the stages left behind, its reasons and receipt lines included.

Owns: the distribution from folds to lines, the order of everything on its lines; the rest is in
`beside_lines`. Must never: change a sum; it only distributes them.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from tessera.core.basket import Line
from tessera.core.money import share
from tessera.core.quote import (
    IssuedCoupon,
    LineQuote,
    Message,
    OfferShare,
    Quote,
    ReceiptLine,
    Stage,
    TaxGroup,
    UnitMovement,
    UnitShare,
)
from tessera.core.values import maker
from tessera.rules.accrual import movements
from tessera.rules.beside_lines import (
    counters_used,
    discounts_on_receipt,
    earned_on_receipt,
    issued_on_receipt,
    outcomes_of,
    prompts_of,
    unit_label,
)
from tessera.rules.fiscal import fiscal_lines
from tessera.rules.folds import Fold, spread_to_lines
from tessera.rules.model import Gift, Offer
from tessera.rules.redemption import Spending
from tessera.rules.taxes import FoldTax
from tessera.rules.work import Work


@dataclass(slots=True)
class Parts:
    """What the stages computed besides the folds."""

    taxes: list[TaxGroup]
    fold_taxes: list[FoldTax]
    spendings: list[Spending]
    extra: dict[int, int]
    issued: list[IssuedCoupon]


def quote_of(work: Work, parts: Parts, engine: str) -> Quote:
    """Give the quote of a finished evaluation."""
    basket = work.basket
    lines = lines_of(work.folds, basket.lines, parts.fold_taxes)
    shelf = sum(line.amount_minor for line in basket.lines)
    discount = sum(line.discount_minor for line in lines)
    on_top = sum(tax.on_top for tax in parts.fold_taxes)
    tendered = sum(spending.minor for spending in parts.spendings if spending.tender)
    units = movements(work.programme, work.place.business_day, work.spendings, work.earned)
    return Quote(
        engine=engine,
        programme=work.programme.programme_id,
        currency=basket.currency,
        shelf_minor=shelf,
        discount_minor=discount,
        tendered_units_minor=tendered,
        due_minor=shelf - discount + on_top - tendered,
        lines=tuple(lines),
        taxes=tuple(parts.taxes),
        units=tuple(units),
        offers=tuple(outcomes_of(work)),
        prompts=tuple(prompts_of(work)),
        issued=tuple(parts.issued),
        receipt=_receipt(work, parts, units),
        fiscal_lines=fiscal_lines(basket.lines, lines),
        settings_used=work.programme.settings_used,
        optimal=work.optimal,
        gap_minor=0 if work.optimal else work.gap_minor,
        nodes=work.nodes,
        tax_on_top_minor=on_top,
        third_party_minor=sum(parts.extra.values()),
        counters=tuple(counters_used(work)),
    )


def third_party_parts(work: Work) -> dict[int, int]:
    """Give what partners pay on each fold without lowering the tax base."""
    found: dict[int, int] = {}
    for fold in work.goods:
        for (offer, _), minor in fold.shares.items():
            funding = offer.funding
            if funding is not None and funding.third_party_paid:
                part = minor * funding.share[0] // funding.share[1]
                found[fold.number] = found.get(fold.number, 0) + part
    return found


# -- lines


def lines_of(
    folds: Sequence[Fold], lines: Sequence[Line], taxes: Sequence[FoldTax]
) -> list[LineQuote]:
    """Give each line's answer, in the order of the basket."""
    found: list[LineQuote | None] = [None] * len(lines)
    for fold in folds:
        tax = taxes[fold.number]
        if len(fold.members) == 1:
            member = fold.members[0]
            offers = _shares(fold) if fold.shares or fold.redeemed or fold.triggers else ()
            units = _units(fold) if fold.earned or fold.spent else ()
            found[member] = _line(lines[member], fold.number, offers, units, tax)
        else:
            for place, line in enumerate(_fold_lines(lines, fold, tax)):
                found[fold.members[place]] = line
    return [line for line in found if line is not None]


def _line(
    line: Line,
    number: int,
    offers: tuple[OfferShare, ...],
    units: tuple[UnitShare, ...],
    tax: FoldTax,
) -> LineQuote:
    discount = sum([one.discount_minor for one in offers]) if offers else 0
    return _line_quote(
        line.line_id,
        line.amount_minor,
        discount,
        line.amount_minor - discount,
        number + 1,
        offers,
        units,
        tax.tax,
        tax.on_top,
    )


def share_of(offer: Offer, group: int, minor: int) -> OfferShare:
    """Give what an offer took off a line in one of its uses."""
    funding = offer.funding
    if funding is None:
        role = "gift" if isinstance(offer.reward, Gift) else ""
        return _offer_share(offer.offer_id, minor, group, offer.stage, role)
    partner_minor = minor * funding.share[0] // funding.share[1]
    return OfferShare(
        offer=offer.offer_id,
        discount_minor=minor,
        group=group,
        stage=offer.stage,
        role="gift" if isinstance(offer.reward, Gift) else "",
        partner=funding.partner,
        partner_minor=partner_minor,
        third_party_minor=partner_minor if funding.third_party_paid else 0,
    )


def _shares(fold: Fold) -> tuple[OfferShare, ...]:
    found = [share_of(offer, group, minor) for (offer, group), minor in fold.shares.items()]
    if fold.redeemed or fold.triggers:
        found += [
            OfferShare(offer=name, discount_minor=minor, stage=Stage.REDEMPTION)
            for name, minor in fold.redeemed.items()
        ]
        found += [
            OfferShare(offer=offer.offer_id, discount_minor=0, stage=offer.stage, role="trigger")
            for offer in fold.triggers
        ]
    if len(found) > 1:
        found.sort(key=_share_order)
    return tuple(found)


def _share_order(one: OfferShare) -> tuple[object, ...]:
    return (_STAGES[one.stage], one.offer, one.group, one.role)


_offer_share, _unit_share, _line_quote = maker(OfferShare), maker(UnitShare), maker(LineQuote)
_message, _receipt_line = maker(Message), maker(ReceiptLine)
_STAGES = {stage: place for place, stage in enumerate(Stage)}


def _units(fold: Fold) -> tuple[UnitShare, ...]:
    found = [
        _unit_share(unit, offer, earned, 0, 0, issuer)
        for (unit, offer, issuer), earned in (
            sorted(fold.earned.items()) if len(fold.earned) > 1 else fold.earned.items()
        )
    ]
    if fold.spent:
        found += [
            UnitShare(unit=unit, offer=offer, spent=spent, tendered_minor=minor, issuer=issuer)
            for (unit, offer, issuer), (spent, minor) in sorted(fold.spent.items())
        ]
    return tuple(found)


def _fold_lines(lines: Sequence[Line], fold: Fold, tax: FoldTax) -> list[LineQuote]:
    """Distribute a fold's sums over its equal lines, each sum by largest remainder.

    The discount is shared as one sum, and each line's discount over the offers after that, so that
    equal lines never differ by more than one minor unit.
    """
    shares, units = _shares(fold), _units(fold)
    total = sum(one.discount_minor for one in shares)
    by_line = spread_to_lines(total, fold, lines)
    columns = _spread_offers([one.discount_minor for one in shares], by_line)
    partners = [
        share(one.partner_minor, column) for one, column in zip(shares, columns, strict=True)
    ]
    taxes = spread_to_lines(tax.tax, fold, lines)
    tops = spread_to_lines(tax.on_top, fold, lines)
    earned = [spread_to_lines(one.earned, fold, lines) for one in units]
    spent = [spread_to_lines(one.spent, fold, lines) for one in units]
    left = [
        max(0, lines[member].amount_minor - by_line[place] + tops[place])
        for place, member in enumerate(fold.members)
    ]
    tendered = [share(one.tendered_minor, left) for one in units]
    found = []
    for place, member in enumerate(fold.members):
        offers = tuple(
            _with_discount(one, column[place], partner[place])
            for one, column, partner in zip(shares, columns, partners, strict=True)
            if column[place] or one.role
        )
        unit_shares = tuple(
            UnitShare(
                unit=one.unit,
                offer=one.offer,
                earned=earned[number][place],
                spent=spent[number][place],
                tendered_minor=tendered[number][place],
                issuer=one.issuer,
            )
            for number, one in enumerate(units)
        )
        line_tax = FoldTax()
        line_tax.tax, line_tax.on_top = taxes[place], tops[place]
        found.append(_line(lines[member], fold.number, offers, unit_shares, line_tax))
    return found


def _with_discount(one: OfferShare, minor: int, partner_minor: int) -> OfferShare:
    return OfferShare(
        offer=one.offer,
        discount_minor=minor,
        group=one.group,
        stage=one.stage,
        role=one.role,
        partner=one.partner,
        partner_minor=partner_minor,
        third_party_minor=partner_minor if one.third_party_minor else 0,
    )


def _spread_offers(offers: Sequence[int], by_line: Sequence[int]) -> list[list[int]]:
    """Give a table offer × line whose rows sum to `offers` and whose columns to `by_line`."""
    left = list(by_line)
    table = []
    for place, minor in enumerate(offers):
        row = list(left) if place == len(offers) - 1 else share(minor, left)
        table.append(row)
        left = [old - new for old, new in zip(left, row, strict=True)]
    return table


# -- receipt


def _receipt(work: Work, parts: Parts, units: Sequence[UnitMovement]) -> tuple[ReceiptLine, ...]:
    applied = [
        (offer, outcome.discount) for offer, outcome in work.outcomes.items() if outcome.discount
    ]
    found = discounts_on_receipt(applied)
    for spending in parts.spendings:
        if not spending.units:
            continue
        arguments = (("count", spending.units), *unit_label(work.programme, spending.unit))
        text = Message(key="receipt.spent", arguments=arguments)
        if spending.tender or spending.offer.startswith("unit:"):
            found.append(ReceiptLine(text=text, amount_minor=-spending.minor))
        else:
            found.append(ReceiptLine(text=text))
    found += earned_on_receipt(work.programme, units)
    return tuple(found + issued_on_receipt(work.programme, parts.issued))
