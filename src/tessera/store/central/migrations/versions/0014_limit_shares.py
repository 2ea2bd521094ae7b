"""Limits over all members: what registers have of them, and what each record used."""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def _table(
    name: str, keys: tuple[str, ...], texts: tuple[str, ...], wholes: tuple[str, ...]
) -> None:
    op.create_table(
        name,
        sa.Column("kbucket", sa.SmallInteger(), nullable=False, autoincrement=False),
        *[sa.Column(one, sa.Text(), nullable=False) for one in keys],
        *[sa.Column(one, sa.Text(), nullable=False, server_default="") for one in texts],
        *[sa.Column(one, sa.BigInteger(), nullable=False, server_default="0") for one in wholes],
        sa.PrimaryKeyConstraint("kbucket", *keys),
    )


def upgrade() -> None:
    """Make the tables."""
    _table(
        "shared_limit",
        ("key",),
        ("programme", "offer", "period", "stores"),
        ("most", "returned", "due"),
    )
    _table(
        "limit_share",
        ("key", "register_id", "incarnation"),
        (),
        ("granted", "used", "written_off"),
    )
    _table(
        "limit_use",
        ("uid", "key"),
        ("register_id", "incarnation", "returned_by"),
        ("amount",),
    )


def downgrade() -> None:
    """Drop them."""
    for name in ("limit_use", "limit_share", "shared_limit"):
        op.drop_table(name)
