"""The tables of what is re-evaluated: sales that wait for it, what differed, and how many did not.

Owns: names, types and keys of three tables, all by register. `schema` gives them with the others.
"""

import sqlalchemy as sa

from tessera.store.central.schema_columns import METADATA, bucket, key, text, whole

RECHECK_DUE = sa.Table("recheck_due", METADATA, bucket("rbucket"), key("register_id"), key("uid"))
RECHECK_FOUND = sa.Table(
    "recheck_found",
    METADATA,
    bucket("rbucket"),
    key("register_id"),
    key("uid"),
    *[text(name) for name in ("sale_key", "bundle", "differences")],
    whole("found_ms"),
)
RECHECK_TALLY = sa.Table(
    "recheck_tally",
    METADATA,
    bucket("rbucket"),
    key("register_id"),
    key("verdict"),
    *[whole(name) for name in ("sales", "last_ms")],
)
TABLES = (RECHECK_DUE, RECHECK_FOUND, RECHECK_TALLY)
