"""The tables of the feed: what changed, by group; what is served, by audience.

Owns: names, types and keys. `schema` gives them with the others. Must never: hold a state that is
nowhere else.
"""

import sqlalchemy as sa

from tessera.store.central.schema_columns import METADATA, bucket, key, text, whole, whole_key

_BYTES = sa.LargeBinary


def _table(name: str, *columns: sa.schema.SchemaItem) -> sa.Table:
    return sa.Table(name, METADATA, *columns)


# A head row gives numbers without gaps because it stays locked until its changes are committed; the
# publisher's cursor is a row of its own, so that publishing never holds up booking.


def _head(name: str, by: str) -> sa.Table:
    return _table(name, bucket(by), whole("v"))


def _change(name: str, by: str) -> sa.Table:
    return _table(
        name,
        bucket(by),
        whole_key("v"),
        text("audience"),
        text("about"),
        sa.Column("body", _BYTES, nullable=False),
    )


MEMBER_HEAD = _head("member_head", "bucket")
MEMBER_CHANGE = _change("member_change", "bucket")
MEMBER_CURSOR = _head("member_cursor", "bucket")
CARD_HEAD = _head("card_head", "cbucket")
CARD_CHANGE = _change("card_change", "cbucket")
CARD_CURSOR = _head("card_cursor", "cbucket")
REGISTER_HEAD = _head("register_head", "rbucket")
REGISTER_CHANGE = _change("register_change", "rbucket")
REGISTER_CURSOR = _head("register_cursor", "rbucket")

AUDIENCE_HEAD = _table(
    "audience_head",
    bucket("abucket"),
    key("audience"),
    key("generation"),
    whole("number"),
)
SEGMENT = _table(
    "segment",
    bucket("abucket"),
    key("audience"),
    key("generation"),
    whole_key("number"),
    sa.Column("body", _BYTES, nullable=False),
    sa.Column("signature", _BYTES, nullable=False),
    whole("rows"),
    whole("published_ms"),
)
FEED_FLOOR = _table(
    "feed_floor",
    bucket("abucket"),
    key("audience"),
    key("generation"),
    whole("segments_after"),
    whole("images_from"),
)
