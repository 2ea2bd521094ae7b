"""Members whom this till has enrolled, until central describes them; profiles on their way there.

Owns: tables enrolled_member, enrolled_card, profile_outbox. What central says of a member, a card
or a phone replaces what stands here. Must never: hold a card or phone number in clear but in a
profile that is on its way, or keep that once central has answered.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date

import sqlalchemy as sa

from tessera.store.till.rows import cursor_of, one_row, uid_bytes
from tessera.store.till.values import CachedMember

CARD, PHONE = "card", "phone"
UNSETTLED = 0
"""Version of a member whom central has not described yet."""

_MEMBER = """SELECT member_id, joined, display_name, language, birthday FROM enrolled_member
    WHERE member_id = ?"""


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptProfile:
    """A profile that waits to be sent; `body` are the bytes of the message."""

    place: int
    member_id: str
    body: bytes


def keep_member(
    connection: sa.Connection, uid: str, member: CachedMember, profile: bytes = b""
) -> None:
    """Keep a member that the record `uid`, in the same transaction, has enrolled.

    `profile` is the message for central, empty where nothing personal was given.
    """
    cursor = cursor_of(connection)
    try:
        (place,) = cursor.execute(
            "SELECT place FROM journal WHERE uid = ?", (uid_bytes(uid),)
        ).fetchone()
        cursor.execute(
            "INSERT INTO enrolled_member (member_id, place, joined, display_name, language,"
            " birthday) VALUES (?, ?, ?, ?, ?, ?)",
            (
                member.member_id,
                place,
                member.joined.isoformat() if member.joined else "",
                member.display_name,
                member.language,
                member.birthday,
            ),
        )
        if profile:
            cursor.execute(
                "INSERT INTO profile_outbox (place, member_id, body) VALUES (?, ?, ?)",
                (place, member.member_id, profile),
            )
    finally:
        cursor.close()


def keep_card(
    connection: sa.Connection,
    uid: str,
    card_hash: bytes,
    *,
    member_id: str,
    kind: str,
    works: bool = True,
) -> None:
    """Keep that the record `uid` gave a card (or phone) to a member, or took it from them."""
    cursor = cursor_of(connection)
    try:
        cursor.execute(
            "INSERT INTO enrolled_card (card_hash, member_id, place, kind, status)"
            " SELECT ?, ?, place, ?, ? FROM journal WHERE uid = ?"
            " ON CONFLICT (card_hash) DO UPDATE SET member_id = excluded.member_id,"
            " place = excluded.place, kind = excluded.kind, status = excluded.status",
            (card_hash, member_id, kind, int(works), uid_bytes(uid)),
        )
    finally:
        cursor.close()


def cards_of(connection: sa.Connection, member_id: str) -> list[bytes]:
    """Cards that this till gave to a member and that work, phones left out."""
    cursor = cursor_of(connection)
    try:
        rows = cursor.execute(
            "SELECT card_hash FROM enrolled_card WHERE member_id = ? AND kind = ? AND status = 1",
            (member_id, CARD),
        ).fetchall()
    finally:
        cursor.close()
    return [bytes(row[0]) for row in rows]


def find_card(connection: sa.Connection, card_hash: bytes) -> tuple[str, bool] | None:
    """Whose card (or phone) this is by this till's own word, and whether it works."""
    row = one_row(
        connection, "SELECT member_id, status FROM enrolled_card WHERE card_hash = ?", card_hash
    )
    return None if row is None else (str(row[0]), row[1] == 1)


def find_member(connection: sa.Connection, member_id: str) -> CachedMember | None:
    """A member whom this till has enrolled and central has not described yet."""
    row = one_row(connection, _MEMBER, member_id)
    if row is None:
        return None
    return CachedMember(
        member_id=row[0],
        version=UNSETTLED,
        joined=date.fromisoformat(row[1]) if row[1] else None,
        display_name=row[2],
        language=row[3],
        birthday=row[4],
        provisional=True,
    )


def settle(
    connection: sa.Connection, place: int, *, parked: bool, refused: Iterable[str] = ()
) -> None:
    """Central has decided about the record at `place`; `refused` are kinds that are another's.

    A parked record has enrolled nobody. What was granted stays until central's own rows come.
    """
    cursor = cursor_of(connection)
    try:
        if parked:
            cursor.execute("DELETE FROM enrolled_member WHERE place = ?", (place,))
            cursor.execute("DELETE FROM enrolled_card WHERE place = ?", (place,))
            return
        for kind in refused:
            cursor.execute(
                "DELETE FROM enrolled_card WHERE place = ? AND kind = ? AND status = 1",
                (place, kind),
            )
    finally:
        cursor.close()


def described(connection: sa.Connection, member_ids: Iterable[str]) -> None:
    """Central has described these members."""
    cursor = cursor_of(connection)
    try:
        cursor.executemany(
            "DELETE FROM enrolled_member WHERE member_id = ?", [(one,) for one in member_ids]
        )
    finally:
        cursor.close()


def card_told(connection: sa.Connection, card_hash: bytes, *, works: bool) -> None:
    """Central has spoken of a card. One that was taken here stays so until central says the same.

    Its row may be older than the record that took it.
    """
    cursor = cursor_of(connection)
    try:
        cursor.execute(
            "DELETE FROM enrolled_card WHERE card_hash = ? AND (status = 1 OR ? = 0)",
            (card_hash, int(works)),
        )
    finally:
        cursor.close()


def forget(connection: sa.Connection, member_id: str, *, profiles: bool) -> None:
    """This till is to know a member no more; `profiles`: what is on its way to central goes too."""
    tables = ["enrolled_member", "enrolled_card", *(["profile_outbox"] if profiles else [])]
    cursor = cursor_of(connection)
    try:
        for table in tables:
            cursor.execute(f"DELETE FROM {table} WHERE member_id = ?", (member_id,))  # noqa: S608 - constants only
    finally:
        cursor.close()


def waiting_profiles(connection: sa.Connection, *, limit: int, after: int = 0) -> list[KeptProfile]:
    """Profiles that central has not answered for, oldest first, whose record it has stored.

    `after`: only those whose record stands behind this place.
    """
    cursor = cursor_of(connection)
    try:
        rows = cursor.execute(
            "SELECT p.place, p.member_id, p.body FROM profile_outbox p"
            " WHERE p.place > ? AND NOT EXISTS (SELECT 1 FROM outbox o WHERE o.place = p.place)"
            " ORDER BY p.place LIMIT ?",
            (after, limit),
        ).fetchall()
    finally:
        cursor.close()
    return [KeptProfile(place=row[0], member_id=row[1], body=bytes(row[2])) for row in rows]


def drop_profiles(connection: sa.Connection, places: Sequence[int]) -> None:
    """Central has answered for these."""
    cursor = cursor_of(connection)
    try:
        cursor.executemany("DELETE FROM profile_outbox WHERE place = ?", [(p,) for p in places])
    finally:
        cursor.close()
