"""Members who were enrolled at a till: what they wait for, their person, what a card is."""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

_COLUMNS = (
    ("member", "waits_for"),
    ("profile", "full_name"),
    ("profile", "phone"),
    ("profile", "email"),
    ("profile", "consents"),
    ("card", "kind"),
    ("member_card", "kind"),
)


def upgrade() -> None:
    """Make the columns and the table; cards of before are of no stated kind."""
    for table, name in _COLUMNS:
        op.add_column(table, sa.Column(name, sa.Text(), nullable=False, server_default=""))
    op.create_table(
        "member_enrolment",
        sa.Column("bucket", sa.SmallInteger(), nullable=False, autoincrement=False),
        sa.Column("member_id", sa.Text(), nullable=False),
        sa.Column("uid", sa.Text(), nullable=False),
        *[
            sa.Column(name, sa.Text(), nullable=False, server_default="")
            for name in ("register_id", "card_hash", "phone_hash", "replaced_hash", "taken")
        ],
        sa.Column("at_ms", sa.BigInteger(), nullable=False, server_default="0"),
        sa.Column("is_done", sa.BigInteger(), nullable=False, server_default="0"),
        sa.PrimaryKeyConstraint("bucket", "member_id", "uid"),
    )


def downgrade() -> None:
    """Drop them."""
    op.drop_table("member_enrolment")
    for table, name in reversed(_COLUMNS):
        op.drop_column(table, name)
