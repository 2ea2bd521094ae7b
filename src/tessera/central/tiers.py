"""Which tier a member has: reached at once, kept for its period, looked at again at its end.

Owns: the rules between a programme's `tiers` and the member's row. A tier is reached when what
counts within its months gets to its threshold, and is kept for as many months from that day on;
then the months before that day decide. A return counts on the day of its sale, and takes a tier
back when what is left since the beginning of the period in which it was reached is too little.
What staff gave by hand is only ever raised. Must never: move a tier without a deed that says why.
"""

import json
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import partial

import msgspec
import sqlalchemy as sa

from tessera.central import rows
from tessera.central.apart import Apart
from tessera.central.claims import programme_of
from tessera.central.desk import Desk
from tessera.central.opening import Central
from tessera.core.identity import UID_RANDOM_BYTES, new_uid
from tessera.rules.accrual import add_months
from tessera.rules.programme import Programme
from tessera.rules.sections import Tier
from tessera.store.central import bundle_book, deed_book, feed, member_book, tier_book
from tessera.store.central.deed_book import Deed
from tessera.store.central.ledger_book import MemberKey
from tessera.store.central.member_book import MemberRecord, Profile
from tessera.store.central.sale_book import SaleRecord
from tessera.store.central.tier_book import SPENT, VISITS, Gain, SpendChange

REACHED, ENDED, RETURNED = "reached", "period-ended", "returned"
TAG_OPENING = "opening"
AT_ONCE = 500
GROUPS_AT_ONCE = 20
"""Members in one transaction, and transactions in one round of upkeep."""

_MONTH_DAYS_MAX = 31


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """A member's tier, and what is missing to the next.

    `until`: the day on which it is looked at again, ISO, or empty. `by`: spent (minor units of
    `currency`, with `digits`), visits, or a unit; `next_tier` is empty at the top.
    """

    tier: str
    since: str = ""
    until: str = ""
    next_tier: str = ""
    by: str = ""
    months: int = 0
    have: int = 0
    need: int = 0
    currency: str = ""
    digits: int = 0


def judge(
    tx: sa.Connection,
    members: dict[MemberKey, MemberRecord],
    desk: Desk,
    *,
    sales: Sequence[SaleRecord],
    less: Sequence[SpendChange],
) -> dict[MemberKey, MemberRecord]:
    """These members after their records were booked, with the tiers that they have by now.

    `sales` and `less` are what was booked, and written. Figures are summed only where they may
    matter: a sale adds to what is kept with the member, and nothing else makes that grow.
    """
    programmes = _programmes(tx, (member.home_store for member in members.values()), desk.now_ms)
    if not programmes:
        return members
    today = _today(desk.now_ms())
    first: dict[MemberKey, str] = {}
    for sale in sales:
        key = (sale.bucket, sale.member_id)
        first[key] = min(first.get(key, sale.business_day), sale.business_day)
    returned = {(one.bucket, one.member_id) for one in less}
    judged = dict(members)
    exact: list[MemberRecord] = []
    for key, member in members.items():
        programme = programmes.get(member.home_store)
        if programme is None:
            continue
        period = _spend_months(programme.tiers)
        if key in returned or (period and not member.tier_due) or _may_rise(member, programme):
            exact.append(member)
        elif period and key in first:
            out = add_months(date.fromisoformat(first[key]), period).isoformat()
            judged[key] = msgspec.structs.replace(member, tier_due=min(member.tier_due, out))
    judged |= _judged(tx, exact, programmes, today, desk, returned=returned)
    return judged


def follow_time(central: Central, apart: Apart | None = None) -> int:
    """Look again at members whose day has come: sales leave the period, tiers end; how many."""
    apart = apart or Apart(central.now_ms)
    seen = 0
    today = _today(central.now_ms())
    for _ in range(GROUPS_AT_ONCE):
        with central.engines.reader.begin() as tx:
            keys = tier_book.members_due(tx, today.isoformat(), limit=AT_ONCE)
        groups: dict[int, list[MemberKey]] = {}
        for key in keys:
            groups.setdefault(0 if central.settings.database.spans_buckets else key[0], []).append(
                key
            )
        for _bucket, group in sorted(groups.items()):
            apart.each("following a tier", group, partial(_follow_group, central, today))
        seen += len(keys)
        if len(keys) < AT_ONCE:
            break
    return seen


def standing(tx: sa.Connection, member: MemberRecord, now_ms: int) -> Standing:
    """A member's tier and the way to the next, by the programme of their home store."""
    programme = _programmes(tx, [member.home_store], lambda: now_ms).get(member.home_store)
    if programme is None:
        return Standing(tier=member.tier, since=member.tier_since)
    today = _today(now_ms)
    gains = _gains(tx, [member], [programme], today)[member.key]
    held = programme.tiers.get(member.tier)
    end = _end(member, held)
    found = Standing(
        tier=member.tier, since=member.tier_since, until="" if end is None else end.isoformat()
    )
    above = [tier for tier in programme.tiers.values() if tier.by and tier.level > _level(held)]
    if not above:
        return found
    coming = min(above, key=lambda tier: tier.level)
    return Standing(
        tier=found.tier,
        since=found.since,
        until=found.until,
        next_tier=coming.tier,
        by=coming.by,
        months=coming.months,
        have=_figure(member, coming, gains, today),
        need=coming.threshold,
        currency=programme.currency,
        digits=programme.digits,
    )


# ---- steps ----------------------------------------------------------------------------------


def _programmes(
    tx: sa.Connection, stores: Iterable[str], now_ms: Callable[[], int]
) -> dict[str, Programme]:
    """By store, the programme that runs there now, where tiers are reached by themselves."""
    wanted = set(stores) - {""}
    assignments = bundle_book.read_assignments(tx) if wanted else []
    if not assignments:
        return {}
    at_ms = now_ms()
    found: dict[str, Programme] = {}
    by_bundle: dict[str, Programme | None] = {}
    for store in wanted:
        for one in assignments:
            if one.active_from_ms <= at_ms and one.is_for(store):
                if one.bundle not in by_bundle:
                    by_bundle[one.bundle] = programme_of(tx, one.bundle)
                programme = by_bundle[one.bundle]
                if programme is not None and any(tier.by for tier in programme.tiers.values()):
                    found[store] = programme
                break
    return found


def _follow_group(central: Central, today: date, keys: Sequence[MemberKey]) -> None:
    desk = central.desk()
    with central.engines.writer.begin() as tx:
        members = member_book.lock_members(tx, keys)
        stores = [member.home_store for member in members.values()]
        programmes = _programmes(tx, stores, desk.now_ms)
        ruled = [one for one in members.values() if one.home_store in programmes]
        judged = _judged(tx, ruled, programmes, today, desk)
        changed: list[MemberRecord] = []
        told: list[feed.Change] = []
        profiles = member_book.read_profiles(tx, judged)
        for key, member in members.items():
            after = judged.get(key)
            if after is None:  # no programme looks at this member any more
                changed.append(msgspec.structs.replace(member, tier_due=""))
                continue
            if (after.tier, after.period_spend_minor) != (member.tier, member.period_spend_minor):
                after = msgspec.structs.replace(after, version=member.version + 1)
                profile = profiles.get(key, Profile())
                told.append(rows.member_change(after, profile, desk.version_base))
            changed.append(after)
        member_book.write_members(tx, changed)
        feed.append(tx, feed.MEMBERS, told)


def _judged(
    tx: sa.Connection,
    members: Sequence[MemberRecord],
    programmes: Mapping[str, Programme],
    today: date,
    desk: Desk,
    *,
    returned: Collection[MemberKey] = (),
) -> dict[MemberKey, MemberRecord]:
    """These members with exact figures and the tier that follows; deeds are written."""
    of = _gains(tx, members, [programmes[one.home_store] for one in members], today)
    judged: dict[MemberKey, MemberRecord] = {}
    for before in members:
        programme = programmes[before.home_store]
        gains = of[before.key]
        after = _with_period(before, programme.tiers, gains, today)
        tier, why = _moved(after, programme.tiers, gains, today, is_returned=before.key in returned)
        if why:
            after = msgspec.structs.replace(after, tier=tier, tier_since=today.isoformat())
        if tier != before.tier:
            at_ms = desk.now_ms()
            moved = {"from": before.tier, "to": tier, "why": why}
            deed_book.write(
                tx,
                Deed(
                    bucket=before.bucket,
                    member_id=before.member_id,
                    uid=new_uid(at_ms, desk.random(UID_RANDOM_BYTES)),
                    what=deed_book.TIER,
                    who=f"programme {programme.programme_id}"[:100],
                    at_ms=at_ms,
                    body=json.dumps(moved).encode(),
                ),
            )
        judged[before.key] = _with_due(after, programme.tiers, gains, today)
    return judged


def _gains(
    tx: sa.Connection,
    members: Sequence[MemberRecord],
    programmes: Iterable[Programme],
    today: date,
) -> dict[MemberKey, list[Gain]]:
    """What may count for any of these members, from the earliest day that matters on."""
    tiers = [tier for programme in programmes for tier in programme.tiers.values() if tier.by]
    months = max((tier.months for tier in tiers), default=0)
    # A tier lasts its months, and what reached it may be as many months older.
    days = 2 * (months + 1) * _MONTH_DAYS_MAX
    since = today - timedelta(days=min(days, (today - date.min).days))
    return tier_book.read_gains(
        tx,
        [member.key for member in members],
        since=since.isoformat(),
        with_units=any(tier.by not in {SPENT, VISITS} for tier in tiers),
        but_tag=TAG_OPENING,
    )


def _moved(
    member: MemberRecord,
    tiers: Mapping[str, Tier],
    gains: Sequence[Gain],
    today: date,
    *,
    is_returned: bool,
) -> tuple[str, str]:
    """The tier that follows and why; no reason: nothing begins anew."""
    held = tiers.get(member.tier)
    if member.tier and held is None and not member.tier_since:
        return member.tier, ""  # given by hand, and unknown to the programme
    earned = _reached(member, tiers, gains, today)
    if _level(earned) > _level(held):
        return earned.tier if earned else "", REACHED
    if not member.tier or not member.tier_since or (held is not None and not held.by):
        return member.tier, ""
    end = _end(member, held)
    if held is None or (end is not None and today >= end):
        return earned.tier if earned else "", ENDED
    if is_returned:
        since = date.fromisoformat(member.tier_since)
        if _figure(member, held, gains, since) < held.threshold:
            return earned.tier if earned else "", RETURNED
    return member.tier, ""


def _reached(
    member: MemberRecord, tiers: Mapping[str, Tier], gains: Sequence[Gain], day: date
) -> Tier | None:
    """The highest tier whose threshold is reached by what counts on a day."""
    reached = [
        tier
        for tier in tiers.values()
        if tier.by and _figure(member, tier, gains, day) >= tier.threshold
    ]
    return max(reached, key=lambda tier: tier.level, default=None)


def _figure(member: MemberRecord, tier: Tier, gains: Sequence[Gain], day: date) -> int:
    """What counts for a tier: all that had not left its period on this day, and what came since."""
    if not tier.months and tier.by == SPENT:
        return member.lifetime_spend_minor
    if not tier.months and tier.by == VISITS:
        return member.visits
    return sum(
        gain.amount
        for gain in gains
        if gain.by == tier.by and (not tier.months or _leaves(gain, tier.months) > day)
    )


def _leaves(gain: Gain, months: int) -> date:
    """The first day on which it counts no more."""
    return add_months(date.fromisoformat(gain.day), months)


def _spend_months(tiers: Mapping[str, Tier]) -> int:
    """Months of the period over which spend is told to tills: the longest that a tier names."""
    return max((tier.months for tier in tiers.values() if tier.by == SPENT), default=0)


def _with_period(
    member: MemberRecord, tiers: Mapping[str, Tier], gains: Sequence[Gain], today: date
) -> MemberRecord:
    months = _spend_months(tiers)
    if not months:
        return member
    spent = sum(gain.amount for gain in gains if gain.by == SPENT and _leaves(gain, months) > today)
    return msgspec.structs.replace(member, period_spend_minor=spent)


def _with_due(
    member: MemberRecord, tiers: Mapping[str, Tier], gains: Sequence[Gain], today: date
) -> MemberRecord:
    """The member with the next day on which time changes something."""
    end = _end(member, tiers.get(member.tier))
    days = [] if end is None else [end]
    if months := _spend_months(tiers):
        days += [_leaves(gain, months) for gain in gains if gain.by == SPENT]
    coming = [day.isoformat() for day in days if day > today]
    return msgspec.structs.replace(member, tier_due=min(coming, default=""))


def _end(member: MemberRecord, held: Tier | None) -> date | None:
    """When the member's tier is looked at again; None where time does not end it."""
    if held is None or not held.months or not member.tier_since:
        return None
    return add_months(date.fromisoformat(member.tier_since), held.months)


def _may_rise(member: MemberRecord, programme: Programme) -> bool:
    """Whether a higher tier may have been reached: no figure is lower than what it stands for."""
    held = _level(programme.tiers.get(member.tier))
    for tier in programme.tiers.values():
        if not tier.by or tier.level <= held:
            continue
        if tier.by == VISITS:
            most = member.visits
        elif tier.by == SPENT:
            most = member.period_spend_minor if tier.months else member.lifetime_spend_minor
        else:
            return True
        if most >= tier.threshold:
            return True
    return False


def _level(tier: Tier | None) -> int:
    return 0 if tier is None else tier.level


def _today(now_ms: int) -> date:
    return datetime.fromtimestamp(now_ms / 1000, tz=UTC).date()
