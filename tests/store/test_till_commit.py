from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from tessera.core.identity import SaleKey, new_uid
from tessera.core.journal import SealedRecord, chain_links
from tessera.core.sale import LeaseUse, ReturnWish
from tessera.store.engine import Engines
from tessera.store.till import (
    cached_members,
    committed_sales,
    identity_book,
    leases,
    outbox,
)
from tessera.store.till.values import (
    AccountEffect,
    AccountState,
    Grant,
    LeaseShort,
    SaleExists,
)
from tests.support.till import LIFE, enrolled_till, key_of, numbered_draft


@pytest.fixture
def till(tmp_path: Path) -> Iterator[Engines]:
    engines = enrolled_till(tmp_path)
    yield engines
    engines.dispose()


def commit(till: Engines, number: int, **more: Any) -> SealedRecord:
    with till.writer.begin() as tx:
        return committed_sales.commit_record(tx, draft=numbered_draft(number), **more)


def grant(till: Engines, amount: int) -> None:
    with till.writer.begin() as tx:
        leases.grant(
            tx,
            [
                Grant(
                    lease_id="L1",
                    member_id="m1",
                    unit="points",
                    amount=amount,
                    incarnation=LIFE,
                    generation="g1",
                    signature="",
                )
            ],
        )


def test_records_chain_from_the_genesis_of_the_life(till: Engines) -> None:
    records = [commit(till, number) for number in (1, 2, 3)]
    with till.reader.connect() as c:
        [life] = outbox.lives(c)
    assert [record.seq for record in records] == [1, 2, 3]
    assert chain_links(life.start, [r.raw for r in records]) == [r.link_hash for r in records]
    assert life.head.seq == 3
    assert life.head.link_hash == records[2].link_hash


def test_a_commit_writes_sale_outbox_and_effect_together(till: Engines) -> None:
    record = commit(
        till,
        1,
        sale=key_of("s1"),
        request_digest=b"d",
        answer=b"a",
        effects=[AccountEffect(member_id="m1", account="points", delta=4)],
    )
    with till.reader.connect() as c:
        sale = committed_sales.find_sale(c, key_of("s1"))
        assert sale is not None
        assert (sale.uid, sale.seq, sale.answer, sale.voided) == (record.uid, 1, b"a", False)
        assert outbox.depth(c) == 1
        assert committed_sales.read_record(c, record.uid) == record.raw
        [account] = cached_members.accounts(c, "m1")
        assert (account.balance, account.pending, account.version) == (4, 4, -1)


def test_the_same_sale_key_is_refused_and_nothing_of_it_stays(till: Engines) -> None:
    commit(till, 1, sale=key_of("s1"))
    with pytest.raises(SaleExists):
        commit(
            till,
            2,
            sale=key_of("s1"),
            effects=[AccountEffect(member_id="m1", account="points", delta=4)],
        )
    with till.reader.connect() as c:
        assert outbox.depth(c) == 1
        assert identity_book.read_head(c).seq == 1
        assert cached_members.accounts(c, "m1") == ()


def test_a_sale_is_found_by_the_id_that_its_pos_gave(till: Engines) -> None:
    commit(till, 1, sale=key_of("s1"))
    newer = SaleKey(store="shop", pos="pos-2", business_day=date(2026, 11, 22), sale_id="s1")
    commit(till, 2, sale=newer)
    with till.reader.connect() as c:
        found = committed_sales.find_sale_by_id(c, "s1")
        assert found is not None
        assert found.key == newer
        assert committed_sales.find_sale_by_id(c, "s2") is None


def test_partial_returns_of_a_line_add_up(till: Engines) -> None:
    commit(till, 1, sale=key_of("s1"))
    for number, quantity in ((2, "1"), (3, "0.250")):
        commit(
            till,
            number,
            sale=key_of(f"r{number}"),
            original=key_of("s1"),
            returned=[ReturnWish(line_id="1", quantity=quantity)],
        )
    with till.reader.connect() as c:
        assert committed_sales.returned_before(c, key_of("s1")) == {"1": Decimal("1.250")}


def test_a_void_marks_the_original(till: Engines) -> None:
    commit(till, 1, sale=key_of("s1"))
    commit(till, 2, sale=key_of("v1"), original=key_of("s1"), voids=True)
    with till.reader.connect() as c:
        sale = committed_sales.find_sale(c, key_of("s1"))
        assert sale is not None
        assert sale.voided


def test_a_lease_is_spent_to_its_end_and_not_further(till: Engines) -> None:
    grant(till, 300)
    commit(till, 1, leases=[LeaseUse(lease_id="L1", unit="points", amount=200)])
    with pytest.raises(LeaseShort):
        commit(till, 2, leases=[LeaseUse(lease_id="L1", unit="points", amount=101)])
    with till.reader.connect() as c:
        assert leases.remaining(c, "m1", "points") == 100
        assert outbox.depth(c) == 1
        assert leases.take(c, "m1", "points", 100) == (
            LeaseUse(lease_id="L1", unit="points", amount=100),
        )
        with pytest.raises(LeaseShort):
            leases.take(c, "m1", "points", 101)


def test_a_repeated_grant_gives_nothing_back(till: Engines) -> None:
    grant(till, 300)
    commit(till, 1, leases=[LeaseUse(lease_id="L1", unit="points", amount=200)])
    grant(till, 300)
    with till.reader.connect() as c:
        assert leases.remaining(c, "m1", "points") == 100


def test_what_waits_is_settled_up_to_the_mark_and_never_back(
    till: Engines,
) -> None:
    for number in range(1, 6):
        commit(till, number)
    with till.writer.begin() as tx:
        assert outbox.settle(tx, LIFE, 3) == 2
        assert outbox.settle(tx, LIFE, 2) == 2
    with till.reader.connect() as c:
        assert [record.seq for record in outbox.waiting(c, limit=10)] == [4, 5]
        assert outbox.oldest_waiting(c) == (LIFE, 4)


def test_a_restored_central_gets_records_again_and_effects_count_again(
    till: Engines,
) -> None:
    for number in range(1, 4):
        commit(
            till,
            number,
            effects=[AccountEffect(member_id="m1", account="points", delta=10)],
        )
    with till.writer.begin() as tx:
        outbox.settle(tx, LIFE, 3)
        tx.execute(sa.text("UPDATE own_effect SET included_from = 1"))
        cached_members.apply_balance(
            tx, "m1", AccountState(account="points", points=30, leased=0, version=3)
        )
    with till.writer.begin() as tx:
        cached_members.forget_versions(tx)
        assert outbox.resend_after(tx, LIFE, 1) == 2
        cached_members.apply_balance(
            tx, "m1", AccountState(account="points", points=10, leased=0, version=1)
        )
    with till.reader.connect() as c:
        [account] = cached_members.accounts(c, "m1")
        assert (account.balance, account.pending) == (30, 20)
        assert [record.seq for record in outbox.waiting(c, limit=10)] == [2, 3]


def test_a_record_is_found_by_its_uid_or_not(till: Engines) -> None:
    record = commit(till, 7)
    with till.reader.connect() as c:
        assert committed_sales.find_record(c, record.uid) == record
        assert committed_sales.find_record(c, new_uid(1, bytes(10))) is None
