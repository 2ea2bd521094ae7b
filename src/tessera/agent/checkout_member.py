"""Who is buying: from cards, a phone number or a member id to what the rules may know.

Owns: the way from a scanned number to a member's state without a personal field, and the words
that say why there is none. Must never: keep a number in clear.
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime

import sqlalchemy as sa

from tessera.agent import api_answers, api_shapes
from tessera.agent.notices import notice
from tessera.core.cards import CardHasher, masked
from tessera.core.ledger import OWED_PREFIX
from tessera.core.member import Counter, MemberState, UnitBalance
from tessera.core.uses import counter_of, is_of_guard, is_unit_account, periods_around
from tessera.store.till import cached_members
from tessera.store.till.values import AccountView, CachedMember

BIRTHDAY_REACH_DAYS = 31
ACTIVE = "active"


@dataclass(frozen=True, slots=True, kw_only=True)
class Buyer:
    """Who was recognised; `status` is none, known, unknown, blocked, or refused by the guard.

    `card_hash` is of the card (or phone) that was tried first, known or not; `shown_card` its mask.
    """

    status: str = "none"
    member: CachedMember | None = None
    accounts: tuple[AccountView, ...] = ()
    card_hash: bytes = b""
    shown_card: str = ""
    as_of_ms: int = 0
    notices: tuple[api_answers.Notice, ...] = ()

    @property
    def known(self) -> CachedMember | None:
        """The member, if benefits are due to them."""
        return self.member if self.status == "known" else None

    def owed(self) -> dict[str, int]:
        """What the member owes by unit, as positive counts."""
        return {
            view.unit.removeprefix(OWED_PREFIX): -view.balance
            for view in self.accounts
            if view.unit.startswith(OWED_PREFIX) and view.balance < 0
        }

    def balances(self) -> dict[str, AccountView]:
        """The member's own accounts by unit, without what is owed or only counted."""
        return {v.unit: v for v in self.accounts if is_unit_account(v.unit)}

    def counters(self, on: date) -> tuple[Counter, ...]:
        """How often the member used limited offers in the periods that a day lies in.

        What central has counted, and the till's own records that it has not.
        """
        periods = periods_around(on)
        found = [(counter_of(view.unit), view.balance) for view in self.accounts]
        return tuple(
            Counter(key=key, used=used)
            for key, used in found
            if used > 0 and key.rpartition("/")[2] in periods and not is_of_guard(key)
        )

    def counted_by_guard(self) -> dict[str, int]:
        """What the guard against abuse has counted of the member, by key."""
        found = ((counter_of(view.unit), view.balance) for view in self.accounts)
        return {key: used for key, used in found if is_of_guard(key)}


NOBODY = Buyer()


@dataclass(frozen=True, slots=True, kw_only=True)
class ScannedCard:
    """A card that was scanned for a sale, as it is kept while the sale is open: by its keyed hash.

    `card_hash` is empty where the number reads as none, or no key is known to hash it with.
    """

    card_hash: bytes = b""
    shown: str = ""


def scanned_card(number: str, hasher: CardHasher | None) -> ScannedCard:
    """The card behind a scanned number."""
    try:
        card_hash = b"" if hasher is None else hasher.card(number)
    except ValueError:
        card_hash = b""
    return ScannedCard(card_hash=card_hash, shown=masked(number) if card_hash else "")


def find_buyer(
    connection: sa.Connection,
    given: api_shapes.MemberGiven | None,
    *,
    hasher: CardHasher | None,
    as_of_ms: int,
    scanned: tuple[ScannedCard, ...] = (),
) -> Buyer:
    """The member behind what the POS gave and what was scanned; the first that is known decides."""
    given = given or api_shapes.MemberGiven()
    if not (given.cards or given.phone or given.member_id or scanned):
        return NOBODY
    if hasher is None:
        return Buyer(status="unknown", notices=(notice("not_enrolled"),))
    hashes, shown, wrong = _hashes(given, hasher)
    for card in scanned:
        if not card.card_hash:
            wrong = True
        elif card.card_hash not in hashes:
            hashes.append(card.card_hash)
            shown = shown or card.shown
    found = None
    if given.member_id:
        found = cached_members.find_by_id(connection, given.member_id)
    for number_hash in hashes:
        # Cards and phones share one table; their hashes differ by purpose.
        found = found or cached_members.find_by_card(connection, number_hash)
    first_hash = hashes[0] if hashes else b""
    if found is None:
        told = (notice("card_unreadable"),) if wrong else (notice("card_unknown"),)
        return Buyer(status="unknown", card_hash=first_hash, shown_card=shown, notices=told)
    blocked = found.status != ACTIVE
    return Buyer(
        status="blocked" if blocked else "known",
        member=found,
        accounts=() if blocked else tuple(cached_members.accounts(connection, found.member_id)),
        card_hash=first_hash,
        shown_card=shown,
        as_of_ms=as_of_ms,
        notices=(notice("member_blocked"),) if blocked else (),
    )


def _hashes(given: api_shapes.MemberGiven, hasher: CardHasher) -> tuple[list[bytes], str, bool]:
    """The hashes to try in order, how the first is shown, and whether a number reads as none."""
    hashes: list[bytes] = []
    shown, wrong = "", False
    for number in given.cards:
        try:
            hashes.append(hasher.card(number))
        except ValueError:
            wrong = True
            continue
        shown = shown or masked(number)
    if given.phone is not None:
        try:
            hashes.append(hasher.phone(given.phone))
            shown = shown or masked(given.phone)
        except ValueError:
            wrong = True
    return hashes, shown, wrong


def state_of(buyer: Buyer, on: date, business_day: date | None = None) -> MemberState | None:
    """What the rules may know of the buyer on that day; None where no benefits are due.

    Limits are counted by `business_day`, which may lie behind the calendar.
    """
    member = buyer.known
    if member is None:
        return None
    owed = buyer.owed()
    return MemberState(
        member_id=member.member_id,
        status=member.status,
        tier=member.tier,
        segments=member.segments,
        entitlements=member.entitlements,
        units=tuple(
            UnitBalance(
                unit=view.unit,
                balance=view.balance - owed.get(view.unit, 0),
                spendable=max(0, view.spendable),
            )
            for view in buyer.balances().values()
        ),
        counters=buyer.counters(business_day or on),
        joined=member.joined,
        last_visit=member.last_visit,
        visits=member.visits,
        days_to_birthday=days_to_birthday(member.birthday, on),
        lifetime_spend_minor=member.lifetime_spend_minor,
        period_spend_minor=member.period_spend_minor,
        staff=member.staff,
        as_of_ms=buyer.as_of_ms,
    )


def days_to_birthday(birthday: str, on: date) -> int | None:
    """Signed days to the nearest birthday (MM-DD), within a month of it; None otherwise.

    29 February is kept on the 28th in other years.
    """
    month, _, day = birthday.partition("-")
    if not (month.isdecimal() and day.isdecimal()):
        return None
    distances = []
    for year in (on.year - 1, on.year, on.year + 1):
        try:
            then = date(year, int(month), int(day))
        except ValueError:
            if (month, day) != ("02", "29"):
                return None
            then = date(year, 2, 28)
        distances.append((then - on).days)
    nearest = min(distances, key=abs)
    return nearest if abs(nearest) <= BIRTHDAY_REACH_DAYS else None


def member_answer(buyer: Buyer) -> api_answers.MemberAnswer:
    """How a POS is told who was recognised."""
    member = buyer.member
    if member is None:
        return api_answers.MemberAnswer(status=buyer.status)
    as_of = ""
    if buyer.as_of_ms:
        as_of = datetime.fromtimestamp(buyer.as_of_ms / 1000, UTC).isoformat(timespec="seconds")
    return api_answers.MemberAnswer(
        status=buyer.status,
        member_id=member.member_id,
        display_name=member.display_name,
        tier=member.tier,
        language=member.language,
        entitlements=member.entitlements,
        as_of=as_of,
        provisional=member.provisional,
    )


def unit_answers(buyer: Buyer) -> tuple[api_answers.UnitAnswer, ...]:
    """The balances of a member outside a sale."""
    return tuple(
        api_answers.UnitAnswer(
            unit=view.unit,
            earned=0,
            spent=0,
            balance_after=view.balance,
            spendable_now=max(0, view.spendable),
            pending=view.pending,
        )
        for view in buyer.balances().values()
    )
