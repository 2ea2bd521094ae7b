"""What registers hear of backups, and what a central restored from too old a one is told."""

import copy
import shutil
from pathlib import Path

import msgspec
import pytest
from pysqlite3 import dbapi2 as pysqlite

from tessera.central.backups import BackupRefused, begin_backup, copy_database, finish_backup
from tessera.central.generations import begin_generation
from tessera.central.key_change import publish_root, rotated
from tessera.central.opening import Central
from tessera.central.placing import BatchGap
from tessera.central.roots import ROOT_KEY_FILE, read_root_keys, with_signatures
from tessera.store.central import backup_book, register_book
from tessera.sync.feed_wire import BackupRow
from tests.store.central.parts import (
    accept,
    book,
    central_on,
    differences,
    enrolled,
    member,
    points,
    publish,
    settings_for,
    stream,
)
from tests.store.central.scripted_till import SignedBatch, Till


def told(central: Central, till: Till) -> list[tuple[str, int, str]]:
    publish(central)
    rows = stream(central, f"register:{till.register}")
    return [(one.incarnation, one.seq, one.link) for one in rows if isinstance(one, BackupRow)]


def test_a_register_hears_what_is_in_a_backup_once_it_is_safe(central: Central) -> None:
    """Two records before the backup begins, a third while it is made."""
    till = Till()
    enrolled(central, till)
    for _ in range(3):
        till.sell()
    accept(central, till.batch(1, 2))
    backup = begin_backup(central)
    accept(central, till.batch(3))
    assert told(central, till) == []
    assert finish_backup(central, backup.number) == 1
    assert told(central, till) == [(till.incarnation, 2, till.records[1].link_hash.hex())]
    assert finish_backup(central, backup.number) == 0


def test_once_a_key_was_dropped_registers_hear_anew_what_is_in_a_backup(central: Central) -> None:
    """Tills forget it with the generation; one that sells nothing since would hear it never."""
    till = Till()
    enrolled(central, till)
    till.sell()
    accept(central, till.batch())
    finish_backup(central, begin_backup(central).number)
    assert [one[1] for one in told(central, till)] == [1]
    change = rotated(central, days=0, at_once=True)
    root_keys = read_root_keys([central.settings.data_dir / ROOT_KEY_FILE])
    assert publish_root(central, with_signatures(change, root_keys)).new_generation
    assert told(central, till) == []
    finish_backup(central, begin_backup(central).number)
    assert [one[1] for one in told(central, till)] == [1]


def test_a_backup_that_nobody_called_safe_is_told_with_the_next(central: Central) -> None:
    till = Till()
    enrolled(central, till)
    till.sell()
    accept(central, till.batch())
    begin_backup(central)
    second = begin_backup(central)
    assert finish_backup(central, second.number) == 1
    assert [one[1] for one in told(central, till)] == [1]


def test_only_the_backup_that_was_begun_last_can_be_called_safe(central: Central) -> None:
    first = begin_backup(central)
    begin_backup(central)
    with pytest.raises(BackupRefused):
        finish_backup(central, first.number)
    with pytest.raises(BackupRefused):
        finish_backup(central, 99)


def test_every_history_is_told_of_its_own_branch(central: Central) -> None:
    original = Till()
    enrolled(central, original)
    original.sell()
    clone = copy.deepcopy(original)
    clone.chance.seed(99)
    original.sell()
    clone.sell(sale_id="c2")
    accept(central, original.batch())
    accept(central, clone.batch())
    finish_backup(central, begin_backup(central).number)
    links = {one[2] for one in told(central, original)}
    assert links == {original.records[1].link_hash.hex(), clone.records[1].link_hash.hex()}


def test_after_a_restore_nothing_counts_as_told(central: Central) -> None:
    till = Till()
    enrolled(central, till)
    till.sell()
    accept(central, till.batch())
    finish_backup(central, begin_backup(central).number)
    begin_generation(central)
    assert finish_backup(central, begin_backup(central).number) == 1


def test_a_copy_is_whole_private_and_never_over_another(
    sqlite_template: Path, tmp_path: Path
) -> None:
    shutil.copytree(sqlite_template, tmp_path, dirs_exist_ok=True)
    settings = settings_for(f"sqlite:///{tmp_path / 'central.db'}", tmp_path)
    target = tmp_path / "copy.db"
    with central_on(settings) as central:
        till = Till()
        enrolled(central, till)
        till.sell()
        accept(central, till.batch())
        copy_database(central, target)
        with pytest.raises(BackupRefused):
            copy_database(central, target)
        with pytest.raises(BackupRefused):
            copy_database(central, tmp_path / "nowhere" / "copy.db")
    assert target.stat().st_mode & 0o777 == 0o600
    connection = pysqlite.connect(str(target))
    assert connection.execute("SELECT last_seq FROM inbox").fetchall() == [(1,)]
    connection.close()
    assert sorted(path.name for path in tmp_path.glob("copy*")) == ["copy.db"]


def torn(till: Till, first: int, missing_from: int) -> SignedBatch:
    """The records from `first` on, from a till that no longer has those before."""
    batch = till.batch(first)
    head = msgspec.structs.replace(batch.head, missing_from=missing_from)
    return till.sealed(head, batch.body)


def test_a_central_restored_from_too_old_a_backup_hears_what_is_missing(central: Central) -> None:
    """Central has 1 and 2; the till dropped up to 4 and sends 5 and 6."""
    till = Till()
    enrolled(central, till)
    member(central, "M-1")
    for _ in range(6):
        till.sell("M-1", earned=10)
    accept(central, till.batch(1, 2))
    with pytest.raises(BatchGap):
        accept(central, till.batch(5))
    answer = accept(central, torn(till, 5, 3))
    assert (answer.fork, answer.high_water) == (True, 6)
    assert accept(central, torn(till, 5, 3)).repeated
    book(central)
    assert points(central, "M-1") == 40
    with central.engines.reader.begin() as tx:
        alarms = [(one.kind, one.about) for one in register_book.read_alarms(tx)]
    assert alarms == [("records-missing", f"{till.incarnation} 3-4")]
    assert differences(central) == []


def test_a_till_that_says_something_is_missing_loses_nothing_that_is_there(
    central: Central,
) -> None:
    """The right backup has it all: the batch goes on from what is stored, without an alarm."""
    till = Till()
    enrolled(central, till)
    for _ in range(6):
        till.sell()
    accept(central, till.batch(1, 4))
    assert not accept(central, torn(till, 5, 3)).fork
    with central.engines.reader.begin() as tx:
        assert register_book.read_alarms(tx) == []
        assert backup_book.read_backups(tx, limit=1) == []
    assert differences(central) == []
