"""Which grants a register has shown so far, while it presents them page by page."""

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "grant_shown",
        sa.Column("rbucket", sa.SmallInteger(), nullable=False, autoincrement=False),
        sa.Column("register_id", sa.Text(), nullable=False),
        sa.Column("lease_id", sa.Text(), nullable=False),
        sa.Column("generation", sa.Text(), nullable=False, server_default=""),
        sa.PrimaryKeyConstraint("rbucket", "register_id", "lease_id"),
    )


def downgrade() -> None:
    """Drop it."""
    op.drop_table("grant_shown")
