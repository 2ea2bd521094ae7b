"""What a register may use of limits over all members."""

from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Make the table."""
    op.execute(
        """CREATE TABLE limit_share (
            key TEXT NOT NULL, incarnation TEXT NOT NULL,
            granted INTEGER NOT NULL, used INTEGER NOT NULL,
            PRIMARY KEY (key, incarnation)) WITHOUT ROWID"""
    )
