"""What became of this register's records, and which balance includes them.

Owns: tables record_outcome, own_effect's `included_from`, and the account versions in outcomes.
Must never: leave an effect pending that the stored balance includes, or the other way round.
"""

from collections.abc import Iterable

import sqlalchemy as sa

from tessera.store.till import enrolled
from tessera.store.till.cached_members import store_accounts
from tessera.store.till.rows import cursor_of, uid_bytes
from tessera.store.till.values import Outcome

APPLIED = "applied"
REFUSED_KINDS = {"card_taken": enrolled.CARD, "phone_taken": enrolled.PHONE}
"""What of an enrolment was another member's already, by the word in its outcome."""


def apply(connection: sa.Connection, outcomes: Iterable[Outcome]) -> None:
    """Take in outcomes: raise the balances to what they say, and count their effects as included.

    Balance and inclusion change in the caller's one transaction, so no reader sees a point twice
    or not at all. A parked record is in no balance; what it changed counts no more until central
    applies it, whose outcome then brings the balance. Repeats change nothing.
    """
    cursor = cursor_of(connection)
    try:
        for outcome in outcomes:
            if outcome.member_id:
                store_accounts(cursor, outcome.member_id, outcome.accounts)
            row = cursor.execute(
                "SELECT place FROM journal WHERE uid = ?", (uid_bytes(outcome.uid),)
            ).fetchone()
            if row is None:
                continue  # A record of a life that a restored disk no longer holds.
            included = max((account.version for account in outcome.accounts), default=0)
            cursor.execute(
                "UPDATE own_effect SET included_from = ? WHERE place = ? AND included_from IS NULL",
                (included, row[0]),
            )
            enrolled.settle(
                connection,
                row[0],
                parked=outcome.state != APPLIED,
                refused=[REFUSED_KINDS[w] for w in outcome.reason.split() if w in REFUSED_KINDS],
            )
            if outcome.state == APPLIED and not outcome.reason:
                cursor.execute("DELETE FROM record_outcome WHERE place = ?", (row[0],))
            else:
                cursor.execute(
                    "INSERT INTO record_outcome (place, state, reason) VALUES (?, ?, ?)"
                    " ON CONFLICT (place) DO UPDATE SET state = excluded.state,"
                    " reason = excluded.reason",
                    (row[0], outcome.state, outcome.reason),
                )
    finally:
        cursor.close()


def unusual(connection: sa.Connection, *, limit: int = 100) -> list[tuple[str, int, str, str]]:
    """Records that were not simply applied, newest first: incarnation, seq, state, reason."""
    cursor = cursor_of(connection)
    try:
        rows = cursor.execute(
            "SELECT b.incarnation, o.place & 1099511627775, o.state, o.reason"
            " FROM record_outcome o JOIN branch b ON b.number = o.place >> 40"
            " ORDER BY o.place DESC LIMIT ?",
            (limit,),
        ).fetchall()
    finally:
        cursor.close()
    return [(str(row[0]), int(row[1]), str(row[2]), str(row[3])) for row in rows]
