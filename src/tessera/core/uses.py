"""Uses of offers that have a limit for each member: accounts beside those of units.

Owns: how a counter is named as an account, and what a sale and its return post to it. A use is
posted like points are, so that it comes to every till by the same rule: counted once, by central or
by the till's own record, never by both. Must never: decide whether a limit is reached.
"""

from calendar import monthrange
from collections.abc import Iterable
from datetime import date, timedelta
from hashlib import sha256

from tessera.core.ledger import OWED_PREFIX, Posting
from tessera.core.quote import CounterUse, IssuedCoupon

USES_PREFIX = "uses:"
"""Account of how often an offer was used in a period, e.g. `uses:welcome/ever`."""

WITHHELD_PREFIX = "withheld:"
"""Account of units that a sale gave and central did not confirm; see `withheld_account`."""

ENTRIES_PREFIX = "entries:"
"""Account of a member's entries in a draw, e.g. `entries:bicycle`."""

SHARED = frozenset({"total", "budget"})
"""Limits over all members, of which registers have shares."""

GUARD_SALES = "~sales"
GUARD_RETURNS = "~returns"
"""What the guard against abuse counts of a member by day; no offer's id can begin like this."""

GUARD_FLAGS = frozenset({"guard-card", "guard-own-card", "guard-refused", "guard-returns"})
"""Flags of records that the guard has marked."""

USES_UNIT = "uses"
COUNTED = "counted"
DRAW = "draw"
_APART = (OWED_PREFIX, USES_PREFIX, WITHHELD_PREFIX, ENTRIES_PREFIX)
_CENTRALS_OWN = (WITHHELD_PREFIX, ENTRIES_PREFIX)
_NAME_MAX = 50


def is_unit_account(account: str) -> bool:
    """Whether an account holds units that its member may spend."""
    return not account.startswith(_APART)


def is_for_tills(account: str) -> bool:
    """Whether a till has a use for an account: the others are central's own."""
    return not account.startswith(_CENTRALS_OWN)


def entries_account(draw: str) -> str:
    """The account of a member's entries in a draw, of at most 64 characters."""
    if len(draw) > _NAME_MAX:
        draw = f"{draw[:33]}~{sha256(draw.encode()).hexdigest()[:16]}"
    return ENTRIES_PREFIX + draw


def uses_account(key: str) -> str:
    """The account of a counter's key."""
    return USES_PREFIX + key


def counter_of(account: str) -> str:
    """The counter's key of an account; "" when it counts no uses."""
    return account.removeprefix(USES_PREFIX) if account.startswith(USES_PREFIX) else ""


def guard_use(what: str, day: date, most: int) -> CounterUse:
    """One sale or return more of a member, for the guard."""
    return CounterUse(key=f"{what}/{day.isoformat()}", used=1, most=most)


def is_shared(key: str) -> bool:
    """Whether a counter is that of a limit over all members."""
    return key.rpartition("/")[2] in SHARED


def is_of_guard(key: str) -> bool:
    """Whether a counter is the guard's rather than an offer's."""
    return key.startswith((GUARD_SALES, GUARD_RETURNS))


def withheld_account(uid: str, unit: str, issuer: str) -> str:
    """Where units of one sale stand that were not confirmed, so that its return takes none back.

    A name of at most 64 characters: the unit and its issuer are told apart by a hash.
    """
    return f"{WITHHELD_PREFIX}{uid}:{sha256(f'{unit}/{issuer}'.encode()).hexdigest()[:8]}"


def period_of(period: str, day: date) -> str:
    """Name the stretch of a limit that a day lies in, as `2026-11-21`, `2026-W47` or `ever`."""
    match period:
        case "day":
            return day.isoformat()
        case "week":
            year, week, _ = day.isocalendar()
            return f"{year}-W{week:02}"
        case "month":
            return f"{day.year:04}-{day.month:02}"
        case "year":
            return f"{day.year:04}"
        case _:
            return period


def periods_around(day: date) -> frozenset[str]:
    """Every period that a day lies in."""
    return frozenset(period_of(name, day) for name in ("day", "week", "month", "year", "ever"))


def is_over(key: str, day: date, *, kept_days: int) -> bool:
    """Whether a counter's period ended more than `kept_days` before a day."""
    _, _, period = key.rpartition("/")
    last = _last_day(period)
    return last is not None and last + timedelta(days=kept_days) < day


def _last_day(period: str) -> date | None:
    """The last day of a period; None when it has none, or is none."""
    try:
        if "W" in period:
            year, _, week = period.partition("-W")
            return date.fromisocalendar(int(year), int(week), 7)
        parts = [int(part) for part in period.split("-")]
        match parts:
            case [only]:
                return date(only, 12, 31)
            case [of, month]:
                return date(of, month, monthrange(of, month)[1])
            case [of, month, day]:
                return date(of, month, day)
    except ValueError:
        return None
    return None


def use_postings(uses: Iterable[CounterUse]) -> tuple[Posting, ...]:
    """What a sale adds to its member's counters; those without `most` belong to no member."""
    return _postings((use, use.used) for use in uses if use.most and use.used > 0)


def give_back_postings(uses: Iterable[CounterUse], counted: dict[str, int]) -> tuple[Posting, ...]:
    """What a return takes off them again: at most what `counted` (by account) holds."""
    return _postings(
        (use, -min(use.used, max(0, counted.get(uses_account(use.key), 0))))
        for use in uses
        if use.most and use.used > 0
    )


def entry_postings(
    rights: Iterable[IssuedCoupon], denied: frozenset[str] = frozenset()
) -> tuple[Posting, ...]:
    """What a sale adds to its member's entries in draws; nothing from offers that were `denied`."""
    return _moved(
        (entries_account(right.name), right.count)
        for right in rights
        if right.kind == DRAW and right.offer not in denied
    )


def revoke_postings(rights: Iterable[IssuedCoupon], held: dict[str, int]) -> tuple[Posting, ...]:
    """What a return takes of them again: at most what `held` (by account) has."""
    left = dict(held)
    changes = []
    for right in rights:
        if right.kind != DRAW:
            continue
        account = entries_account(right.name)
        taken = max(0, min(right.count, left.get(account, 0)))
        left[account] = left.get(account, 0) - taken
        changes.append((account, -taken))
    return _moved(changes)


def _postings(changes: Iterable[tuple[CounterUse, int]]) -> tuple[Posting, ...]:
    return _moved((uses_account(use.key), delta) for use, delta in changes)


def _moved(changes: Iterable[tuple[str, int]]) -> tuple[Posting, ...]:
    found: list[Posting] = []
    for account, delta in changes:
        if delta:
            found += [
                Posting(account=account, unit=USES_UNIT, delta=delta, member=True),
                Posting(account=COUNTED, unit=USES_UNIT, delta=-delta, member=False),
            ]
    return tuple(found)
