"""Members, their personal profile, and their cards.

Owns: the member apart from the person (`profile` holds the personal fields and nothing else does),
and cards by their keyed hash. Must never: store a card number in clear.
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date

import msgspec
import sqlalchemy as sa

from tessera.core.identity import bucket_of_hash
from tessera.store.central import bulk, schema
from tessera.store.central.ledger_book import MemberKey
from tessera.store.central.schema_enrolled import PERSONAL

_MEMBER = (
    "bucket",
    "member_id",
    "version",
    "status",
    "tier",
    "home_store",
    "home_register",
    "segments",
    "entitlements",
    "joined",
    "staff",
    "visits",
    "lifetime_spend_minor",
    "period_spend_minor",
    "last_visit",
    "tier_since",
    "tier_due",
    "waits_for",
)
_NONE = frozenset({"", "[]"})
_PROFILE = ("bucket", "member_id", *PERSONAL)
_CARD = ("cbucket", "card_hash", "key_id", "member_id", "bucket", "status", "version", "kind")
_MEMBER_CARD = ("bucket", "member_id", "card_hash", "key_id", "status", "version", "kind")
PHONE, STAFF = "phone", "staff"
"""Kinds of numbers that stand among the cards and are none."""


class MemberRecord(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A member without anything personal. `home_store` decides who hears of them.

    `home_register` holds their leases; `joined` and `last_visit` are ISO dates or empty.
    `tier_since`: the day from which the present tier is kept for its period, empty where staff gave
    it. `tier_due`: the next day on which time alone changes a figure or the tier, or empty.
    `waits_for`: card, phone or both, which were another member's when this one was enrolled; until
    staff has decided, nothing is leased to them.
    """

    bucket: int
    member_id: str
    version: int = 0
    status: str = "active"
    tier: str = ""
    home_store: str = ""
    home_register: str = ""
    segments: tuple[str, ...] = ()
    entitlements: tuple[str, ...] = ()
    joined: str = ""
    staff: bool = False
    visits: int = 0
    lifetime_spend_minor: int = 0
    period_spend_minor: int = 0
    last_visit: str = ""
    tier_since: str = ""
    tier_due: str = ""
    waits_for: str = ""

    @property
    def key(self) -> MemberKey:
        """Bucket and id."""
        return (self.bucket, self.member_id)

    def after_visit(self, day: date, spent_minor: int, *, home_register: str) -> "MemberRecord":
        """The member once a sale of `spent_minor` on `day` is counted."""
        return msgspec.structs.replace(
            self,
            version=self.version + 1,
            home_register=home_register,
            visits=self.visits + 1,
            lifetime_spend_minor=self.lifetime_spend_minor + spent_minor,
            period_spend_minor=self.period_spend_minor + spent_minor,
            last_visit=max(self.last_visit, day.isoformat()),
        )

    def after_return(self, refund_minor: int) -> "MemberRecord":
        """The member once a return is counted: a visit stays a visit, what was paid back goes."""
        return msgspec.structs.replace(
            self,
            version=self.version + 1,
            lifetime_spend_minor=self.lifetime_spend_minor - refund_minor,
            period_spend_minor=self.period_spend_minor - refund_minor,
        )


class Profile(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """The person: what may be shown at a till, the day that offers look at, and how to reach them.

    Tills hear of the first three alone. `consents` is JSON, one entry for each purpose.
    """

    display_name: str = ""
    language: str = ""
    birthday: str = ""
    full_name: str = ""
    phone: str = ""
    email: str = ""
    consents: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class CardRecord:
    """A card of a member. `card_hash`: 16 bytes under the key `key_id`.

    `kind`: phone or staff for a number that is no card.
    """

    card_hash: bytes
    key_id: int
    member_id: str
    bucket: int
    status: str = "active"
    version: int = 1
    kind: str = ""


def lock_members(tx: sa.Connection, keys: Iterable[MemberKey]) -> dict[MemberKey, MemberRecord]:
    """The members of these keys that exist, locked until the transaction ends."""
    rows = bulk.select(tx, schema.MEMBER, _MEMBER, ("bucket", "member_id"), keys, lock=True)
    return {(row[0], row[1]): _member(row) for row in rows}


def read_members(tx: sa.Connection, keys: Iterable[MemberKey]) -> dict[MemberKey, MemberRecord]:
    """The members of these keys that exist."""
    rows = bulk.select(tx, schema.MEMBER, _MEMBER, ("bucket", "member_id"), keys)
    return {(row[0], row[1]): _member(row) for row in rows}


def read_profiles(tx: sa.Connection, keys: Iterable[MemberKey]) -> dict[MemberKey, Profile]:
    """The profiles of these members that have one."""
    rows = bulk.select(tx, schema.PROFILE, _PROFILE, ("bucket", "member_id"), keys)
    return {(row[0], row[1]): Profile(**dict(zip(PERSONAL, row[2:], strict=True))) for row in rows}


def write_members(tx: sa.Connection, members: Sequence[MemberRecord]) -> None:
    """Add members, or write what changed of them."""
    rows = [
        (
            member.bucket,
            member.member_id,
            member.version,
            member.status,
            member.tier,
            member.home_store,
            member.home_register,
            json.dumps(member.segments) if member.segments else "[]",
            json.dumps(member.entitlements) if member.entitlements else "[]",
            member.joined,
            int(member.staff),
            member.visits,
            member.lifetime_spend_minor,
            member.period_spend_minor,
            member.last_visit,
            member.tier_since,
            member.tier_due,
            member.waits_for,
        )
        for member in members
    ]
    bulk.insert(tx, schema.MEMBER, _MEMBER, rows, update=_MEMBER[2:])


def write_profiles(tx: sa.Connection, profiles: dict[MemberKey, Profile]) -> None:
    """Write the personal fields of members."""
    rows = [
        (*key, *(getattr(profile, name) for name in PERSONAL))
        for key, profile in sorted(profiles.items())
    ]
    bulk.insert(tx, schema.PROFILE, _PROFILE, rows, update=_PROFILE[2:])


def read_cards(tx: sa.Connection, hashes: Iterable[bytes]) -> dict[bytes, CardRecord]:
    """Cards by their hash."""
    query = sa.select(*(schema.CARD.c[name] for name in _CARD))
    found: dict[bytes, CardRecord] = {}
    for card_hash in sorted(set(hashes)):
        row = tx.execute(
            query.where(schema.CARD.c.cbucket == bucket_of_hash(card_hash)).where(
                schema.CARD.c.card_hash == card_hash
            )
        ).one_or_none()
        if row is not None:
            found[card_hash] = CardRecord(
                card_hash=bytes(row.card_hash),
                key_id=row.key_id,
                member_id=row.member_id,
                bucket=row.bucket,
                status=row.status,
                version=row.version,
                kind=row.kind,
            )
    return found


def claim_card(tx: sa.Connection, card: CardRecord) -> str:
    """Give a number to a member if it is nobody's; whose it is then.

    Asked again, the answer is the same. Nothing is listed with the member yet.
    """
    row = _card_row(card)
    bulk.insert(tx, schema.CARD, _CARD, [row], ignore_known=True)
    held = read_cards(tx, [card.card_hash])[card.card_hash]
    if held.member_id:
        return held.member_id
    table = schema.CARD
    tx.execute(
        sa.update(table)
        .where(table.c.cbucket == bucket_of_hash(card.card_hash))
        .where(table.c.card_hash == card.card_hash)
        .where(table.c.member_id == "")
        .values(
            key_id=card.key_id,
            member_id=card.member_id,
            bucket=card.bucket,
            status=card.status,
            version=held.version + 1,
            kind=card.kind,
        )
    )
    return read_cards(tx, [card.card_hash])[card.card_hash].member_id


def write_cards(tx: sa.Connection, cards: Sequence[CardRecord]) -> None:
    """Add cards, or write what changed of them; each is also listed with its member."""
    bulk.insert(tx, schema.CARD, _CARD, [_card_row(card) for card in cards], update=_CARD[2:])
    listed = [tuple(getattr(card, name) for name in _MEMBER_CARD) for card in cards]
    bulk.insert(tx, schema.MEMBER_CARD, _MEMBER_CARD, listed, update=_MEMBER_CARD[3:])


def _card_row(card: CardRecord) -> bulk.Row:
    return (bucket_of_hash(card.card_hash), *(getattr(card, name) for name in _CARD[1:]))


def read_member_cards(tx: sa.Connection, keys: Iterable[MemberKey]) -> list[CardRecord]:
    """The cards of these members."""
    rows = bulk.select(tx, schema.MEMBER_CARD, _MEMBER_CARD, _MEMBER_CARD[:2], keys)
    return [
        CardRecord(
            card_hash=bytes(row[2]),
            key_id=row[3],
            member_id=row[1],
            bucket=row[0],
            status=row[4],
            version=row[5],
            kind=row[6],
        )
        for row in rows
    ]


def all_members(tx: sa.Connection, *, after: MemberKey, limit: int) -> list[MemberKey]:
    """Members by bucket and id after `after`."""
    table = schema.MEMBER
    rows = tx.execute(
        sa.select(table.c.bucket, table.c.member_id)
        .where(sa.tuple_(table.c.bucket, table.c.member_id) > sa.tuple_(*after))
        .order_by(table.c.bucket, table.c.member_id)
        .limit(limit)
    )
    return [(row.bucket, row.member_id) for row in rows]


def members_of_store(
    tx: sa.Connection, store_id: str, *, after: MemberKey, limit: int
) -> list[MemberKey]:
    """Members whose home is this store, by bucket and id after `after`."""
    table = schema.MEMBER
    rows = tx.execute(
        sa.select(table.c.bucket, table.c.member_id)
        .where(table.c.home_store == store_id)
        .where(sa.tuple_(table.c.bucket, table.c.member_id) > sa.tuple_(*after))
        .order_by(table.c.bucket, table.c.member_id)
        .limit(limit)
    )
    return [(row.bucket, row.member_id) for row in rows]


def _member(row: bulk.Row) -> MemberRecord:
    values = dict(zip(_MEMBER, row, strict=True))
    for name in ("segments", "entitlements"):  # most members have none
        values[name] = () if values[name] in _NONE else tuple(json.loads(values[name]))
    values["staff"] = bool(values["staff"])
    return MemberRecord(**values)
