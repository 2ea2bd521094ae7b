"""Several centrals at once on one PostgreSQL: nothing lost, nothing twice, no gap."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tessera.central.apply import apply_waiting
from tessera.central.opening import Central
from tessera.central.publish import publish_waiting
from tessera.store.central import feed, inbox, schema
from tessera.sync.feed_wire import OutcomeRow
from tests.store.central.parts import (
    accept,
    book,
    central_on,
    count,
    differences,
    enrolled,
    member,
    points,
    publish,
    settings_for,
    stream,
)
from tests.store.central.scripted_till import Till
from tests.support.postgres import Cluster

REGISTERS = 6


@pytest.fixture(params=[True, False], ids=["one-transaction", "by-bucket"])
def two(
    request: pytest.FixtureRequest,
    postgres_cluster: Cluster,
    postgres_template: tuple[str, Path],
    tmp_path: Path,
) -> Iterator[tuple[Central, Central]]:
    """Two centrals with engines of their own on the same database."""
    name, folder = postgres_template
    database = postgres_cluster.create_database(template=name)
    settings = settings_for(postgres_cluster.url(database), folder, spans_buckets=request.param)
    with central_on(settings, seed=1) as one, central_on(settings, seed=2) as other:
        yield one, other
    postgres_cluster.drop_database(database)


def together(*works: Callable[[], object]) -> None:
    """Run all at once, each in a thread, and let the first failure out."""
    start = threading.Barrier(len(works))

    def begin(work: Callable[[], object]) -> object:
        start.wait()
        return work()

    with ThreadPoolExecutor(len(works)) as pool:
        for future in [pool.submit(begin, work) for work in works]:
            future.result()


def test_two_centrals_that_start_on_an_empty_database_share_one_generation(
    postgres_cluster: Cluster, postgres_template: tuple[str, Path]
) -> None:
    """One makes the tables, the other waits and finds them."""
    database = postgres_cluster.create_database()
    _, folder = postgres_template
    settings = settings_for(postgres_cluster.url(database), folder)
    generations: list[str] = []

    def start() -> None:
        with central_on(settings, seed=threading.get_ident()) as central:
            generations.append(central.state().generation)

    together(start, start)
    assert len(generations) == 2
    assert len(set(generations)) == 1
    postgres_cluster.drop_database(database)


def drain(central: Central) -> None:
    """Book and publish until no batch waits anywhere."""
    spans = central.settings.database.spans_buckets
    while True:
        apply_waiting(central.engines.writer, central.desk(), spans_buckets=spans, records_max=20)
        publish_waiting(
            central.engines.writer,
            key=central.keys.signing,
            generation=central.state().generation,
            now_ms=central.now_ms(),
        )
        with central.engines.reader.begin() as tx:
            if not inbox.due_count(tx, most=1):
                return


def test_two_centrals_book_every_record_once(two: tuple[Central, Central]) -> None:
    """Six registers sell 13, 13 and 14 times for 2 points to three members: 6 × 26 and 6 × 28."""
    one, other = two
    tills = [Till(register=f"berlin-1-{n}", number=n) for n in range(REGISTERS)]
    for name in ("M-1", "M-2", "M-3"):
        member(one, name)
    for till in tills:
        enrolled(one, till)
        for n in range(40):
            till.sell(f"M-{n % 3 + 1}" if n < 39 else "M-3", earned=2)
    for till in tills:
        for first in range(1, 41, 10):
            accept(one, till.batch(first, first + 9))
    together(lambda: drain(one), lambda: drain(other), lambda: drain(one), lambda: drain(other))
    publish(one)
    assert [points(one, name) for name in ("M-1", "M-2", "M-3")] == [156, 156, 168]
    assert count(one, schema.OUTCOME) == REGISTERS * 40
    assert differences(one) == []
    for till in tills:
        told = [
            row.uid
            for row in stream(one, f"register:{till.register}")
            if isinstance(row, OutcomeRow)
        ]
        assert sorted(set(told)) == sorted(record.uid for record in till.records)


def test_the_same_batch_at_two_centrals_is_stored_once(two: tuple[Central, Central]) -> None:
    one, other = two
    till = Till()
    enrolled(one, till)
    member(one, "M-1")
    for _ in range(10):
        till.sell("M-1", earned=1)
    batch = till.batch()
    answers = []
    together(*[lambda c=c: answers.append(accept(c, batch)) for c in (one, other) * 2])
    assert sorted(answer.repeated for answer in answers) == [False, True, True, True]
    book(one)
    assert (points(one, "M-1"), count(one, schema.INBOX)) == (10, 1)


def test_numbers_have_no_gap_under_concurrent_writers(two: tuple[Central, Central]) -> None:
    """Four writers of changes and two publishers: a reader by number sees every row, in order."""
    one, other = two
    audiences = ("store:a", "store:b")

    def write(central: Central, writer: int) -> None:
        for n in range(50):
            with central.engines.writer.begin() as tx:
                rows = [
                    feed.Change(
                        bucket=(writer + n + k) % 7,
                        audience=audiences[k % 2],
                        about=f"{writer} {n} {k}",
                        body=b'{"account":"points","member_id":"%d-%d-%d","points":1,'
                        b'"type":"balance","version":1}' % (writer, n, k),
                    )
                    for k in range(3)
                ]
                feed.append(tx, feed.MEMBERS, rows)

    stop = threading.Event()

    def keep_publishing(central: Central) -> None:
        while not stop.is_set():
            publish(central)

    def write_all() -> None:
        together(*[lambda n=n: write((one, other)[n % 2], n) for n in range(4)])
        stop.set()

    together(write_all, lambda: keep_publishing(one), lambda: keep_publishing(other))
    publish(one)
    seen = [getattr(row, "member_id", "") for name in audiences for row in stream(one, name)]
    expected = [f"{w}-{n}-{k}" for w in range(4) for n in range(50) for k in range(3)]
    assert sorted(seen) == sorted(expected)
