"""One fault stops one thing: whatever else central does by itself goes on."""

import logging
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import msgspec
import pytest
import sqlalchemy as sa

from tessera.central import granting, member_ends
from tessera.central.apart import DO, NOTED_MAX, PAUSE_MS_FIRST, PAUSE_MS_MAX, Apart
from tessera.central.apply import book_overdue_returns
from tessera.central.metrics import Metrics
from tessera.central.opening import Central
from tessera.central.quarantine import Progress, retry_claims
from tessera.central.upkeep import keep_up
from tessera.central.worker import Worker
from tessera.core.identity import bucket_of
from tessera.store.central import deed_book, lease_book, sale_book, schema
from tessera.store.central.deed_book import Deed
from tessera.store.central.member_book import MemberRecord
from tests.store.central.parts import (
    NOW_MS,
    accept,
    book,
    count,
    enrolled,
    member,
    points,
    send,
    stream,
)
from tests.store.central.scripted_till import Till
from tests.store.central.test_claims import two_tills

LATER_MS = 400 * 86_400_000


def fail() -> int:
    raise ValueError("always")


def stuck_deed(central: Central, member_id: str) -> None:
    """A merge that was begun and that nobody can read."""
    deed = Deed(
        bucket=bucket_of(member_id),
        member_id=member_id,
        uid="0" * 32,
        what=deed_book.MERGE,
        who="ada",
        at_ms=1,
        other="M-2",
        state=deed_book.OPEN,
        body=b"{",
    )
    with central.engines.writer.begin() as tx:
        deed_book.write(tx, deed)


def test_a_deed_that_cannot_be_finished_stops_neither_expiry_nor_trimming_nor_tidying(
    central: Central, caplog: pytest.LogCaptureFixture
) -> None:
    enrolled(central, Till())
    member(central, "M-1", store="", points=100)
    member(central, "M-2", store="berlin-1")
    book(central)
    with central.engines.writer.begin() as tx:
        tx.execute(sa.update(schema.LOT).values(expires="2026-01-01"))
    stuck_deed(central, "M-9")
    assert count(central, schema.SEGMENT) > 0
    with caplog.at_level(logging.ERROR, logger="tessera.central"):
        keep_up(replace(central, now_ms=lambda: NOW_MS + LATER_MS))
    assert points(central, "M-1") == 0
    assert count(central, schema.SEGMENT) == 0
    (told,) = caplog.records
    assert told.getMessage() == "going on with a deed failed"
    assert told.__dict__["fields"]["do"] == DO


def test_a_deed_that_cannot_be_finished_stops_no_other_one(central: Central) -> None:
    member(central, "M-1", points=100)
    member(central, "M-2")
    stuck_deed(central, "M-9")
    member_ends.merge(central, "M-1", "M-2", who="ada")
    with central.engines.writer.begin() as tx:
        tx.execute(
            sa.update(schema.MEMBER_DEED)
            .where(schema.MEMBER_DEED.c.member_id == "M-1")
            .values(state=deed_book.OPEN)
        )
    member_ends.finish_open(central)
    with central.engines.reader.begin() as tx:
        assert [deed.member_id for deed in deed_book.read_open(tx, limit=9)] == ["M-9"]


def overdue(central: Central) -> sale_book.WaitingRecord:
    """A return that waits though its sale is booked, as two workers leave it that met."""
    till = Till()
    enrolled(central, till)
    sale = till.sell(quantity=2, sale_id="S-1")
    send(central, till)
    till.take_back(sale, till.sale_key("S-1"))
    back = till.records[-1]
    with central.engines.reader.begin() as tx:
        (bucket,) = [one.bucket for one in tx.execute(schema.OUTCOME.select())]
    return sale_book.WaitingRecord(
        bucket=bucket,
        member_id="",
        original_uid=sale.uid,
        uid=back.uid,
        since_ms=2,
        received_day=20261121,
        is_fork=0,
        raw=back.raw,
    )


def test_an_overdue_return_that_cannot_be_booked_stops_no_other_one(central: Central) -> None:
    good = overdue(central)
    spoilt = msgspec.structs.replace(good, uid="0", since_ms=1, raw=b"{")
    with central.engines.writer.begin() as tx:
        sale_book.write_waiting(tx, [spoilt, good])
    assert book_overdue_returns(central.engines.writer, central.desk()) == 1
    assert count(central, schema.RETURNED_LINE) == 1
    assert count(central, schema.WAITING) == 1


def test_returns_whose_sale_never_comes_keep_no_overdue_one_waiting(
    central: Central, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tessera.central.apply.RECORDS_AT_ONCE", 1)
    good = overdue(central)
    never = msgspec.structs.replace(good, uid="0", since_ms=1, original_uid="1")
    with central.engines.writer.begin() as tx:
        sale_book.write_waiting(tx, [never, good])
    assert book_overdue_returns(central.engines.writer, central.desk()) == 1
    assert count(central, schema.WAITING) == 1


def test_a_claim_that_cannot_be_read_keeps_no_other_one_waiting(central: Central) -> None:
    here, there = two_tills(central)
    first = there.claim(here.sell(amount_minor=1234), "M-1", register=here.register)
    there.claim(here.sell(amount_minor=1234), "M-1", register=here.register)
    send(central, there)
    with central.engines.writer.begin() as tx:
        table = schema.QUARANTINE
        tx.execute(sa.update(table).where(table.c.uid == first.uid).values(raw=b"{", since_ms=0))
    accept(central, here.batch())
    worker = Worker(central, metrics=Metrics())
    while worker.run_once():
        pass
    assert points(central, "M-1") == 12
    assert retry_claims(central, Progress()) == 0


@pytest.mark.parametrize(
    "step", ["retry_claims", "retry_unknown_members", "top_up_store", "grant_due"]
)
def test_whatever_fails_in_a_round_what_was_booked_is_published(
    central: Central, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    till = Till()
    enrolled(central, till)
    member(central, "M-1")
    till.sell("M-1", earned=7)
    accept(central, till.batch())

    def breaks(*_all: object, **_more: object) -> int:
        return fail()

    monkeypatch.setattr(f"tessera.central.worker.{step}", breaks)
    worker = Worker(central, metrics=Metrics())
    while worker.run_once():
        pass
    assert points(central, "M-1") == 7
    assert stream(central, f"register:{till.register}")


def test_a_member_who_cannot_be_granted_to_stops_no_other_one(
    central: Central, monkeypatch: pytest.MonkeyPatch
) -> None:
    enrolled(central, Till())
    for name in ("M-1", "M-2", "M-3"):
        member(central, name, points=100)
    keys = [(bucket_of(name), name) for name in ("M-1", "M-2", "M-3")]
    with central.engines.writer.begin() as tx:
        lease_book.put_off(tx, keys)
    real = granting.top_up

    def top_up(tx: sa.Connection, members: Iterable[MemberRecord], *rest: Any) -> object:
        members = list(members)
        if any(one.member_id == "M-2" for one in members):
            raise KeyError("a bug")
        return real(tx, members, *rest)

    monkeypatch.setattr("tessera.central.granting.top_up", top_up)
    apart = Apart(lambda: NOW_MS)
    for granted in (2, 0):
        assert granted == granting.grant_put_off(
            central.engines, central.desk(), spans_buckets=True, limit=9, apart=apart
        )
    with central.engines.reader.begin() as tx:
        assert [name for _, name in lease_book.read_due(tx, limit=9)] == ["M-2"]


def test_what_failed_is_tried_again_after_a_pause_that_doubles() -> None:
    now_ms = [5]
    tried: list[int] = []

    def step() -> int:
        tried.append(now_ms[0])
        return fail()

    apart = Apart(lambda: now_ms[0])
    for at_ms in (5, 6, 5 + PAUSE_MS_FIRST, 6 + PAUSE_MS_FIRST, 5 + 3 * PAUSE_MS_FIRST):
        now_ms[0] = at_ms
        assert apart.attempt("a step", step, otherwise=-1) == -1
    assert tried == [5, 5 + PAUSE_MS_FIRST, 5 + 3 * PAUSE_MS_FIRST]
    for _ in range(20):
        now_ms[0] += PAUSE_MS_MAX
        apart.attempt("a step", step, otherwise=-1)
    assert len(tried) == 23
    now_ms[0] += PAUSE_MS_MAX
    assert apart.attempt("a step", lambda: 1, otherwise=-1) == 1
    assert apart.attempt("a step", lambda: 2, otherwise=-1) == 2


def test_a_clock_that_is_put_back_keeps_nothing_waiting() -> None:
    now_ms = [5_000]
    apart = Apart(lambda: now_ms[0])
    assert apart.attempt("a step", fail, otherwise=-1) == -1
    now_ms[0] = 4_000
    assert apart.attempt("a step", lambda: 1, otherwise=-1) == 1


def test_where_the_database_is_away_nothing_is_tried_further() -> None:
    def away() -> int:
        raise sa.exc.OperationalError("select", None, Exception("away"))

    def away_all(_keys: object) -> None:
        away()

    apart = Apart(lambda: 0)
    with pytest.raises(sa.exc.OperationalError):
        apart.attempt("a step", away, otherwise=0)
    with pytest.raises(sa.exc.OperationalError):
        apart.each("a step", [(1, "a"), (2, "b")], away_all)


def test_failures_that_are_remembered_are_bounded() -> None:
    apart = Apart(lambda: 0)
    logging.getLogger("tessera.central").disabled = True
    try:
        for number in range(NOTED_MAX + 1):
            apart.attempt("a step", fail, about=str(number), otherwise=0)
    finally:
        logging.getLogger("tessera.central").disabled = False
    assert apart.attempt("a step", lambda: 1, about="0", otherwise=0) == 1
    assert apart.attempt("a step", lambda: 1, about=str(NOTED_MAX), otherwise=0) == 0
