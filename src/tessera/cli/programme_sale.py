"""A sale as the programme commands describe it: the options put together and priced.

Owns: turning options and files into the arguments of `evaluate`. Must never: print.
"""

import argparse
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from tessera.core.basket import Basket, Place, TaxRounding
from tessera.core.errors import TesseraError
from tessera.core.member import MemberState
from tessera.core.quote import Quote

if TYPE_CHECKING:
    from tessera.rules.programme import Programme


@dataclass(frozen=True, slots=True, kw_only=True)
class Sale:
    """A priced basket with the programme that priced it."""

    programme: "Programme"
    member: MemberState | None
    basket: Basket
    place: Place
    quote: Quote


def moment_of(text: str) -> datetime:
    """Read a time with its offset from UTC."""
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise TesseraError(
            f"{text!r} is no time", hint="write it as 2026-11-21T10:15:00+01:00"
        ) from None
    if at.tzinfo is None:
        raise TesseraError(f"{text} has no offset from UTC", hint=f"write {text}+01:00, or {text}Z")
    return at


def quote_sale(arguments: argparse.Namespace) -> Sale:
    """Price the sale that the options describe."""
    from tessera.cli.programme_files import read_json, sound_programme
    from tessera.rules.evaluate import evaluate
    from tessera.rules.read_basket import basket_of, member_of

    programme = sound_programme(arguments.programme)
    basket = basket_of(read_json(arguments.basket), currency=programme.currency)
    member = member_of(read_json(arguments.member)) if arguments.member else None
    if basket.currency != programme.currency:
        raise TesseraError(
            f"the basket is in {basket.currency}, the programme in {programme.currency}",
            hint="price it by a programme of its currency",
        )
    at = moment_of(arguments.at)
    place = Place(
        at=at,
        business_day=at.date(),
        store=arguments.store,
        region=arguments.region,
        register=arguments.register,
        tax_rounding=TaxRounding(arguments.tax_rounding),
    )
    quote = evaluate(programme, member, basket, place)
    return Sale(programme=programme, member=member, basket=basket, place=place, quote=quote)
