import os
from pathlib import Path

import pytest

from tessera.store.till.opening import open_till
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
