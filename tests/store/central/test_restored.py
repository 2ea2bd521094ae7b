"""Central's database comes back from a backup: registers send again, and nothing counts twice."""

import copy
import shutil
import threading
from pathlib import Path

import pytest

from tessera.central.apply import apply_carefully, apply_waiting
from tessera.central.desk import GenerationBegan
from tessera.central.generations import begin_generation, tell_everything
from tessera.central.members import NewMember, add_members
from tessera.central.metrics import Metrics
from tessera.central.opening import Central
from tessera.central.placing import BatchGap
from tessera.central.presenting import give_up
from tessera.central.worker import Worker
from tessera.sync.feed_wire import (
    AssignmentRow,
    BalanceRow,
    CardRow,
    LeaseRow,
    MemberRow,
    OutcomeRow,
    StopsRow,
)
from tests.store.central.parts import (
    accept,
    book,
    central_on,
    differences,
    enrolled,
    member,
    points,
    publish,
    released,
    send,
    settings_for,
    stream,
)
from tests.store.central.scripted_till import Till
from tests.support.waiting import wait_until

PROGRAMME = """programme: corner
version: 1
currency: EUR
"""


def test_what_the_backup_lacks_is_sent_again_and_counts_once(
    sqlite_template: Path, tmp_path: Path
) -> None:
    """Five sales of 10; the backup was taken after two of them."""
    shutil.copytree(sqlite_template, tmp_path, dirs_exist_ok=True)
    database, backup = tmp_path / "central.db", tmp_path / "backup.db"
    settings = settings_for(f"sqlite:///{database}", tmp_path)
    till = Till()
    with central_on(settings) as central:
        enrolled(central, till)
        member(central, "M-1", points=100)
        for _ in range(5):
            till.sell("M-1", earned=10)
        accept(central, till.batch(1, 2))
        book(central)
    shutil.copy(database, backup)
    with central_on(settings) as central:
        accept(central, till.batch(3, 5))
        book(central)
        newest = [r for r in stream(central, "store:berlin-1") if isinstance(r, BalanceRow)][-1]
        before = central.state().generation
    shutil.copy(backup, database)
    with central_on(settings, seed=8) as central:
        begun = begin_generation(central)
        assert begun.generation != before
        tell_everything(central)
        publish(central)
        told = [r for r in stream(central, "store:berlin-1") if isinstance(r, BalanceRow)][-1]
        assert told.points == 120
        assert told.version > newest.version
        till.sell("M-1", earned=10)
        with pytest.raises(BatchGap) as gap:
            accept(central, till.batch(6))
        assert gap.value.high_water == 2
        answer = accept(central, till.batch(3))
        assert (answer.generation, answer.high_water) == (begun.generation, 6)
        book(central)
        assert points(central, "M-1") == 160
        assert differences(central) == []


def test_a_forgotten_fork_is_asked_for_back_to_where_it_parted(
    sqlite_template: Path, tmp_path: Path
) -> None:
    """Record 1 in common; the backup has the original's 2 and 3 and nothing of the clone's 2 to 4.

    The clone asks with its last record and is led back by halves until it fits.
    """
    shutil.copytree(sqlite_template, tmp_path, dirs_exist_ok=True)
    settings = settings_for(f"sqlite:///{tmp_path / 'central.db'}", tmp_path)
    original = Till()
    with central_on(settings) as central:
        enrolled(central, original)
        member(central, "M-1")
        original.sell("M-1", earned=10)
        clone = copy.deepcopy(original)
        clone.chance.seed(99)
        original.sell("M-1", earned=10)
        original.sell("M-1", earned=10)
        for number in range(3):
            clone.sell("M-1", earned=10, sale_id=f"c{number}")
        accept(central, original.batch())
        marks = []
        for first in (4, 3):
            with pytest.raises(BatchGap) as gap:
                accept(central, clone.batch(first))
            marks.append(gap.value.high_water)
        assert marks == [1, 1]
        answer = accept(central, clone.batch(2))
        assert (answer.fork, answer.high_water) == (True, 4)
        book(central)
        assert points(central, "M-1") == 60
        assert differences(central) == []


def test_everything_a_till_holds_is_told_anew(central: Central) -> None:
    till = Till()
    enrolled(central, till)
    cards = NewMember(member_id="M-1", home_store="berlin-1", cards=("2400000000017",))
    add_members(central, [cards])
    sale = till.sell("M-1", earned=30)
    till.sell("nobody-knows", earned=1)
    send(central, till)
    begin_generation(central)
    assert stream(central, "store:berlin-1") == []
    assert tell_everything(central) == 1
    # Leases are told once the register has presented what it holds, or is given up.
    assert give_up(central, till.register, who="ada")
    publish(central)
    told = stream(central, "store:berlin-1")
    assert {type(row) for row in told} == {MemberRow, CardRow, BalanceRow, StopsRow}
    own = stream(central, "register:berlin-1-1")
    outcome = next(row for row in own if isinstance(row, OutcomeRow))
    lease = next(row for row in own if isinstance(row, LeaseRow))
    assert (outcome.uid, outcome.accounts[0].points) == (sale.uid, 30)
    assert (lease.amount, lease.generation) == (30, central.state().generation)


def test_signed_rows_that_waited_as_a_generation_ended_are_not_published_in_the_next(
    central: Central,
) -> None:
    """Their key may have been dropped with it; each is told again, or its lease shown, in this."""
    till = Till()
    enrolled(central, till)
    publish(central)
    released(central, PROGRAMME)
    member(central, "M-1", points=30)
    begin_generation(central)
    publish(central)
    assert [
        row for row in stream(central, "store:berlin-1") if isinstance(row, AssignmentRow)
    ] == []
    assert stream(central, "register:berlin-1-1") == []
    assert [
        row.points for row in stream(central, "store:berlin-1") if isinstance(row, BalanceRow)
    ] == [30]
    tell_everything(central)
    publish(central)
    (told,) = [row for row in stream(central, "store:berlin-1") if isinstance(row, AssignmentRow)]
    assert told.generation == central.state().generation


def test_telling_can_be_stopped_and_begun_again(central: Central) -> None:
    member(central, "M-1", points=10)
    begin_generation(central)
    assert central.state().is_told == 0
    tell_everything(central)
    tell_everything(central)
    assert central.state().is_told == 1
    publish(central)
    balances = [r for r in stream(central, "store:berlin-1") if isinstance(r, BalanceRow)]
    assert [row.points for row in balances] == [10]


def test_what_was_being_booked_as_another_server_began_a_generation_is_told_in_it(
    either_central: Central,
) -> None:
    """Else the till hears of 107 with a version that is lower than that of the 100 before."""
    central = either_central
    spans = central.settings.database.spans_buckets
    till = Till()
    enrolled(central, till)
    member(central, "M-1", points=100)
    till.sell("M-1", earned=7)
    accept(central, till.batch())
    before = central.desk()
    begin_generation(central)
    tell_everything(central)
    publish(central)
    with pytest.raises(GenerationBegan):
        apply_waiting(central.engines.writer, before, spans_buckets=spans)
    with pytest.raises(GenerationBegan):
        apply_carefully(central.engines.writer, before, note=lambda _uid, _error: None)
    book(central)
    told = [row for row in stream(central, "store:berlin-1") if isinstance(row, BalanceRow)]
    shown = max((row for row in told if row.account == "points"), key=lambda row: row.version)
    assert shown.points == points(central, "M-1") == 107
    assert differences(central) == []


def test_a_worker_that_meets_a_new_generation_works_on_in_it(
    central: Central, monkeypatch: pytest.MonkeyPatch
) -> None:
    till = Till()
    enrolled(central, till)
    member(central, "M-1", points=100)
    till.sell("M-1", earned=7)
    accept(central, till.batch())
    old = central.desk()
    begin_generation(central)
    desks = iter([old])
    real = Central.desk
    monkeypatch.setattr(Central, "desk", lambda self: next(desks, None) or real(self))
    worker = Worker(central, metrics=Metrics(), idle_s=0.01)
    thread = threading.Thread(target=worker.run)
    thread.start()
    try:
        wait_until(lambda: points(central, "M-1") == 107, what="it is booked", timeout_s=30)
    finally:
        worker.stop()
        thread.join()
    assert points(central, "M-1") == 107
    assert differences(central) == []
