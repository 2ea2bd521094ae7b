"""Writing salvaged lives into a database that lost them.

Owns: the rows of a life that comes back. Must never: touch a record that is here already, or the
present life.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

import sqlalchemy as sa

from tessera.core.journal import Head, SealedRecord
from tessera.store.till.rows import Cursor, cursor_of, place_of, uid_bytes
from tessera.store.till.salvage import SalvagedRecord
from tessera.store.till.values import AccountEffect


@dataclass(frozen=True, slots=True, kw_only=True)
class SalvagedLife:
    """A life whose chain holds; without its beginning, the first record is an anchor only."""

    register: str
    incarnation: str
    parent: Head | None
    records: tuple[SealedRecord, ...]
    effects: Mapping[str, tuple[AccountEffect, ...]]


def sealed(
    found: SalvagedRecord, *, uid: str, kind: str, incarnation: str, seq: int
) -> SealedRecord:
    """A salvaged record with what its bytes say of it."""
    return SealedRecord(
        uid=uid,
        kind=kind,
        incarnation=incarnation,
        seq=seq,
        raw=found.raw,
        content_hash=hashlib.sha256(found.raw).digest(),
        link_hash=found.link_hash,
    )


def insert_life(connection: sa.Connection, life: SalvagedLife) -> int:
    """Put a life's records into the journal and the outbox; how many were not here before."""
    cursor = cursor_of(connection)
    try:
        number, known_to = _branch(cursor, life)
        new = [one for one in life.records if one.seq > known_to]
        if not new or new[0].seq > known_to + 1:
            return 0
        for record in new:
            _insert(cursor, place_of(number, record.seq), record, life)
        cursor.execute(
            "UPDATE branch SET head_seq = ?, head_link = ? WHERE number = ?",
            (new[-1].seq, new[-1].link_hash, number),
        )
        return len(new)
    finally:
        cursor.close()


def _branch(cursor: Cursor, life: SalvagedLife) -> tuple[int, int]:
    """The life's number here and its last record here; a life that is not here is begun."""
    row = cursor.execute(
        "SELECT number, head_seq FROM branch WHERE incarnation = ?", (life.incarnation,)
    ).fetchone()
    if row is not None:
        return int(row[0]), int(row[1])
    first = life.records[0]
    anchor = first if first.seq > 1 else None
    parent = life.parent
    cursor.execute(
        "INSERT INTO branch (incarnation, register, parent_incarnation, parent_seq, parent_link,"
        " head_seq, head_link, high_water, generation, dropped_seq, dropped_link)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, '', ?, ?)",
        (
            life.incarnation,
            life.register,
            parent.incarnation if parent else None,
            parent.seq if parent else None,
            parent.link_hash if parent else None,
            anchor.seq if anchor else 0,
            anchor.link_hash if anchor else b"",
            anchor.seq if anchor else 0,
            anchor.seq if anchor else 0,
            anchor.link_hash if anchor else None,
        ),
    )
    number = int(cursor.lastrowid)
    if anchor is not None:
        _insert(cursor, place_of(number, anchor.seq), anchor, life, queued=False)
    return number, anchor.seq if anchor else 0


def _insert(
    cursor: Cursor, place: int, record: SealedRecord, life: SalvagedLife, *, queued: bool = True
) -> None:
    cursor.execute(
        "INSERT INTO journal (place, uid, kind, raw, link) VALUES (?, ?, ?, ?, ?)",
        (place, uid_bytes(record.uid), record.kind, record.raw, record.link_hash),
    )
    if not queued:
        return
    cursor.execute("INSERT INTO outbox (place) VALUES (?)", (place,))
    cursor.executemany(
        "INSERT INTO own_effect (place, account, member_id, delta) VALUES (?, ?, ?, ?)",
        [
            (place, one.account, one.member_id, one.delta)
            for one in life.effects.get(record.uid, ())
            if one.delta
        ],
    )
