"""How much of each life central has in a backup, and where a shortened journal begins."""

from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Add the columns."""
    op.execute("ALTER TABLE branch ADD COLUMN backed_up INTEGER NOT NULL DEFAULT 0")
    op.execute("ALTER TABLE branch ADD COLUMN dropped_seq INTEGER NOT NULL DEFAULT 0")
    op.execute("ALTER TABLE branch ADD COLUMN dropped_link BLOB")
