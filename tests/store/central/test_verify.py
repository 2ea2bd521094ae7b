"""`central verify` finds what is planted, and nothing in books that are right."""

from collections.abc import Callable

import pytest
import sqlalchemy as sa

from tessera.central.opening import Central
from tessera.store.central import schema
from tests.store.central.parts import accept, book, differences, enrolled, member, send
from tests.store.central.scripted_till import Till


def a_day(central: Central) -> None:
    till = Till()
    enrolled(central, till)
    member(central, "M-1", points=100)
    member(central, "M-2")
    for _ in range(4):
        till.sell("M-1", earned=10)
        till.sell("M-2", earned=3)
        till.sell()
    send(central, till)


def change(table: sa.Table, **values: object) -> sa.Update:
    return sa.update(table).values(**values)


def one_member(statement: sa.Update) -> sa.Update:
    column = statement.table.c.member_id
    return statement.where(column == "M-2")


def loses_a_posting(tx: sa.Connection) -> None:
    line = schema.LEDGER_LINE
    uid = tx.execute(
        sa.select(sa.func.min(line.c.uid)).where(line.c.member_id == "M-2")
    ).scalar_one()
    tx.execute(sa.delete(line).where(line.c.uid == uid).where(line.c.is_member == 1))


def loses_an_outcome(tx: sa.Connection) -> None:
    outcome = schema.OUTCOME
    uid = tx.execute(sa.select(sa.func.min(outcome.c.uid))).scalar_one()
    tx.execute(sa.delete(outcome).where(outcome.c.uid == uid))


def spoils_a_batch(tx: sa.Connection) -> None:
    body = tx.execute(sa.select(schema.INBOX.c.body)).scalar_one()
    tx.execute(change(schema.INBOX, body=bytes(body)[:-9] + b"123456789"))


def forges_a_head(tx: sa.Connection) -> None:
    head = bytes(tx.execute(sa.select(schema.INBOX.c.head)).scalar_one())
    tx.execute(change(schema.INBOX, head=head.replace(b'"last_seq":12', b'"last_seq":13')))


@pytest.mark.parametrize(
    "plant, kinds",
    [
        (lambda tx: tx.execute(one_member(change(schema.BALANCE, points=13))), {"balance"}),
        (
            lambda tx: tx.execute(one_member(change(schema.BALANCE, leased=99))),
            {"leased", "overdrawn"},
        ),
        (lambda tx: tx.execute(one_member(change(schema.LOT, remaining=1))), {"lots"}),
        (
            lambda tx: tx.execute(one_member(change(schema.LEASE, spent=1000))),
            {"leased", "lease-equation"},
        ),
        (loses_a_posting, {"entry-unbalanced", "balance", "lots"}),
        (loses_an_outcome, {"record-lost", "posting-without-outcome"}),
        (spoils_a_batch, {"batch-bytes", "branch-head"}),
        (forges_a_head, {"batch-signature"}),
        (lambda tx: tx.execute(change(schema.BRANCH, head_link="0" * 64)), {"branch-head"}),
    ],
    ids=[
        "balance",
        "leased",
        "lots",
        "lease",
        "posting",
        "outcome",
        "batch",
        "signature",
        "branch",
    ],
)
def test_a_planted_fault_is_found(
    central: Central, plant: Callable[[sa.Connection], None], kinds: set[str]
) -> None:
    a_day(central)
    assert differences(central) == []
    with central.engines.writer.begin() as tx:
        plant(tx)
    found = {difference.kind for difference in differences(central)}
    assert found
    assert found <= kinds


def test_batches_that_still_wait_are_no_difference(central: Central) -> None:
    a_day(central)
    other = Till(register="berlin-1-2", number=2)
    enrolled(central, other)
    other.sell("M-1", earned=1)
    accept(central, other.batch())
    assert differences(central) == []
    book(central)
    assert differences(central) == []
