"""The answer where no programme can be asked: shelf amounts and taxes, and nothing given.

Owns: the empty programme, and the quote for the moment when even the rules fail. A sale that was
priced by either names no bundle. Must never: give anything.
"""

from functools import lru_cache

from tessera.core.basket import Basket
from tessera.core.quote import LineQuote, Quote
from tessera.rules.evaluate import ENGINE_VERSION
from tessera.rules.programme import Programme, parse_programme

_CURRENCIES_MAX = 16


@lru_cache(maxsize=_CURRENCIES_MAX)
def plain_programme(currency: str) -> Programme:
    """Give the programme without any offer; `currency` is an ISO 4217 code."""
    text = f"programme: none\ncurrency: {currency}\noffers: {{}}\n"
    programme, problems = parse_programme(text, file="no programme")
    assert programme is not None, problems
    return programme


def bare_quote(basket: Basket) -> Quote:
    """Give shelf amounts alone, for the moment when even the rules fail."""
    total = sum(line.amount_minor for line in basket.lines)
    return Quote(
        engine=ENGINE_VERSION,
        programme="",
        currency=basket.currency,
        shelf_minor=total,
        discount_minor=0,
        tendered_units_minor=0,
        due_minor=total,
        lines=tuple(
            LineQuote(
                line_id=line.line_id,
                amount_minor=line.amount_minor,
                discount_minor=0,
                due_minor=line.amount_minor,
                fold=number,
            )
            for number, line in enumerate(basket.lines)
        ),
    )
