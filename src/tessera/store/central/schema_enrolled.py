"""The table of members who were enrolled at a till, and what stands in a profile.

Owns: its columns, and the names of the personal ones. `schema` gives them with the others.
"""

import sqlalchemy as sa

from tessera.store.central.schema_columns import METADATA, bucket, key, text, whole

PERSONAL = ("display_name", "language", "birthday", "full_name", "phone", "email", "consents")
"""Columns of a profile. `consents`: JSON, one entry for each purpose."""

# One row for each record that enrolled a member or replaced a card. `taken`: what of it was another
# member's already. `is_done` 1: cards are listed and told.
MEMBER_ENROLMENT = sa.Table(
    "member_enrolment",
    METADATA,
    bucket("bucket"),
    key("member_id"),
    key("uid"),
    *[text(name) for name in ("register_id", "card_hash", "phone_hash", "replaced_hash", "taken")],
    *[whole(name) for name in ("at_ms", "is_done")],
)
