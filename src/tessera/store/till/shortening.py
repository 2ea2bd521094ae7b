"""Shortening the journal: its oldest records go once central has them in a backup.

Owns: what central said of its backups, and the one place that deletes from the journal. What goes
is always the beginning of a life, and the link hash of its last record stays, so that the chain
still verifies from there. Must never: drop a record that central lacks, that is not in a backup,
whose effect the stored balance does not include yet, or the last ones of a life.
"""

import sqlalchemy as sa

from tessera.store.till.rows import Cursor, cursor_of, place_of, seq_of

KEPT_RECORDS = 200
"""The last records of each life stay: the witness names two of them, and a central that was
restored is asked by the last one what it still has."""

_UID_MS_BYTES = 6
_DROP = (
    "DELETE FROM sale WHERE place > ? AND place <= ?",
    "DELETE FROM returned_line WHERE place > ? AND place <= ?",
    "DELETE FROM own_effect WHERE place > ? AND place <= ?",
    "DELETE FROM record_outcome WHERE place > ? AND place <= ?",
    "DELETE FROM journal WHERE place > ? AND place <= ?",
)
_MAY_GO = """SELECT number, dropped_seq, last FROM (SELECT number, dropped_seq,
    min(backed_up, high_water - 1, head_seq - ?) AS last FROM branch)
    WHERE last > dropped_seq ORDER BY number"""
_UNSETTLED = """SELECT min(e.place) FROM own_effect e
    LEFT JOIN balance b ON b.member_id = e.member_id AND b.account = e.account
    WHERE e.place > ? AND e.place <= ?
    AND (e.included_from IS NULL OR b.version < e.included_from)"""


def note_backup(connection: sa.Connection, *, incarnation: str, seq: int, link: bytes) -> None:
    """Central has this life up to `seq` in a backup, if its record there is ours.

    A clone's history under the same incarnation has another link at `seq` and changes nothing here.
    """
    cursor = cursor_of(connection)
    try:
        row = cursor.execute(
            "SELECT number FROM branch WHERE incarnation = ?", (incarnation,)
        ).fetchone()
        if row is None:
            return
        cursor.execute(
            "UPDATE branch SET backed_up = max(backed_up, ?) WHERE number = ?"
            " AND EXISTS (SELECT 1 FROM journal WHERE place = ? AND link = ?)",
            (seq, row[0], place_of(row[0], seq), link),
        )
    finally:
        cursor.close()


def forget_backups(connection: sa.Connection) -> None:
    """Central was restored: nothing more goes until it speaks of a backup again."""
    cursor = cursor_of(connection)
    try:
        cursor.execute("UPDATE branch SET backed_up = 0")
    finally:
        cursor.close()


def shorten(
    connection: sa.Connection, *, before_ms: int, most: int, kept_records: int = KEPT_RECORDS
) -> int:
    """Drop records that were made before `before_ms`, `most` at the most; how many went.

    A record's age is what its uid says, which the till's clock made.
    """
    cursor = cursor_of(connection)
    try:
        gone = 0
        for number, dropped, last in cursor.execute(_MAY_GO, (kept_records,)).fetchall():
            if gone < most:
                gone += _shorten_life(cursor, number, (dropped, last), before_ms, most - gone)
        return gone
    finally:
        cursor.close()


def _shorten_life(
    cursor: Cursor, number: int, reach: tuple[int, int], before_ms: int, most: int
) -> int:
    after, last = (place_of(number, seq) for seq in reach)
    for query in ("SELECT min(place) FROM outbox WHERE place > ? AND place <= ?", _UNSETTLED):
        first_needed = cursor.execute(query, (after, last)).fetchone()[0]
        if first_needed is not None:
            last = first_needed - 1
    rows = cursor.execute(
        "SELECT place, uid, link FROM journal WHERE place > ? AND place <= ?"
        " ORDER BY place LIMIT ?",
        (after, last, most),
    ).fetchall()
    old = 0
    for _, uid, _ in rows:
        if int.from_bytes(uid[:_UID_MS_BYTES]) >= before_ms:
            break
        old += 1
    if not old:
        return 0
    end, _, link = rows[old - 1]
    for statement in _DROP:
        cursor.execute(statement, (after, end))
    cursor.execute(
        "UPDATE branch SET dropped_seq = ?, dropped_link = ? WHERE number = ?",
        (seq_of(end), link, number),
    )
    return old


def compact(writer: sa.Engine) -> None:
    """Give the room of what went back to the disk; the database is written anew, whole or not."""
    with writer.connect() as connection:
        cursor = cursor_of(connection)
        try:
            # On the driver's cursor no transaction was begun, and VACUUM runs in none.
            cursor.execute("VACUUM")
        finally:
            cursor.close()
