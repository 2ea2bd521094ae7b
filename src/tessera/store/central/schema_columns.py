"""The kinds of columns that central's tables are made of, and what gathers the tables.

Owns: one spelling for keys, buckets, counts and texts. Must never: name a table.
"""

import sqlalchemy as sa

METADATA = sa.MetaData()


def key(name: str, kind: type[sa.Text] | type[sa.LargeBinary] = sa.Text) -> "sa.Column[object]":
    """A part of the primary key."""
    return sa.Column(name, kind, primary_key=True, nullable=False)


def bucket(name: str) -> "sa.Column[object]":
    """The bucket: first part of the primary key, and what tables are distributed by."""
    return sa.Column(name, sa.SmallInteger, primary_key=True, nullable=False, autoincrement=False)


def whole_key(name: str) -> "sa.Column[object]":
    """A whole number in the primary key; never counted by the database."""
    return sa.Column(name, sa.BigInteger, primary_key=True, nullable=False, autoincrement=False)


def whole(name: str, default: int | None = 0) -> "sa.Column[object]":
    """A whole number of 64 bits."""
    server = None if default is None else str(default)
    return sa.Column(name, sa.BigInteger, nullable=False, server_default=server)


def text(name: str) -> "sa.Column[object]":
    """A text, empty by default."""
    return sa.Column(name, sa.Text, nullable=False, server_default="")
