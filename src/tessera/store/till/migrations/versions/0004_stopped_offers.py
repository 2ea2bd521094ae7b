"""Offers that central has stopped, outside the programme's text."""

from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Make the table."""
    op.execute(
        """CREATE TABLE stopped_offer (
            programme TEXT NOT NULL, offer TEXT NOT NULL,
            PRIMARY KEY (programme, offer)) WITHOUT ROWID"""
    )
