"""How a limit over all members is shared out to registers.

Pure: says from what was granted and used what may be granted on top. Whatever the tills do with it
without a line, granted shares never come to more than the limit, so their uses do not either, but
for the risk that a programme states. Must never: take a share back, or end one by time; what a
register was granted it may be using at this moment.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

Life = tuple[str, str]
"""A register and its incarnation."""


@dataclass(slots=True, kw_only=True)
class LifeShare:
    """What one life of a register was granted in all, has used in all, and what was given up of it.

    `used` may pass `granted`: by the programme's risk, or after a database was put back.
    """

    granted: int = 0
    used: int = 0
    written_off: int = 0

    @property
    def outstanding(self) -> int:
        """What the register may still use without asking."""
        return max(0, self.granted - self.used - self.written_off)


@dataclass(slots=True, kw_only=True)
class SharedLimit:
    """A limit over all members: `most` uses (or minor units), of which `returned` came back."""

    most: int
    returned: int = 0
    shares: dict[Life, LifeShare] = field(default_factory=dict)

    @property
    def used(self) -> int:
        """What is used up, returns taken off."""
        return sum(share.used for share in self.shares.values()) - self.returned

    @property
    def outstanding(self) -> int:
        """What registers may still use without asking."""
        return sum(share.outstanding for share in self.shares.values())

    @property
    def free(self) -> int:
        """What may be granted; below zero when the limit was lowered, or was passed at a risk."""
        return self.most - self.used - self.outstanding


def share_out(limit: SharedLimit, lives: Sequence[Life]) -> list[Life]:
    """Grant on top to registers that have little left; those whose share has grown.

    Half of what is left is shared evenly, the other half stays at hand for registers that use
    theirs up: so one that sells nothing holds a small part. Those that have used most come first.
    """
    if not lives:
        return []
    left = limit.most - limit.used
    part = max(1, left // (2 * len(lives)))
    grown = []
    for life in sorted(lives, key=lambda one: (-_used(limit, one), one)):
        share = limit.shares.get(life) or LifeShare()
        held = share.outstanding
        amount = min(part - held, limit.free)
        if amount <= 0 or 2 * held > part:
            continue
        if not share.used and 2 * limit.free < left:
            continue
        # Beyond its share it has used what nobody granted; that is no room for more.
        share.granted = max(share.granted, share.used + share.written_off) + amount
        limit.shares[life] = share
        grown.append(life)
    return grown


def _used(limit: SharedLimit, life: Life) -> int:
    share = limit.shares.get(life)
    return share.used if share else 0


def write_off(share: LifeShare) -> int:
    """Give up what a share's holder will not use any more; how much that is.

    A use that arrives after all is counted, and may pass the limit by what was written off.
    """
    amount = share.outstanding
    share.written_off += amount
    return amount
