"""Backups of central: which was begun, and how far each history is in one."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def _whole(name: str) -> "sa.Column[int]":
    return sa.Column(name, sa.BigInteger(), nullable=False, server_default="0")


def _text(name: str) -> "sa.Column[str]":
    return sa.Column(name, sa.Text(), nullable=False, server_default="")


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "backup",
        sa.Column("number", sa.BigInteger(), nullable=False, autoincrement=False),
        _whole("begun_ms"),
        _whole("done_ms"),
        sa.PrimaryKeyConstraint("number"),
    )
    op.create_table(
        "backup_mark",
        sa.Column("rbucket", sa.SmallInteger(), nullable=False, autoincrement=False),
        sa.Column("register_id", sa.Text(), nullable=False),
        sa.Column("hash", sa.Text(), nullable=False),
        _text("incarnation"),
        _whole("seq"),
        _text("link"),
        _whole("number"),
        _whole("told_seq"),
        sa.PrimaryKeyConstraint("rbucket", "register_id", "hash"),
    )


def downgrade() -> None:
    """Drop them."""
    op.drop_table("backup_mark")
    op.drop_table("backup")
