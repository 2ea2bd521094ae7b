"""Central's tables, for SQLite and PostgreSQL alike, laid out so that they can be distributed.

Owns: names, types and keys. Three groups of tables carry a bucket (0–1023) in every key: `bucket`
by member, `rbucket` by register, `cbucket` by card; two more, `kbucket` by sale key and `abucket`
by audience. Tables without one are small and are copied to every node.
Must never: have a trigger, a sequence, or a key without its bucket. `ledger_line` is only ever
inserted into.

Times are UTC milliseconds since 1970 (`…_ms`), days are whole numbers (20261121), structured
values are canonical JSON in text columns.
"""

import sqlalchemy as sa

from tessera.store.central import (
    schema_columns,
    schema_enrolled,
    schema_feed,
    schema_recheck,
    schema_registers,
)
from tessera.store.central.schema_columns import bucket as _bucket
from tessera.store.central.schema_columns import key as _key
from tessera.store.central.schema_columns import text as _text
from tessera.store.central.schema_columns import whole as _whole
from tessera.store.central.schema_columns import whole_key as _whole_key
from tessera.store.central.schema_shares import share_tables
from tessera.store.central.schema_spent import spent_lot_table

METADATA = schema_columns.METADATA

DISTRIBUTED_BY = ("bucket", "rbucket", "cbucket", "kbucket", "abucket")
"""Names of distribution columns; a table has exactly one, or is a reference table."""

_BYTES = sa.LargeBinary


def _table(name: str, *columns: sa.schema.SchemaItem) -> sa.Table:
    return sa.Table(name, METADATA, *columns)


# ---- reference tables -----------------------------------------------------------------------

CENTRAL = _table(
    "central",
    _whole_key("one"),
    _text("generation"),
    _whole("generation_ms"),
    _whole("generation_number"),
    _whole("is_told"),
    _text("key_public"),
    _whole("card_key_id"),
    _whole("is_awaiting"),
)
STORE = _table("store", _key("store_id"), _text("region"), _text("time_zone"), _text("currency"))
REGISTER = _table(
    "register",
    _key("register_id"),
    _text("store_id"),
    _text("status"),
    _text("public_key"),
    _text("public_key_before"),
    _whole("key_before_until_ms"),
    _text("incarnation"),
    _whole("serial"),
    _whole("enrolled_ms"),
    _whole("not_after_ms"),
    _whole("is_swept"),
    _text("presented"),
)
ENROLMENT_CODE = _table(
    "enrolment_code",
    _key("code_hash"),
    *[_text(name) for name in ("register_id", "used_key")],
    *[_whole(name) for name in ("expires_ms", "used_ms")],
)
BUNDLE = _table(
    "bundle",
    _key("hash"),
    sa.Column("body", _BYTES, nullable=False),
    _text("programme"),
    _whole("released_ms"),
)
ASSIGNMENT = _table(
    "assignment",
    _whole_key("number"),
    *[_text(name) for name in ("bundle", "stores")],
    *[_whole(name) for name in ("active_from_ms", "size")],
)
OFFER_STOP = _table(
    "offer_stop",
    _whole_key("number"),
    *[_text(name) for name in ("programme", "offer", "store_id", "reason", "who", "ended_by")],
    *[_whole(name) for name in ("stopped_ms", "ended_ms")],
)

# Backups that were begun, and which of them are known to be safe.
BACKUP = _table("backup", _whole_key("number"), _whole("begun_ms"), _whole("done_ms"))

# ---- by register: what registers sent -------------------------------------------------------

REGISTER_STATE = schema_registers.REGISTER_STATE
HEARTBEAT = schema_registers.HEARTBEAT
NONCE = schema_registers.NONCE
BRANCH = schema_registers.BRANCH
INBOX = schema_registers.INBOX
INBOX_DUE = schema_registers.INBOX_DUE
GRANT_SHOWN = schema_registers.GRANT_SHOWN
APPLY_STATE = schema_registers.APPLY_STATE
UID = schema_registers.UID
QUARANTINE = schema_registers.QUARANTINE
BACKUP_MARK = schema_registers.BACKUP_MARK
ALARM = schema_registers.ALARM
RECHECK_DUE, RECHECK_FOUND, RECHECK_TALLY = schema_recheck.TABLES

# ---- by sale key ----------------------------------------------------------------------------

SALE_KEY = _table(
    "sale_key",
    _bucket("kbucket"),
    _key("sale_key"),
    _text("uid"),
    _text("register_id"),
    _text("member_id"),
)

# ---- by coupon ------------------------------------------------------------------------------

# Codes that were used, or ended before they were: `uid` is the record that did it, empty once that
# was reversed. A code that nobody used has no row: its seal tells that it is one.
COUPON_USE = _table(
    "coupon_use",
    _bucket("cbucket"),
    _key("code_hash", _BYTES),
    *[_text(name) for name in ("uid", "register_id", "member_id", "offer")],
    *[_whole(name) for name in ("used_ms", "version")],
)
COUPON_LOT = _table(
    "coupon_lot",
    _key("lot"),
    *[_text(name) for name in ("offer", "prefix", "first_day", "last_day")],
    *[_whole(name) for name in ("count", "issued_ms")],
)

# ---- by member ------------------------------------------------------------------------------

MEMBER = _table(
    "member",
    _bucket("bucket"),
    _key("member_id"),
    _whole("version"),
    *[_text(name) for name in ("status", "tier", "home_store", "home_register")],
    *[_text(name) for name in ("segments", "entitlements", "joined")],
    *[_whole(name) for name in ("staff", "visits", "lifetime_spend_minor", "period_spend_minor")],
    *[_text(name) for name in ("last_visit", "tier_since", "tier_due", "waits_for")],
)
sa.Index("member_tier_due", MEMBER.c.tier_due)
sa.Index("member_home", MEMBER.c.home_store, MEMBER.c.bucket, MEMBER.c.member_id)
PROFILE = _table(
    "profile",
    _bucket("bucket"),
    _key("member_id"),
    *[_text(name) for name in schema_enrolled.PERSONAL],
)
MEMBER_CARD = _table(
    "member_card",
    _bucket("bucket"),
    _key("member_id"),
    _key("card_hash", _BYTES),
    _whole("key_id"),
    *[_text(name) for name in ("status", "kind")],
    _whole("version"),
)
OUTCOME = _table(
    "outcome",
    _bucket("bucket"),
    _key("member_id"),
    _key("uid"),
    _text("register_id"),
    _text("incarnation"),
    _whole("seq"),
    _text("kind"),
    _text("sale_key"),
    _whole("amount_minor"),
    _text("state"),
    _text("reason"),
    _text("tags"),
    _whole("received_day"),
)
SALE = _table(
    "sale",
    _bucket("bucket"),
    _key("member_id"),
    _key("uid"),
    _whole("received_day"),
    *[_text(name) for name in ("business_day", "store_id", "register_id", "sale_key")],
    *[_text(name) for name in ("bundle", "engine", "currency")],
    *[_whole(name) for name in ("shelf_minor", "discount_minor", "due_minor")],
    *[_text(name) for name in ("quantities", "flags")],
)
RETURNED_LINE = _table(
    "returned_line",
    _bucket("bucket"),
    _key("member_id"),
    _key("original_uid"),
    _key("uid"),
    _key("line_id"),
    _text("quantity"),
    _whole("refund_minor"),
)
# What a record other than a sale changes of a member's spend, by the day that it counts for.
SPEND_CHANGE = _table(
    "spend_change",
    _bucket("bucket"),
    _key("member_id"),
    _key("uid"),
    *[_text("business_day"), _whole("spent_minor")],
)
WAITING = _table(
    "waiting",
    _bucket("bucket"),
    _key("member_id"),
    _key("original_uid"),
    _key("uid"),
    _whole("since_ms"),
    _whole("received_day"),
    _whole("is_fork"),
    sa.Column("raw", _BYTES, nullable=False),
)
MEMBER_DEED = _table(
    "member_deed",
    _bucket("bucket"),
    _key("member_id"),
    _key("uid"),
    _text("what"),
    _text("who"),
    _whole("at_ms"),
    _text("other"),
    _text("state"),
    sa.Column("body", _BYTES, nullable=False),
)
sa.Index("member_deed_state", MEMBER_DEED.c.state, MEMBER_DEED.c.uid)
LEDGER_LINE = _table(
    "ledger_line",
    _bucket("bucket"),
    _key("member_id"),
    _key("uid"),
    _whole_key("line"),
    _text("account"),
    _text("unit"),
    _whole("delta"),
    _whole("is_member"),
    _text("issuer"),
    _text("tag"),
)
BALANCE = _table(
    "balance",
    _bucket("bucket"),
    _key("member_id"),
    _key("account"),
    _whole("points"),
    _whole("leased"),
    _whole("version"),
)
LOT = _table(
    "lot",
    _bucket("bucket"),
    _key("member_id"),
    _key("uid"),
    _whole_key("line"),
    _text("unit"),
    _text("issuer"),
    _whole("granted"),
    _whole("remaining"),
    _text("available_from"),
    _text("expires"),
)
sa.Index("lot_expires", LOT.c.expires)
SPENT_LOT = spent_lot_table(METADATA)
MEMBER_ENROLMENT = schema_enrolled.MEMBER_ENROLMENT
LEASE = _table(
    "lease",
    _bucket("bucket"),
    _key("member_id"),
    _key("lease_id"),
    _text("unit"),
    _text("register_id"),
    _text("incarnation"),
    *[_whole(name) for name in ("granted", "spent", "returned", "written_off", "granted_ms")],
    _whole("claimed"),
)
sa.Index("lease_register", LEASE.c.register_id)
LEASE_DUE = _table("lease_due", _bucket("bucket"), _key("member_id"))

# ---- by card --------------------------------------------------------------------------------

CARD = _table(
    "card",
    _bucket("cbucket"),
    _key("card_hash", _BYTES),
    _whole("key_id"),
    _text("member_id"),
    sa.Column("bucket", sa.SmallInteger, nullable=False),
    *[_text(name) for name in ("status", "kind")],
    _whole("version"),
)


# ---- the feed -------------------------------------------------------------------------------

MEMBER_HEAD = schema_feed.MEMBER_HEAD
MEMBER_CHANGE = schema_feed.MEMBER_CHANGE
MEMBER_CURSOR = schema_feed.MEMBER_CURSOR
CARD_HEAD = schema_feed.CARD_HEAD
CARD_CHANGE = schema_feed.CARD_CHANGE
CARD_CURSOR = schema_feed.CARD_CURSOR
REGISTER_HEAD = schema_feed.REGISTER_HEAD
REGISTER_CHANGE = schema_feed.REGISTER_CHANGE
REGISTER_CURSOR = schema_feed.REGISTER_CURSOR
AUDIENCE_HEAD = schema_feed.AUDIENCE_HEAD
SEGMENT = schema_feed.SEGMENT
FEED_FLOOR = schema_feed.FEED_FLOOR

SHARED_LIMIT, LIMIT_SHARE, LIMIT_USE = share_tables(METADATA)
