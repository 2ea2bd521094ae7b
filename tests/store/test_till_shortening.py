"""The journal goes from its beginning, only what central has in a backup, and verifies on."""

import asyncio
import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TypeVar

import pytest
import sqlalchemy as sa

from tessera.agent.journal_check import check_journal
from tessera.agent.journal_shortening import DAY_MS, Shortening
from tessera.agent.sync_push import begin_generation, missing_from
from tessera.cli.main import main
from tessera.core.journal import SealedRecord
from tessera.store.engine import Engines
from tessera.store.till import (
    cached_members,
    committed_sales,
    feed_state,
    identity_book,
    outbox,
    outcomes,
    shortening,
)
from tessera.store.till.opening import open_till
from tessera.store.till.values import AccountEffect, AccountState, Outcome
from tests.support.history_till import sale_of
from tests.support.till import LIFE, enrolled_till, numbered_draft

T = TypeVar("T")
LATER_MS = 1_000_000
KEPT = 3


@pytest.fixture
def till(tmp_path: Path) -> Iterator[Engines]:
    engines = enrolled_till(tmp_path)
    yield engines
    engines.dispose()


def sell(tx: sa.Connection, number: int) -> SealedRecord:
    draft, key = sale_of(numbered_draft(number).uid, number, "till-1")
    effect = AccountEffect(member_id="m1", account="points", delta=5)
    return committed_sales.commit_record(tx, draft=draft, effects=[effect], sale=key)


def stocked(till: Engines, count: int, *, at_central: int, included: int) -> list[SealedRecord]:
    """So many sales; central has some, and the balance at version 9 includes some."""
    with till.writer.begin() as tx:
        records = [sell(tx, number) for number in range(1, count + 1)]
        outbox.settle(tx, LIFE, at_central, generation="g1")
        points = AccountState(account="points", points=5 * included, leased=0, version=9)
        cached_members.apply_balance(tx, "m1", points)
        told = [
            Outcome(uid=one.uid, state="applied", member_id="m1", accounts=(points,))
            for one in records[:included]
        ]
        outcomes.apply(tx, told)
    return records


def back_up(tx: sa.Connection, record: SealedRecord) -> None:
    shortening.note_backup(
        tx, incarnation=record.incarnation, seq=record.seq, link=record.link_hash
    )


def shorten(tx: sa.Connection, *, before_ms: int = LATER_MS, most: int = 1_000) -> int:
    return shortening.shorten(tx, before_ms=before_ms, most=most, kept_records=KEPT)


def left(till: Engines) -> list[int]:
    with till.reader.connect() as c:
        return [one.seq for one in committed_sales.read_page(c, 1, after_seq=0, limit=100)]


def test_what_is_in_a_backup_goes_and_the_rest_still_verifies(till: Engines) -> None:
    """Ten sales, all at central, in a backup up to the sixth."""
    records = stocked(till, 10, at_central=10, included=10)
    with till.writer.begin() as tx:
        back_up(tx, records[5])
        assert shorten(tx) == 6
    assert left(till) == [7, 8, 9, 10]
    with till.reader.connect() as c:
        assert check_journal(c).findings == ()
        assert outbox.link_before(c, LIFE, 7) == records[5].link_hash
        assert committed_sales.find_sale_by_id(c, "s6") is None
        assert committed_sales.find_sale_by_id(c, "s7") is not None
        [view] = cached_members.accounts(c, "m1")
        assert view.balance == 50


def test_nothing_goes_before_central_names_a_backup(till: Engines) -> None:
    stocked(till, 10, at_central=10, included=10)
    with till.writer.begin() as tx:
        assert shorten(tx) == 0


def test_a_backup_of_a_clones_history_takes_nothing_from_here(till: Engines) -> None:
    records = stocked(till, 10, at_central=10, included=10)
    with till.writer.begin() as tx:
        back_up(tx, replace(records[5], link_hash=bytes(32)))
        back_up(tx, replace(records[5], incarnation="00000000000000ff"))
        assert shorten(tx) == 0


def test_the_last_records_of_a_life_stay(till: Engines) -> None:
    """By the witness's two, and the one that a restored central is asked by: 3 of 10 here."""
    records = stocked(till, 10, at_central=10, included=10)
    with till.writer.begin() as tx:
        back_up(tx, records[9])
        assert shorten(tx) == 7


def test_the_record_that_central_is_asked_by_stays(till: Engines) -> None:
    """Central has 4 of 10: the fourth stays, though a backup has it."""
    records = stocked(till, 10, at_central=4, included=4)
    with till.writer.begin() as tx:
        back_up(tx, records[3])
        assert shorten(tx) == 3


def test_a_sale_whose_points_the_balance_lacks_stays(till: Engines) -> None:
    """The balance includes two of ten: the third and all after it are still needed."""
    records = stocked(till, 10, at_central=10, included=2)
    with till.writer.begin() as tx:
        back_up(tx, records[8])
        assert shorten(tx) == 2
    with till.reader.connect() as c:
        [view] = cached_members.accounts(c, "m1")
        assert view.balance == 50


def test_young_records_stay_and_age_counts_by_the_uid(till: Engines) -> None:
    """Uids of sale n are of millisecond n: before 5 there are four."""
    records = stocked(till, 10, at_central=10, included=10)
    with till.writer.begin() as tx:
        back_up(tx, records[8])
        assert shorten(tx, before_ms=5) == 4


def test_a_few_go_at_a_time(till: Engines) -> None:
    records = stocked(till, 10, at_central=10, included=10)
    with till.writer.begin() as tx:
        back_up(tx, records[5])
        assert [shorten(tx, most=4) for _ in range(3)] == [4, 2, 0]


def test_a_shortened_till_opens_and_its_witness_fits(tmp_path: Path) -> None:
    stocked_till = enrolled_till(tmp_path)
    stocked_till.dispose()
    till, _ = open_till(tmp_path, random=bytes, wall_ms=1, reserve_bytes=0)
    for number in range(1, 11):
        till.commit(numbered_draft(number).uid, partial(_sell_plain, number))
    with till.engines.writer.begin() as tx:
        outbox.settle(tx, LIFE, 10, generation="g1")
        with till.engines.reader.connect() as c:
            last = committed_sales.read_page(c, 1, after_seq=9, limit=1)[0]
        back_up(tx, last)
        assert shorten(tx) == 7
    till.close()
    till, findings = open_till(tmp_path, random=bytes, wall_ms=1, reserve_bytes=0)
    till.close()
    assert findings == []


def _sell_plain(number: int, tx: sa.Connection) -> SealedRecord:
    return committed_sales.commit_record(tx, draft=numbered_draft(number))


def test_a_till_opens_whose_former_life_was_shortened(tmp_path: Path) -> None:
    """The witness is about record 1 of the new life; record 1 of the former one is gone."""
    enrolled_till(tmp_path).dispose()
    till, _ = open_till(tmp_path, random=bytes, wall_ms=1, reserve_bytes=0)
    for number in range(1, 11):
        record = till.commit(numbered_draft(number).uid, partial(_sell_plain, number))
    with till.engines.writer.begin() as tx:
        outbox.settle(tx, LIFE, 10, generation="g1")
        back_up(tx, record)
        assert shorten(tx) == 7
        identity_book.begin_new_life(tx, "00000000000000a2")
    till.commit(numbered_draft(11).uid, partial(_sell_plain, 11))
    till.close()
    till, findings = open_till(tmp_path, random=bytes, wall_ms=1, reserve_bytes=0)
    till.close()
    assert findings == []


def test_a_restored_central_is_asked_though_much_is_gone_and_told_what_is_missing(
    till: Engines,
) -> None:
    """Six of ten dropped; central comes back with two: 3 to 6 are nowhere, 7 to 10 go again."""
    records = stocked(till, 10, at_central=10, included=10)
    with till.writer.begin() as tx:
        back_up(tx, records[5])
        shorten(tx)
        begin_generation(tx, "g2")
        assert [one.seq for one in outbox.waiting(tx, limit=10)] == [10]
        assert outbox.resend_after(tx, LIFE, 2, generation="g2") == 3
        assert [one.seq for one in outbox.waiting(tx, limit=10)] == [7, 8, 9, 10]
        [life] = outbox.lives(tx)
        assert missing_from(life, 7) == 3
        assert missing_from(life, 8) == 0
        assert shorten(tx) == 0, "nothing goes by what the central before had in a backup"


def test_a_second_restore_asks_by_the_first_record_that_is_left(till: Engines) -> None:
    records = stocked(till, 10, at_central=10, included=10)
    with till.writer.begin() as tx:
        back_up(tx, records[5])
        shorten(tx)
        begin_generation(tx, "g2")
        outbox.resend_after(tx, LIFE, 2, generation="g2")
        tx.execute(sa.text("DELETE FROM outbox"))
        begin_generation(tx, "g3")
        assert [one.seq for one in outbox.waiting(tx, limit=10)] == [7]
        assert outbox.is_asking(tx)


def test_compacting_gives_the_room_back(till: Engines, tmp_path: Path) -> None:
    records = stocked(till, 400, at_central=400, included=400)
    with till.writer.begin() as tx:
        back_up(tx, records[396])
        assert shorten(tx) == 397
    with till.writer.connect() as c:
        pages = c.execute(sa.text("PRAGMA page_count")).scalar_one()
    shortening.compact(till.writer)
    with till.writer.connect() as c:
        assert c.execute(sa.text("PRAGMA page_count")).scalar_one() < pages / 2
    assert left(till) == [398, 399, 400]


def test_a_stopped_register_is_shortened_and_its_queue_says_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """210 sales in a backup: 10 may go, since 200 stay."""
    (tmp_path / "till").mkdir()
    config = tmp_path / "agent.toml"
    config.write_text('data_dir = "till"\n')
    till = enrolled_till(tmp_path / "till")
    records = stocked(till, 210, at_central=210, included=210)
    with till.writer.begin() as tx:
        back_up(tx, records[-1])
        feed_state.set_mark(tx, feed_state.SIGNED_MS, 100 * DAY_MS)
    till.dispose()
    words = ["--config", str(config), "--json"]
    assert main(["agent", "journal", "shorten", "--days", "14", *words]) == 0
    assert json.loads(capsys.readouterr().out)["dropped"] == 10
    assert main(["agent", "journal", "verify", *words]) == 0
    assert json.loads(capsys.readouterr().out)["records"] == 200
    assert main(["agent", "queue", *words]) == 0
    [life] = json.loads(capsys.readouterr().out)["lives"]
    assert (life["in_backup"], life["dropped"]) == (210, 10)
    assert main(["agent", "journal", "shorten", "--days", "0", "--config", str(config)]) == 3


def test_a_running_till_goes_by_centrals_time_and_never_by_its_own(till: Engines) -> None:
    """Sales of day 0; central's signed word is day 30, then day 40; 35 days are kept."""
    records = stocked(till, 210, at_central=210, included=210)
    with till.writer.begin() as tx:
        back_up(tx, records[-1])

    class Writer:
        async def run(self, work: Callable[[sa.Connection], T]) -> T:
            with till.writer.begin() as tx:
                return work(tx)

    def gone(day: int, *, kept_days: int) -> int:
        with till.writer.begin() as tx:
            feed_state.set_mark(tx, feed_state.SIGNED_MS, day * DAY_MS)
        return asyncio.run(Shortening(writer=Writer(), days=kept_days).step())

    assert gone(0, kept_days=35) == 0
    assert gone(30, kept_days=35) == 0
    assert gone(40, kept_days=0) == 0
    assert gone(40, kept_days=35) == 10
