"""Old batches lose their bytes and nothing else: hashes tell repeats, forks and the chain."""

import copy
from collections.abc import Iterator
from dataclasses import replace

import pytest

from tessera.central.backups import begin_backup, finish_backup
from tessera.central.opening import Central
from tessera.central.placing import BatchGap
from tessera.central.purging import DAY_MS, purge_inbox
from tessera.central.records import received_records
from tessera.central.settings import RecheckSettings
from tessera.store.central import inbox, inbox_purge, recheck_book
from tests.store.central.conftest import Place
from tests.store.central.parts import (
    NOW_MS,
    accept,
    book,
    central_on,
    differences,
    enrolled,
    member,
    points,
    send,
    settings_for,
)
from tests.store.central.scripted_till import Till

YEARS_MS = 800 * DAY_MS


@pytest.fixture
def central(place: Place) -> Iterator[Central]:
    """Central as it runs on one server."""
    with central_on(settings_for(place.url, place.folder)) as opened:
        yield opened


@pytest.fixture
def till(central: Central) -> Till:
    till = Till()
    enrolled(central, till)
    member(central, "M-1")
    return till


def back_up(central: Central) -> None:
    finish_backup(central, begin_backup(central).number)


def purged(central: Central, *, later_ms: int = YEARS_MS) -> int:
    return purge_inbox(replace(central, now_ms=lambda: NOW_MS + later_ms))


def whole(central: Central) -> tuple[int, int]:
    with central.engines.reader.begin() as tx:
        kept = inbox_purge.read_kept(tx)
    return kept.whole, kept.purged


def test_what_is_booked_in_a_backup_and_old_goes_but_for_its_hashes(
    central: Central, till: Till
) -> None:
    for _ in range(3):
        till.sell("M-1", earned=10)
    send(central, till)
    assert purged(central) == 0
    back_up(central)
    assert purged(central, later_ms=300 * DAY_MS) == 0
    assert (purged(central), purged(central)) == (1, 0)
    assert whole(central) == (0, 1)
    with central.engines.reader.begin() as tx:
        (batch,) = inbox.read_batches(tx, till.register, after_arrival=0, limit=9)
    assert batch.body == b"".join(record.content_hash for record in till.records)
    assert differences(central) == []
    assert [one.state for one in received_records(central, till.register)] == ["let-go"] * 3


def test_a_setting_of_zero_keeps_all(central: Central, till: Till) -> None:
    till.sell("M-1")
    send(central, till)
    back_up(central)
    retention = replace(central.settings.retention, inbox_days=0)
    keeping = replace(central, settings=replace(central.settings, retention=retention))
    assert purged(keeping) == 0


def test_what_came_after_the_backup_began_stays(central: Central, till: Till) -> None:
    till.sell("M-1")
    send(central, till)
    backup = begin_backup(central)
    till.sell("M-1")
    send(central, till, first=2)
    assert purged(central) == 0
    finish_backup(central, backup.number)
    assert purged(central) == 1
    assert whole(central) == (1, 1)


def test_a_repeat_cut_otherwise_and_a_clone_are_known_by_hashes(
    central: Central, till: Till
) -> None:
    """Five sales of 10 in one batch; the clone parted after the third and sells one more of 10."""
    for _ in range(3):
        till.sell("M-1", earned=10)
    clone = copy.deepcopy(till)
    clone.chance.seed(99)
    for _ in range(2):
        till.sell("M-1", earned=10)
    send(central, till)
    back_up(central)
    assert purged(central) == 1
    for first, last in ((1, 5), (2, 4), (3, 5), (1, 1)):
        answer = accept(central, till.batch(first, last))
        assert (answer.repeated, answer.high_water, answer.fork) == (True, 5, False)
    clone.sell("M-1", earned=10, sale_id="C1")
    answer = accept(central, clone.batch(3))
    assert (answer.fork, answer.high_water) == (True, 4)
    book(central)
    assert points(central, "M-1") == 60
    assert differences(central) == []
    till.sell("M-1")
    till.sell("M-1")
    with pytest.raises(BatchGap):
        accept(central, till.batch(7))


def test_histories_that_forked_and_records_that_were_parked_stay_whole(
    central: Central, till: Till
) -> None:
    other = Till(register="berlin-1-2", number=2, incarnation="00000000000000b2")
    enrolled(central, other)
    other.sell("nobody-knows")
    send(central, other)
    till.sell("M-1")
    clone = copy.deepcopy(till)
    clone.chance.seed(99)
    till.sell("M-1")
    send(central, till)
    clone.sell("M-1", sale_id="C1")
    send(central, clone, first=2)
    back_up(central)
    assert purged(central) == 0
    assert whole(central) == (3, 0)


def test_what_waits_to_be_booked_or_priced_again_stays(place: Place) -> None:
    settings = replace(settings_for(place.url, place.folder), recheck=RecheckSettings(one_in=1))
    with central_on(settings) as central:
        till = Till()
        enrolled(central, till)
        member(central, "M-1")
        sale = till.sell("M-1")
        accept(central, till.batch())
        back_up(central)
        assert purged(central) == 0
        book(central)
        assert purged(central) == 0
        with central.engines.writer.begin() as tx:
            recheck_book.take_due(tx, till.register, sale.uid)
        assert purged(central) == 1


def test_a_claim_of_a_sale_that_was_let_go_is_refused_with_the_reason(
    central: Central, till: Till
) -> None:
    other = Till(register="berlin-1-2", number=2, incarnation="00000000000000b2")
    enrolled(central, other)
    sale = till.sell()
    send(central, till)
    back_up(central)
    assert purged(central) == 1
    other.claim(sale, "M-1", register=till.register)
    send(central, other)
    (found,) = list(received_records(central, other.register))
    assert found.reason == "claim_refused: the sale's record is kept no longer"
