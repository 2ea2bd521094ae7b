"""Sales that are begun or parked outlive the process."""

from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Make the table."""
    op.execute(
        """CREATE TABLE open_sale (
            pos TEXT NOT NULL, sale_id TEXT NOT NULL, suspended INTEGER NOT NULL,
            changed_ms INTEGER NOT NULL, body BLOB NOT NULL,
            PRIMARY KEY (pos, sale_id)) WITHOUT ROWID"""
    )
