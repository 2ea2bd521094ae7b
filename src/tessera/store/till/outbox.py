"""What central has not acknowledged yet.

Owns: table outbox and each life's high-water mark. Must never: touch the journal.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import sqlalchemy as sa

from tessera.core.journal import Head, SealedRecord, genesis
from tessera.store.till.committed_sales import sealed_of
from tessera.store.till.rows import Cursor, cursor_of, place_of, seq_of
from tessera.store.till.tables import SEQ_MAX


@dataclass(frozen=True, slots=True, kw_only=True)
class Life:
    """One life of this register: where its chain begins and ends, and what central has of it.

    `generation`: central's when it last acknowledged something of this life; empty before.
    `backed_up`: the last record that central has in a backup. Records up to `dropped_seq` are no
    longer here; `dropped_link` is the link hash of the last of them.
    """

    number: int
    start: Head
    head: Head
    parent: Head | None
    high_water: int
    generation: str = ""
    backed_up: int = 0
    dropped_seq: int = 0
    dropped_link: bytes = b""


def lives(connection: sa.Connection) -> list[Life]:
    """Every life, oldest first."""
    cursor = cursor_of(connection)
    try:
        rows = cursor.execute(
            "SELECT number, incarnation, register, parent_incarnation, parent_seq, parent_link,"
            " head_seq, head_link, high_water, backed_up, dropped_seq, dropped_link,"
            " generation FROM branch ORDER BY number"
        ).fetchall()
    finally:
        cursor.close()
    found = []
    for row in rows:
        parent = None
        if row[3] is not None:
            parent = Head(register=row[2], incarnation=row[3], seq=row[4], link_hash=row[5])
        found.append(
            Life(
                number=row[0],
                start=genesis(row[2], row[1], parent),
                head=Head(register=row[2], incarnation=row[1], seq=row[6], link_hash=row[7]),
                parent=parent,
                high_water=row[8],
                backed_up=row[9],
                dropped_seq=row[10],
                dropped_link=row[11] or b"",
                generation=row[12],
            )
        )
    return found


def oldest_waiting(connection: sa.Connection) -> tuple[str, int] | None:
    """Incarnation and seq of the first record that waits; None when nothing does."""
    cursor = cursor_of(connection)
    try:
        row = cursor.execute(
            "SELECT b.incarnation, o.place FROM outbox o JOIN branch b ON b.number = o.place >> 40"
            " ORDER BY o.place LIMIT 1"
        ).fetchone()
    finally:
        cursor.close()
    return None if row is None else (str(row[0]), seq_of(row[1]))


def waiting(
    connection: sa.Connection, *, limit: int, after_seq: int = 0, incarnation: str = ""
) -> list[SealedRecord]:
    """Records of one life that wait, in order of seq; the oldest life with any, unless named."""
    if not incarnation:
        oldest = oldest_waiting(connection)
        if oldest is None:
            return []
        incarnation = oldest[0]
    cursor = cursor_of(connection)
    try:
        number = _number(cursor, incarnation)
        rows = cursor.execute(
            "SELECT j.place, j.uid, j.kind, j.raw, j.link, ? FROM outbox o"
            " JOIN journal j ON j.place = o.place WHERE o.place > ? AND o.place < ?"
            " ORDER BY o.place LIMIT ?",
            (incarnation, place_of(number, after_seq), place_of(number + 1, 0), limit),
        ).fetchall()
    finally:
        cursor.close()
    return [sealed_of(row) for row in rows]


def link_before(connection: sa.Connection, incarnation: str, seq: int) -> bytes:
    """The link hash that record `seq` was chained to: that of seq - 1, or the life's genesis."""
    if seq <= 1:
        life = next(one for one in lives(connection) if one.head.incarnation == incarnation)
        return life.start.link_hash
    cursor = cursor_of(connection)
    try:
        number = _number(cursor, incarnation)
        row = cursor.execute(
            "SELECT link FROM journal WHERE place = ?"
            " UNION ALL SELECT dropped_link FROM branch WHERE number = ? AND dropped_seq = ?",
            (place_of(number, seq - 1), number, seq - 1),
        ).fetchone()
    finally:
        cursor.close()
    if row is None:
        raise KeyError((incarnation, seq - 1))
    return bytes(row[0])


def settle(
    connection: sa.Connection,
    incarnation: str,
    high_water: int,
    malformed: Sequence[tuple[int, str]] = (),
    *,
    generation: str = "",
) -> int:
    """Central stores everything of this life up to `high_water`; the count that still waits.

    `generation` is central's in that answer. `malformed`: (seq, reason) of records that central
    could not read and keeps aside; what they changed here counts no more. A mark below one that
    was heard before changes nothing: `resend_after` is for a central that was restored.
    """
    cursor = cursor_of(connection)
    try:
        number = _number(cursor, incarnation)
        cursor.execute(
            "DELETE FROM outbox WHERE place > ? AND place <= ?",
            (place_of(number, 0), place_of(number, high_water)),
        )
        cursor.execute(
            "UPDATE branch SET high_water = max(high_water, ?), generation = ? WHERE number = ?",
            (high_water, generation, number),
        )
        for seq, reason in malformed:
            place = place_of(number, seq)
            cursor.execute(
                "INSERT INTO record_outcome (place, state, reason) VALUES (?, 'malformed', ?)"
                " ON CONFLICT (place) DO UPDATE SET state = excluded.state,"
                " reason = excluded.reason",
                (place, reason),
            )
            cursor.execute(
                "UPDATE own_effect SET included_from = 0 WHERE place = ? AND included_from IS NULL",
                (place,),
            )
    finally:
        cursor.close()
    return depth(connection)


def resend_after(
    connection: sa.Connection, incarnation: str, high_water: int, *, generation: str = ""
) -> int:
    """Central came back with an older mark: queue again what follows it; the count queued anew.

    What those records changed counts as pending again, since central's balances are older, too; the
    stored balances, which include it, are lessened by it.
    What was dropped from the journal cannot be queued; the next batch's head says that it misses.
    """
    cursor = cursor_of(connection)
    try:
        number = _number(cursor, incarnation)
        first, end = place_of(number, high_water), place_of(number + 1, 0)
        cursor.execute(
            "INSERT OR IGNORE INTO outbox (place) SELECT j.place FROM journal j"
            " JOIN branch b ON b.number = j.place >> 40"
            " WHERE j.place > ? AND j.place < ? AND j.place & ? > b.dropped_seq",
            (first, end, SEQ_MAX),
        )
        queued = int(cursor.rowcount)
        # The balance of before includes them still. Without them until central's next word, so that
        # what is shown stays what it was.
        cursor.execute(
            "UPDATE balance SET points = points - own.delta FROM"
            " (SELECT member_id, account, sum(delta) AS delta FROM own_effect"
            " WHERE place > ? AND place < ? AND included_from > 0"
            " GROUP BY member_id, account) AS own"
            " WHERE balance.member_id = own.member_id AND balance.account = own.account",
            (first, end),
        )
        cursor.execute(
            "UPDATE own_effect SET included_from = NULL WHERE place > ? AND place < ?",
            (first, end),
        )
        cursor.execute(
            "UPDATE branch SET high_water = ?, generation = ? WHERE number = ?",
            (high_water, generation, number),
        )
    finally:
        cursor.close()
    return queued


def ask_again(connection: sa.Connection) -> None:
    """Queue the last record of each life that central had: its answer tells what it still has.

    Where that one was dropped meanwhile, the first that is still here.
    """
    cursor = cursor_of(connection)
    try:
        cursor.execute(
            "INSERT OR IGNORE INTO outbox (place) SELECT (SELECT j.place FROM journal j"
            " WHERE j.place >= (b.number << 40) + max(b.high_water, b.dropped_seq + 1)"
            " ORDER BY j.place LIMIT 1) FROM branch b WHERE b.high_water > 0"
        )
    finally:
        cursor.close()


def is_asking(connection: sa.Connection) -> bool:
    """Whether central, in its present generation, has still to say what it has of some life."""
    cursor = cursor_of(connection)
    try:
        row = cursor.execute(
            "SELECT 1 FROM branch b, register_identity r"
            " WHERE b.high_water > 0 AND b.generation <> r.generation LIMIT 1"
        ).fetchone()
    finally:
        cursor.close()
    return row is not None


def depth(connection: sa.Connection) -> int:
    """How many records wait."""
    cursor = cursor_of(connection)
    try:
        return int(cursor.execute("SELECT count(*) FROM outbox").fetchone()[0])
    finally:
        cursor.close()


def _number(cursor: Cursor, incarnation: str) -> int:
    row = cursor.execute(
        "SELECT number FROM branch WHERE incarnation = ?", (incarnation,)
    ).fetchone()
    if row is None:
        raise KeyError(incarnation)
    return int(row[0])
