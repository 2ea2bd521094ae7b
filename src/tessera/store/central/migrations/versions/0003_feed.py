"""What changed and what is served: heads, changes, cursors, segments."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def _whole(name: str) -> "sa.Column[int]":
    return sa.Column(name, sa.BigInteger(), nullable=False, server_default="0")


def _text(name: str) -> "sa.Column[str]":
    return sa.Column(name, sa.Text(), nullable=False, server_default="")


def _create_member_head() -> None:
    op.create_table(
        "member_head",
        sa.Column("bucket", sa.SmallInteger(), nullable=False, autoincrement=False),
        _whole("v"),
        sa.PrimaryKeyConstraint("bucket"),
    )


def _create_member_change() -> None:
    op.create_table(
        "member_change",
        sa.Column("bucket", sa.SmallInteger(), nullable=False, autoincrement=False),
        sa.Column("v", sa.BigInteger(), nullable=False, autoincrement=False),
        _text("audience"),
        _text("about"),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("bucket", "v"),
    )


def _create_member_cursor() -> None:
    op.create_table(
        "member_cursor",
        sa.Column("bucket", sa.SmallInteger(), nullable=False, autoincrement=False),
        _whole("v"),
        sa.PrimaryKeyConstraint("bucket"),
    )


def _create_card_head() -> None:
    op.create_table(
        "card_head",
        sa.Column("cbucket", sa.SmallInteger(), nullable=False, autoincrement=False),
        _whole("v"),
        sa.PrimaryKeyConstraint("cbucket"),
    )


def _create_card_change() -> None:
    op.create_table(
        "card_change",
        sa.Column("cbucket", sa.SmallInteger(), nullable=False, autoincrement=False),
        sa.Column("v", sa.BigInteger(), nullable=False, autoincrement=False),
        _text("audience"),
        _text("about"),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("cbucket", "v"),
    )


def _create_card_cursor() -> None:
    op.create_table(
        "card_cursor",
        sa.Column("cbucket", sa.SmallInteger(), nullable=False, autoincrement=False),
        _whole("v"),
        sa.PrimaryKeyConstraint("cbucket"),
    )


def _create_register_head() -> None:
    op.create_table(
        "register_head",
        sa.Column("rbucket", sa.SmallInteger(), nullable=False, autoincrement=False),
        _whole("v"),
        sa.PrimaryKeyConstraint("rbucket"),
    )


def _create_register_change() -> None:
    op.create_table(
        "register_change",
        sa.Column("rbucket", sa.SmallInteger(), nullable=False, autoincrement=False),
        sa.Column("v", sa.BigInteger(), nullable=False, autoincrement=False),
        _text("audience"),
        _text("about"),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("rbucket", "v"),
    )


def _create_register_cursor() -> None:
    op.create_table(
        "register_cursor",
        sa.Column("rbucket", sa.SmallInteger(), nullable=False, autoincrement=False),
        _whole("v"),
        sa.PrimaryKeyConstraint("rbucket"),
    )


def _create_audience_head() -> None:
    op.create_table(
        "audience_head",
        sa.Column("abucket", sa.SmallInteger(), nullable=False, autoincrement=False),
        sa.Column("audience", sa.Text(), nullable=False),
        sa.Column("generation", sa.Text(), nullable=False),
        _whole("number"),
        sa.PrimaryKeyConstraint("abucket", "audience", "generation"),
    )


def _create_segment() -> None:
    op.create_table(
        "segment",
        sa.Column("abucket", sa.SmallInteger(), nullable=False, autoincrement=False),
        sa.Column("audience", sa.Text(), nullable=False),
        sa.Column("generation", sa.Text(), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False, autoincrement=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("signature", sa.LargeBinary(), nullable=False),
        _whole("rows"),
        _whole("published_ms"),
        sa.PrimaryKeyConstraint("abucket", "audience", "generation", "number"),
    )


def upgrade() -> None:
    """Make the tables."""
    _create_member_head()
    _create_member_change()
    _create_member_cursor()
    _create_card_head()
    _create_card_change()
    _create_card_cursor()
    _create_register_head()
    _create_register_change()
    _create_register_cursor()
    _create_audience_head()
    _create_segment()


def downgrade() -> None:
    """Drop the tables."""
    op.drop_table("segment")
    op.drop_table("audience_head")
    op.drop_table("register_cursor")
    op.drop_table("register_change")
    op.drop_table("register_head")
    op.drop_table("card_cursor")
    op.drop_table("card_change")
    op.drop_table("card_head")
    op.drop_table("member_cursor")
    op.drop_table("member_change")
    op.drop_table("member_head")
