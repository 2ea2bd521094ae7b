"""Many rows in one statement mean the same on SQLite and on PostgreSQL."""

import pytest
import sqlalchemy as sa

from tessera.central.opening import Central
from tessera.store.central import bulk, schema

KEY_NAMES = ("kbucket", "sale_key", "uid", "register_id", "member_id")
CHANGE_NAMES = ("bucket", "v", "audience", "about", "body")


def keys_held(central: Central) -> list[tuple[str, str]]:
    table = schema.SALE_KEY
    with central.engines.reader.begin() as tx:
        rows = tx.execute(sa.select(table.c.sale_key, table.c.uid).order_by(table.c.sale_key))
        return [(row.sale_key, row.uid) for row in rows]


def test_of_equal_keys_the_first_is_inserted_and_known_ones_stay(central: Central) -> None:
    first = [(1, "a", "uid-1", "r", ""), (1, "b", "uid-2", "r", ""), (1, "b", "uid-3", "r", "")]
    with central.engines.writer.begin() as tx:
        assert bulk.insert_unknown(tx, schema.SALE_KEY, KEY_NAMES, first) == 2
    later = [(1, "b", "uid-4", "r", ""), (1, "c", "uid-5", "r", "")]
    with central.engines.writer.begin() as tx:
        assert bulk.insert_unknown(tx, schema.SALE_KEY, KEY_NAMES, later) == 1
    assert keys_held(central) == [("a", "uid-1"), ("b", "uid-2"), ("c", "uid-5")]


def test_as_many_keys_as_there_are_find_their_rows_in_key_order(central: Central) -> None:
    """149 keys are cut into statements of 64, 64, 8, 8 and five of one."""
    rows = [(n % 3, f"{n:03}", f"uid-{n}", "r", "") for n in range(149)]
    wanted = [(n % 3, f"{n:03}") for n in range(149)]
    with central.engines.writer.begin() as tx:
        bulk.insert(tx, schema.SALE_KEY, KEY_NAMES, rows)
        found = bulk.select(
            tx, schema.SALE_KEY, KEY_NAMES[:3], KEY_NAMES[:2], [*wanted, (9, "none")]
        )
    assert found == sorted(row[:3] for row in rows)


def test_a_condition_goes_with_every_key(central: Central) -> None:
    rows = [(1, f"{n:03}", f"uid-{n}", "r" if n % 2 else "s", "") for n in range(70)]
    with central.engines.writer.begin() as tx:
        bulk.insert(tx, schema.SALE_KEY, KEY_NAMES, rows)
        found = bulk.select(
            tx,
            schema.SALE_KEY,
            ("uid",),
            KEY_NAMES[:2],
            [row[:2] for row in rows],
            only="register_id = 'r'",
        )
    assert found == [(f"uid-{n}",) for n in range(1, 70, 2)]


def test_ranges_begin_behind_their_first_number_and_end_with_their_last(central: Central) -> None:
    rows = [(bucket, v, "store:s", "", b"{}") for bucket in (3, 5, 9) for v in range(1, 7)]
    with central.engines.writer.begin() as tx:
        bulk.insert(tx, schema.MEMBER_CHANGE, CHANGE_NAMES, rows)
        found = bulk.select_ranges(
            tx,
            schema.MEMBER_CHANGE,
            ("bucket", "v"),
            ("bucket", "v"),
            [(9, 4, 6), (3, 0, 2), (5, 6, 9)],
        )
    assert found == [(3, 1), (3, 2), (9, 5), (9, 6)]


def test_what_fails_among_unanswered_writes_leaves_nothing(central: Central) -> None:
    row = (1, "a", "uid-1", "r", "")

    def write_twice() -> None:
        with central.engines.writer.begin() as tx, bulk.unanswered(tx):
            bulk.insert(tx, schema.SALE_KEY, KEY_NAMES, [(1, "b", "uid-2", "r", "")])
            bulk.insert(tx, schema.SALE_KEY, KEY_NAMES, [row])
            bulk.insert(tx, schema.SALE_KEY, KEY_NAMES, [row])
            bulk.insert(tx, schema.SALE_KEY, KEY_NAMES, [(1, "c", "uid-3", "r", "")])

    with pytest.raises(Exception, match=r"(?i)unique|duplicate") as caught:
        write_twice()
    assert not isinstance(caught.value, sa.exc.OperationalError)  # would be tried again for ever
    assert keys_held(central) == []
    with central.engines.writer.begin() as tx, bulk.unanswered(tx):
        bulk.insert(tx, schema.SALE_KEY, KEY_NAMES, [row])
    assert keys_held(central) == [("a", "uid-1")]
