"""What staff did to members; lots by the day on which they expire."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def _text(name: str) -> "sa.Column[str]":
    return sa.Column(name, sa.Text(), nullable=False, server_default="")


def upgrade() -> None:
    """Make the table and the indexes."""
    op.create_table(
        "member_deed",
        sa.Column("bucket", sa.SmallInteger(), nullable=False, autoincrement=False),
        sa.Column("member_id", sa.Text(), nullable=False),
        sa.Column("uid", sa.Text(), nullable=False),
        _text("what"),
        _text("who"),
        sa.Column("at_ms", sa.BigInteger(), nullable=False, server_default="0"),
        _text("other"),
        _text("state"),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("bucket", "member_id", "uid"),
    )
    op.create_index("member_deed_state", "member_deed", ["state", "uid"])
    op.create_index("lot_expires", "lot", ["expires"])


def downgrade() -> None:
    """Drop them."""
    op.drop_index("lot_expires", "lot")
    op.drop_table("member_deed")
