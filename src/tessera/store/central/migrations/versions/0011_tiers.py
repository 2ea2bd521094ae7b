"""Tiers: since when a member has one, when time changes it, and what changes spend beside sales."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

_RETURNS = """
INSERT INTO spend_change (bucket, member_id, uid, business_day, spent_minor)
SELECT r.bucket, r.member_id, r.uid, s.business_day, -SUM(r.refund_minor)
FROM returned_line r JOIN sale s
  ON s.bucket = r.bucket AND s.member_id = r.member_id AND s.uid = r.original_uid
WHERE r.member_id <> ''
GROUP BY r.bucket, r.member_id, r.uid, s.business_day
HAVING SUM(r.refund_minor) <> 0
"""


def upgrade() -> None:
    """Make the columns and the table; returns that were booked before are known by their lines."""
    for name in ("tier_since", "tier_due"):
        op.add_column("member", sa.Column(name, sa.Text(), nullable=False, server_default=""))
    op.create_index("member_tier_due", "member", ["tier_due"])
    op.create_table(
        "spend_change",
        sa.Column("bucket", sa.SmallInteger(), nullable=False, autoincrement=False),
        sa.Column("member_id", sa.Text(), nullable=False),
        sa.Column("uid", sa.Text(), nullable=False),
        sa.Column("business_day", sa.Text(), nullable=False, server_default=""),
        sa.Column("spent_minor", sa.BigInteger(), nullable=False, server_default="0"),
        sa.PrimaryKeyConstraint("bucket", "member_id", "uid"),
    )
    op.execute(_RETURNS)


def downgrade() -> None:
    """Drop them."""
    op.drop_table("spend_change")
    op.drop_index("member_tier_due", "member")
    for name in ("tier_since", "tier_due"):
        op.drop_column("member", name)
