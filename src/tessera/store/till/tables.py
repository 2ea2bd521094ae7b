"""The till's tables. `migrations/` makes them; a test holds both to each other.

Owns: names, keys and why each is as it is. Must never: be created from here in production.

A record's `place` is its life's number times 2**40 plus its seq: one integer key that keeps the
journal in order, so that (life, seq) needs no index of its own.
"""

import sqlalchemy as sa

PLACE_SHIFT = 40
SEQ_MAX = (1 << PLACE_SHIFT) - 1

metadata = sa.MetaData()

register_identity = sa.Table(
    "register_identity",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),  # always 1
    sa.Column("register", sa.Text, nullable=False),
    sa.Column("store", sa.Text, nullable=False),
    sa.Column("region", sa.Text, nullable=False),
    sa.Column("incarnation", sa.Text, nullable=False),
    sa.Column("generation", sa.Text, nullable=False),
    sa.Column("central_key", sa.LargeBinary, nullable=False),
    sa.Column("certificate", sa.Text, nullable=False),
    sa.Column("certificate_signature", sa.Text, nullable=False),
    sa.Column("card_key_id", sa.Integer, nullable=False),
    sa.Column("time_zone", sa.Text, nullable=False),
    sa.Column("currency", sa.Text, nullable=False),
)

# One row for each life of this register. `generation`: central's when `high_water` was heard.
# `backed_up`: the last record that central has in a backup. `dropped_seq`: records up to it are no
# longer in the journal, `dropped_link` is the link hash of the last of them.
branch = sa.Table(
    "branch",
    metadata,
    sa.Column("number", sa.Integer, primary_key=True),
    sa.Column("incarnation", sa.Text, nullable=False, unique=True),
    sa.Column("register", sa.Text, nullable=False),
    sa.Column("parent_incarnation", sa.Text),
    sa.Column("parent_seq", sa.Integer),
    sa.Column("parent_link", sa.LargeBinary),
    sa.Column("head_seq", sa.Integer, nullable=False),
    sa.Column("head_link", sa.LargeBinary, nullable=False),
    sa.Column("high_water", sa.Integer, nullable=False),
    sa.Column("generation", sa.Text, nullable=False),
    sa.Column("backed_up", sa.Integer, nullable=False, server_default="0"),
    sa.Column("dropped_seq", sa.Integer, nullable=False, server_default="0"),
    sa.Column("dropped_link", sa.LargeBinary),
)

# Append only: no statement updates a row, and only `shortening` deletes any, from the beginning on.
journal = sa.Table(
    "journal",
    metadata,
    sa.Column("place", sa.Integer, primary_key=True),
    sa.Column("uid", sa.LargeBinary, nullable=False, unique=True),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("raw", sa.LargeBinary, nullable=False),
    sa.Column("link", sa.LargeBinary, nullable=False),
)

# What central has not acknowledged yet; apart from the journal, so that the journal never changes.
outbox = sa.Table("outbox", metadata, sa.Column("place", sa.Integer, primary_key=True))

sale = sa.Table(
    "sale",
    metadata,
    sa.Column("place", sa.Integer, primary_key=True),
    sa.Column("store", sa.Text, nullable=False),
    sa.Column("pos", sa.Text, nullable=False),
    sa.Column("business_day", sa.Text, nullable=False),
    sa.Column("sale_id", sa.Text, nullable=False),
    sa.Column("request_digest", sa.LargeBinary, nullable=False),
    sa.Column("answer", sa.LargeBinary, nullable=False),
    sa.Column("voided_by", sa.Integer),
    sa.Index("sale_key", "sale_id", "business_day", "pos", "store", unique=True),
)

returned_line = sa.Table(
    "returned_line",
    metadata,
    sa.Column("original", sa.Text, primary_key=True),
    sa.Column("line_id", sa.Text, primary_key=True),
    sa.Column("place", sa.Integer, primary_key=True),
    sa.Column("quantity", sa.Text, nullable=False),
    sqlite_with_rowid=False,
)

# The newest state of each sale that is begun or parked; gone with the commit of the sale.
open_sale = sa.Table(
    "open_sale",
    metadata,
    sa.Column("pos", sa.Text, primary_key=True),
    sa.Column("sale_id", sa.Text, primary_key=True),
    sa.Column("suspended", sa.Integer, nullable=False),
    sa.Column("changed_ms", sa.Integer, nullable=False),
    sa.Column("body", sa.LargeBinary, nullable=False),
    sqlite_with_rowid=False,
)

# What this register's own records changed. `included_from`: the version of central's balance that
# includes it; NULL: not known to be included, so it is added to what is shown. Rows stay, so that
# they can count again when central comes back from a backup without the record.
own_effect = sa.Table(
    "own_effect",
    metadata,
    sa.Column("place", sa.Integer, primary_key=True),
    sa.Column("account", sa.Text, primary_key=True),
    sa.Column("member_id", sa.Text, nullable=False),
    sa.Column("delta", sa.Integer, nullable=False),
    sa.Column("included_from", sa.Integer),
    sqlite_with_rowid=False,
)
sa.Index(
    "own_effect_pending",
    own_effect.c.member_id,
    own_effect.c.account,
    sqlite_where=own_effect.c.included_from.is_(None),
)

lease = sa.Table(
    "lease",
    metadata,
    sa.Column("lease_id", sa.Text, primary_key=True),
    sa.Column("member_id", sa.Text, nullable=False),
    sa.Column("unit", sa.Text, nullable=False),
    sa.Column("amount", sa.Integer, nullable=False),
    sa.Column("used", sa.Integer, nullable=False),
    sa.Column("incarnation", sa.Text, nullable=False),
    sa.Column("generation", sa.Text, nullable=False),
    sa.Column("signature", sa.Text, nullable=False),
    sa.Index("lease_member", "member_id", "unit"),
    sa.CheckConstraint("used >= 0 AND used <= amount", name="lease_bound"),
    sqlite_with_rowid=False,
)

# What this register may use of limits over all members: `granted` in all so far, by central, and
# `used` in all so far, by this life's own sales; both only rise.
limit_share = sa.Table(
    "limit_share",
    metadata,
    sa.Column("key", sa.Text, primary_key=True),
    sa.Column("incarnation", sa.Text, primary_key=True),
    sa.Column("granted", sa.Integer, nullable=False),
    sa.Column("used", sa.Integer, nullable=False),
    sqlite_with_rowid=False,
)

# `number` is this till's own short name of a member, so that a card costs few bytes.
# version -1: only the number is taken, nothing is known of the member yet.
member = sa.Table(
    "member",
    metadata,
    sa.Column("number", sa.Integer, primary_key=True),
    sa.Column("member_id", sa.Text, nullable=False, unique=True),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("status", sa.Text, nullable=False),
    sa.Column("tier", sa.Text, nullable=False),
    sa.Column("display_name", sa.Text, nullable=False),
    sa.Column("language", sa.Text, nullable=False),
    sa.Column("segments", sa.Text, nullable=False),
    sa.Column("entitlements", sa.Text, nullable=False),
    sa.Column("joined", sa.Text),
    sa.Column("birthday", sa.Text, nullable=False),
    sa.Column("staff", sa.Integer, nullable=False),
    sa.Column("visits", sa.Integer, nullable=False),
    sa.Column("lifetime_spend_minor", sa.Integer, nullable=False),
    sa.Column("period_spend_minor", sa.Integer, nullable=False),
    sa.Column("last_visit", sa.Text),
)

# By the keyed hash alone, clustered: one lookup reads one branch of one tree.
# `status` 1: works; 0: blocked. Phone numbers stand here too, hashed for their own purpose.
card = sa.Table(
    "card",
    metadata,
    sa.Column("card_hash", sa.LargeBinary, primary_key=True),
    sa.Column("member", sa.Integer, nullable=False),
    sa.Column("key_id", sa.Integer, nullable=False),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("status", sa.Integer, nullable=False),
    sqlite_with_rowid=False,
)

# Members whom this till has enrolled, until central describes them itself: `place` of the record.
enrolled_member = sa.Table(
    "enrolled_member",
    metadata,
    sa.Column("member_id", sa.Text, primary_key=True),
    sa.Column("place", sa.Integer, nullable=False),
    sa.Column("joined", sa.Text, nullable=False),
    sa.Column("display_name", sa.Text, nullable=False),
    sa.Column("language", sa.Text, nullable=False),
    sa.Column("birthday", sa.Text, nullable=False),
    sqlite_with_rowid=False,
)

# Cards and phones that this till gave to a member (`status` 1) or took from one (0), until central
# says so itself. `kind` is card or phone: central decides about each by itself.
enrolled_card = sa.Table(
    "enrolled_card",
    metadata,
    sa.Column("card_hash", sa.LargeBinary, primary_key=True),
    sa.Column("member_id", sa.Text, nullable=False),
    sa.Column("place", sa.Integer, nullable=False),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("status", sa.Integer, nullable=False),
    sqlite_with_rowid=False,
)

# The only personal messages: on their way to central, gone once it has answered.
profile_outbox = sa.Table(
    "profile_outbox",
    metadata,
    sa.Column("place", sa.Integer, primary_key=True),
    sa.Column("member_id", sa.Text, nullable=False),
    sa.Column("body", sa.LargeBinary, nullable=False),
)

balance = sa.Table(
    "balance",
    metadata,
    sa.Column("member_id", sa.Text, primary_key=True),
    sa.Column("account", sa.Text, primary_key=True),
    sa.Column("points", sa.Integer, nullable=False),
    sa.Column("leased", sa.Integer, nullable=False),
    sa.Column("version", sa.Integer, nullable=False),
    sqlite_with_rowid=False,
)

# What was removed and at which version, so that an older row that comes late brings nothing back.
tombstone = sa.Table(
    "tombstone",
    metadata,
    sa.Column("what", sa.Text, primary_key=True),
    sa.Column("key", sa.Text, primary_key=True),
    sa.Column("version", sa.Integer, nullable=False),
    sqlite_with_rowid=False,
)

# Records that central did not simply apply: parked, malformed or corrected, and why.
record_outcome = sa.Table(
    "record_outcome",
    metadata,
    sa.Column("place", sa.Integer, primary_key=True),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
)

feed_cursor = sa.Table(
    "feed_cursor",
    metadata,
    sa.Column("audience", sa.Text, primary_key=True),
    sa.Column("generation", sa.Text, nullable=False),
    sa.Column("number", sa.Integer, nullable=False),
    sqlite_with_rowid=False,
)

assignment = sa.Table(
    "assignment",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),  # always 1: the newest one
    sa.Column("number", sa.Integer, nullable=False),
    sa.Column("bundle", sa.Text, nullable=False),
    sa.Column("active_from_ms", sa.Integer, nullable=False),
    sa.Column("size", sa.Integer, nullable=False),
    sa.Column("generation", sa.Text, nullable=False),
)

kept_bundle = sa.Table(
    "kept_bundle",
    metadata,
    sa.Column("hash", sa.Text, primary_key=True),
    sa.Column("text", sa.Text, nullable=False),
    sa.Column("number", sa.Integer, nullable=False),
    sa.Column("kept_order", sa.Integer, nullable=False),
    sa.Column("active", sa.Integer, nullable=False),
)

# Offers that central has stopped in this store, outside the programme's text.
stopped_offer = sa.Table(
    "stopped_offer",
    metadata,
    sa.Column("programme", sa.Text, primary_key=True),
    sa.Column("offer", sa.Text, primary_key=True),
    sqlite_with_rowid=False,
)

# Marks that are no rows of their own: the floor under the clock, when something was last heard.
mark = sa.Table(
    "mark",
    metadata,
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("amount", sa.Integer, nullable=False),
    sqlite_with_rowid=False,
)
