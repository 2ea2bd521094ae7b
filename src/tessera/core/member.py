"""What the rules may know of a member: an id and numbers, no personal field.

Owns: the member's state as an input of a quote, fit to stand in a journal record for ever.
Must never: hold a name, a phone number, an address or a birthday.
"""

from dataclasses import dataclass
from datetime import date


@dataclass(frozen=True, slots=True, kw_only=True)
class UnitBalance:
    """What a member has of one unit: `balance`, and the part that may be spent here and now."""

    unit: str
    balance: int = 0
    spendable: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Counter:
    """How often (or how much) a member has used something that has a limit.

    `key` names the offer and the period ("welcome/ever", "coffee/2026-11-21").
    """

    key: str
    used: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class MemberState:
    """A member as one quote sees them.

    `days_to_birthday` is signed (−2: two days ago) and given only within a month around it, None
    otherwise. `visits`, `lifetime_spend_minor`, `period_spend_minor` count what central has settled
    plus this register's own. `entitlements` are ids of paid memberships and accesses that run now.
    """

    member_id: str
    status: str = "active"
    tier: str = ""
    segments: tuple[str, ...] = ()
    entitlements: tuple[str, ...] = ()
    units: tuple[UnitBalance, ...] = ()
    counters: tuple[Counter, ...] = ()
    joined: date | None = None
    last_visit: date | None = None
    visits: int = 0
    days_to_birthday: int | None = None
    lifetime_spend_minor: int = 0
    period_spend_minor: int = 0
    staff: bool = False
    as_of_ms: int = 0
