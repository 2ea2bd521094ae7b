"""What became of each record: outcomes, sales, returned lines, sale keys, waiting ones.

Owns: the row that makes a record's effect happen once (its outcome), and the uid row that fixes
where it belongs. Must never: keep a record's bytes anywhere but in the inbox, the waiting room and
the quarantine (`quarantine_book`).
"""

from collections.abc import Iterable, Sequence
from decimal import Decimal
from operator import attrgetter

import msgspec
import sqlalchemy as sa

from tessera.core.identity import bucket_of
from tessera.store.central import bulk, schema

APPLIED = "applied"
PARKED = "parked"

_UID = (
    "rbucket",
    "register_id",
    "uid",
    "content_hash",
    "incarnation",
    "seq",
    "bucket",
    "member_id",
    "received_day",
)
_OUTCOME = (
    "bucket",
    "member_id",
    "uid",
    "register_id",
    "incarnation",
    "seq",
    "kind",
    "sale_key",
    "amount_minor",
    "state",
    "reason",
    "tags",
    "received_day",
)
_SALE = (
    "bucket",
    "member_id",
    "uid",
    "received_day",
    "business_day",
    "store_id",
    "register_id",
    "sale_key",
    "bundle",
    "engine",
    "currency",
    "shelf_minor",
    "discount_minor",
    "due_minor",
    "quantities",
    "flags",
)
RecordKey = tuple[int, str, str]
"""Bucket, member id and uid of a booked record."""


class UidRow(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Where a record belongs, for ever: fixed before anything is posted."""

    register_id: str
    uid: str
    content_hash: bytes
    incarnation: str
    seq: int
    bucket: int
    member_id: str
    received_day: int


class OutcomeRecord(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What became of a record. `amount_minor`: what was due, below zero for what was paid back."""

    bucket: int
    member_id: str
    uid: str
    register_id: str
    incarnation: str
    seq: int
    kind: str
    state: str
    sale_key: str = ""
    amount_minor: int = 0
    reason: str = ""
    tags: str = ""
    received_day: int = 0


class SaleRecord(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A booked sale as analysis and returns need it. `quantities`: JSON, by line id."""

    bucket: int
    member_id: str
    uid: str
    received_day: int
    business_day: str
    store_id: str
    register_id: str
    sale_key: str
    bundle: str
    engine: str
    currency: str
    shelf_minor: int
    discount_minor: int
    due_minor: int
    quantities: str
    flags: str


class WaitingRecord(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A return whose sale has not arrived yet."""

    bucket: int
    member_id: str
    original_uid: str
    uid: str
    since_ms: int
    received_day: int
    is_fork: int
    raw: bytes


def claim_uids(tx: sa.Connection, rows: Sequence[UidRow]) -> dict[tuple[str, str], UidRow]:
    """Fix where records belong; by (register, uid) the rows that hold, older ones included."""
    values = [
        (
            bucket_of(row.register_id),
            row.register_id,
            row.uid,
            row.content_hash,
            row.incarnation,
            row.seq,
            row.bucket,
            row.member_id,
            row.received_day,
        )
        for row in sorted(rows, key=lambda row: (row.register_id, row.uid))
    ]
    if bulk.insert_unknown(tx, schema.UID, _UID, values) == len(values):
        return {(row.register_id, row.uid): row for row in rows}
    known: dict[tuple[str, str], UidRow] = {}
    for row in bulk.select(tx, schema.UID, _UID, _UID[:3], [value[:3] for value in values]):
        held = dict(zip(_UID[1:], row[1:], strict=True))
        held["content_hash"] = bytes(held["content_hash"])
        known[row[1], row[2]] = UidRow(**held)
    return known


def claim_sale_keys(
    tx: sa.Connection, rows: Sequence[tuple[int, str, str, str, str]]
) -> dict[tuple[int, str], tuple[str, str]]:
    """Fix which record a sale key belongs to: rows of (kbucket, key, uid, register, member).

    By (kbucket, key) the uid and member that hold it, which may be an earlier record's.
    """
    names = ("kbucket", "sale_key", "uid", "register_id", "member_id")
    ordered = sorted(rows, key=lambda row: row[:2])  # stable: the first to arrive keeps the key
    if bulk.insert_unknown(tx, schema.SALE_KEY, names, ordered) == len(ordered):
        return {(row[0], row[1]): (row[2], row[4]) for row in rows}
    wanted = ("kbucket", "sale_key", "uid", "member_id")
    held = bulk.select(tx, schema.SALE_KEY, wanted, wanted[:2], [row[:2] for row in rows])
    return {(kbucket, key): (uid, member_id) for kbucket, key, uid, member_id in held}


def read_sale_keys(
    tx: sa.Connection, keys: Iterable[tuple[int, str]]
) -> dict[tuple[int, str], tuple[str, str, str]]:
    """Whose these sale keys are: by (kbucket, key) the record's uid, register and member."""
    names = ("kbucket", "sale_key", "uid", "register_id", "member_id")
    rows = bulk.select(tx, schema.SALE_KEY, names, names[:2], keys)
    return {(row[0], row[1]): (row[2], row[3], row[4]) for row in rows}


def read_uids(tx: sa.Connection, keys: Iterable[tuple[str, str]]) -> dict[tuple[str, str], UidRow]:
    """Where records belong that have arrived, by (register, uid)."""
    wanted = [(bucket_of(register_id), register_id, uid) for register_id, uid in keys]
    found: dict[tuple[str, str], UidRow] = {}
    for row in bulk.select(tx, schema.UID, _UID, _UID[:3], wanted):
        held = dict(zip(_UID[1:], row[1:], strict=True))
        held["content_hash"] = bytes(held["content_hash"])
        found[row[1], row[2]] = UidRow(**held)
    return found


def write_outcomes(tx: sa.Connection, outcomes: Sequence[OutcomeRecord]) -> None:
    """Write outcomes; one that is there already is an error, so that nothing is booked twice."""
    bulk.insert(tx, schema.OUTCOME, _OUTCOME, _values(outcomes, _OUTCOME))


def rewrite_outcomes(tx: sa.Connection, outcomes: Sequence[OutcomeRecord]) -> None:
    """Write outcomes, replacing what was known of these records (parked, now applied)."""
    bulk.insert(
        tx,
        schema.OUTCOME,
        _OUTCOME,
        _values(outcomes, _OUTCOME),
        update=("state", "reason", "tags"),
    )


def read_outcomes(tx: sa.Connection, keys: Iterable[RecordKey]) -> dict[RecordKey, OutcomeRecord]:
    """Outcomes by (bucket, member, uid)."""
    rows = bulk.select(tx, schema.OUTCOME, _OUTCOME, _OUTCOME[:3], keys)
    return {row[:3]: OutcomeRecord(**dict(zip(_OUTCOME, row, strict=True))) for row in rows}


def read_member_outcomes(tx: sa.Connection, bucket: int, member_id: str) -> list[OutcomeRecord]:
    """What became of every record of a member, by uid."""
    table = schema.OUTCOME
    rows = tx.execute(
        sa.select(*(table.c[name] for name in _OUTCOME))
        .where(table.c.bucket == bucket)
        .where(table.c.member_id == member_id)
        .order_by(table.c.uid)
    )
    return [OutcomeRecord(**dict(zip(_OUTCOME, row, strict=True))) for row in rows]


def outcomes_of_members(
    tx: sa.Connection, keys: Iterable[tuple[int, str]], *, since_day: int
) -> list[OutcomeRecord]:
    """What became of these members' records that arrived on a day or later."""
    rows = bulk.select(
        tx,
        schema.OUTCOME,
        _OUTCOME,
        ("bucket", "member_id"),
        keys,
        only=f"received_day >= {int(since_day)}",
    )
    return [OutcomeRecord(**dict(zip(_OUTCOME, row, strict=True))) for row in rows]


def write_sales(tx: sa.Connection, sales: Sequence[SaleRecord]) -> None:
    """Write booked sales."""
    bulk.insert(tx, schema.SALE, _SALE, _values(sales, _SALE))


def read_sales(tx: sa.Connection, keys: Iterable[RecordKey]) -> dict[RecordKey, SaleRecord]:
    """Booked sales by (bucket, member, uid)."""
    rows = bulk.select(tx, schema.SALE, _SALE, _SALE[:3], keys)
    return {row[:3]: SaleRecord(**dict(zip(_SALE, row, strict=True))) for row in rows}


def write_returned(
    tx: sa.Connection, rows: Sequence[tuple[int, str, str, str, str, str, int]]
) -> None:
    """Write returned lines: (bucket, member, original uid, uid, line, quantity, refund)."""
    names = (
        "bucket",
        "member_id",
        "original_uid",
        "uid",
        "line_id",
        "quantity",
        "refund_minor",
    )
    bulk.insert(tx, schema.RETURNED_LINE, names, rows)


def read_returned(
    tx: sa.Connection, keys: Iterable[RecordKey]
) -> dict[RecordKey, dict[str, Decimal]]:
    """What has come back of sales so far, by line: keys are (bucket, member, original uid)."""
    names = ("bucket", "member_id", "original_uid", "line_id", "quantity")
    found: dict[RecordKey, dict[str, Decimal]] = {}
    for bucket, member_id, original, line_id, quantity in bulk.select(
        tx, schema.RETURNED_LINE, names, names[:3], keys
    ):
        lines = found.setdefault((bucket, member_id, original), {})
        lines[line_id] = lines.get(line_id, Decimal(0)) + Decimal(quantity)
    return found


def write_waiting(tx: sa.Connection, rows: Sequence[WaitingRecord]) -> None:
    """Let returns wait for their sale; one that waits already stays as it is."""
    names = WaitingRecord.__struct_fields__
    bulk.insert(tx, schema.WAITING, names, _values(rows, names), ignore_known=True)


def read_waiting(tx: sa.Connection, keys: Iterable[RecordKey]) -> list[WaitingRecord]:
    """Returns that wait for these sales: (bucket, member, original uid)."""
    names = WaitingRecord.__struct_fields__
    rows = bulk.select(tx, schema.WAITING, names, ("bucket", "member_id", "original_uid"), keys)
    return [_waiting(row) for row in sorted(rows, key=lambda row: row[:4])]


def read_all_waiting(tx: sa.Connection, *, limit: int) -> list[WaitingRecord]:
    """Returns that wait for a sale, longest first."""
    table = schema.WAITING
    names = WaitingRecord.__struct_fields__
    query = sa.select(*(table.c[name] for name in names)).order_by(table.c.since_ms).limit(limit)
    return [_waiting(tuple(row)) for row in tx.execute(query)]


def read_overdue(tx: sa.Connection, *, limit: int) -> list[WaitingRecord]:
    """Returns that wait though it is known what became of their sale, longest first."""
    waiting, outcome = schema.WAITING, schema.OUTCOME
    names = WaitingRecord.__struct_fields__
    query = (
        sa.select(*(waiting.c[name] for name in names))
        .join(
            outcome,
            sa.and_(
                outcome.c.bucket == waiting.c.bucket,
                outcome.c.member_id == waiting.c.member_id,
                outcome.c.uid == waiting.c.original_uid,
            ),
        )
        .order_by(waiting.c.since_ms)
        .limit(limit)
    )
    return [_waiting(tuple(row)) for row in tx.execute(query)]


def stop_waiting(tx: sa.Connection, rows: Sequence[WaitingRecord]) -> None:
    """Take returns out of the waiting room: they are being booked."""
    names = ("bucket", "member_id", "original_uid", "uid")
    bulk.delete(tx, schema.WAITING, names, _values(rows, names))


def _values(rows: Sequence[object], names: Sequence[str]) -> list[bulk.Row]:
    return list(map(attrgetter(*names), rows))


def _waiting(row: bulk.Row) -> WaitingRecord:
    values = dict(zip(WaitingRecord.__struct_fields__, row, strict=True))
    values["raw"] = bytes(values["raw"])
    return WaitingRecord(**values)
