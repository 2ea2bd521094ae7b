"""A basket becomes a quote: the stages in their order, and nothing else.

Owns: the order of the stages and the engine's version. Must never: read a clock, a file or chance;
the same input gives the same quote, byte for byte.
"""

from decimal import Decimal

from tessera.core.basket import Basket, Place
from tessera.core.member import MemberState
from tessera.core.quote import Quote
from tessera.rules.accrual import accrue, issue
from tessera.rules.answer import Parts, quote_of, third_party_parts
from tessera.rules.basket_offers import refuse_unmet
from tessera.rules.combine import settle
from tessera.rules.corrections import give_up_excess
from tessera.rules.finding import find_offers
from tessera.rules.folds import quantity_of
from tessera.rules.minimum_prices import keep_minimum_prices
from tessera.rules.programme import Programme
from tessera.rules.quick_quote import quick_quote
from tessera.rules.redemption import Purse, redeem_discounts, redeem_tenders
from tessera.rules.stops import without
from tessera.rules.taxes import tax_groups
from tessera.rules.work import Work

_NO_QUANTITY = Decimal(0)
ENGINE_VERSION = "1"
"""Rises whenever the same input could give another quote; stands in every quote and record."""


def evaluate(
    programme: Programme, member: MemberState | None, basket: Basket, place: Place
) -> Quote:
    """Price a basket.

    Amounts are minor units of the programme's currency. ValueError when the basket is in another
    currency, which the caller is to refuse first.
    """
    if basket.currency != programme.currency:
        raise ValueError(f"a basket in {basket.currency}, a programme in {programme.currency}")
    programme = without(programme, place.stopped)
    quick = quick_quote(programme, member, basket, place, ENGINE_VERSION)
    return evaluate_in_full(programme, member, basket, place) if quick is None else quick


def evaluate_in_full(
    programme: Programme, member: MemberState | None, basket: Basket, place: Place
) -> Quote:
    """Price a basket stage by stage, whatever it needs; `quick_quote` gives the same, or nothing.

    The basket is in the programme's currency.
    """
    work = Work(without(programme, place.stopped), member, basket, place)
    find_offers(work)
    settle(work)
    keep_minimum_prices(work)
    give_up_excess(work)
    refuse_unmet(work)
    purse = Purse(work)
    spendings = redeem_discounts(work, purse)
    quantities = [
        quantity_of(fold, basket.lines) if fold.line.taxes else _NO_QUANTITY for fold in work.folds
    ]
    extra = third_party_parts(work)
    taxes, fold_taxes = tax_groups(
        work.folds, quantities, extra, place.tax_rounding, work.settings.rounding
    )
    spendings += redeem_tenders(work, purse, fold_taxes)
    work.spendings = [
        (spending.unit, spending.issuer, spending.units, spending.minor)
        for spending in spendings
        if spending.units
    ]
    accrue(work)
    parts = Parts(
        taxes=taxes,
        fold_taxes=fold_taxes,
        spendings=spendings,
        extra=extra,
        issued=issue(work, work.earned),
    )
    return quote_of(work, parts, ENGINE_VERSION)
