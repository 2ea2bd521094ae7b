"""Cards that were scanned while no sale could take them, and wait for the next one.

Owns: whose sale a waiting card may join, and for how long it waits.
Must never: give a card to two sales, or what one POS scanned to another.
"""

from dataclasses import dataclass

from tessera.agent.checkout_member import Buyer, ScannedCard
from tessera.agent.open_sales import OpenSale
from tessera.agent.pairing import PairedPos

CARD_WAITS_MS = 120_000
"""How long a card that was scanned between two sales waits for the next one."""
READERS = ""
"""Where the agent's own readers scan; a POS is named by its own name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitingCard:
    """A card that waits; `at_ms` since boot.

    `scanned_by` is the POS that sent it, or `READERS`. `during` is the sale whose completion was
    under way: it joins that one after all if the completion is refused.
    """

    card: ScannedCard
    buyer: Buyer
    at_ms: int
    scanned_by: str = READERS
    during: OpenSale | None = None


class WaitingCards:
    """The newest card of each POS, and that of the agent's own readers."""

    def __init__(self) -> None:
        self._waiting: dict[str, WaitingCard] = {}

    def keep(self, waiting: WaitingCard) -> None:
        """Let a card wait, in place of the one before it from there."""
        self._waiting.pop(waiting.scanned_by, None)  # The newest stands last.
        self._waiting[waiting.scanned_by] = waiting

    def newest(self, now_ms: int) -> WaitingCard | None:
        """The card that was scanned last, unless its customer has long gone."""
        found = next(reversed(self._waiting.values()), None)
        return found if found is not None and now_ms - found.at_ms <= CARD_WAITS_MS else None

    def during(self, sale: OpenSale) -> WaitingCard | None:
        """The newest card that was scanned while this sale was being completed."""
        cards = reversed(self._waiting.values())
        return next((one for one in cards if one.during is sale), None)

    def take(self, pos: PairedPos, now_ms: int) -> tuple[ScannedCard, ...]:
        """The card for the sale that this POS begins, unless its customer has long gone.

        What the POS scanned itself, and what the agent's readers did where it has none of its own.
        """
        fitting = [pos.name] if pos.owns_scanner else [pos.name, READERS]
        found = [one for place in fitting if (one := self._waiting.pop(place, None))]
        fresh = [one for one in found if now_ms - one.at_ms <= CARD_WAITS_MS]
        newest = max(fresh, key=lambda one: one.at_ms, default=None)
        return () if newest is None else (newest.card,)

    def drop(self, waiting: WaitingCard) -> None:
        """Let this card wait no more."""
        if self._waiting.get(waiting.scanned_by) is waiting:
            del self._waiting[waiting.scanned_by]

    def clear(self) -> None:
        """Forget them all."""
        self._waiting.clear()
