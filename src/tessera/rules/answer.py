"""The quote put together from what the stages left behind, its reasons and receipt lines included.

Owns: the distribution from folds to lines, the order of everything in a quote, messages.
Must never: change a sum; it only distributes them.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date

from tessera.core.basket import Line
from tessera.core.member import MemberState
from tessera.core.money import share
from tessera.core.quote import (
    CounterUse,
    IssuedCoupon,
    LineQuote,
    Message,
    OfferOutcome,
    OfferShare,
    Prompt,
    Quote,
    ReceiptLine,
    Stage,
    TaxGroup,
    UnitMovement,
    UnitShare,
)
from tessera.core.values import maker
from tessera.rules.accrual import issuer_of, movements
from tessera.rules.admitting import refusal_of
from tessera.rules.conditions import NOT_CHOSEN, OF_A_LINE, OF_A_MEMBER, counter_key
from tessera.rules.draw_terms import terms_on_receipt
from tessera.rules.fiscal import fiscal_lines
from tessera.rules.folds import Fold, spread_to_lines
from tessera.rules.model import Earn, Gift, Offer, Spend
from tessera.rules.programme import Programme
from tessera.rules.reasons import APPLIED, NO_SAVING, NOT_APPLIED
from tessera.rules.redemption import Spending
from tessera.rules.taxes import FoldTax
from tessera.rules.work import BY_PLACE, Outcome, Work

Used = tuple[Offer, int, int, int]
"""An offer that was used: how often, minor units that it took off, units that it granted."""


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
        offers=tuple(_outcomes(work)),
        prompts=tuple(_prompts(work)),
        issued=tuple(parts.issued),
        receipt=_receipt(work, parts, units),
        fiscal_lines=fiscal_lines(basket.lines, lines),
        settings_used=work.programme.settings_used,
        optimal=work.optimal,
        gap_minor=0 if work.optimal else work.gap_minor,
        nodes=work.nodes,
        tax_on_top_minor=on_top,
        third_party_minor=sum(parts.extra.values()),
        counters=tuple(_counters(work)),
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
_offer_outcome, _message = maker(OfferOutcome), maker(Message)
_receipt_line = maker(ReceiptLine)
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


# -- outcomes, prompts, receipt


def _outcomes(work: Work) -> list[OfferOutcome]:
    found = []
    outcomes = work.outcomes
    for offer in sorted(outcomes, key=BY_PLACE):
        outcome = outcomes[offer]
        known = None
        if not (outcome.uses or outcome.missing_minor or outcome.missing_quantity):
            known = offer.refusals.get(outcome.reason)
        found.append(_outcome(offer, outcome) if known is None else known)
    return found


def _outcome(offer: Offer, outcome: Outcome) -> OfferOutcome:
    if outcome.uses:
        return _offer_outcome(
            offer.offer_id, APPLIED, offer.stage, "", outcome.uses, outcome.discount, outcome.units
        )
    reason = outcome.reason or NO_SAVING
    if outcome.missing_minor or outcome.missing_quantity:
        return near_miss(offer, reason, outcome.missing_minor, outcome.missing_quantity)
    return refusal_of(offer, reason)


def near_miss(offer: Offer, reason: str, missing_minor: int, missing_quantity: int) -> OfferOutcome:
    """Give the outcome of an offer that is short of money, or else of items."""
    if missing_minor:
        text = _message("near-amount", (("missing_minor", missing_minor), *offer.label))
    else:
        text = _message("near-quantity", (("missing", missing_quantity), *offer.label))
    stage, short = offer.stage, (missing_minor, missing_quantity)
    return _offer_outcome(offer.offer_id, NOT_APPLIED, stage, reason, 0, 0, 0, *short, text)


def _prompts(work: Work) -> list[Prompt]:
    """Ask for a gift that is missing in the basket, and for rewards that the member could take."""
    found = []
    for offer, outcome in work.outcomes.items():
        reward = offer.reward
        if isinstance(reward, Gift) and outcome.reason == "gift-not-in-basket":
            text = Message(key="prompt.gift", arguments=offer.label)
            found.append(
                Prompt(kind="gift", offer=offer.offer_id, choices=reward.choices, text=text)
            )
    not_chosen = [one for one, outcome in work.outcomes.items() if outcome.reason == NOT_CHOSEN]
    found += reward_prompts(not_chosen, work.known_member)
    return sorted(found, key=lambda prompt: prompt.offer)


def reward_prompts(not_chosen: Sequence[Offer], member: MemberState | None) -> list[Prompt]:
    """Ask for the rewards that nobody chose and that the member's units could buy, by offer id."""
    found = []
    spendable = {unit.unit: unit.spendable for unit in member.units} if member else {}
    for offer in not_chosen:
        reward = offer.reward
        if isinstance(reward, Spend) and spendable.get(reward.unit, 0) >= max(
            reward.count, reward.least
        ):
            choices = reward.gift.choices if reward.gift else ()
            text = Message(key="prompt.reward", arguments=offer.label)
            found.append(Prompt(kind="reward", offer=offer.offer_id, choices=choices, text=text))
    return sorted(found, key=lambda prompt: prompt.offer)


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


def discounts_on_receipt(applied: list[tuple[Offer, int]]) -> list[ReceiptLine]:
    """Give a line for each offer that took something off, in the documented order."""
    if len(applied) > 1:
        applied.sort(key=lambda pair: pair[0].place)
    return [
        _receipt_line(_message("receipt.discount", offer.receipt_label or offer.label), -discount)
        for offer, discount in applied
    ]


def earned_on_receipt(programme: Programme, units: Sequence[UnitMovement]) -> list[ReceiptLine]:
    """Give a line for each unit that was earned."""
    found = []
    for movement in units:
        if movement.earned:
            arguments = (("count", movement.earned), *unit_label(programme, movement.unit))
            found.append(ReceiptLine(text=Message(key="receipt.earned", arguments=arguments)))
    return found


def issued_on_receipt(programme: Programme, issued: Sequence[IssuedCoupon]) -> list[ReceiptLine]:
    """Give a line for each right that was granted, and the terms of the draws among them."""
    found = [
        ReceiptLine(text=Message(key=f"receipt.issued.{one.kind}", arguments=(("name", one.name),)))
        for one in issued
    ]
    return found + terms_on_receipt(programme, issued)


def unit_label(programme: Programme, unit: str) -> tuple[tuple[str, str | int], ...]:
    """Give a unit's names as message arguments."""
    names = programme.units[unit].names
    if not names:
        return (("unit", unit),)
    more = [(f"unit.{language}", text) for language, text in names if language]
    return (("unit", names[0][1]), *more)


def _counters(work: Work) -> list[CounterUse]:
    used = [
        (offer, outcome.uses, outcome.discount, outcome.units)
        for offer, outcome in work.outcomes.items()
        if outcome.uses and offer.limits
    ]
    return counters_of(work.programme, work.place.business_day, used)


def counters_of(programme: Programme, day: date, used: Sequence[Used]) -> list[CounterUse]:
    """Give what limits have to count of the offers that were used, sorted by key."""
    found = []
    for offer, uses, discount, units in used:
        for limit in offer.limits:
            if limit.period == "basket" or limit.period in OF_A_LINE:
                continue
            key = counter_key(offer, limit, day)
            use = CounterUse(
                key=key,
                used=discount if limit.period == "budget" else uses,
                most=limit.most if limit.period in OF_A_MEMBER else 0,
            )
            found.append(_counter(programme, offer, units, use))
    return sorted(found, key=lambda one: one.key)


def _counter(programme: Programme, offer: Offer, units: int, use: CounterUse) -> CounterUse:
    """Add to a use what waits for central to confirm it."""
    if offer.offline != "pending" or not use.most:
        return use
    reward = offer.reward
    if not isinstance(reward, Earn):
        return replace(use, pending=True)
    return replace(
        use,
        pending=True,
        unit=reward.unit,
        issuer=issuer_of(programme, offer, reward),
        earned=units,
    )
