"""Members, cards and balances as central last described them to this till.

Owns: tables member, card, balance, tombstone. Must never: hold a card or phone number in clear, or
let an older row replace a newer one.
"""

import json
from collections.abc import Iterable
from dataclasses import replace
from datetime import date

import sqlalchemy as sa

from tessera.core.uses import USES_PREFIX, is_over
from tessera.store.till import enrolled
from tessera.store.till.rows import Cursor, cursor_of, one_row
from tessera.store.till.values import AccountState, AccountView, CachedMember

CARD_BLOCKED = "card_blocked"
UNKNOWN_YET = -1
"""Version of a member row that only reserves the till's short number."""

ENDED_USES_KEPT_DAYS = 40
"""A sale reported later than this is counted by central alone."""

_COLUMNS = """m.member_id, m.version, m.status, m.tier, m.display_name, m.language, m.segments,
    m.entitlements, m.joined, m.birthday, m.staff, m.visits, m.lifetime_spend_minor,
    m.period_spend_minor, m.last_visit"""
# A card that was replaced here works no more, though central's row may not say so yet.
_BY_CARD = f"""SELECT {_COLUMNS}, c.status AND coalesce(
        (SELECT e.status FROM enrolled_card e WHERE e.card_hash = c.card_hash), 1)
    FROM card c JOIN member m ON m.number = c.member
    WHERE c.card_hash = ? AND m.version >= 0"""  # noqa: S608 - constants only
_OF_NOBODY_YET = """SELECT m.member_id, c.status FROM card c JOIN member m ON m.number = c.member
    WHERE c.card_hash = ? AND m.version < 0"""
_BY_ID = f"SELECT {_COLUMNS}, 1 FROM member m WHERE m.member_id = ? AND m.version >= 0"  # noqa: S608

# One statement, so one snapshot: a balance and the effects it does not include belong together.
_ACCOUNTS = """
    WITH pending AS (SELECT account, sum(delta) AS delta FROM own_effect
                      WHERE member_id = :m AND included_from IS NULL GROUP BY account),
         leased AS (SELECT l.unit AS account, sum(l.amount - l.used) AS amount FROM lease l
                     JOIN register_identity r ON r.incarnation = l.incarnation
                     WHERE l.member_id = :m GROUP BY l.unit),
         named AS (SELECT account FROM balance WHERE member_id = :m
                   UNION SELECT account FROM pending UNION SELECT account FROM leased)
    SELECT n.account, coalesce(b.points, 0), coalesce(p.delta, 0), coalesce(l.amount, 0),
           coalesce(b.version, -1)
      FROM named n
      LEFT JOIN balance b ON b.member_id = :m AND b.account = n.account
      LEFT JOIN pending p ON p.account = n.account
      LEFT JOIN leased l ON l.account = n.account
     ORDER BY n.account"""


def find_by_card(connection: sa.Connection, card_hash: bytes) -> CachedMember | None:
    """The member whom this card identifies; None when it is unknown here.

    A blocked card gives its member with status "card_blocked". What this till has enrolled itself
    is known to it from then on.
    """
    found = _find(connection, _BY_CARD, card_hash)
    if found is not None:
        return found
    own = enrolled.find_card(connection, card_hash) or _undescribed(connection, card_hash)
    if own is None:
        return None
    member = find_by_id(connection, own[0])
    return member if member is None or own[1] else replace(member, status=CARD_BLOCKED)


def _undescribed(connection: sa.Connection, card_hash: bytes) -> tuple[str, bool] | None:
    """Whose card central says this is, of whom it has said nothing else yet; whether it works."""
    row = one_row(connection, _OF_NOBODY_YET, card_hash)
    return None if row is None else (str(row[0]), row[1] == 1)


def find_by_phone(connection: sa.Connection, phone_hash: bytes) -> CachedMember | None:
    """The member with this phone number, hashed for its own purpose; None when unknown here."""
    return find_by_card(connection, phone_hash)


def find_by_id(connection: sa.Connection, member_id: str) -> CachedMember | None:
    """The member with this id; None when unknown here."""
    return _find(connection, _BY_ID, member_id) or enrolled.find_member(connection, member_id)


def _find(connection: sa.Connection, query: str, key: object) -> CachedMember | None:
    row = one_row(connection, query, key)
    if row is None:
        return None
    return CachedMember(
        member_id=row[0],
        version=row[1],
        status=row[2] if row[15] else CARD_BLOCKED,
        tier=row[3],
        display_name=row[4],
        language=row[5],
        segments=tuple(json.loads(row[6])) if row[6] else (),
        entitlements=tuple(json.loads(row[7])) if row[7] else (),
        joined=date.fromisoformat(row[8]) if row[8] else None,
        birthday=row[9],
        staff=row[10] == 1,
        visits=row[11],
        lifetime_spend_minor=row[12],
        period_spend_minor=row[13],
        last_visit=date.fromisoformat(row[14]) if row[14] else None,
    )


def accounts(connection: sa.Connection, member_id: str) -> tuple[AccountView, ...]:
    """Every account of a member as it may be shown, by unit."""
    cursor = cursor_of(connection)
    try:
        rows = cursor.execute(_ACCOUNTS, {"m": member_id}).fetchall()
    finally:
        cursor.close()
    return tuple(
        AccountView(
            unit=row[0], balance=row[1] + row[2], pending=row[2], spendable=row[3], version=row[4]
        )
        for row in rows
    )


def apply_member(connection: sa.Connection, members: Iterable[CachedMember]) -> None:
    """Take in members; an older version, or one that was removed since, changes nothing."""
    members = tuple(members)
    cursor = cursor_of(connection)
    try:
        for member in members:
            if _removed_after(cursor, "member", member.member_id, member.version):
                continue
            cursor.execute(
                "INSERT INTO member (member_id, version, status, tier, display_name, language,"
                " segments, entitlements, joined, birthday, staff, visits, lifetime_spend_minor,"
                " period_spend_minor, last_visit)"
                " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
                " ON CONFLICT (member_id) DO UPDATE SET version = excluded.version,"
                " status = excluded.status, tier = excluded.tier,"
                " display_name = excluded.display_name, language = excluded.language,"
                " segments = excluded.segments, entitlements = excluded.entitlements,"
                " joined = excluded.joined, birthday = excluded.birthday, staff = excluded.staff,"
                " visits = excluded.visits, lifetime_spend_minor = excluded.lifetime_spend_minor,"
                " period_spend_minor = excluded.period_spend_minor,"
                " last_visit = excluded.last_visit WHERE excluded.version >= member.version",
                (
                    member.member_id,
                    member.version,
                    member.status,
                    member.tier,
                    member.display_name,
                    member.language,
                    _names(member.segments),
                    _names(member.entitlements),
                    member.joined.isoformat() if member.joined else None,
                    member.birthday,
                    int(member.staff),
                    member.visits,
                    member.lifetime_spend_minor,
                    member.period_spend_minor,
                    member.last_visit.isoformat() if member.last_visit else None,
                ),
            )
    finally:
        cursor.close()
    enrolled.described(connection, [member.member_id for member in members])


def _names(names: tuple[str, ...]) -> str:
    return json.dumps(names, ensure_ascii=False) if names else ""


def apply_card(
    connection: sa.Connection,
    *,
    card_hash: bytes,
    key_id: int,
    member_id: str,
    version: int,
    active: bool,
) -> None:
    """Take in one card; it may come before its member."""
    cursor = cursor_of(connection)
    try:
        if _removed_after(cursor, "card", card_hash.hex(), version):
            return
        number = _member_number(cursor, member_id)
        cursor.execute(
            "INSERT INTO card (card_hash, member, key_id, version, status) VALUES (?, ?, ?, ?, ?)"
            " ON CONFLICT (card_hash) DO UPDATE SET member = excluded.member,"
            " key_id = excluded.key_id, version = excluded.version, status = excluded.status"
            " WHERE excluded.version >= card.version",
            (card_hash, number, key_id, version, int(active)),
        )
    finally:
        cursor.close()
    enrolled.card_told(connection, card_hash, works=active)


def _member_number(cursor: Cursor, member_id: str) -> int:
    row = cursor.execute("SELECT number FROM member WHERE member_id = ?", (member_id,)).fetchone()
    if row is None:
        cursor.execute(
            "INSERT INTO member (member_id, version, status, tier, display_name, language,"
            " segments, entitlements, birthday, staff, visits, lifetime_spend_minor,"
            " period_spend_minor) VALUES (?, ?, '', '', '', '', '', '', '', 0, 0, 0, 0)",
            (member_id, UNKNOWN_YET),
        )
        return int(cursor.lastrowid)
    return int(row[0])


def apply_balance(connection: sa.Connection, member_id: str, account: AccountState) -> None:
    """Take in one balance; an older version changes nothing."""
    cursor = cursor_of(connection)
    try:
        store_accounts(cursor, member_id, (account,))
    finally:
        cursor.close()


def store_accounts(cursor: Cursor, member_id: str, states: Iterable[AccountState]) -> None:
    """Raise the stored balances to these versions; older ones change nothing."""
    cursor.executemany(
        "INSERT INTO balance (member_id, account, points, leased, version) VALUES (?, ?, ?, ?, ?)"
        " ON CONFLICT (member_id, account) DO UPDATE SET points = excluded.points,"
        " leased = excluded.leased, version = excluded.version"
        " WHERE excluded.version >= balance.version",
        [(member_id, one.account, one.points, one.leased, one.version) for one in states],
    )


def forget_ended_uses(connection: sa.Connection, member_id: str, day: date) -> None:
    """Drop counts of periods that no sale of today can belong to; the journal has them all."""
    cursor = cursor_of(connection)
    try:
        rows = cursor.execute(
            "SELECT account FROM balance WHERE member_id = ? AND account >= ? AND account < ?",
            (member_id, USES_PREFIX, USES_PREFIX + "\U0010ffff"),
        ).fetchall()
        ended = [row[0] for row in rows if is_over(row[0], day, kept_days=ENDED_USES_KEPT_DAYS)]
        cursor.executemany(
            "DELETE FROM balance WHERE member_id = ? AND account = ?",
            [(member_id, account) for account in ended],
        )
    finally:
        cursor.close()


def apply_removal(
    connection: sa.Connection, *, what: str, key: str, version: int, moved: bool = False
) -> bool:
    """Remove a member (with cards and balances) or a card; False for a kind unknown here.

    The removal itself is remembered, so that an older row that comes late brings nothing back.
    What the till's own journal says of a member holds ids only and stays. A profile that is on its
    way to central goes too, unless the member has only `moved` to another store.
    """
    if what not in {"member", "card"}:
        return False
    cursor = cursor_of(connection)
    try:
        cursor.execute(
            "INSERT INTO tombstone (what, key, version) VALUES (?, ?, ?)"
            " ON CONFLICT (what, key) DO UPDATE SET version = max(version, excluded.version)",
            (what, key, version),
        )
        if what == "card":
            cursor.execute(
                "DELETE FROM card WHERE card_hash = ? AND version <= ?",
                (bytes.fromhex(key), version),
            )
            return True
        row = cursor.execute(
            "SELECT number FROM member WHERE member_id = ? AND version <= ?", (key, version)
        ).fetchone()
        if row is not None:
            cursor.execute("DELETE FROM card WHERE member = ?", (row[0],))
            cursor.execute("DELETE FROM balance WHERE member_id = ?", (key,))
            cursor.execute("DELETE FROM member WHERE number = ?", (row[0],))
        enrolled.forget(connection, key, profiles=not moved)
        return True
    finally:
        cursor.close()


def _removed_after(cursor: Cursor, what: str, key: str, version: int) -> bool:
    row = cursor.execute(
        "SELECT 1 FROM tombstone WHERE what = ? AND key = ? AND version >= ?", (what, key, version)
    ).fetchone()
    return row is not None


def forget_versions(connection: sa.Connection) -> None:
    """Central counts anew (a new generation): keep what is shown, let any version replace it."""
    cursor = cursor_of(connection)
    try:
        cursor.execute("UPDATE balance SET version = 0")
        cursor.execute("UPDATE card SET version = 0")
        cursor.execute("UPDATE member SET version = 0 WHERE version > 0")
        cursor.execute("DELETE FROM tombstone")
    finally:
        cursor.close()
