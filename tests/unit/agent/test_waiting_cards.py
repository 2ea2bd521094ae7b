"""Cards that wait for the next sale."""

from tessera.agent.checkout_member import NOBODY, ScannedCard
from tessera.agent.waiting_cards import CARD_WAITS_MS, WaitingCard, WaitingCards


def test_a_card_whose_customer_has_long_gone_is_given_to_nobody() -> None:
    """Neither enrolled by a key nor joined to a sale."""
    cards = WaitingCards()
    waiting = WaitingCard(card=ScannedCard(), buyer=NOBODY, at_ms=1_000)
    cards.keep(waiting)
    assert cards.newest(1_000 + CARD_WAITS_MS) is waiting
    assert cards.newest(1_001 + CARD_WAITS_MS) is None
