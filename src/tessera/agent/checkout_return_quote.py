"""What a return of a known sale pays, by the policy that the sale's programme names.

Owns: the choice between the frozen shares and pricing anew what is kept, and the fallback where the
sale's programme is not on this register any more. Must never: use any programme but the sale's.
"""

from decimal import Decimal

from tessera.agent.past_programmes import PastProgrammes
from tessera.agent.problems_http import ApiProblem
from tessera.core.basket import Basket
from tessera.core.quote import Quote, ReturnQuote
from tessera.core.sale import SaleBody
from tessera.rules.evaluate import evaluate
from tessera.rules.returns import ReturnRefused, quote_return, reprice_return

REPRICED = "repriced"
FLAG_FALLBACK = "policy-fallback"


def priced_return(
    past: PastProgrammes,
    sale: SaleBody,
    *,
    bundle: str,
    wishes: dict[str, Decimal],
    before: dict[str, Decimal],
) -> tuple[ReturnQuote, tuple[str, ...]]:
    """The quote of a return, and flags of what was unusual about it.

    `bundle` priced the sale, `before` is what had come back of it. ApiProblem for a line or a
    quantity that was not sold.
    """
    try:
        if dict(sale.quote.settings_used).get("return_policy") != REPRICED:
            return quote_return(sale.quote, sale.basket, wishes, before), ()
        programme = past.find(bundle)
        if programme is None:
            return quote_return(sale.quote, sale.basket, wishes, before), (FLAG_FALLBACK,)

        def price(kept: Basket) -> Quote:
            return evaluate(programme, sale.member, kept, sale.place)

        return reprice_return(sale.quote, sale.basket, wishes, before, price), ()
    except ReturnRefused as error:
        raise ApiProblem("quantity_wrong", error.message, hint=error.hint) from error
