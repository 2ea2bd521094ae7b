"""What one key of a line (a product, a list of categories) brings into play, sorted in advance.

Owns: the offers under a key by what is still to be asked about them. Must never: look at a basket.
"""

from collections.abc import Callable

from tessera.rules.indexing import Hits
from tessera.rules.model import Offer

UNIT_WAY, BASKET_WAY, ACCRUAL_WAY, ISSUE_WAY, SPEND_WAY = 1, 2, 3, 4, 5
"""What the quick way does with an offer; 0: nothing, it leaves the basket to the full way."""

FREE, OF_MEMBERS, ASKED = 0, 1, 2
"""What an offer asks before it can be had: nothing, a member, more than that."""


class Key:
    """The offers under one key.

    `hits` are all of them. `offers` are the same where the key alone decides that their selection
    matches goods without flags, and `plain` tells that it does. They are sorted into what can be
    had at once (`unit`, `basket`, `accrual`), by any member (`members`), and the rest (`asked`).
    """

    __slots__ = ("accrual", "asked", "basket", "hits", "members", "offers", "plain", "unit")

    def __init__(
        self, hits: Hits, way_of: Callable[[Offer], int], asks: Callable[[Offer], int]
    ) -> None:
        self.hits = hits
        self.plain = all(alone for _, alone in hits)
        self.offers = tuple(offer for offer, _ in hits)
        by_way: dict[int, list[Offer]] = {}
        members, asked = [], []
        for offer in self.offers:
            way, asking = way_of(offer), asks(offer)
            if asking == FREE and way in {UNIT_WAY, BASKET_WAY, ACCRUAL_WAY}:
                by_way.setdefault(way, []).append(offer)
            elif asking == OF_MEMBERS and way == ACCRUAL_WAY:
                members.append(offer)
            else:
                asked.append(offer)
        self.unit = by_way.get(UNIT_WAY, [])
        self.basket = by_way.get(BASKET_WAY, [])
        self.accrual = by_way.get(ACCRUAL_WAY, [])
        self.members = members
        self.asked = asked
