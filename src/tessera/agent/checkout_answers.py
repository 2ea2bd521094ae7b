"""From a quote to what the POS is told, in the language of the register.

Owns: the shaping of quotes and returns into answers. Must never: compute a price; a balance after
is the only sum made here.
"""

from collections.abc import Sequence

from tessera.agent import api_answers
from tessera.agent.checkout_coupons import GrantedCode
from tessera.agent.checkout_member import Buyer, member_answer
from tessera.agent.checkout_quote import Quoted, draw_notices
from tessera.agent.notices import worded
from tessera.core.basket import Basket
from tessera.core.quote import IssuedCoupon, Message, Quote, ReturnQuote, TaxGroup, UnitMovement
from tessera.core.sale import DrawResult
from tessera.rules.draw_terms import DrawTerms, terms_in
from tessera.rules.savings import savings_claimed
from tessera.rules.wording import receipt_texts, say


def quote_answer(  # noqa: PLR0913 - what surrounds a quote in its answer is named at the call
    quoted: Quoted,
    *,
    result: str,
    mode: str,
    language: str,
    sale_id: str = "",
    revision: int = 0,
    uid: str = "",
    receipt_code: str = "",
    flags: tuple[str, ...] = (),
    notices: tuple[api_answers.Notice, ...] = (),
    draws: tuple[DrawResult, ...] = (),
    codes: tuple[GrantedCode, ...] = (),
) -> api_answers.QuoteAnswer:
    """The whole answer for a basket."""
    quote = quoted.quote
    return api_answers.QuoteAnswer(
        result=result,
        mode=mode,
        quote_id=quoted.quote_id,
        sale_id=sale_id,
        revision=revision,
        uid=uid,
        receipt_code=receipt_code,
        flags=flags,
        optimal=quote.optimal,
        gap_minor=quote.gap_minor,
        totals=api_answers.TotalsAnswer(
            shelf_minor=quote.shelf_minor,
            discount_minor=quote.discount_minor,
            tendered_units_minor=quote.tendered_units_minor,
            due_minor=quote.due_minor,
            taxes=taxes(quote.taxes),
        ),
        member=member_answer(quoted.buyer),
        lines=_lines(quoted.basket, quote),
        units=sale_units(quoted.buyer, quote.units),
        offers=offers(quote, language),
        prompts=tuple(
            api_answers.PromptAnswer(
                kind=prompt.kind,
                offer=prompt.offer,
                choices=prompt.choices,
                text=_said(prompt.text, language, quote.currency),
            )
            for prompt in quote.prompts
        ),
        issued=issued_answers(quote, codes, language=language),
        draws=draw_answers(draws),
        receipt=tuple(
            receipt_texts(quote, language, drawn=(*draw_lines(draws), *code_lines(codes)))
        ),
        fiscal_lines=tuple(
            api_answers.FiscalLineAnswer(
                line_id=line.line_id,
                quantity=line.quantity,
                unit_price_minor=line.unit_price_minor,
            )
            for line in quote.fiscal_lines
        ),
        notices=worded((*quoted.notices, *notices, *draw_notices(draws)), language),
    )


def issued_answers(
    quote: Quote, codes: Sequence[GrantedCode] = (), *, language: str
) -> tuple[api_answers.IssuedAnswer, ...]:
    """The rights that a sale grants; a coupon's own codes once the sale is recorded."""
    terms = terms_in(quote, language)
    return tuple(
        api_answers.IssuedAnswer(
            kind=right.kind,
            offer=right.offer,
            count=right.count,
            valid_from=right.valid_from,
            valid_until=right.valid_until,
            codes=_codes_of(right, codes),
            terms=_terms(terms.get(right.name)) if right.kind in {"draw", "win"} else None,
        )
        for right in quote.issued
    )


def _terms(terms: DrawTerms | None) -> api_answers.DrawTermsAnswer | None:
    if terms is None:
        return None
    return api_answers.DrawTermsAnswer(
        draw=terms.draw,
        organiser=terms.organiser,
        prizes=terms.prizes,
        free_entry=terms.free_entry,
        countries=terms.countries,
    )


def _codes_of(right: IssuedCoupon, codes: Sequence[GrantedCode]) -> tuple[str, ...]:
    if right.kind == "coupon" and right.detail[:1] == ("shared",):
        return right.detail[1:]
    return tuple(
        one.code
        for one in codes
        if (one.issued.offer, one.issued.name) == (right.offer, right.name)
    )


def code_lines(codes: Sequence[GrantedCode]) -> tuple[Message, ...]:
    """The codes that a sale grants, for the receipt."""
    return tuple(Message(key="receipt.code", arguments=(("code", one.code),)) for one in codes)


def draw_answers(draws: Sequence[DrawResult]) -> tuple[api_answers.DrawAnswer, ...]:
    """What instant wins gave, as it is told."""
    return tuple(
        api_answers.DrawAnswer(offer=draw.offer, won=bool(draw.prize), prize=draw.prize)
        for draw in draws
    )


def draw_lines(draws: Sequence[DrawResult]) -> tuple[Message, ...]:
    """What instant wins gave, for receipt and screen."""
    return tuple(
        Message(key="receipt.won", arguments=(("prize", draw.prize),))
        if draw.prize
        else Message(key="receipt.not-won")
        for draw in draws
    )


def taxes(groups: Sequence[TaxGroup]) -> tuple[api_answers.TaxAnswer, ...]:
    """Tax groups as they are told."""
    return tuple(
        api_answers.TaxAnswer(
            code=group.code,
            rate=group.rate,
            net_minor=group.net_minor,
            tax_minor=group.tax_minor,
            gross_minor=group.gross_minor,
        )
        for group in groups
    )


def _lines(basket: Basket, quote: Quote) -> tuple[api_answers.LineAnswer, ...]:
    claims = savings_claimed(basket, quote)
    return tuple(
        api_answers.LineAnswer(
            id=line.line_id,
            discount_minor=line.discount_minor,
            due_minor=line.due_minor,
            saved_30d_minor=claims.get(line.line_id),
            offers=tuple(
                api_answers.OfferOnLine(
                    offer=part.offer, discount_minor=part.discount_minor, group=part.group
                )
                for part in line.offers
            ),
        )
        for line in quote.lines
    )


def offers(quote: Quote, language: str) -> tuple[api_answers.OfferAnswer, ...]:
    """Every offer that was considered, with its sentence."""
    return tuple(
        api_answers.OfferAnswer(
            offer=seen.offer,
            applied=seen.applied,
            discount_minor=seen.discount_minor,
            units=seen.units,
            uses=seen.uses,
            reason=seen.reason,
            missing_minor=seen.missing_minor,
            missing_quantity=seen.missing_quantity,
            text=_said(seen.text, language, quote.currency),
        )
        for seen in quote.offers
    )


def _said(message: Message | None, language: str, currency: str) -> str:
    return "" if message is None else say(message, language, currency)


def moved(movements: Sequence[UnitMovement]) -> dict[str, tuple[int, int]]:
    """Earned and spent by unit, in the order in which the units appear."""
    sums: dict[str, tuple[int, int]] = {}
    for move in movements:
        earned, spent = sums.get(move.unit, (0, 0))
        sums[move.unit] = (earned + move.earned, spent + move.spent)
    return sums


def sale_units(
    buyer: Buyer, movements: Sequence[UnitMovement]
) -> tuple[api_answers.UnitAnswer, ...]:
    """What the sale does to each of the member's units, and to those without an account yet.

    Without a member there is nothing to move: earning needs somebody to hold it.
    """
    if buyer.known is None:
        return ()
    sums, views, owed = moved(movements), buyer.balances(), buyer.owed()
    answers = []
    for unit in dict.fromkeys((*sums, *views)):
        earned, spent = sums.get(unit, (0, 0))
        view = views.get(unit)
        balance = (view.balance if view else 0) - owed.get(unit, 0)
        spendable = max(0, view.spendable if view else 0)
        change = earned - spent
        answers.append(
            api_answers.UnitAnswer(
                unit=unit,
                earned=earned,
                spent=spent,
                balance_after=balance + change,
                spendable_now=max(0, spendable - spent),
                pending=(view.pending if view else 0) + change,
            )
        )
    return tuple(answers)


def return_answer(  # noqa: PLR0913 - as quote_answer
    quote: ReturnQuote,
    *,
    result: str,
    return_id: str,
    original_sale_id: str,
    mode: str,
    language: str,
    buyer: Buyer,
    uid: str = "",
    flags: tuple[str, ...] = (),
    notices: tuple[api_answers.Notice, ...] = (),
) -> api_answers.ReturnAnswer:
    """The whole answer for a return; in its movements `earned` is taken back."""
    views, owed = buyer.balances(), buyer.owed()
    units = []
    for unit, (taken_back, given_back) in moved(quote.units).items():
        view = views.get(unit)
        balance = (view.balance if view else 0) - owed.get(unit, 0)
        units.append(
            api_answers.ReturnedUnitAnswer(
                unit=unit,
                taken_back=taken_back,
                given_back=given_back,
                balance_after=balance - taken_back + given_back,
            )
        )
    return api_answers.ReturnAnswer(
        result=result,
        return_id=return_id,
        original_sale_id=original_sale_id,
        refund_minor=quote.refund_minor,
        tendered_units_minor=quote.tendered_units_minor,
        spent_short_minor=quote.spent_short_minor,
        mode=mode,
        lines=tuple(
            api_answers.ReturnedLineAnswer(
                line_id=line.line_id,
                quantity=line.quantity,
                refund_minor=line.refund_minor,
                gift_charge_minor=line.gift_charge_minor,
            )
            for line in quote.lines
        ),
        taxes=taxes(quote.taxes),
        units=tuple(units),
        receipt=tuple(_said(line.text, language, quote.currency) for line in quote.receipt),
        notices=worded(notices, language),
        flags=flags,
        uid=uid,
    )
