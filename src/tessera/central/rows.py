"""Rows of the feed as change rows: who hears what of a member, an account, a lease, an outcome.

Owns: audiences and the bytes of rows, signed where a till must be able to prove them later.
`base` is what the present generation adds to versions. Must never: put anything personal into a
register's stream.
"""

from datetime import date

import msgspec

from tessera.core.coupons import coupon_account
from tessera.core.identity import bucket_of, bucket_of_hash
from tessera.store.central.accounts import Account, Lease
from tessera.store.central.feed import Change
from tessera.store.central.member_book import CardRecord, MemberRecord, Profile
from tessera.sync.feed_wire import (
    AccountVersion,
    AssignmentRow,
    BalanceRow,
    CardRow,
    LeaseRow,
    MemberRow,
    OutcomeRow,
    RemovalRow,
    ShareRow,
    StopsRow,
)
from tessera.sync.records import encoded
from tessera.sync.signing import PURPOSE_ASSIGNMENT, PURPOSE_LEASE, SigningKey

_LEASE = "lease "
_ASSIGNMENT = "assignment"


def is_signed(about: str) -> bool:
    """Whether rows of this name are signed for themselves, within a generation."""
    return about == _ASSIGNMENT or about.startswith(_LEASE)


def store_audience(store_id: str) -> str:
    """The stream that every register of a store reads."""
    return f"store:{store_id}"


def register_audience(register_id: str) -> str:
    """The stream of one register's own outcomes and leases."""
    return f"register:{register_id}"


def member_change(member: MemberRecord, profile: Profile, base: int) -> Change:
    """A member as their home store's tills may know them."""
    row = MemberRow(
        member_id=member.member_id,
        version=base + member.version,
        status=member.status,
        tier=member.tier,
        display_name=profile.display_name,
        language=profile.language,
        segments=member.segments,
        entitlements=member.entitlements,
        joined=_day(member.joined),
        birthday=profile.birthday,
        staff=member.staff,
        visits=member.visits,
        lifetime_spend_minor=member.lifetime_spend_minor,
        period_spend_minor=member.period_spend_minor,
        last_visit=_day(member.last_visit),
    )
    return Change(
        bucket=member.bucket,
        audience=store_audience(member.home_store),
        about=f"member {member.member_id}",
        body=encoded(row),
    )


def balance_change(member: MemberRecord, name: str, account: Account, base: int) -> Change:
    """An account at its version, for the member's home store."""
    row = BalanceRow(
        member_id=member.member_id,
        account=name,
        points=account.points,
        leased=account.leased,
        version=base + account.version,
    )
    return Change(
        bucket=member.bucket,
        audience=store_audience(member.home_store),
        about=f"balance {member.member_id} {name}",
        body=encoded(row),
    )


def account_version(name: str, account: Account, base: int) -> AccountVersion:
    """An account as it is right after a record was booked."""
    return AccountVersion(
        account=name,
        points=account.points,
        leased=account.leased,
        version=base + account.version,
    )


def code_change(
    bucket: int, audience: str, code_hash: str, *, is_used: bool, version: int
) -> Change:
    """Whether a single-use code is used up: an account of the code itself, 1 or 0."""
    account = coupon_account(code_hash)
    row = BalanceRow(member_id=account, account=account, points=int(is_used), version=version)
    return Change(bucket=bucket, audience=audience, about=account, body=encoded(row))


def outcome_change(bucket: int, register_id: str, row: OutcomeRow) -> Change:
    """What became of a record, for the register that wrote it."""
    return Change(
        bucket=bucket,
        audience=register_audience(register_id),
        about=f"outcome {row.uid}",
        body=encoded(row),
    )


def lease_row(member_id: str, lease: Lease, *, generation: str, key: SigningKey) -> LeaseRow:
    """A grant, signed, so that it can be presented again to a restored central."""
    row = LeaseRow(
        lease_id=lease.lease_id,
        member_id=member_id,
        unit=lease.unit,
        amount=max(lease.granted, lease.claimed),
        register=lease.register_id,
        incarnation=lease.incarnation,
        generation=generation,
    )
    signature = key.sign(PURPOSE_LEASE, encoded(row)).hex()
    return msgspec.structs.replace(row, signature=signature)


def lease_change(bucket: int, row: LeaseRow) -> Change:
    """A grant for the register that holds it."""
    return Change(
        bucket=bucket,
        audience=register_audience(row.register),
        about=_LEASE + row.lease_id,
        body=encoded(row),
    )


def card_change(card: CardRecord, home_store: str, base: int) -> Change:
    """A card, for the tills of its member's home store."""
    row = CardRow(
        card_hash=card.card_hash.hex(),
        key_id=card.key_id,
        member_id=card.member_id,
        version=base + card.version,
        status=card.status,
    )
    return Change(
        bucket=bucket_of_hash(card.card_hash),
        audience=store_audience(home_store),
        about=f"card {card.card_hash.hex()}",
        body=encoded(row),
    )


def removal_change(
    bucket: int, audience: str, *, what: str, key: str, version: int, reason: str
) -> Change:
    """Something that an audience must no longer hold."""
    row = RemovalRow(what=what, key=key, version=version, reason=reason)
    return Change(bucket=bucket, audience=audience, about=f"{what} {key}", body=encoded(row))


def assignment_row(row: AssignmentRow, key: SigningKey) -> AssignmentRow:
    """An assignment, signed."""
    unsigned = msgspec.structs.replace(row, signature="")
    signature = key.sign(PURPOSE_ASSIGNMENT, encoded(unsigned)).hex()
    return msgspec.structs.replace(row, signature=signature)


def assignment_change(store_id: str, row: AssignmentRow) -> Change:
    """Which bundle a store's tills are to run."""
    audience = store_audience(store_id)
    return Change(
        bucket=bucket_of(audience), audience=audience, about=_ASSIGNMENT, body=encoded(row)
    )


def stops_change(store_id: str, row: StopsRow) -> Change:
    """Which offers a store's tills are to leave out."""
    audience = store_audience(store_id)
    return Change(bucket=bucket_of(audience), audience=audience, about="stops", body=encoded(row))


def share_change(row: ShareRow) -> Change:
    """What a register may use of a limit over all members."""
    audience = register_audience(row.register)
    about = f"share {row.key}"
    return Change(bucket=bucket_of(audience), audience=audience, about=about, body=encoded(row))


def _day(text: str) -> date | None:
    return date.fromisoformat(text) if text else None
