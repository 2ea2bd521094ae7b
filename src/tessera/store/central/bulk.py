"""Many rows in one statement, on SQLite and on PostgreSQL.

Owns: how a list of tuples is inserted, upserted, or used as keys. PostgreSQL gets one binary array
a column (text arrays are twelve times slower there), SQLite a prepared statement run many times.
Must never: commit, or decide what a row means.
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from itertools import chain
from typing import Any

import sqlalchemy as sa

Row = tuple[Any, ...]

_ARRAY_TYPES: dict[type, str] = {
    sa.SmallInteger: "smallint[]",
    sa.BigInteger: "bigint[]",
    sa.LargeBinary: "bytea[]",
    sa.Text: "text[]",
}
_ARRAYS_KNOWN = "tessera arrays"
_IN_ONE_STATEMENT = 4_000
"""Rows in one statement: bounds the memory of one array and of one message to the server."""


_KEYS_IN_ONE_STATEMENT = (64, 8, 1)
"""Keys looked up by one statement of SQLite, largest first."""


def is_postgres(tx: sa.Connection) -> bool:
    """Whether this connection speaks to PostgreSQL; otherwise it is SQLite."""
    return tx.dialect.name == "postgresql"


@contextmanager
def unanswered(tx: sa.Connection) -> Iterator[None]:
    """Writes only: PostgreSQL gets them one behind the other, none waits for the one before.

    It works on one while the next is being packed. What fails is raised here at the latest, and
    then nothing of the transaction may be kept. On SQLite nothing is different.
    """
    if not is_postgres(tx):
        yield
        return
    import psycopg  # noqa: PLC0415 - only PostgreSQL's driver needs it

    driver = tx.connection.driver_connection
    assert isinstance(driver, psycopg.Connection)
    try:
        with driver.pipeline():
            yield
    except psycopg.errors.PipelineAborted as error:
        raise sa.exc.DBAPIError("pipeline", None, error) from error  # of what came before it
    except psycopg.OperationalError as error:
        raise sa.exc.OperationalError("pipeline", None, error) from error
    except psycopg.Error as error:
        raise sa.exc.DBAPIError("pipeline", None, error) from error


def insert(
    tx: sa.Connection,
    table: sa.Table,
    names: Sequence[str],
    rows: Sequence[Row],
    *,
    ignore_known: bool = False,
    update: Sequence[str] = (),
) -> None:
    """Insert `rows`, each with a value for every one of `names`.

    `ignore_known`: a row whose key exists is left as it is. `update`: for such a row these columns
    take the new values. Otherwise an existing key is an error of the database.
    """
    if not rows:
        return
    conflict = _conflict(table, ignore_known=ignore_known, update=tuple(update))
    if is_postgres(tx):
        statement = f"{_postgres_insert(table, tuple(names))} {conflict}"
        for part in _parts(rows):
            tx.exec_driver_sql(statement, _arrays(tx, table, names, part))
        return
    _sqlite_many(tx, f"{_sqlite_insert(table, names)} {conflict}", rows)


def insert_unknown(
    tx: sa.Connection, table: sa.Table, names: Sequence[str], rows: Sequence[Row]
) -> int:
    """Insert the rows whose key is not there yet, of equal keys the first; how many those were."""
    if not rows:
        return 0
    conflict = "ON CONFLICT DO NOTHING"
    if is_postgres(tx):
        statement = f"{_postgres_insert(table, tuple(names))} {conflict}"
        return sum(
            tx.exec_driver_sql(statement, _arrays(tx, table, names, part)).rowcount
            for part in _parts(rows)
        )
    return _sqlite_many(tx, f"{_sqlite_insert(table, names)} {conflict}", rows)


def insert_new(
    tx: sa.Connection, table: sa.Table, names: Sequence[str], rows: Sequence[Row]
) -> set[Row]:
    """Insert the rows whose key is not there yet; the keys of those that were inserted.

    The names must begin with the columns of the key, in its order.
    """
    if not rows:
        return set()
    keys = tuple(column.name for column in table.primary_key)
    assert tuple(names[: len(keys)]) == keys, f"{table.name}: rows must begin with {keys}"
    if is_postgres(tx):
        statement = (
            f"{_postgres_insert(table, tuple(names))} ON CONFLICT DO NOTHING "
            f"RETURNING {', '.join(keys)}"
        )
        return {
            row
            for part in _parts(rows)
            for row in _fetched(tx, statement, _arrays(tx, table, names, part))
        }
    # SQLite has one writer, so nothing can come between the look and the insert.
    known = {
        tuple(row) for row in select(tx, table, keys, keys, [row[: len(keys)] for row in rows])
    }
    fresh: dict[Row, Row] = {}
    for row in rows:
        if row[: len(keys)] not in known:
            fresh.setdefault(row[: len(keys)], row)
    insert(tx, table, names, list(fresh.values()))
    return set(fresh)


def select(
    tx: sa.Connection,
    table: sa.Table,
    names: Sequence[str],
    key_names: Sequence[str],
    keys: Iterable[Row],
    *,
    lock: bool = False,
    skip_locked: bool = False,
    only: str = "",
) -> list[Row]:
    """The rows whose `key_names` are among `keys`, in the order of these columns.

    `lock`: they stay locked until the transaction ends, taken in key order, so that two workers
    never wait for each other in a circle; `skip_locked`: what another has is left out instead of
    waited for. `only`: a condition on the row, written in SQL by the
    caller, with no value of anybody else in it.
    """
    wanted = sorted(set(keys))
    if not wanted:
        return []
    columns = ", ".join(f"t.{name}" for name in names)
    match = " AND ".join(f"t.{name} = w.{name}" for name in key_names)
    order = ", ".join(f"t.{name}" for name in key_names)
    if is_postgres(tx):
        found: list[Row] = []
        arrays = ", ".join(f"%b::{_array_type(table.c[name])}" for name in key_names)
        held = " FOR UPDATE OF t" if lock or skip_locked else ""
        held += " SKIP LOCKED" if skip_locked else ""
        statement = (
            f"SELECT {columns} FROM unnest({arrays}) AS w({', '.join(key_names)}) "  # noqa: S608 - as above
            f"JOIN {table.name} t ON {match}{f' AND {only}' if only else ''} "
            f"ORDER BY {order}{held}"
        )
        for part in _parts(wanted):
            found += _fetched(tx, statement, _arrays(tx, table, key_names, part))
        return found
    condition = f" WHERE {only}" if only else ""
    head = f"WITH w({', '.join(key_names)}) AS (VALUES "
    tail = f") SELECT {columns} FROM w CROSS JOIN {table.name} t ON {match}{condition}"  # noqa: S608 - as above
    return _sqlite_keyed(tx, head, tail, wanted)


def select_ranges(
    tx: sa.Connection,
    table: sa.Table,
    names: Sequence[str],
    key: tuple[str, str],
    ranges: Sequence[tuple[int, int, int]],
) -> list[Row]:
    """Rows by ranges of a whole-number key: (first column, after, up to) each, in key order."""
    wanted = sorted(ranges)
    if not wanted:
        return []
    columns = ", ".join(f"t.{name}" for name in names)
    match = f"t.{key[0]} = w.k AND t.{key[1]} > w.low AND t.{key[1]} <= w.high"
    if is_postgres(tx):
        kinds = [_array_type(table.c[name]) for name in (key[0], key[1], key[1])]
        arrays = ", ".join(f"%b::{kind}" for kind in kinds)
        statement = (
            f"SELECT {columns} FROM unnest({arrays}) AS w(k, low, high) "  # noqa: S608 - as above
            f"JOIN {table.name} t ON {match} ORDER BY t.{key[0]}, t.{key[1]}"
        )
        by = (key[0], key[1], key[1])
        return [
            row
            for part in _parts(wanted)
            for row in _fetched(tx, statement, _arrays(tx, table, by, part))
        ]
    tail = f") SELECT {columns} FROM w CROSS JOIN {table.name} t ON {match}"  # noqa: S608 - as above
    return _sqlite_keyed(tx, "WITH w(k, low, high) AS (VALUES ", tail, wanted)


def delete(
    tx: sa.Connection, table: sa.Table, key_names: Sequence[str], keys: Sequence[Row]
) -> None:
    """Delete rows by key: for queues and caches only, never for what was booked."""
    if not keys:
        return
    if is_postgres(tx):
        arrays = ", ".join(f"%b::{_array_type(table.c[name])}" for name in key_names)
        match = " AND ".join(f"t.{name} = w.{name}" for name in key_names)
        statement = (
            f"DELETE FROM {table.name} t USING unnest({arrays}) "  # noqa: S608 - as above
            f"AS w({', '.join(key_names)}) WHERE {match}"
        )
        for part in _parts(keys):
            tx.exec_driver_sql(statement, _arrays(tx, table, key_names, part))
        return
    where = " AND ".join(f"{name} = ?" for name in key_names)
    _sqlite_many(tx, f"DELETE FROM {table.name} WHERE {where}", keys)  # noqa: S608 - as above


def _parts(rows: Sequence[Row]) -> Iterable[Sequence[Row]]:
    for start in range(0, len(rows), _IN_ONE_STATEMENT):
        yield rows[start : start + _IN_ONE_STATEMENT]


def _arrays(
    tx: sa.Connection, table: sa.Table, names: Sequence[str], rows: Sequence[Row]
) -> tuple[Any, ...]:
    """The rows as one packed array a column."""
    from tessera.store.central import pg_arrays  # noqa: PLC0415 - only PostgreSQL's driver needs it

    driver = tx.connection.driver_connection
    if not tx.connection.info.get(_ARRAYS_KNOWN):
        pg_arrays.register(driver)  # type: ignore[arg-type]
        tx.connection.info[_ARRAYS_KNOWN] = True
    columns = zip(*rows, strict=True)
    return tuple(
        pg_arrays.PACKERS[type(table.c[name].type)](column)
        for name, column in zip(names, columns, strict=True)
    )


def _fetched(tx: sa.Connection, statement: str, values: tuple[Any, ...]) -> list[Row]:
    """All rows at once, as the driver gives them: SQLAlchemy's are made one by one."""
    result = tx.exec_driver_sql(statement, values)
    try:
        assert result.cursor is not None
        return list(result.cursor.fetchall())
    finally:
        result.close()


def _array_type(column: "sa.Column[Any]") -> str:
    return _ARRAY_TYPES[type(column.type)]


@lru_cache(maxsize=256)
def _postgres_insert(table: sa.Table, names: tuple[str, ...]) -> str:
    arrays = ", ".join(f"%b::{_array_type(table.c[name])}" for name in names)
    return f"INSERT INTO {table.name} ({', '.join(names)}) SELECT * FROM unnest({arrays})"  # noqa: S608 - as above


def _sqlite_insert(table: sa.Table, names: Sequence[str]) -> str:
    marks = ", ".join("?" for _ in names)
    return f"INSERT INTO {table.name} ({', '.join(names)}) VALUES ({marks})"  # noqa: S608 - as above


@lru_cache(maxsize=256)
def _conflict(table: sa.Table, *, ignore_known: bool, update: tuple[str, ...]) -> str:
    keys = ", ".join(column.name for column in table.primary_key)
    if update:
        changes = ", ".join(f"{name} = excluded.{name}" for name in update)
        return f"ON CONFLICT ({keys}) DO UPDATE SET {changes}"
    return f"ON CONFLICT ({keys}) DO NOTHING" if ignore_known else ""


def _driver_cursor(tx: sa.Connection) -> Any:  # noqa: ANN401 - the driver has no types
    if not tx.in_transaction():
        tx.begin()
    return tx.connection.cursor()


def _sqlite_keyed(tx: sa.Connection, head: str, tail: str, keys: Sequence[Row]) -> list[Row]:
    """Rows for many keys in few statements, whose texts repeat, so that they stay prepared."""
    marks = f"({', '.join('?' for _ in keys[0])})"
    found: list[Row] = []
    cursor = _driver_cursor(tx)
    try:
        start = 0
        for size in _KEYS_IN_ONE_STATEMENT:
            statement = f"{head}{', '.join([marks] * size)}{tail}"
            while len(keys) - start >= size:
                values = tuple(chain.from_iterable(keys[start : start + size]))
                found += cursor.execute(statement, values).fetchall()
                start += size
    finally:
        cursor.close()
    return found


def _sqlite_many(tx: sa.Connection, statement: str, rows: Sequence[Row]) -> int:
    cursor = _driver_cursor(tx)
    try:
        return int(cursor.executemany(statement, rows).rowcount)
    finally:
        cursor.close()
