import os
import shutil
from collections import namedtuple
from functools import partial
from pathlib import Path

import pytest
from pysqlite3 import dbapi2 as pysqlite

from tessera.core.errors import TesseraError
from tessera.store.engine import DatabaseUnusable
from tessera.store.till.opening import RESERVE, open_till
from tessera.store.till.soundness import EarlyCheck, is_sound


@pytest.fixture
def path(tmp_path: Path) -> Path:
    till, _ = open_till(tmp_path, random=bytes, wall_ms=1, reserve_bytes=0)
    till.close()
    return tmp_path / "till.db"


def damaged(content: bytes) -> bytes:
    return content[:4096] + os.urandom(8192) + content[12288:]


def test_what_is_whole_is_found_whole_ahead(path: Path) -> None:
    assert EarlyCheck(path).is_sound(path)


def test_what_is_damaged_is_found_damaged_ahead(path: Path) -> None:
    path.write_bytes(damaged(path.read_bytes()))
    assert not EarlyCheck(path).is_sound(path)


def test_a_file_that_was_put_in_its_place_meanwhile_is_checked_itself(path: Path) -> None:
    check = EarlyCheck(path)
    assert check.is_sound(path)
    other = path.with_name("other")
    other.write_bytes(damaged(path.read_bytes()))
    other.replace(path)
    assert not check.is_sound(path)


def test_what_was_mended_before_it_is_opened_is_not_set_aside(path: Path) -> None:
    whole = path.read_bytes()
    path.write_bytes(damaged(whole))
    check = EarlyCheck(path)
    assert not check.is_sound(path)
    path.write_bytes(whole)
    assert check.is_sound(path)


def test_a_database_that_is_only_made_later_is_checked_then(path: Path) -> None:
    kept = path.rename(path.with_name("kept"))
    check = EarlyCheck(path)
    kept.rename(path)
    assert check.is_sound(path)
    path.write_bytes(damaged(path.read_bytes()))
    assert not is_sound(path)


def test_an_agent_that_opens_sets_aside_what_the_early_check_found_damaged(
    path: Path, tmp_path: Path
) -> None:
    path.write_bytes(damaged(path.read_bytes()))
    check = EarlyCheck(path)
    till, findings = open_till(
        tmp_path, random=bytes, wall_ms=7, reserve_bytes=0, sound=check.is_sound
    )
    till.close()
    assert [finding.code for finding in findings] == ["database_damaged"]
    assert (tmp_path / "till.db.damaged-7").exists()


def test_a_database_that_another_program_holds_is_not_taken_for_damaged(
    path: Path, tmp_path: Path
) -> None:
    other = pysqlite.connect(str(path), isolation_level=None)
    other.execute("PRAGMA locking_mode=EXCLUSIVE")
    other.execute("BEGIN IMMEDIATE")
    quick = partial(is_sound, busy_s=0.05)
    with pytest.raises(TesseraError, match="cannot be looked at: database is locked"):
        open_till(tmp_path, random=bytes, wall_ms=7, reserve_bytes=0, sound=quick)
    other.close()
    till, findings = open_till(tmp_path, random=bytes, wall_ms=8, reserve_bytes=0)
    till.close()
    assert findings == []
    assert list(tmp_path.glob("*damaged*")) == []


def test_who_may_not_look_ahead_looks_again_when_it_counts(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(is_sound, "__kwdefaults__", {"busy_s": 0.05})
    other = pysqlite.connect(str(path), isolation_level=None)
    other.execute("PRAGMA locking_mode=EXCLUSIVE")
    other.execute("BEGIN IMMEDIATE")
    check = EarlyCheck(path)
    with pytest.raises(TesseraError, match="database is locked"):
        check.is_sound(path)
    other.close()
    assert check.is_sound(path)


def test_where_the_disk_is_full_the_reserve_makes_room_to_look(path: Path, tmp_path: Path) -> None:
    """After a power cut SQLite can read nothing before it has made a file of its own."""
    till, _ = open_till(tmp_path, random=bytes, wall_ms=2, reserve_bytes=4096)
    till.close()

    def as_on_a_full_disk(path: Path) -> bool:
        return not path.with_name(RESERVE).exists() and is_sound(path)

    till, findings = open_till(
        tmp_path, random=bytes, wall_ms=7, reserve_bytes=4096, sound=as_on_a_full_disk
    )
    till.close()
    assert findings == []
    assert list(tmp_path.glob("*damaged*")) == []


Usage = namedtuple("Usage", "total used free")  # noqa: PYI024 - as the standard library has it


def test_where_there_is_no_room_at_all_nothing_is_set_aside(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _folder: Usage(10**9, 10**9, 4096))
    before = sorted(tmp_path.iterdir())
    with pytest.raises(DatabaseUnusable, match="is full"):
        open_till(tmp_path, random=bytes, wall_ms=7, reserve_bytes=0, sound=lambda _path: False)
    assert sorted(tmp_path.iterdir()) == before
    assert path in before


def test_a_database_that_cannot_be_opened_is_told_with_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "till.db").mkdir()
    with pytest.raises(DatabaseUnusable, match="cannot be used: unable to open") as told:
        open_till(tmp_path, random=bytes, wall_ms=7, reserve_bytes=0, sound=lambda _path: True)
    assert "tessera doctor" in told.value.hint
