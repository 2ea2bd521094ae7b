"""Members who were enrolled at this till, their cards, and profiles on their way to central."""

from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Make the tables."""
    op.execute(
        """CREATE TABLE enrolled_member (
            member_id TEXT NOT NULL PRIMARY KEY, place INTEGER NOT NULL, joined TEXT NOT NULL,
            display_name TEXT NOT NULL, language TEXT NOT NULL, birthday TEXT NOT NULL
            ) WITHOUT ROWID"""
    )
    op.execute(
        """CREATE TABLE enrolled_card (
            card_hash BLOB NOT NULL PRIMARY KEY, member_id TEXT NOT NULL, place INTEGER NOT NULL,
            kind TEXT NOT NULL, status INTEGER NOT NULL) WITHOUT ROWID"""
    )
    op.execute(
        """CREATE TABLE profile_outbox (
            place INTEGER NOT NULL PRIMARY KEY, member_id TEXT NOT NULL, body BLOB NOT NULL)"""
    )
