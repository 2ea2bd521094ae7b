"""The programme that prices sales now, parsed once, and pricing that never fails a sale.

Owns: which bundle is in force in memory.
Must never: run a bundle that it does not fully understand; the last good one goes on.
"""

import logging
from dataclasses import dataclass

import sqlalchemy as sa

from tessera.core.basket import Basket, Place
from tessera.core.errors import Problem, has_errors
from tessera.core.member import MemberState
from tessera.core.quote import Quote
from tessera.rules.evaluate import evaluate
from tessera.rules.plain import plain_programme
from tessera.rules.prepared import prepared_of
from tessera.rules.programme import Programme, parse_programme
from tessera.rules.stops import without
from tessera.store.till import kept_bundles
from tessera.store.till.values import KeptBundle

_LOG = logging.getLogger("tessera.agent.programme")


@dataclass(frozen=True, slots=True, kw_only=True)
class InForce:
    """A parsed bundle and where it came from: one value, so that both change in one step."""

    programme: Programme | None = None
    bundle: str = ""
    number: int = 0
    coupons: frozenset[str] = frozenset()
    coupon_prefixes: tuple[str, ...] = ()


def parse_here(text: str, file: str, *, currency: str) -> tuple[Programme | None, list[Problem]]:
    """A programme as this register may run it, and what is wrong with it.

    Its money must be the store's: nothing of it would ever act.
    """
    programme, problems = parse_programme(text, file=file)
    if programme is not None and programme.currency != currency:
        wrong = Problem(
            file=file,
            field="currency",
            message=f"the programme is in {programme.currency}, this store's money is {currency}",
            proposal=f"assign one in {currency} to this store",
        )
        return None, [*problems, wrong]
    return programme, problems


class ProgrammeInForce:
    """The programme that prices; `rejected` is a bundle that could not be taken."""

    def __init__(self) -> None:
        self.rejected = ""
        self._in_force = InForce()
        self._stops: frozenset[tuple[str, str]] = frozenset()

    @property
    def programme(self) -> Programme | None:
        """What prices sales, None while nothing does."""
        return self._in_force.programme

    @property
    def bundle(self) -> str:
        """The hash of its bundle."""
        return self._in_force.bundle

    @property
    def number(self) -> int:
        """The number of its assignment."""
        return self._in_force.number

    @property
    def stopped(self) -> tuple[str, ...]:
        """Offers of the programme in force that central has stopped, by name."""
        programme = self._in_force.programme
        return () if programme is None else self._stopped_of(programme)

    def _stopped_of(self, programme: Programme) -> tuple[str, ...]:
        own = programme.programme_id
        named = (name for of, name in self._stops if of == own and name in programme.by_id)
        return tuple(sorted(named))

    def stop(self, stops: frozenset[tuple[str, str]]) -> None:
        """Leave these offers, each with its programme's id, out of every quote from the next on."""
        if stops != self._stops:
            self._stops = stops
            if self.programme is not None:
                prepared_of(without(self.programme, self.stopped))
            _LOG.info("offers are stopped", extra={"offers": sorted(name for _, name in stops)})

    def names_coupon(self, code: str) -> bool:
        """Whether one of its offers waits for this code to be shown."""
        now = self._in_force
        return code in now.coupons or code.startswith(now.coupon_prefixes)

    def wanted(self, connection: sa.Connection) -> KeptBundle | None:
        """The bundle that is active in the database, if it is another than the one in force."""
        kept = kept_bundles.active(connection)
        if kept is None or kept.hash == self.rejected:
            return None
        if kept.hash == self.bundle:
            self.rejected = ""
            return None
        return kept

    def take(self, kept: KeptBundle, *, currency: str) -> bool:
        """Parse a bundle and let it price from the next quote on; True when it does.

        Parsing thousands of offers takes a while: while sales are made, call it in a thread. What
        prices changes in one step at its end.
        """
        programme, problems = parse_here(kept.text, f"bundle {kept.hash[:12]}", currency=currency)
        if programme is None or has_errors(problems):
            self.rejected = kept.hash
            for problem in problems[:10]:
                _LOG.error("programme refused: %s", problem.render())
            return False
        # Here in its thread, not while the first customer waits.
        prepared_of(without(programme, self._stopped_of(programme)))
        triggers = [offer.trigger for offer in programme.offers if offer.trigger is not None]
        self._in_force = InForce(
            programme=programme,
            bundle=kept.hash,
            number=kept.number,
            coupons=frozenset(code for trigger in triggers for code in trigger.coupons),
            coupon_prefixes=tuple(start for trigger in triggers for start in trigger.prefixes),
        )
        self.rejected = ""
        _LOG.info(
            "programme %s is in force",
            programme.programme_id,
            extra={"bundle": kept.hash[:12]},
        )
        return True

    def price(self, basket: Basket, place: Place, member: MemberState | None) -> tuple[Quote, str]:
        """The quote by the programme in force, and its bundle; by an empty one without any."""
        now = self._in_force
        if now.programme is None or now.programme.currency != basket.currency:
            return self.price_plain(basket, place), ""
        return evaluate(now.programme, member, basket, place), now.bundle

    def price_plain(self, basket: Basket, place: Place) -> Quote:
        """The quote without any offer: shelf amounts and taxes."""
        return evaluate(plain_programme(basket.currency), None, basket, place)
