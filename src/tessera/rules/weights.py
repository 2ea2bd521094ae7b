"""What a minor unit in the base of each basket offer is worth while unit offers are weighed.

Owns: the weights of a case, and in which bases a unit stays that an offer took. Must never: know
rows or moves (see `bounds`).
"""

from dataclasses import dataclass, field

from tessera.rules.model import Offer
from tessera.rules.work import Work


@dataclass(slots=True, eq=False)
class Weights:
    """What a minor unit in the base of each basket offer is worth, in parts of `whole`.

    `bases`: (parts, the numbers of the folds in the base, the basket offer).
    """

    whole: int = 1
    bases: tuple[tuple[int, frozenset[int], Offer], ...] = ()
    known: dict[tuple[int, Offer | None], int] = field(default_factory=dict)

    def kept(self, work: Work, number: int, by: Offer | None) -> int:
        """What a minor unit of a fold is worth in the bases that it stays in, taken or not."""
        if not self.bases:
            return 0
        key = (number, by)
        known = self.known.get(key)
        if known is None:
            known = self.known[key] = sum(
                parts
                for parts, numbers, offer in self.bases
                if number in numbers and (by is None or _stays(work, by, offer))
            )
        return known


def _stays(work: Work, by: Offer, offer: Offer) -> bool:
    return not offer.undiscounted_only and work.may_share(by, offer)
