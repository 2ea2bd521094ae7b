"""Leases by the register that holds them."""

from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the index."""
    op.create_index("lease_register", "lease", ["register_id"])


def downgrade() -> None:
    """Drop it."""
    op.drop_index("lease_register", "lease")
