"""Stores, registers, their inbox, what is parked: everything by register, and small tables."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def _whole(name: str) -> "sa.Column[int]":
    return sa.Column(name, sa.BigInteger(), nullable=False, server_default="0")


def _text(name: str) -> "sa.Column[str]":
    return sa.Column(name, sa.Text(), nullable=False, server_default="")


def _create_central() -> None:
    op.create_table(
        "central",
        sa.Column("one", sa.BigInteger(), nullable=False, autoincrement=False),
        _text("generation"),
        _whole("generation_ms"),
        _whole("generation_number"),
        _whole("is_told"),
        _text("key_public"),
        _whole("card_key_id"),
        sa.PrimaryKeyConstraint("one"),
    )


def _create_store() -> None:
    op.create_table(
        "store",
        sa.Column("store_id", sa.Text(), nullable=False),
        _text("region"),
        _text("time_zone"),
        _text("currency"),
        sa.PrimaryKeyConstraint("store_id"),
    )


def _create_register() -> None:
    op.create_table(
        "register",
        sa.Column("register_id", sa.Text(), nullable=False),
        _text("store_id"),
        _text("status"),
        _text("public_key"),
        _text("public_key_before"),
        _whole("key_before_until_ms"),
        _text("incarnation"),
        _whole("serial"),
        _whole("enrolled_ms"),
        _whole("not_after_ms"),
        _whole("is_swept"),
        sa.PrimaryKeyConstraint("register_id"),
    )


def _create_enrolment_code() -> None:
    op.create_table(
        "enrolment_code",
        sa.Column("code_hash", sa.Text(), nullable=False),
        _text("register_id"),
        _whole("expires_ms"),
        _whole("used_ms"),
        _text("used_key"),
        sa.PrimaryKeyConstraint("code_hash"),
    )


def _create_bundle() -> None:
    op.create_table(
        "bundle",
        sa.Column("hash", sa.Text(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        _text("programme"),
        _whole("released_ms"),
        sa.PrimaryKeyConstraint("hash"),
    )


def _create_assignment() -> None:
    op.create_table(
        "assignment",
        sa.Column("number", sa.BigInteger(), nullable=False, autoincrement=False),
        _text("bundle"),
        _whole("active_from_ms"),
        _whole("size"),
        _text("stores"),
        sa.PrimaryKeyConstraint("number"),
    )


def _create_register_state() -> None:
    op.create_table(
        "register_state",
        sa.Column("rbucket", sa.SmallInteger(), nullable=False, autoincrement=False),
        sa.Column("register_id", sa.Text(), nullable=False),
        _whole("arrivals"),
        sa.PrimaryKeyConstraint("rbucket", "register_id"),
    )


def _create_heartbeat() -> None:
    op.create_table(
        "heartbeat",
        sa.Column("rbucket", sa.SmallInteger(), nullable=False, autoincrement=False),
        sa.Column("register_id", sa.Text(), nullable=False),
        _whole("received_ms"),
        _text("body"),
        sa.PrimaryKeyConstraint("rbucket", "register_id"),
    )


def _create_nonce() -> None:
    op.create_table(
        "nonce",
        sa.Column("rbucket", sa.SmallInteger(), nullable=False, autoincrement=False),
        sa.Column("register_id", sa.Text(), nullable=False),
        sa.Column("nonce", sa.LargeBinary(), nullable=False),
        _whole("seen_ms"),
        sa.PrimaryKeyConstraint("rbucket", "register_id", "nonce"),
    )


def _create_branch() -> None:
    op.create_table(
        "branch",
        sa.Column("rbucket", sa.SmallInteger(), nullable=False, autoincrement=False),
        sa.Column("register_id", sa.Text(), nullable=False),
        sa.Column("incarnation", sa.Text(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False, autoincrement=False),
        sa.Column("hash", sa.Text(), nullable=False),
        _whole("is_fork"),
        _text("previous_link"),
        _whole("head_seq"),
        _text("head_link"),
        _text("parent"),
        _whole("parent_seq"),
        _text("parent_link"),
        _whole("opened_ms"),
        sa.PrimaryKeyConstraint("rbucket", "register_id", "incarnation", "seq", "hash"),
    )


def _create_inbox() -> None:
    op.create_table(
        "inbox",
        sa.Column("rbucket", sa.SmallInteger(), nullable=False, autoincrement=False),
        sa.Column("register_id", sa.Text(), nullable=False),
        sa.Column("incarnation", sa.Text(), nullable=False),
        sa.Column("first_seq", sa.BigInteger(), nullable=False, autoincrement=False),
        sa.Column("last_seq", sa.BigInteger(), nullable=False, autoincrement=False),
        sa.Column("hash", sa.Text(), nullable=False),
        _whole("arrival"),
        _text("branch"),
        _whole("is_opaque"),
        sa.Column("head", sa.LargeBinary(), nullable=False),
        sa.Column("signature", sa.LargeBinary(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        _whole("received_ms"),
        _text("malformed"),
        sa.PrimaryKeyConstraint(
            "rbucket", "register_id", "incarnation", "first_seq", "last_seq", "hash"
        ),
    )
    op.create_index("inbox_arrival", "inbox", ["rbucket", "register_id", "arrival"], unique=True)


def _create_inbox_due() -> None:
    op.create_table(
        "inbox_due",
        sa.Column("rbucket", sa.SmallInteger(), nullable=False, autoincrement=False),
        sa.Column("register_id", sa.Text(), nullable=False),
        sa.Column("arrival", sa.BigInteger(), nullable=False, autoincrement=False),
        _whole("records"),
        sa.PrimaryKeyConstraint("rbucket", "register_id", "arrival"),
    )


def _create_apply_state() -> None:
    op.create_table(
        "apply_state",
        sa.Column("rbucket", sa.SmallInteger(), nullable=False, autoincrement=False),
        sa.Column("register_id", sa.Text(), nullable=False),
        _whole("applied"),
        sa.PrimaryKeyConstraint("rbucket", "register_id"),
    )


def _create_uid() -> None:
    op.create_table(
        "uid",
        sa.Column("rbucket", sa.SmallInteger(), nullable=False, autoincrement=False),
        sa.Column("register_id", sa.Text(), nullable=False),
        sa.Column("uid", sa.Text(), nullable=False),
        sa.Column("content_hash", sa.LargeBinary(), nullable=False),
        _text("incarnation"),
        _whole("seq"),
        sa.Column("bucket", sa.SmallInteger(), nullable=False),
        _text("member_id"),
        _whole("received_day"),
        sa.PrimaryKeyConstraint("rbucket", "register_id", "uid"),
    )


def _create_quarantine() -> None:
    op.create_table(
        "quarantine",
        sa.Column("rbucket", sa.SmallInteger(), nullable=False, autoincrement=False),
        sa.Column("register_id", sa.Text(), nullable=False),
        sa.Column("incarnation", sa.Text(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False, autoincrement=False),
        sa.Column("hash", sa.Text(), nullable=False),
        _text("uid"),
        sa.Column("bucket", sa.SmallInteger(), nullable=False, server_default="0"),
        _text("member_id"),
        _text("state"),
        _text("reason"),
        _whole("since_ms"),
        _whole("settled_ms"),
        sa.Column("raw", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("rbucket", "register_id", "incarnation", "seq", "hash"),
    )


def _create_alarm() -> None:
    op.create_table(
        "alarm",
        sa.Column("rbucket", sa.SmallInteger(), nullable=False, autoincrement=False),
        sa.Column("register_id", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("about", sa.Text(), nullable=False),
        _text("detail"),
        _whole("raised_ms"),
        sa.PrimaryKeyConstraint("rbucket", "register_id", "kind", "about"),
    )


def _create_sale_key() -> None:
    op.create_table(
        "sale_key",
        sa.Column("kbucket", sa.SmallInteger(), nullable=False, autoincrement=False),
        sa.Column("sale_key", sa.Text(), nullable=False),
        _text("uid"),
        _text("register_id"),
        _text("member_id"),
        sa.PrimaryKeyConstraint("kbucket", "sale_key"),
    )


def upgrade() -> None:
    """Make the tables."""
    _create_central()
    _create_store()
    _create_register()
    _create_enrolment_code()
    _create_bundle()
    _create_assignment()
    _create_register_state()
    _create_heartbeat()
    _create_nonce()
    _create_branch()
    _create_inbox()
    _create_inbox_due()
    _create_apply_state()
    _create_uid()
    _create_quarantine()
    _create_alarm()
    _create_sale_key()


def downgrade() -> None:
    """Drop the tables."""
    op.drop_table("sale_key")
    op.drop_table("alarm")
    op.drop_table("quarantine")
    op.drop_table("uid")
    op.drop_table("apply_state")
    op.drop_table("inbox_due")
    op.drop_table("inbox")
    op.drop_table("branch")
    op.drop_table("nonce")
    op.drop_table("heartbeat")
    op.drop_table("register_state")
    op.drop_table("assignment")
    op.drop_table("bundle")
    op.drop_table("enrolment_code")
    op.drop_table("register")
    op.drop_table("store")
    op.drop_table("central")
