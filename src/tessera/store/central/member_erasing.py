"""Taking a member out of central's tables: profile, cards, and what was published of them.

Owns: which rows hold something personal or tie a card to a member. Postings, sales and outcomes
hold ids and stay. Must never: leave a name behind in a segment that is still served.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import sqlalchemy as sa

from tessera.core.identity import bucket_of, bucket_of_hash
from tessera.store.central import bulk, schema
from tessera.store.central.bulk import is_postgres
from tessera.store.central.ledger_book import MemberKey
from tessera.store.central.member_book import CardRecord


def drop_profile(tx: sa.Connection, key: MemberKey) -> None:
    """Delete the personal fields, what was enrolled, and rows that are not published yet."""
    for table in (schema.PROFILE, schema.MEMBER_ENROLMENT):
        bulk.delete(tx, table, ("bucket", "member_id"), [key])
    change = schema.MEMBER_CHANGE
    tx.execute(
        sa.delete(change)
        .where(change.c.bucket == key[0])
        .where(change.c.about == f"member {key[1]}")
    )


def unlist_cards(tx: sa.Connection, key: MemberKey, cards: Iterable[CardRecord]) -> None:
    """Forget that these cards were a member's."""
    names = ("bucket", "member_id", "card_hash")
    bulk.delete(tx, schema.MEMBER_CARD, names, [(*key, card.card_hash) for card in cards])


def orphan_card(tx: sa.Connection, card: CardRecord) -> None:
    """Keep of a card only its hash and version: a number that comes back must count as newer."""
    names = ("cbucket", "card_hash", "key_id", "member_id", "bucket", "status", "version")
    row = (bucket_of_hash(card.card_hash), card.card_hash, card.key_id, "", 0, card.status)
    bulk.insert(tx, schema.CARD, names, [(*row, card.version)], update=names[3:])


def drop_published_changes(tx: sa.Connection, tables: Sequence[sa.Table], *, bucket: str) -> int:
    """Delete the changes of a group that are in segments already; how many there were.

    `tables`: the group's changes and its cursor.
    """
    change, cursor = tables
    done = sa.select(cursor.c.v).where(cursor.c[bucket] == change.c[bucket]).scalar_subquery()
    return int(tx.execute(sa.delete(change).where(change.c.v <= done)).rowcount)


@dataclass(frozen=True, slots=True, kw_only=True)
class Trace:
    """The last segment of a stream that speaks of a member."""

    audience: str
    generation: str
    number: int


def flush_log(engine: sa.Engine) -> None:
    """Let SQLite's write-ahead log hold nothing of what was deleted, if no reader needs it now.

    PostgreSQL's old row versions go with its own vacuum.
    """
    if engine.dialect.name != "sqlite":
        return
    connection = engine.raw_connection()
    try:
        connection.cursor().execute("PRAGMA wal_checkpoint(TRUNCATE)")
    finally:
        connection.close()


def traces(tx: sa.Connection, member_id: str) -> list[Trace]:
    """Where segments hold a member's row. Looks through all that is kept: it is rarely asked."""
    table = schema.SEGMENT
    words = f'"member_id":"{member_id}"'.encode()
    if is_postgres(tx):
        found = sa.func.position(sa.literal(words, sa.LargeBinary).op("IN")(table.c.body))
    else:
        found = sa.func.instr(table.c.body, sa.literal(words, sa.LargeBinary))
    rows = tx.execute(
        sa.select(table.c.audience, table.c.generation, sa.func.max(table.c.number))
        .where(found > 0)
        .where(table.c.audience.like("store:%"))
        .group_by(table.c.audience, table.c.generation)
    )
    return [Trace(audience=row[0], generation=row[1], number=int(row[2])) for row in rows]


def drop_segments(tx: sa.Connection, audience: str, generation: str, *, up_to: int) -> int:
    """Delete segments of a stream up to a number; the floor must have been raised."""
    table = schema.SEGMENT
    done = tx.execute(
        sa.delete(table)
        .where(table.c.abucket == bucket_of(audience))
        .where(table.c.audience == audience)
        .where(table.c.generation == generation)
        .where(table.c.number <= up_to)
    )
    return int(done.rowcount)
