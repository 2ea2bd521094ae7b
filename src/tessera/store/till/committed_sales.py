"""The commit: journal record, outbox row, sale, effects and leases in one transaction.

Owns: tables journal, sale, returned_line; the order of writes in a commit; that a sale which stands
is kept as an open one no more.
Must never: update or delete a journal row, or open a transaction of its own.

These run on the driver's cursor inside the caller's transaction, since the commit is the path that
a queue of customers waits for.
"""

import hashlib
from collections.abc import Sequence
from datetime import date
from decimal import Decimal

import sqlalchemy as sa

from tessera.core.identity import SaleKey
from tessera.core.journal import Head, RecordDraft, SealedRecord, seal
from tessera.core.sale import LeaseUse, ReturnWish
from tessera.store.till import leases as lease_book
from tessera.store.till.rows import Cursor, cursor_of, place_of, seq_of, uid_bytes, uid_text
from tessera.store.till.values import AccountEffect, CommittedSale, SaleExists

_HEAD = """SELECT b.number, b.register, b.incarnation, b.head_seq, b.head_link
    FROM register_identity r JOIN branch b ON b.incarnation = r.incarnation"""
_FOUND = """SELECT s.place, s.store, s.pos, s.business_day, s.sale_id, s.request_digest, s.answer,
    s.voided_by, j.uid, j.kind, b.incarnation
    FROM sale s JOIN journal j ON j.place = s.place JOIN branch b ON b.number = s.place >> 40"""
_RECORD = """SELECT j.place, j.uid, j.kind, j.raw, j.link, b.incarnation
    FROM journal j JOIN branch b ON b.number = j.place >> 40"""


def commit_record(  # noqa: PLR0913 - what a commit writes is named at the call
    connection: sa.Connection,
    *,
    draft: RecordDraft,
    effects: Sequence[AccountEffect] = (),
    leases: Sequence[LeaseUse] = (),
    sale: SaleKey | None = None,
    returned: Sequence[ReturnWish] = (),
    original: SaleKey | None = None,
    request_digest: bytes = b"",
    answer: bytes = b"",
    voids: bool = False,
) -> SealedRecord:
    """Write a record and everything that follows from it; the caller's transaction commits it.

    `sale` is the key that the record's own POS id makes (a return has one too), `original` that of
    the sale whose lines come back; `voids` marks the original as voided. SaleExists when `sale` is
    in the journal already, LeaseShort when a lease has less left; then the caller must roll back.
    """
    cursor = cursor_of(connection)
    try:
        number, head = _head(cursor)
        record = seal(draft, head)
        place = place_of(number, record.seq)
        cursor.execute(
            "INSERT INTO journal (place, uid, kind, raw, link) VALUES (?, ?, ?, ?, ?)",
            (place, uid_bytes(record.uid), record.kind, record.raw, record.link_hash),
        )
        cursor.execute("INSERT INTO outbox (place) VALUES (?)", (place,))
        cursor.execute(
            "UPDATE branch SET head_seq = ?, head_link = ? WHERE number = ?",
            (record.seq, record.link_hash, number),
        )
        if sale is not None:
            _insert_sale(cursor, place, sale, request_digest, answer)
        if original is not None:
            _insert_return(cursor, place, original, returned, voids=voids)
        _insert_effects(cursor, place, effects)
        lease_book.use(cursor, leases)
    finally:
        cursor.close()
    return record


def _head(cursor: Cursor) -> tuple[int, Head]:
    row = cursor.execute(_HEAD).fetchone()
    if row is None:
        raise RuntimeError("this register is not enrolled yet")
    return row[0], Head(register=row[1], incarnation=row[2], seq=row[3], link_hash=row[4])


def next_place(connection: sa.Connection) -> tuple[str, int]:
    """Where the next record will stand: its incarnation and number, in the same transaction."""
    cursor = cursor_of(connection)
    try:
        _, head = _head(cursor)
    finally:
        cursor.close()
    return head.incarnation, head.seq + 1


def _insert_sale(
    cursor: Cursor, place: int, sale: SaleKey, request_digest: bytes, answer: bytes
) -> None:
    cursor.execute(
        "INSERT INTO sale (place, store, pos, business_day, sale_id, request_digest, answer)"
        " VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
        (
            place,
            sale.store,
            sale.pos,
            sale.business_day.isoformat(),
            sale.sale_id,
            request_digest,
            answer,
        ),
    )
    if cursor.rowcount != 1:
        raise SaleExists(
            f"sale {sale.sale_id} of {sale.pos} on {sale.business_day} is in the journal already",
            hint="answer what was answered first; nothing was written",
        )
    cursor.execute("DELETE FROM open_sale WHERE pos = ? AND sale_id = ?", (sale.pos, sale.sale_id))


def _insert_return(
    cursor: Cursor,
    place: int,
    original: SaleKey,
    returned: Sequence[ReturnWish],
    *,
    voids: bool,
) -> None:
    text = original.text()
    cursor.executemany(
        "INSERT INTO returned_line (original, line_id, place, quantity) VALUES (?, ?, ?, ?)",
        [(text, wish.line_id, place, wish.quantity) for wish in returned],
    )
    if voids:
        cursor.execute(
            "UPDATE sale SET voided_by = ? WHERE sale_id = ? AND business_day = ? AND pos = ?"
            " AND store = ?",
            (place, *_key_columns(original)),
        )


def _insert_effects(cursor: Cursor, place: int, effects: Sequence[AccountEffect]) -> None:
    summed: dict[tuple[str, str], int] = {}
    for effect in effects:
        at = (effect.account, effect.member_id)
        summed[at] = summed.get(at, 0) + effect.delta
    cursor.executemany(
        "INSERT INTO own_effect (place, account, member_id, delta) VALUES (?, ?, ?, ?)",
        [(place, account, member, delta) for (account, member), delta in summed.items() if delta],
    )


def _key_columns(key: SaleKey) -> tuple[str, str, str, str]:
    return key.sale_id, key.business_day.isoformat(), key.pos, key.store


def find_sale(connection: sa.Connection, key: SaleKey) -> CommittedSale | None:
    """The sale or return with exactly this key, or None."""
    found = _find(
        connection,
        " WHERE s.sale_id = ? AND s.business_day = ? AND s.pos = ? AND s.store = ?",
        _key_columns(key),
    )
    return found[0] if found else None


def find_sale_by_id(connection: sa.Connection, sale_id: str) -> CommittedSale | None:
    """The newest sale or return that a POS gave this id, whatever its day and POS; or None."""
    found = _find(
        connection, " WHERE s.sale_id = ? ORDER BY s.business_day DESC, s.place DESC", (sale_id,)
    )
    return found[0] if found else None


def _find(connection: sa.Connection, where: str, values: tuple[str, ...]) -> list[CommittedSale]:
    cursor = cursor_of(connection)
    try:
        rows = cursor.execute(_FOUND + where + " LIMIT 1", values).fetchall()
    finally:
        cursor.close()
    return [
        CommittedSale(
            uid=uid_text(row[8]),
            seq=seq_of(row[0]),
            incarnation=row[10],
            kind=row[9],
            key=SaleKey(
                store=row[1], pos=row[2], business_day=date.fromisoformat(row[3]), sale_id=row[4]
            ),
            request_digest=row[5],
            answer=row[6],
            voided=row[7] is not None,
        )
        for row in rows
    ]


def find_record(connection: sa.Connection, uid: str) -> SealedRecord | None:
    """The record with this uid, or None: how a commit that failed learns whether it stands."""
    cursor = cursor_of(connection)
    try:
        row = cursor.execute(_RECORD + " WHERE j.uid = ?", (uid_bytes(uid),)).fetchone()
    finally:
        cursor.close()
    return None if row is None else sealed_of(row)


def read_page(
    connection: sa.Connection, life: int, *, after_seq: int, limit: int
) -> list[SealedRecord]:
    """Records of one life in order of seq, `limit` at most."""
    cursor = cursor_of(connection)
    try:
        rows = cursor.execute(
            _RECORD + " WHERE j.place > ? AND j.place < ? ORDER BY j.place LIMIT ?",
            (place_of(life, after_seq), place_of(life + 1, 0), limit),
        ).fetchall()
    finally:
        cursor.close()
    return [sealed_of(row) for row in rows]


def sealed_of(row: Sequence[object]) -> SealedRecord:
    """A record from the columns place, uid, kind, raw, link, incarnation."""
    place, uid, kind, raw, link, incarnation = row
    assert isinstance(place, int)
    assert isinstance(uid, bytes)
    assert isinstance(raw, bytes)
    assert isinstance(link, bytes)
    return SealedRecord(
        uid=uid_text(uid),
        kind=str(kind),
        incarnation=str(incarnation),
        seq=seq_of(place),
        raw=raw,
        content_hash=hashlib.sha256(raw).digest(),
        link_hash=link,
    )


def read_record(connection: sa.Connection, uid: str) -> bytes:
    """The raw bytes of a record. KeyError when there is none with this uid."""
    found = find_record(connection, uid)
    if found is None:
        raise KeyError(uid)
    return found.raw


def returned_before(connection: sa.Connection, original: SaleKey) -> dict[str, Decimal]:
    """How much of each line of a sale this till has taken back already, by line id."""
    cursor = cursor_of(connection)
    try:
        rows = cursor.execute(
            "SELECT line_id, quantity FROM returned_line WHERE original = ?", (original.text(),)
        ).fetchall()
    finally:
        cursor.close()
    sums: dict[str, Decimal] = {}
    for line_id, quantity in rows:
        sums[line_id] = sums.get(line_id, Decimal(0)) + Decimal(quantity)
    return sums
