"""Leases of a backlog: granted once, when it is booked, and to nobody twice or never."""

from tessera.central.apply import LEASES_LATER_FROM, apply_waiting
from tessera.central.granting import grant_put_off
from tessera.central.metrics import Metrics
from tessera.central.opening import Central
from tessera.central.worker import Worker
from tessera.store.central import lease_book
from tessera.sync.feed_wire import LeaseRow
from tests.store.central.parts import accept, differences, enrolled, member, points, publish, stream
from tests.store.central.scripted_till import Till


def leases(central: Central, till: Till) -> list[tuple[str, int]]:
    """Whom the register was told that it holds leases of, and of how much."""
    publish(central)
    rows = stream(central, f"register:{till.register}")
    return [(row.member_id, row.amount) for row in rows if isinstance(row, LeaseRow)]


def till_with_sales(central: Central, count: int) -> Till:
    till = Till()
    enrolled(central, till)
    for name in ("M-1", "M-2"):
        member(central, name)
    for n in range(count):
        till.sell(f"M-{1 + n % 2}", earned=2)
    accept(central, till.batch())
    return till


def apply_all(central: Central) -> None:
    spans = central.settings.database.spans_buckets
    while apply_waiting(central.engines.writer, central.desk(), spans_buckets=spans):
        pass


def grant_all(central: Central, limit: int) -> list[int]:
    spans = central.settings.database.spans_buckets
    counts: list[int] = []
    while done := grant_put_off(central.engines, central.desk(), spans_buckets=spans, limit=limit):
        counts.append(done)
    return counts


def test_a_sale_of_the_day_brings_its_lease_at_once(central: Central) -> None:
    till = till_with_sales(central, 2)
    apply_all(central)
    assert sorted(leases(central, till)) == [("M-1", 2), ("M-2", 2)]
    assert grant_all(central, 10) == []


def test_a_backlog_brings_one_lease_to_each_member_once_it_is_booked(central: Central) -> None:
    """100 sales of 2 points each: one lease of 200, not a hundred of 2."""
    till = till_with_sales(central, LEASES_LATER_FROM)
    apply_all(central)
    assert points(central, "M-1") == LEASES_LATER_FROM
    assert leases(central, till) == []
    assert grant_all(central, 1) == [1, 1]
    assert sorted(leases(central, till)) == [
        ("M-1", LEASES_LATER_FROM),
        ("M-2", LEASES_LATER_FROM),
    ]
    assert differences(central) == []


def test_the_worker_grants_them_when_nothing_more_comes(central: Central) -> None:
    till = till_with_sales(central, LEASES_LATER_FROM)
    worker = Worker(central, metrics=Metrics())
    while worker.run_once():
        pass
    assert len(leases(central, till)) == 2
    with central.engines.reader.begin() as tx:
        assert lease_book.read_due(tx, limit=10) == []
    assert differences(central) == []
