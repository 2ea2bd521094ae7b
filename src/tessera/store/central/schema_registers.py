"""The tables of what registers sent: batches, histories, uids, and what central noticed about them.

Owns: names, types and keys; all by register (`rbucket`). `schema` gives them with the others.
Must never: hold what belongs to a member.
"""

import sqlalchemy as sa

from tessera.store.central.schema_columns import METADATA, bucket, key, text, whole, whole_key

_BYTES = sa.LargeBinary


def _table(name: str, *columns: sa.schema.SchemaItem) -> sa.Table:
    return sa.Table(name, METADATA, *columns)


REGISTER_STATE = _table("register_state", bucket("rbucket"), key("register_id"), whole("arrivals"))
HEARTBEAT = _table(
    "heartbeat",
    bucket("rbucket"),
    key("register_id"),
    whole("received_ms"),
    text("body"),
)
NONCE = _table(
    "nonce",
    bucket("rbucket"),
    key("register_id"),
    key("nonce", _BYTES),
    whole("seen_ms"),
)
BRANCH = _table(
    "branch",
    bucket("rbucket"),
    key("register_id"),
    key("incarnation"),
    whole_key("seq"),
    key("hash"),
    whole("is_fork"),
    text("previous_link"),
    whole("head_seq"),
    text("head_link"),
    text("parent"),
    whole("parent_seq"),
    text("parent_link"),
    whole("opened_ms"),
)
INBOX = _table(
    "inbox",
    bucket("rbucket"),
    key("register_id"),
    key("incarnation"),
    whole_key("first_seq"),
    whole_key("last_seq"),
    key("hash"),
    whole("arrival"),
    text("branch"),
    whole("is_opaque"),
    sa.Column("head", _BYTES, nullable=False),
    sa.Column("signature", _BYTES, nullable=False),
    sa.Column("body", _BYTES, nullable=False),
    whole("received_ms"),
    text("malformed"),
    whole("purged_ms"),
)
sa.Index("inbox_age", INBOX.c.purged_ms, INBOX.c.received_ms)
sa.Index("inbox_arrival", INBOX.c.rbucket, INBOX.c.register_id, INBOX.c.arrival, unique=True)
INBOX_DUE = _table(
    "inbox_due",
    bucket("rbucket"),
    key("register_id"),
    whole_key("arrival"),
    whole("records"),
)
GRANT_SHOWN = _table(
    "grant_shown",
    bucket("rbucket"),
    key("register_id"),
    key("lease_id"),
    text("generation"),
)
APPLY_STATE = _table("apply_state", bucket("rbucket"), key("register_id"), whole("applied"))
UID = _table(
    "uid",
    bucket("rbucket"),
    key("register_id"),
    key("uid"),
    sa.Column("content_hash", _BYTES, nullable=False),
    text("incarnation"),
    whole("seq"),
    sa.Column("bucket", sa.SmallInteger, nullable=False),
    text("member_id"),
    whole("received_day"),
)
QUARANTINE = _table(
    "quarantine",
    bucket("rbucket"),
    key("register_id"),
    key("incarnation"),
    whole_key("seq"),
    key("hash"),
    text("uid"),
    sa.Column("bucket", sa.SmallInteger, nullable=False, server_default="0"),
    text("member_id"),
    text("state"),
    text("reason"),
    whole("since_ms"),
    whole("settled_ms"),
    sa.Column("raw", _BYTES, nullable=False),
)
# How far each history (`hash`: its branch) was stored when the backup of that number was begun.
BACKUP_MARK = _table(
    "backup_mark",
    bucket("rbucket"),
    key("register_id"),
    key("hash"),
    *[text(name) for name in ("incarnation", "link")],
    *[whole(name) for name in ("seq", "number", "told_seq")],
)
ALARM = _table(
    "alarm",
    bucket("rbucket"),
    key("register_id"),
    key("kind"),
    key("about"),
    text("detail"),
    whole("raised_ms"),
)
