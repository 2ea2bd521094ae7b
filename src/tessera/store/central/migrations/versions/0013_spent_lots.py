"""Slices of lots that sales spent, so that units which come back know when they expire."""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the table; units of sales that were booked before come back without an end."""
    op.create_table(
        "spent_lot",
        sa.Column("bucket", sa.SmallInteger(), nullable=False, autoincrement=False),
        sa.Column("member_id", sa.Text(), nullable=False),
        sa.Column("uid", sa.Text(), nullable=False),
        sa.Column("line", sa.BigInteger(), nullable=False, autoincrement=False),
        sa.Column("unit", sa.Text(), nullable=False, server_default=""),
        sa.Column("issuer", sa.Text(), nullable=False, server_default=""),
        sa.Column("spent", sa.BigInteger(), nullable=False, server_default="0"),
        sa.Column("returned", sa.BigInteger(), nullable=False, server_default="0"),
        sa.Column("expires", sa.Text(), nullable=False, server_default=""),
        sa.PrimaryKeyConstraint("bucket", "member_id", "uid", "line"),
    )


def downgrade() -> None:
    """Drop it."""
    op.drop_table("spent_lot")
