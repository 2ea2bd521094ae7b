"""Batches whose bytes are let go once they are booked, in a backup and old."""

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column, and the index by which old batches are found."""
    op.add_column(
        "inbox", sa.Column("purged_ms", sa.BigInteger(), nullable=False, server_default="0")
    )
    op.create_index("inbox_age", "inbox", ["purged_ms", "received_ms"])


def downgrade() -> None:
    """Drop them."""
    op.drop_index("inbox_age", "inbox")
    op.drop_column("inbox", "purged_ms")
