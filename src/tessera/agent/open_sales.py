"""Sales that a POS has begun and not completed, in memory.

Owns: the baskets as last sent, the revision guard, the card that a reader attached, suspension.
Must never: be the only place of anything that was confirmed: a parked sale stands in the database
before its POS hears of it (`kept_sales`), and of an open one the POS sends the basket again.
"""

from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import msgspec

from tessera.agent import api_shapes
from tessera.agent.checkout_member import ScannedCard
from tessera.agent.checkout_quote import Quoted
from tessera.agent.pairing import PairedPos
from tessera.agent.problems_http import ApiProblem

QUOTES_KEPT_MAX = 8
OPEN_SALES_MAX = 200
"""Oldest baskets are forgotten beyond this: a POS that never completes must not fill the memory."""


@dataclass(slots=True, kw_only=True)
class OpenSale:
    """One basket in progress.

    `attached` are cards that were scanned for it, `rewards` the offers that the cashier accepted.
    `offered` are the rewards that the page has shown, in the order of their keys: one keeps its key
    while the sale is open, so that the same key takes back what it accepted.
    `quotes` are the last ones by their ids, newest last: a POS may complete by one that a scan has
    overtaken since. `asked` counts the quotes that were asked for; `newest` is the number of the
    newest one here, since that of a long basket may come after its follower. `completing` counts
    the completions that are under way: what they record is settled, so no card can join.
    """

    pos: PairedPos
    sale_id: str
    given: api_shapes.BasketGiven
    revision: int = 0
    quotes: OrderedDict[str, Quoted] = field(default_factory=OrderedDict)
    attached: tuple[ScannedCard, ...] = ()
    rewards: tuple[str, ...] = ()
    offered: tuple[str, ...] = ()
    suspended: bool = False
    asked: int = 0
    newest: int = 0
    completing: int = 0

    @property
    def quoted(self) -> Quoted | None:
        """The newest quote."""
        return next(reversed(self.quotes.values()), None)

    def ask(self) -> int:
        """The number of a quote that is asked for now."""
        self.asked += 1
        return self.asked

    def keep(self, quoted: Quoted, number: int = 0) -> None:
        """Keep a quote as the newest one, unless one that was asked for later is here already."""
        newest = self.quoted
        self.quotes[quoted.quote_id] = quoted
        if number >= self.newest or newest is None:
            self.newest = number
            self.quotes.move_to_end(quoted.quote_id)
            asked = {prompt.offer for prompt in quoted.quote.prompts} | set(self.rewards)
            self.offered = (*self.offered, *sorted(asked - set(self.offered)))
        else:
            self.quotes.move_to_end(newest.quote_id)
        if len(self.quotes) > QUOTES_KEPT_MAX:
            self.quotes.popitem(last=False)


@contextmanager
def being_completed(sale: OpenSale | None) -> Iterator[None]:
    """While this lasts a completion of the sale is under way."""
    if sale is None:
        yield
        return
    sale.completing += 1
    try:
        yield
    finally:
        sale.completing -= 1


class OpenSales:
    """The baskets in progress on this register, newest last."""

    def __init__(self) -> None:
        self._sales: OrderedDict[tuple[str, str], OpenSale] = OrderedDict()

    def find(self, pos: PairedPos, sale_id: str) -> OpenSale | None:
        """The basket, or None."""
        return self._sales.get((pos.name, sale_id))

    def put(self, pos: PairedPos, sale_id: str, given: api_shapes.BasketGiven) -> OpenSale:
        """Replace the basket; ApiProblem when a later revision is known already."""
        key = (pos.name, sale_id)
        sale = self._sales.get(key)
        if sale is not None and _is_another_day(sale.given, given):
            # A number that comes again on another day is another sale: nothing of the abandoned
            # one, least of all its customer, is left.
            del self._sales[key]
            sale = None
        before = sale.revision if sale else 0
        revision = before + 1 if given.revision is None else given.revision
        # The same revision again is a repeat after a lost answer.
        if revision < before:
            raise ApiProblem(
                "revision_overtaken",
                f"revision {revision} was overtaken by {before}",
                field="revision",
                hint="send the basket as it stands now with a higher revision",
            )
        if sale is not None and given.begun is None:
            given = msgspec.structs.replace(given, begun=sale.given.begun)
        if sale is None:
            sale = self._sales[key] = OpenSale(pos=pos, sale_id=sale_id, given=given)
            self._drop_oldest()
        sale.pos, sale.given, sale.revision, sale.suspended = pos, given, revision, False
        self._sales.move_to_end(key)
        return sale

    def take_up(self, sale: OpenSale) -> OpenSale:
        """Take in a sale of another register; the one that is open already if it is the same.

        ApiProblem when another sale has its id here.
        """
        key = (sale.pos.name, sale.sale_id)
        here = self._sales.get(key)
        if here is None:
            self._sales[key] = sale
            self._drop_oldest()
            return sale
        begun = sale.given.begun
        begun_here = here.given.begun is None and begun is not None and begun.pos == sale.pos.name
        if here.given.begun != begun and not begun_here:
            raise ApiProblem(
                "sale_open",
                f"another sale {sale.sale_id} is open here",
                hint="complete or cancel it first; both have the same id",
            )
        self._sales.move_to_end(key)
        return here

    def take_back(self, sales: Iterable[OpenSale]) -> None:
        """Take in what was open or parked before the process ended, the newest last."""
        for sale in sales:
            self._sales[sale.pos.name, sale.sale_id] = sale
            self._drop_oldest()

    def _drop_oldest(self) -> None:
        """Forget the oldest beyond the bound; parked ones, which somebody will ask for, last."""
        if len(self._sales) > OPEN_SALES_MAX:
            oldest = next((key for key, sale in self._sales.items() if not sale.suspended), None)
            self._sales.pop(oldest or next(iter(self._sales)))

    def drop(self, pos: PairedPos, sale_id: str) -> OpenSale | None:
        """Forget the basket: it was completed or cancelled."""
        return self._sales.pop((pos.name, sale_id), None)

    def current(self, pos: PairedPos | None = None) -> OpenSale | None:
        """The basket that was changed last and is not suspended: what the cashier works on.

        With `pos` among its own baskets alone.
        """
        return self._newest(lambda sale: pos is None or sale.pos.name == pos.name)

    def for_reader(self) -> OpenSale | None:
        """The basket that a card belongs to which the agent's own reader scanned.

        A POS that owns its scanner passes its codes on itself.
        """
        return self._newest(lambda sale: not sale.pos.owns_scanner)

    def _newest(self, fits: Callable[[OpenSale], bool]) -> OpenSale | None:
        for sale in reversed(self._sales.values()):
            if not sale.suspended and fits(sale):
                return sale
        return None


def _is_another_day(before: api_shapes.BasketGiven, now: api_shapes.BasketGiven) -> bool:
    days = [
        given.business_day or (given.store_time.date() if given.store_time else None)
        for given in (before, now)
    ]
    return None not in days and days[0] != days[1]
