"""The table of what records took off lots, by which units that come back know when they expire.

Owns: its columns. Must never: be read for a balance; lots and postings hold those.
"""

import sqlalchemy as sa

from tessera.store.central.schema_columns import bucket, key, text, whole, whole_key


def spent_lot_table(metadata: sa.MetaData) -> sa.Table:
    """Slices of lots by the record (`uid`) that spent them; `returned` of each came back since."""
    return sa.Table(
        "spent_lot",
        metadata,
        bucket("bucket"),
        key("member_id"),
        key("uid"),
        whole_key("line"),
        text("unit"),
        text("issuer"),
        whole("spent"),
        whole("returned"),
        text("expires"),
    )
