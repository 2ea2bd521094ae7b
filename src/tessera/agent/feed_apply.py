"""Writing checked pages of the feed into the till's database.

Owns: which table each kind of row belongs to, and that rows and cursor are one transaction.
Must never: see a page that was not checked (`sync.feed_reading`), or open a transaction.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import sqlalchemy as sa

from tessera.core.uses import counter_of
from tessera.store.till import (
    cached_members,
    feed_state,
    kept_bundles,
    leases,
    limit_shares,
    outcomes,
    shortening,
    stopped_offers,
)
from tessera.store.till.values import (
    AccountState,
    Assignment,
    CachedMember,
    Grant,
    Outcome,
    RegisterIdentity,
)
from tessera.sync.feed_reading import ReadPage
from tessera.sync.feed_wire import (
    AssignmentRow,
    BackupRow,
    BalanceRow,
    CardRow,
    FeedRow,
    LeaseRow,
    MemberRow,
    OutcomeRow,
    RemovalRow,
    ShareRow,
    StopsRow,
)

ACTIVE = "active"
MOVED = "moved"


@dataclass(frozen=True, slots=True, kw_only=True)
class Applied:
    """What a transaction of the feed brought: rows in all, and whether a bundle was assigned."""

    rows: int
    assigned: bool


def apply_pages(
    tx: sa.Connection, pages: Sequence[ReadPage], identity: RegisterIdentity
) -> Applied:
    """Write the rows of these pages and move their cursors; one transaction, the caller's.

    Rows are states with versions: what is older than what stands here changes nothing.
    """
    rows = [row for page in pages for row in page.rows]
    assigned = apply_rows(tx, rows, identity)
    _forget_ended(tx, rows, max((page.central_ms for page in pages), default=0))
    for page in pages:
        feed_state.advance(tx, page.audience, page.generation, page.number)
        if page.signed_ms:
            # Not the highest ever: a wrong clock of central's must not stand for good.
            feed_state.set_mark(tx, feed_state.SIGNED_MS, page.signed_ms)
    return Applied(rows=len(rows), assigned=assigned)


def apply_rows(tx: sa.Connection, rows: Sequence[FeedRow], identity: RegisterIdentity) -> bool:
    """Write rows wherever they came from, moving no cursor; whether a bundle was assigned."""
    cached_members.apply_member(tx, (_member(row) for row in rows if isinstance(row, MemberRow)))
    outcomes.apply(tx, (_outcome(row) for row in rows if isinstance(row, OutcomeRow)))
    leases.grant(tx, _grants(rows, identity))
    limit_shares.grant(tx, _shares(rows, identity))
    assigned = False
    for row in rows:
        if isinstance(row, CardRow):
            cached_members.apply_card(
                tx,
                card_hash=bytes.fromhex(row.card_hash),
                key_id=row.key_id,
                member_id=row.member_id,
                version=row.version,
                active=row.status == ACTIVE,
            )
        elif isinstance(row, BalanceRow):
            cached_members.apply_balance(tx, row.member_id, _balance(row))
        elif isinstance(row, BackupRow):
            shortening.note_backup(
                tx, incarnation=row.incarnation, seq=row.seq, link=bytes.fromhex(row.link)
            )
        elif isinstance(row, StopsRow):
            pairs = [(one.programme, one.offer) for one in row.stopped]
            stopped_offers.replace_all(tx, pairs, version=row.version)
        elif isinstance(row, AssignmentRow):
            assigned = _assign(tx, row, identity) or assigned
    # Last: a removal in the same pages outlasts rows of older versions by its own version.
    for row in rows:
        if isinstance(row, RemovalRow):
            cached_members.apply_removal(
                tx,
                what=row.what,
                key=row.key,
                version=row.version,
                moved=row.reason == MOVED,
            )
    return assigned


def _forget_ended(tx: sa.Connection, rows: Sequence[FeedRow], central_ms: int) -> None:
    """Drop counters of limits whose period is long over, of members of whom one has come."""
    day = datetime.fromtimestamp(central_ms / 1000, UTC).date()
    members = {
        row.member_id for row in rows if isinstance(row, BalanceRow) and counter_of(row.account)
    }
    for member_id in sorted(members):
        cached_members.forget_ended_uses(tx, member_id, day)


def _member(row: MemberRow) -> CachedMember:
    return CachedMember(
        member_id=row.member_id,
        version=row.version,
        status=row.status,
        tier=row.tier,
        display_name=row.display_name,
        language=row.language,
        segments=row.segments,
        entitlements=row.entitlements,
        joined=row.joined,
        birthday=row.birthday,
        staff=row.staff,
        visits=row.visits,
        lifetime_spend_minor=row.lifetime_spend_minor,
        period_spend_minor=row.period_spend_minor,
        last_visit=row.last_visit,
    )


def _balance(row: BalanceRow) -> AccountState:
    return AccountState(
        account=row.account, points=row.points, leased=row.leased, version=row.version
    )


def _outcome(row: OutcomeRow) -> Outcome:
    return Outcome(
        uid=row.uid,
        state=row.state,
        reason=row.reason,
        member_id=row.member_id,
        accounts=tuple(
            AccountState(
                account=one.account, points=one.points, leased=one.leased, version=one.version
            )
            for one in row.accounts
        ),
    )


def _grants(rows: Iterable[FeedRow], identity: RegisterIdentity) -> list[Grant]:
    return [
        Grant(
            lease_id=row.lease_id,
            member_id=row.member_id,
            unit=row.unit,
            amount=row.amount,
            incarnation=row.incarnation,
            generation=row.generation,
            signature=row.signature,
        )
        for row in rows
        if isinstance(row, LeaseRow) and row.register == identity.register
    ]


def _shares(rows: Iterable[FeedRow], identity: RegisterIdentity) -> list[tuple[str, str, int]]:
    return [
        (row.key, row.incarnation, row.granted)
        for row in rows
        if isinstance(row, ShareRow) and row.register == identity.register
    ]


def _assign(tx: sa.Connection, row: AssignmentRow, identity: RegisterIdentity) -> bool:
    # A signed assignment of an earlier generation may be replayed; it no longer binds.
    if row.generation != identity.generation:
        return False
    return kept_bundles.assign(
        tx,
        Assignment(
            number=row.number,
            bundle=row.bundle,
            active_from_ms=row.active_from_ms,
            size=row.size,
            generation=row.generation,
        ),
    )
