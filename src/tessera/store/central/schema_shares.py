"""The tables of limits over all members, which registers have shares of.

Owns: their columns. `kbucket` is the bucket of the limit's key, in `limit_use` that of the record.
Must never: know what a share is worth.
"""

import sqlalchemy as sa

from tessera.store.central.schema_columns import bucket, key, text, whole


def share_tables(metadata: sa.MetaData) -> tuple[sa.Table, sa.Table, sa.Table]:
    """The limits, what each life of a register has of them, and what each record used."""
    # `stores`: where the offer runs now, separated by spaces. `due` 1: shares are to be looked at.
    limits = sa.Table(
        "shared_limit",
        metadata,
        bucket("kbucket"),
        key("key"),
        text("programme"),
        text("offer"),
        text("period"),
        text("stores"),
        whole("most"),
        whole("returned"),
        whole("due"),
    )
    shares = sa.Table(
        "limit_share",
        metadata,
        bucket("kbucket"),
        key("key"),
        key("register_id"),
        key("incarnation"),
        whole("granted"),
        whole("used"),
        whole("written_off"),
    )
    # One row for each record and limit, so that a record that comes again counts once.
    uses = sa.Table(
        "limit_use",
        metadata,
        bucket("kbucket"),
        key("uid"),
        key("key"),
        text("register_id"),
        text("incarnation"),
        whole("amount"),
        text("returned_by"),
    )
    return limits, shares, uses
