"""Grants that registers present again after a restore: who has, and what is not covered yet."""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the columns; whoever is known now need present nothing."""
    for table, column in (("central", "is_awaiting"), ("lease", "claimed")):
        whole = sa.Column(column, sa.BigInteger(), nullable=False, server_default="0")
        op.add_column(table, whole)
    text = sa.Column("presented", sa.Text(), nullable=False, server_default="")
    op.add_column("register", text)
    op.execute(
        "UPDATE register SET presented = (SELECT max(generation) FROM central)"
        " WHERE EXISTS (SELECT 1 FROM central)"
    )


def downgrade() -> None:
    """Drop them."""
    for table, column in (
        ("register", "presented"),
        ("lease", "claimed"),
        ("central", "is_awaiting"),
    ):
        op.drop_column(table, column)
