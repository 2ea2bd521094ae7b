"""Whether an offer may be had here, now, by this member, for this basket; and if not, why.

Owns: the reason codes of conditions (see docs/reasons.md). Must never: price anything, or know
which goods an offer takes.
"""

import hashlib
from datetime import date, timedelta

from tessera.core.basket import Basket, Line, LineKind, Place
from tessera.core.member import MemberState
from tessera.core.uses import period_of
from tessera.rules.folds import units_of
from tessera.rules.model import Limit, Offer, Selector, Trigger, Where, Who, Window

# Reasons, in the order in which they are looked for.
STOPPED = "stopped"
EARNING_ONLY = "earning-only"
NOT_HERE = "not-here"
OUTSIDE_DATES = "outside-dates"
OTHER_WEEKDAY = "other-weekday"
OUTSIDE_HOURS = "outside-hours"
COUPON_MISSING = "coupon-missing"
NOT_CHOSEN = "not-chosen"
EVENT_MISSING = "event-missing"
MEMBERS_ONLY = "members-only"
GUARD_REFUSED = "guard-refused"
TIER_REQUIRED = "tier-required"
MEMBER_BLOCKED = "member-blocked"
LIMIT_REACHED = "limit-reached"
USED_UP = "used-up"
REFUSED_OFFLINE = "refused-offline"

_WHO_REASONS = {
    "tier": TIER_REQUIRED,
    "segment": "segment-required",
    "entitlement": "access-required",
    "staff": "staff-only",
    "customers": "not-for-staff",
    "guests": "guests-only",
    "personal": "registration-required",
    "new": "new-members-only",
    "lapsed": "lapsed-members-only",
    "birthday": "not-birthday",
    "visit": "other-visit",
    "spent": "spend-short",
    "period-spent": "spend-short",
    "balance": "balance-short",
    "share": "control-group",
}
BEARER = "bearer"
BLOCKED = frozenset({"blocked", "closed", "erased", "merged", "replaced"})
"""States in which a member gets nothing; every other state (active, provisional, …) does."""


def nobody_at(place: Place) -> str:
    """Give the reason of what is for members only, where no member is known."""
    return GUARD_REFUSED if place.guarded else MEMBERS_ONLY


class Moment:
    """Place and time of a quote, taken apart once; `sale_minor` counts as spent already."""

    __slots__ = ("day", "minute", "nobody", "place", "sale_minor", "weekday")

    def __init__(self, place: Place, *, sale_minor: int = 0) -> None:
        self.place = place
        self.sale_minor = sale_minor
        self.day: date = place.at.date()
        self.minute: int = place.at.hour * 60 + place.at.minute
        self.weekday: int = self.day.weekday()
        self.nobody = nobody_at(place)


def spent_here(spend_reads: str, basket: Basket) -> int:
    """Give what of a sale counts with what was spent before: its goods at the shelf, or nothing."""
    if spend_reads == "before-sale":
        return 0
    goods = (line.amount_minor for line in basket.lines if line.kind is LineKind.GOODS)
    return max(0, sum(goods))


def why_not(offer: Offer, moment: Moment, basket: Basket, member: MemberState | None) -> str:
    """Give the reason why an offer can't be had at all, "" when it can."""
    if offer.when and (reason := _when_reason(offer.when, moment)):
        return reason
    if offer.where is not None and not is_here(offer.where, moment.place):
        return NOT_HERE
    if offer.trigger is not None and (reason := _trigger_reason(offer, offer.trigger, basket)):
        return reason
    for who in offer.who:
        if reason := _who_reason(who, moment, member):
            return reason
    return ""


def is_here(where: Where, place: Place) -> bool:
    """Tell whether an offer runs at a place."""
    return (
        (not where.stores or place.store in where.stores)
        and (not where.regions or place.region in where.regions)
        and (not where.registers or place.register in where.registers)
        and (not where.any_of or any(is_here(one, place) for one in where.any_of))
    )


def _when_reason(windows: tuple[Window, ...], moment: Moment) -> str:
    """Give the reason of the window that came closest: hours after weekday after dates."""
    reasons = []
    for window in windows:
        reason = _window_reason(window, moment)
        if not reason:
            return ""
        reasons.append(reason)
    for reason in (OUTSIDE_HOURS, OTHER_WEEKDAY):
        if reason in reasons:
            return reason
    return OUTSIDE_DATES


def _window_reason(window: Window, moment: Moment) -> str:
    day, weekday = moment.day, moment.weekday
    if window.minutes is not None:
        start, end = window.minutes
        if start > end and moment.minute <= end:
            # After midnight the stretch still belongs to the day on which it began.
            day, weekday = day - timedelta(days=1), (weekday - 1) % 7
        elif start > end:
            if moment.minute < start:
                return OUTSIDE_HOURS
        elif not start <= moment.minute <= end:
            return OUTSIDE_HOURS
    first, last = window.dates
    if (first is not None and day < first) or (last is not None and day > last):
        return OUTSIDE_DATES
    if window.weekdays and weekday not in window.weekdays:
        return OTHER_WEEKDAY
    return ""


def _trigger_reason(offer: Offer, trigger: Trigger, basket: Basket) -> str:
    if (trigger.coupons or trigger.prefixes) and not shown_coupons(trigger, basket):
        return COUPON_MISSING
    if trigger.events and not trigger.events.intersection(basket.events):
        return EVENT_MISSING
    if trigger.chosen and not is_chosen(offer.offer_id, basket):
        return NOT_CHOSEN
    return ""


def shown_coupons(trigger: Trigger, basket: Basket) -> list[str]:
    """Give the codes of the basket that meet a trigger, sorted, each once."""
    return sorted(
        {
            code
            for code in basket.coupons
            if code in trigger.coupons or (trigger.prefixes and code.startswith(trigger.prefixes))
        }
    )


def is_chosen(offer_id: str, basket: Basket) -> bool:
    """Tell whether a reward was picked, as a redemption or among the chosen."""
    return offer_id in basket.chosen or any(
        redemption.reward == offer_id for redemption in basket.redemptions
    )


def _who_reason(who: Who, moment: Moment, member: MemberState | None) -> str:
    kind = who.kind
    if kind == "guests":
        return "" if member is None else _WHO_REASONS[kind]
    if member is None:
        # Staff prices aside, somebody unknown is a customer like any other.
        return "" if kind == "customers" else moment.nobody
    if member.status in BLOCKED:
        return "" if kind == "customers" else MEMBER_BLOCKED
    if kind == "members":
        return ""
    if _holds(who, moment, member) is who.negated:
        return _WHO_REASONS[kind]
    return ""


def _holds(who: Who, moment: Moment, member: MemberState) -> bool:  # noqa: C901, PLR0911, PLR0912
    match who.kind:
        case "tier":
            return member.tier in who.values
        case "segment":
            return not who.values.isdisjoint(member.segments)
        case "entitlement":
            return not who.values.isdisjoint(member.entitlements)
        case "staff":
            return member.staff
        case "customers":
            return not member.staff
        case "personal":
            return member.status != BEARER
        case "new":
            joined = member.joined
            return joined is not None and 0 <= (moment.day - joined).days <= who.low
        case "lapsed":
            last = member.last_visit
            return last is not None and (moment.day - last).days >= who.low
        case "birthday":
            days = member.days_to_birthday
            return days is not None and abs(days) <= who.low
        case "visit":
            return who.low <= member.visits + 1 <= who.high
        case "spent":
            return member.lifetime_spend_minor + moment.sale_minor >= who.low
        case "period-spent":
            return member.period_spend_minor + moment.sale_minor >= who.low
        case "balance":
            return any(unit.unit in who.values and unit.balance >= who.low for unit in member.units)
    assert who.kind == "share", who.kind
    return who.low <= share_of(who.salt, member.member_id) < who.high


def share_of(salt: str, member_id: str) -> int:
    """Give a member's place 0 … 99 in an experiment: stable, offline, and provable by the salt."""
    digest = hashlib.sha256(f"{salt}\x00{member_id}".encode()).digest()
    return int.from_bytes(digest[:8]) % 100


# -- limits


OFFER_IN_KEY_MAX = 46
"""Longest offer id in a counter's key, so that the account that counts fits its column."""


def counter_key(offer: Offer, limit: Limit, day: date) -> str:
    """Name the counter that a limit reads: `offer/ever`, `offer/2026-11-21`, `offer/2026-W47`."""
    name = offer.offer_id
    if len(name) > OFFER_IN_KEY_MAX:
        name = f"{name[:29]}~{hashlib.sha256(name.encode()).hexdigest()[:16]}"
    return f"{name}/{period_of(limit.period, day)}"


OF_A_LINE = frozenset({"line", "line_amount"})
OF_A_MEMBER = frozenset({"day", "week", "month", "year", "ever"})


def uses_left(offer: Offer, place: Place, member: MemberState | None) -> tuple[int | None, str]:
    """Give how many more uses the limits allow (None: any number), and the reason when none.

    A budget is no number of uses; see `budget_left`. What is limited by line is the reward's own.
    """
    left: int | None = None
    for limit in offer.limits:
        if limit.period == "budget" or limit.period in OF_A_LINE:
            continue
        if limit.period == "basket":
            remaining = limit.most
        elif member is None and limit.period in OF_A_MEMBER:
            return 0, nobody_at(place)
        else:
            remaining = limit.most - used_of(counter_key(offer, limit, place.business_day), member)
        if limit.period == "total":
            share = share_left(offer, limit, place)
            if share == 0:
                return 0, USED_UP
            remaining = remaining if share is None else min(remaining, share)
        if remaining <= 0:
            return 0, LIMIT_REACHED
        left = remaining if left is None else min(left, remaining)
    return left, ""


def budget_left(offer: Offer, place: Place, member: MemberState | None) -> int | None:
    """Give the minor units that an offer may still cost, None without a budget."""
    for limit in offer.limits:
        if limit.period == "budget":
            used = used_of(counter_key(offer, limit, place.business_day), member)
            share = share_left(offer, limit, place)
            left = limit.most - used
            return max(0, left if share is None else min(left, share))
    return None


def share_left(offer: Offer, limit: Limit, place: Place) -> int | None:
    """Give what a place may still use of a limit over all members, None where it has no shares."""
    if not place.shares:
        return None
    key = counter_key(offer, limit, place.business_day)
    return next((max(0, share.left) for share in place.shares if share.key == key), None)


def used_of(key: str, member: MemberState | None) -> int:
    """Give what a counter says, 0 when nobody knows of it."""
    if member is None:
        return 0
    return next((counter.used for counter in member.counters if counter.key == key), 0)


# -- selections


def selects(selector: Selector, line: Line, above: frozenset[str]) -> bool:
    """Tell whether a selection matches a line; `above`: its categories and their ancestors."""
    if selector.only == "skus":
        return line.sku in selector.skus
    if selector.skus and line.sku not in selector.skus:
        return False
    if selector.categories and selector.categories.isdisjoint(above):
        return False
    if selector.brands and line.brand not in selector.brands:
        return False
    if selector.tags and selector.tags.isdisjoint(line.tags):
        return False
    if not _selects_rest(selector, line):
        return False
    if selector.any_of and not any(selects(one, line, above) for one in selector.any_of):
        return False
    return not (selector.not_of and any(selects(one, line, above) for one in selector.not_of))


def _selects_rest(selector: Selector, line: Line) -> bool:
    if selector.attributes:
        # Values of one attribute are alternatives; every attribute that is named must match.
        met = {name for name, _ in selector.attributes.intersection(line.attributes)}
        if any(name not in met for name, _ in selector.attributes):
            return False
    if selector.kinds and line.kind.value not in selector.kinds:
        return False
    if selector.price is None:
        return True
    low, high = selector.price
    count = units_of(line)
    return low * count <= line.amount_minor <= high * count
