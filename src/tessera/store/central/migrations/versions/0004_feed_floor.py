"""How far back each stream still reaches, and from where on an image of it may be served."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "feed_floor",
        sa.Column("abucket", sa.SmallInteger(), nullable=False, autoincrement=False),
        sa.Column("audience", sa.Text(), nullable=False),
        sa.Column("generation", sa.Text(), nullable=False),
        sa.Column("segments_after", sa.BigInteger(), nullable=False, server_default="0"),
        sa.Column("images_from", sa.BigInteger(), nullable=False, server_default="0"),
        sa.PrimaryKeyConstraint("abucket", "audience", "generation"),
    )


def downgrade() -> None:
    """Drop the table."""
    op.drop_table("feed_floor")
