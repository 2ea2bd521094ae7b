"""Offers that were stopped at once, outside the releases, by whom and until when."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

_TEXTS = ("programme", "offer", "store_id", "reason", "who", "ended_by")


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "offer_stop",
        sa.Column("number", sa.BigInteger(), nullable=False, autoincrement=False),
        *[sa.Column(name, sa.Text(), nullable=False, server_default="") for name in _TEXTS],
        *[
            sa.Column(name, sa.BigInteger(), nullable=False, server_default="0")
            for name in ("stopped_ms", "ended_ms")
        ],
        sa.PrimaryKeyConstraint("number"),
    )


def downgrade() -> None:
    """Drop it."""
    op.drop_table("offer_stop")
