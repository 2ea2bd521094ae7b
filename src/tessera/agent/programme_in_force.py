"""The programme that prices sales now, parsed once, and pricing that never fails a sale.

Owns: which bundle is in force in memory; the plain quote where there is none.
Must never: run a bundle that it does not fully understand; the last good one goes on.
"""

import logging

import sqlalchemy as sa

from tessera.core.basket import Basket, Place
from tessera.core.errors import has_errors
from tessera.core.member import MemberState
from tessera.core.quote import LineQuote, Quote
from tessera.rules.evaluate import ENGINE_VERSION, evaluate
from tessera.rules.programme import Programme, parse_programme
from tessera.store.till import kept_bundles

_LOG = logging.getLogger("tessera.agent.programme")


class ProgrammeInForce:
    """The parsed bundle; `bundle` is empty while none has arrived."""

    def __init__(self) -> None:
        self.bundle = ""
        self.number = 0
        self.rejected = ""
        self._programme: Programme | None = None
        self._empty: dict[str, Programme] = {}

    @property
    def programme(self) -> Programme | None:
        """What prices sales, None while nothing does."""
        return self._programme

    def refresh(self, connection: sa.Connection, *, currency: str) -> bool:
        """Take the bundle that is active in the database; True when another one is in force now."""
        kept = kept_bundles.active(connection)
        if kept is None or kept.hash in {self.bundle, self.rejected}:
            return False
        programme, problems = parse_programme(kept.text, file=f"bundle {kept.hash[:12]}")
        if programme is None or has_errors(problems):
            self.rejected = kept.hash
            for problem in problems[:10]:
                _LOG.error("programme refused: %s", problem.render())
            return False
        if programme.currency != currency:
            self.rejected = kept.hash
            _LOG.error("programme refused: it is in %s, not %s", programme.currency, currency)
            return False
        self._programme, self.bundle, self.number = programme, kept.hash, kept.number
        self.rejected = ""
        _LOG.info(
            "programme %s is in force",
            programme.programme_id,
            extra={"bundle": kept.hash[:12]},
        )
        return True

    def price(self, basket: Basket, place: Place, member: MemberState | None) -> Quote:
        """The quote by the programme in force; by an empty one where there is none."""
        programme = self._programme
        if programme is None or programme.currency != basket.currency:
            return self.price_plain(basket, place)
        return evaluate(programme, member, basket, place)

    def price_plain(self, basket: Basket, place: Place) -> Quote:
        """The quote without any offer: shelf amounts and taxes."""
        if basket.currency not in self._empty:
            text = f"programme: none\ncurrency: {basket.currency}\noffers: {{}}\n"
            programme, problems = parse_programme(text, file="no programme")
            assert programme is not None, problems
            self._empty[basket.currency] = programme
        return evaluate(self._empty[basket.currency], None, basket, place)


def bare_quote(basket: Basket) -> Quote:
    """Shelf amounts alone, for the moment when even the rules fail."""
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
