from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from tessera.core.journal import SealedRecord
from tessera.store.engine import DATABASE_ERRORS, Engines
from tessera.store.till import committed_sales, identity_book, outbox
from tessera.store.till.durable import CommitFailed
from tessera.store.till.kept_connection import KeptConnection
from tessera.store.till.opening import OpenTill, open_till
from tessera.store.till.values import SaleExists
from tests.support.till import identity, key_of, numbered_draft


@pytest.fixture
def till(tmp_path: Path) -> Iterator[OpenTill]:
    till, _ = open_till(tmp_path, random=bytes, wall_ms=1, reserve_bytes=0)
    with till.engines.writer.begin() as tx:
        identity_book.write_identity(tx, identity())
    yield till
    till.close()


@pytest.fixture
def kept(till: OpenTill) -> Iterator[KeptConnection]:
    kept = KeptConnection(till.engines)
    yield kept
    kept.let_go()


def driver_of(tx: sa.Connection) -> object:
    return tx.connection.dbapi_connection


def depth(engines: Engines) -> int:
    with engines.reader.connect() as c:
        return outbox.depth(c)


def sell_and_break(tx: sa.Connection) -> SealedRecord:
    record = committed_sales.commit_record(tx, draft=numbered_draft(1))
    tx.connection.cursor().execute("INSERT INTO nowhere VALUES (1)")
    return record


def test_one_transaction_after_the_other_runs_on_the_same_connection(
    till: OpenTill, kept: KeptConnection
) -> None:
    used = []
    for number in (1, 2):
        with kept.begin() as tx:
            committed_sales.commit_record(tx, draft=numbered_draft(number))
            used.append(driver_of(tx))
    assert used[0] is used[1]
    assert depth(till.engines) == 2


def test_a_refused_sale_leaves_nothing_and_keeps_the_connection(
    till: OpenTill, kept: KeptConnection
) -> None:
    with kept.begin() as tx:
        used = driver_of(tx)
        committed_sales.commit_record(tx, draft=numbered_draft(1), sale=key_of("s"))
    with pytest.raises(SaleExists), kept.begin() as tx:
        committed_sales.commit_record(tx, draft=numbered_draft(2), sale=key_of("s"))
    assert depth(till.engines) == 1
    with kept.begin() as tx:
        assert driver_of(tx) is used


def test_after_an_error_of_the_database_the_next_transaction_has_a_new_connection(
    till: OpenTill, kept: KeptConnection
) -> None:
    with kept.begin() as tx:
        used = driver_of(tx)
    with pytest.raises(DATABASE_ERRORS), kept.begin() as tx:
        sell_and_break(tx)
    assert depth(till.engines) == 0
    with kept.begin() as tx:
        assert driver_of(tx) is not used


def test_a_connection_that_was_let_go_is_there_for_others(
    till: OpenTill, kept: KeptConnection
) -> None:
    with kept.begin() as tx:
        used = driver_of(tx)
    kept.let_go()
    with till.engines.writer.begin() as tx:
        assert driver_of(tx) is used


def test_a_commit_whose_connection_broke_is_tried_once_more_under_the_same_uid(
    till: OpenTill, kept: KeptConnection
) -> None:
    draft = numbered_draft(1)
    used = []

    def write(tx: sa.Connection) -> SealedRecord:
        used.append(driver_of(tx))
        record = committed_sales.commit_record(tx, draft=draft)
        if len(used) == 1:
            tx.connection.cursor().execute("INSERT INTO nowhere VALUES (1)")
        return record

    record = till.commit(draft.uid, write, through=kept)
    assert (record.seq, depth(till.engines)) == (1, 1)
    assert used[0] is not used[1]


def test_a_commit_that_fails_twice_is_known_not_to_stand_and_the_next_one_goes_on(
    till: OpenTill, kept: KeptConnection
) -> None:
    with pytest.raises(CommitFailed):
        till.commit(numbered_draft(1).uid, sell_and_break, through=kept)
    assert depth(till.engines) == 0
    second = numbered_draft(2)
    till.commit(
        second.uid, lambda tx: committed_sales.commit_record(tx, draft=second), through=kept
    )
    assert depth(till.engines) == 1
