"""The first schema: journal, outbox, sales, leases, cached members, bundles.

Written out, so that it stays what it was when `tables.py` moves on.
"""

from alembic import op

revision = "0001"
down_revision = None

STATEMENTS = (
    """CREATE TABLE register_identity (
        id INTEGER PRIMARY KEY CHECK (id = 1),
        register TEXT NOT NULL, store TEXT NOT NULL, region TEXT NOT NULL,
        incarnation TEXT NOT NULL, generation TEXT NOT NULL, central_key BLOB NOT NULL,
        certificate TEXT NOT NULL, certificate_signature TEXT NOT NULL,
        card_key_id INTEGER NOT NULL, time_zone TEXT NOT NULL, currency TEXT NOT NULL)""",
    """CREATE TABLE branch (
        number INTEGER PRIMARY KEY, incarnation TEXT NOT NULL UNIQUE, register TEXT NOT NULL,
        parent_incarnation TEXT, parent_seq INTEGER, parent_link BLOB,
        head_seq INTEGER NOT NULL, head_link BLOB NOT NULL, high_water INTEGER NOT NULL,
        generation TEXT NOT NULL)""",
    """CREATE TABLE journal (
        place INTEGER PRIMARY KEY, uid BLOB NOT NULL UNIQUE, kind TEXT NOT NULL,
        raw BLOB NOT NULL, link BLOB NOT NULL)""",
    "CREATE TABLE outbox (place INTEGER PRIMARY KEY)",
    """CREATE TABLE sale (
        place INTEGER PRIMARY KEY, store TEXT NOT NULL, pos TEXT NOT NULL,
        business_day TEXT NOT NULL, sale_id TEXT NOT NULL, request_digest BLOB NOT NULL,
        answer BLOB NOT NULL, voided_by INTEGER)""",
    "CREATE UNIQUE INDEX sale_key ON sale (sale_id, business_day, pos, store)",
    """CREATE TABLE returned_line (
        original TEXT NOT NULL, line_id TEXT NOT NULL, place INTEGER NOT NULL,
        quantity TEXT NOT NULL, PRIMARY KEY (original, line_id, place)) WITHOUT ROWID""",
    """CREATE TABLE own_effect (
        place INTEGER NOT NULL, account TEXT NOT NULL, member_id TEXT NOT NULL,
        delta INTEGER NOT NULL, included_from INTEGER,
        PRIMARY KEY (place, account)) WITHOUT ROWID""",
    """CREATE INDEX own_effect_pending ON own_effect (member_id, account)
        WHERE included_from IS NULL""",
    """CREATE TABLE lease (
        lease_id TEXT NOT NULL PRIMARY KEY, member_id TEXT NOT NULL, unit TEXT NOT NULL,
        amount INTEGER NOT NULL, used INTEGER NOT NULL, incarnation TEXT NOT NULL,
        generation TEXT NOT NULL, signature TEXT NOT NULL,
        CONSTRAINT lease_bound CHECK (used >= 0 AND used <= amount)) WITHOUT ROWID""",
    "CREATE INDEX lease_member ON lease (member_id, unit)",
    """CREATE TABLE member (
        number INTEGER PRIMARY KEY, member_id TEXT NOT NULL UNIQUE, version INTEGER NOT NULL,
        status TEXT NOT NULL, tier TEXT NOT NULL, display_name TEXT NOT NULL,
        language TEXT NOT NULL, segments TEXT NOT NULL, entitlements TEXT NOT NULL, joined TEXT,
        birthday TEXT NOT NULL, staff INTEGER NOT NULL, visits INTEGER NOT NULL,
        lifetime_spend_minor INTEGER NOT NULL, period_spend_minor INTEGER NOT NULL,
        last_visit TEXT)""",
    """CREATE TABLE card (
        card_hash BLOB NOT NULL PRIMARY KEY, member INTEGER NOT NULL, key_id INTEGER NOT NULL,
        version INTEGER NOT NULL, status INTEGER NOT NULL) WITHOUT ROWID""",
    """CREATE TABLE balance (
        member_id TEXT NOT NULL, account TEXT NOT NULL, points INTEGER NOT NULL,
        leased INTEGER NOT NULL, version INTEGER NOT NULL,
        PRIMARY KEY (member_id, account)) WITHOUT ROWID""",
    """CREATE TABLE tombstone (
        what TEXT NOT NULL, "key" TEXT NOT NULL, version INTEGER NOT NULL,
        PRIMARY KEY (what, "key")) WITHOUT ROWID""",
    """CREATE TABLE record_outcome (
        place INTEGER PRIMARY KEY, state TEXT NOT NULL, reason TEXT NOT NULL)""",
    """CREATE TABLE feed_cursor (
        audience TEXT NOT NULL PRIMARY KEY, generation TEXT NOT NULL,
        number INTEGER NOT NULL) WITHOUT ROWID""",
    """CREATE TABLE assignment (
        id INTEGER PRIMARY KEY CHECK (id = 1), number INTEGER NOT NULL, bundle TEXT NOT NULL,
        active_from_ms INTEGER NOT NULL, size INTEGER NOT NULL, generation TEXT NOT NULL)""",
    """CREATE TABLE kept_bundle (
        hash TEXT NOT NULL PRIMARY KEY, text TEXT NOT NULL, number INTEGER NOT NULL,
        kept_order INTEGER NOT NULL, active INTEGER NOT NULL)""",
    "CREATE TABLE mark (name TEXT NOT NULL PRIMARY KEY, amount INTEGER NOT NULL) WITHOUT ROWID",
)


def upgrade() -> None:
    """Make every table in the transaction that also records the version."""
    for statement in STATEMENTS:
        op.execute(statement)
