"""A member's accounts, leases and lots while records are being booked onto them.

Owns: the working copy that is loaded, changed in memory and written back, and what of it changed.
Must never: touch a database, or decide what a record means.
"""

from copy import copy
from dataclasses import dataclass, field

import msgspec


class Account(msgspec.Struct, kw_only=True, gc=False):
    """One account: what it holds, how much of that is leased, and the version of this state."""

    points: int = 0
    leased: int = 0
    version: int = 0

    @property
    def free(self) -> int:
        """What may be taken without touching a lease."""
        return self.points - self.leased


class Lease(msgspec.Struct, kw_only=True, gc=False):
    """A part of an account that one incarnation of a register may spend.

    granted = spent + returned + written_off + outstanding, always. `claimed`: what its holder
    proved after a restore that it was granted; what of that is beyond `granted` is not covered yet.
    """

    lease_id: str
    unit: str
    register_id: str
    incarnation: str
    granted: int
    spent: int = 0
    returned: int = 0
    written_off: int = 0
    granted_ms: int = 0
    claimed: int = 0

    @property
    def outstanding(self) -> int:
        """What its holder may still spend."""
        return self.granted - self.spent - self.returned - self.written_off

    @property
    def uncovered(self) -> int:
        """What its holder may spend beyond what is set aside for it, so far."""
        return max(0, self.claimed - self.granted)


class Lot(msgspec.Struct, kw_only=True, gc=False):
    """Units of one posting, kept apart because they expire together. Its id is (uid, line)."""

    uid: str
    line: int
    unit: str
    granted: int
    remaining: int
    issuer: str = ""
    available_from: str = ""
    expires: str = ""


class SpentLot(msgspec.Struct, kw_only=True, gc=False):
    """A slice of a lot that a record (`uid`) spent; `returned` of it has come back since.

    `line` counts the record's slices from 1; `expires` is the lot's.
    """

    uid: str
    line: int
    unit: str
    issuer: str
    spent: int
    returned: int = 0
    expires: str = ""

    @property
    def left(self) -> int:
        """What may still come back."""
        return self.spent - self.returned


@dataclass(slots=True, kw_only=True)
class MemberAccounts:
    """All that booking reads and writes of one member; `member_id` empty: sales without a member.

    The sets name what changed and has to be written back. `has_lots`: earlier lots were loaded,
    which only spending and taking back need. `spent_lots`: slices of the sales that are returned,
    and those of the records being booked.
    """

    member_id: str
    accounts: dict[str, Account] = field(default_factory=dict)
    leases: dict[str, Lease] = field(default_factory=dict)
    lots: list[Lot] = field(default_factory=list)
    spent_lots: list[SpentLot] = field(default_factory=list)
    has_lots: bool = True
    changed_accounts: set[str] = field(default_factory=set)
    changed_leases: set[str] = field(default_factory=set)
    changed_lots: set[tuple[str, int]] = field(default_factory=set)
    changed_spent: set[tuple[str, int]] = field(default_factory=set)

    def account(self, name: str) -> Account:
        """The account of this name; made empty when the member has none."""
        return self.accounts.setdefault(name, Account())

    def outstanding(self, unit: str, *, register_id: str = "") -> int:
        """What is leased of a unit, to one register or to all."""
        return sum(
            lease.outstanding
            for lease in self.leases.values()
            if lease.unit == unit and register_id in {"", lease.register_id}
        )

    def copied(self) -> "MemberAccounts":
        """A copy that later changes to this one do not reach."""
        return MemberAccounts(
            member_id=self.member_id,
            accounts={name: copy(one) for name, one in self.accounts.items()},
            leases={lease_id: copy(one) for lease_id, one in self.leases.items()},
            lots=[copy(lot) for lot in self.lots],
            spent_lots=[copy(one) for one in self.spent_lots],
            has_lots=self.has_lots,
            changed_accounts=set(self.changed_accounts),
            changed_leases=set(self.changed_leases),
            changed_lots=set(self.changed_lots),
            changed_spent=set(self.changed_spent),
        )
