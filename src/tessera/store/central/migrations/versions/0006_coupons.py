"""Coupons: lots that were issued, and codes that were used."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def _whole(name: str) -> "sa.Column[int]":
    return sa.Column(name, sa.BigInteger(), nullable=False, server_default="0")


def _text(name: str) -> "sa.Column[str]":
    return sa.Column(name, sa.Text(), nullable=False, server_default="")


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "coupon_use",
        sa.Column("cbucket", sa.SmallInteger(), nullable=False, autoincrement=False),
        sa.Column("code_hash", sa.LargeBinary(), nullable=False),
        _text("uid"),
        _text("register_id"),
        _text("member_id"),
        _text("offer"),
        _whole("used_ms"),
        _whole("version"),
        sa.PrimaryKeyConstraint("cbucket", "code_hash"),
    )
    op.create_table(
        "coupon_lot",
        sa.Column("lot", sa.Text(), nullable=False),
        _text("offer"),
        _text("prefix"),
        _whole("count"),
        _text("first_day"),
        _text("last_day"),
        _whole("issued_ms"),
        sa.PrimaryKeyConstraint("lot"),
    )


def downgrade() -> None:
    """Drop them."""
    op.drop_table("coupon_lot")
    op.drop_table("coupon_use")
