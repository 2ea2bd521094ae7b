"""Members, cards and the ledger: everything by member and by card."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def _whole(name: str) -> "sa.Column[int]":
    return sa.Column(name, sa.BigInteger(), nullable=False, server_default="0")


def _text(name: str) -> "sa.Column[str]":
    return sa.Column(name, sa.Text(), nullable=False, server_default="")


def _create_member() -> None:
    op.create_table(
        "member",
        sa.Column("bucket", sa.SmallInteger(), nullable=False, autoincrement=False),
        sa.Column("member_id", sa.Text(), nullable=False),
        _whole("version"),
        _text("status"),
        _text("tier"),
        _text("home_store"),
        _text("home_register"),
        _text("segments"),
        _text("entitlements"),
        _text("joined"),
        _whole("staff"),
        _whole("visits"),
        _whole("lifetime_spend_minor"),
        _whole("period_spend_minor"),
        _text("last_visit"),
        sa.PrimaryKeyConstraint("bucket", "member_id"),
    )
    op.create_index("member_home", "member", ["home_store", "bucket", "member_id"])


def _create_profile() -> None:
    op.create_table(
        "profile",
        sa.Column("bucket", sa.SmallInteger(), nullable=False, autoincrement=False),
        sa.Column("member_id", sa.Text(), nullable=False),
        _text("display_name"),
        _text("language"),
        _text("birthday"),
        sa.PrimaryKeyConstraint("bucket", "member_id"),
    )


def _create_member_card() -> None:
    op.create_table(
        "member_card",
        sa.Column("bucket", sa.SmallInteger(), nullable=False, autoincrement=False),
        sa.Column("member_id", sa.Text(), nullable=False),
        sa.Column("card_hash", sa.LargeBinary(), nullable=False),
        _whole("key_id"),
        _text("status"),
        _whole("version"),
        sa.PrimaryKeyConstraint("bucket", "member_id", "card_hash"),
    )


def _create_outcome() -> None:
    op.create_table(
        "outcome",
        sa.Column("bucket", sa.SmallInteger(), nullable=False, autoincrement=False),
        sa.Column("member_id", sa.Text(), nullable=False),
        sa.Column("uid", sa.Text(), nullable=False),
        _text("register_id"),
        _text("incarnation"),
        _whole("seq"),
        _text("kind"),
        _text("sale_key"),
        _whole("amount_minor"),
        _text("state"),
        _text("reason"),
        _text("tags"),
        _whole("received_day"),
        sa.PrimaryKeyConstraint("bucket", "member_id", "uid"),
    )


def _create_sale() -> None:
    op.create_table(
        "sale",
        sa.Column("bucket", sa.SmallInteger(), nullable=False, autoincrement=False),
        sa.Column("member_id", sa.Text(), nullable=False),
        sa.Column("uid", sa.Text(), nullable=False),
        _whole("received_day"),
        _text("business_day"),
        _text("store_id"),
        _text("register_id"),
        _text("sale_key"),
        _text("bundle"),
        _text("engine"),
        _text("currency"),
        _whole("shelf_minor"),
        _whole("discount_minor"),
        _whole("due_minor"),
        _text("quantities"),
        _text("flags"),
        sa.PrimaryKeyConstraint("bucket", "member_id", "uid"),
    )


def _create_returned_line() -> None:
    op.create_table(
        "returned_line",
        sa.Column("bucket", sa.SmallInteger(), nullable=False, autoincrement=False),
        sa.Column("member_id", sa.Text(), nullable=False),
        sa.Column("original_uid", sa.Text(), nullable=False),
        sa.Column("uid", sa.Text(), nullable=False),
        sa.Column("line_id", sa.Text(), nullable=False),
        _text("quantity"),
        _whole("refund_minor"),
        sa.PrimaryKeyConstraint("bucket", "member_id", "original_uid", "uid", "line_id"),
    )


def _create_waiting() -> None:
    op.create_table(
        "waiting",
        sa.Column("bucket", sa.SmallInteger(), nullable=False, autoincrement=False),
        sa.Column("member_id", sa.Text(), nullable=False),
        sa.Column("original_uid", sa.Text(), nullable=False),
        sa.Column("uid", sa.Text(), nullable=False),
        _whole("since_ms"),
        _whole("received_day"),
        _whole("is_fork"),
        sa.Column("raw", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("bucket", "member_id", "original_uid", "uid"),
    )


def _create_ledger_line() -> None:
    op.create_table(
        "ledger_line",
        sa.Column("bucket", sa.SmallInteger(), nullable=False, autoincrement=False),
        sa.Column("member_id", sa.Text(), nullable=False),
        sa.Column("uid", sa.Text(), nullable=False),
        sa.Column("line", sa.BigInteger(), nullable=False, autoincrement=False),
        _text("account"),
        _text("unit"),
        _whole("delta"),
        _whole("is_member"),
        _text("issuer"),
        _text("tag"),
        sa.PrimaryKeyConstraint("bucket", "member_id", "uid", "line"),
    )


def _create_balance() -> None:
    op.create_table(
        "balance",
        sa.Column("bucket", sa.SmallInteger(), nullable=False, autoincrement=False),
        sa.Column("member_id", sa.Text(), nullable=False),
        sa.Column("account", sa.Text(), nullable=False),
        _whole("points"),
        _whole("leased"),
        _whole("version"),
        sa.PrimaryKeyConstraint("bucket", "member_id", "account"),
    )


def _create_lot() -> None:
    op.create_table(
        "lot",
        sa.Column("bucket", sa.SmallInteger(), nullable=False, autoincrement=False),
        sa.Column("member_id", sa.Text(), nullable=False),
        sa.Column("uid", sa.Text(), nullable=False),
        sa.Column("line", sa.BigInteger(), nullable=False, autoincrement=False),
        _text("unit"),
        _text("issuer"),
        _whole("granted"),
        _whole("remaining"),
        _text("available_from"),
        _text("expires"),
        sa.PrimaryKeyConstraint("bucket", "member_id", "uid", "line"),
    )


def _create_lease() -> None:
    op.create_table(
        "lease",
        sa.Column("bucket", sa.SmallInteger(), nullable=False, autoincrement=False),
        sa.Column("member_id", sa.Text(), nullable=False),
        sa.Column("lease_id", sa.Text(), nullable=False),
        _text("unit"),
        _text("register_id"),
        _text("incarnation"),
        _whole("granted"),
        _whole("spent"),
        _whole("returned"),
        _whole("written_off"),
        _whole("granted_ms"),
        sa.PrimaryKeyConstraint("bucket", "member_id", "lease_id"),
    )


def _create_card() -> None:
    op.create_table(
        "card",
        sa.Column("cbucket", sa.SmallInteger(), nullable=False, autoincrement=False),
        sa.Column("card_hash", sa.LargeBinary(), nullable=False),
        _whole("key_id"),
        _text("member_id"),
        sa.Column("bucket", sa.SmallInteger(), nullable=False),
        _text("status"),
        _whole("version"),
        sa.PrimaryKeyConstraint("cbucket", "card_hash"),
    )


def upgrade() -> None:
    """Make the tables."""
    _create_member()
    _create_profile()
    _create_member_card()
    _create_outcome()
    _create_sale()
    _create_returned_line()
    _create_waiting()
    _create_ledger_line()
    _create_balance()
    _create_lot()
    _create_lease()
    _create_card()


def downgrade() -> None:
    """Drop the tables."""
    op.drop_table("card")
    op.drop_table("lease")
    op.drop_table("lot")
    op.drop_table("balance")
    op.drop_table("ledger_line")
    op.drop_table("waiting")
    op.drop_table("returned_line")
    op.drop_table("sale")
    op.drop_table("outcome")
    op.drop_table("member_card")
    op.drop_table("profile")
    op.drop_table("member")
