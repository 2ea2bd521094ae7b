"""Re-evaluation of a sample: what waits for it, what differed, and how many sales did not."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def _key(*names: str) -> list[sa.schema.SchemaItem]:
    """The bucket of the register, and texts; together the primary key."""
    return [
        sa.Column("rbucket", sa.SmallInteger(), nullable=False, autoincrement=False),
        *[sa.Column(name, sa.Text(), nullable=False) for name in names],
        sa.PrimaryKeyConstraint("rbucket", *names),
    ]


def _texts(*names: str) -> "list[sa.Column[str]]":
    return [sa.Column(name, sa.Text(), nullable=False, server_default="") for name in names]


def _whole(*names: str) -> "list[sa.Column[int]]":
    return [sa.Column(name, sa.BigInteger(), nullable=False, server_default="0") for name in names]


def upgrade() -> None:
    """Make the tables."""
    op.create_table("recheck_due", *_key("register_id", "uid"))
    op.create_table(
        "recheck_found",
        *_key("register_id", "uid"),
        *_texts("sale_key", "bundle", "differences"),
        *_whole("found_ms"),
    )
    op.create_table("recheck_tally", *_key("register_id", "verdict"), *_whole("sales", "last_ms"))


def downgrade() -> None:
    """Drop them."""
    for name in ("recheck_tally", "recheck_found", "recheck_due"):
        op.drop_table(name)
