import os
import shutil
from pathlib import Path

import pytest

from tessera.store.till import (
    cached_members,
    committed_sales,
    identity_book,
    leases,
    limit_shares,
    outbox,
)
from tessera.store.till.durable import DiskFull
from tessera.store.till.opening import OpenTill, open_till
from tessera.store.till.reserve import DiskStep, Reserve, disk_step
from tessera.store.till.salvage import read_salvage
from tessera.store.till.soundness import is_sound
from tessera.store.till.values import Grant
from tests.support.till import LIFE, identity, numbered_draft


def opened(folder: Path) -> tuple[OpenTill, list[str]]:
    till, findings = open_till(
        folder, random=lambda count: b"\xbb" * count, wall_ms=1, reserve_bytes=4096
    )
    with till.engines.writer.begin() as tx:
        if identity_book.read_identity(tx) is None:
            identity_book.write_identity(tx, identity())
    return till, [finding.code for finding in findings]


def sell(till: OpenTill, number: int) -> None:
    draft = numbered_draft(number)
    till.commit(draft.uid, lambda tx: committed_sales.commit_record(tx, draft=draft))


def test_a_till_opened_again_goes_on_in_the_same_life(tmp_path: Path) -> None:
    till, findings = opened(tmp_path)
    sell(till, 1)
    till.close()
    till, more = opened(tmp_path)
    with till.engines.reader.connect() as c:
        assert identity_book.read_head(c).incarnation == LIFE
    till.close()
    assert findings == more == []


def test_a_database_older_than_its_witness_begins_a_new_life_on_its_own_tail(
    tmp_path: Path,
) -> None:
    till, _ = opened(tmp_path)
    sell(till, 1)
    with till.engines.writer.begin() as tx:
        leases.grant(
            tx,
            [
                Grant(
                    lease_id="L",
                    member_id="m",
                    unit="points",
                    amount=5,
                    incarnation=LIFE,
                    generation="g",
                    signature="",
                )
            ],
        )
    till.engines.dispose()
    shutil.copy(tmp_path / "till.db", tmp_path / "backup")
    sell(till, 2)
    till.close()
    shutil.copy(tmp_path / "backup", tmp_path / "till.db")

    till, findings = opened(tmp_path)
    assert findings == ["database_restored"]
    with till.engines.reader.connect() as c:
        old, new = outbox.lives(c)
        assert new.parent == old.head
        assert old.head.seq == 1
        assert leases.remaining(c, "m", "points") == 0
    sell(till, 3)
    till.close()
    till, findings = opened(tmp_path)
    assert findings == []
    till.close()


def test_the_same_number_with_another_record_is_a_restore_too(tmp_path: Path) -> None:
    till, _ = opened(tmp_path)
    till.engines.dispose()
    shutil.copy(tmp_path / "till.db", tmp_path / "backup")
    sell(till, 1)
    till.close()
    shutil.copy(tmp_path / "till.witness", tmp_path / "seen")
    shutil.copy(tmp_path / "backup", tmp_path / "till.db")
    (tmp_path / "till.witness").unlink()
    till, _ = opened(tmp_path)
    sell(till, 2)
    till.close()
    shutil.copy(tmp_path / "seen", tmp_path / "till.witness")
    till, findings = opened(tmp_path)
    till.close()
    assert findings == ["database_restored"]


def test_a_torn_witness_slot_leaves_the_other_one(tmp_path: Path) -> None:
    till, _ = opened(tmp_path)
    for number in (1, 2):
        sell(till, number)
    till.close()
    content = bytearray((tmp_path / "till.witness").read_bytes())
    content[40] ^= 1
    (tmp_path / "till.witness").write_bytes(content)
    till, findings = opened(tmp_path)
    till.close()
    assert findings == []


def test_a_damaged_database_is_set_aside_and_kept(tmp_path: Path) -> None:
    till, _ = opened(tmp_path)
    sell(till, 1)
    till.close()
    content = bytearray((tmp_path / "till.db").read_bytes())
    content[4096:12288] = os.urandom(8192)
    (tmp_path / "till.db").write_bytes(content)
    till, findings = opened(tmp_path)
    till.close()
    assert findings == ["database_damaged"]
    assert (tmp_path / "till.db.damaged-1").read_bytes() == bytes(content)
    assert len(list(read_salvage(tmp_path / "till.salvage.damaged-1"))) == 1


def test_every_commit_is_in_the_salvage_file_and_torn_lines_are_passed_over(
    tmp_path: Path,
) -> None:
    till, _ = opened(tmp_path)
    for number in (1, 2, 3):
        sell(till, number)
    till.sync_side_files()
    till.close()
    path = tmp_path / "till.salvage"
    path.write_bytes(path.read_bytes()[:-1])
    assert [b'"seq":1' in one.raw or b'"seq":2' in one.raw for one in read_salvage(path)] == [
        True,
        True,
    ]


def fill(till: OpenTill) -> None:
    """Let the database have not one page more, as a full disk would."""
    with till.engines.writer.connect() as c:
        cursor = c.connection.cursor()
        cursor.execute("VACUUM")
        pages = cursor.execute("PRAGMA page_count").fetchone()[0]
        cursor.execute(f"PRAGMA max_page_count={pages}")
        cursor.close()


def test_a_full_disk_gives_the_reserve_free_and_the_commit_is_known_not_to_stand(
    tmp_path: Path,
) -> None:
    till, _ = opened(tmp_path)
    draft = numbered_draft(1)
    fill(till)

    def write_much(tx):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
        tx.connection.cursor().execute("CREATE TABLE much AS SELECT zeroblob(1000000)")
        return committed_sales.commit_record(tx, draft=draft)

    assert till.reserve.is_whole()
    with pytest.raises(DiskFull):
        till.commit(draft.uid, write_much)
    assert not till.reserve.is_whole()
    assert till.reserve.step() is DiskStep.STOP_BENEFITS
    sell(till, 1)
    with till.engines.reader.connect() as c:
        assert outbox.depth(c) == 1
    till.close()


def test_a_commit_that_failed_after_it_stood_is_found_and_not_written_twice(
    tmp_path: Path,
) -> None:
    till, _ = opened(tmp_path)
    sell(till, 1)
    sell(till, 1)
    with till.engines.reader.connect() as c:
        assert identity_book.read_head(c).seq == 1
        assert cached_members.accounts(c, "m1") == ()
    till.close()


def test_steps_of_a_filling_disk() -> None:
    assert [disk_step(percent, reserve_whole=True) for percent in (79, 80, 95)] == [
        DiskStep.FINE,
        DiskStep.WARN,
        DiskStep.STOP_CACHES,
    ]
    assert disk_step(10, reserve_whole=False) is DiskStep.STOP_BENEFITS


def test_a_reserve_that_does_not_fit_is_not_half_made(tmp_path: Path) -> None:
    reserve = Reserve(tmp_path / "reserve", size=1 << 60)
    assert not reserve.set_aside()
    assert list(tmp_path.iterdir()) == []


def test_a_damaged_page_of_what_only_this_till_counts_is_noticed(tmp_path: Path) -> None:
    """What the register has used of limits over all members, which central hears of by sales."""
    till, _ = opened(tmp_path)
    with till.engines.writer.begin() as tx:
        limit_shares.grant(tx, [(f"shop/few-{number}/total", "a1", 9) for number in range(400)])
    with till.engines.reader.connect() as connection:
        root = connection.exec_driver_sql(
            "SELECT rootpage FROM sqlite_master WHERE name = 'limit_share'"
        ).scalar_one()
        size = connection.exec_driver_sql("PRAGMA page_size").scalar_one()
    till.close()
    path = tmp_path / "till.db"
    assert is_sound(path)
    content = bytearray(path.read_bytes())
    content[(root - 1) * size : root * size] = b"\xff" * size
    path.write_bytes(bytes(content))
    assert not is_sound(path)
