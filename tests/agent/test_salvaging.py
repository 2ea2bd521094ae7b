import json
import shutil
from pathlib import Path

import pytest

from tessera.agent.journal_check import check_journal
from tessera.agent.salvaging import chained_lives, salvage_folder, sealed_records
from tessera.cli.main import main
from tessera.core.basket import Basket, Place
from tessera.core.identity import SaleKey, new_uid
from tessera.core.journal import RecordDraft, genesis
from tessera.core.member import MemberState
from tessera.core.quote import Quote, UnitMovement
from tessera.core.sale import SaleBody
from tessera.store.till import cached_members, committed_sales, identity_book, opening, outbox
from tessera.store.till.identity_file import IDENTITY_FILE, encoded
from tessera.store.till.opening import OpenTill, open_till
from tessera.store.till.salvage import read_salvage
from tessera.sync import records
from tests.support.till import DAY, LIFE, identity

AT = DAY.isoformat() + "T10:00:00+00:00"


def opened(folder: Path, *, number: int = 1) -> OpenTill:
    till, _ = open_till(
        folder, random=lambda count: bytes([number]) * count, wall_ms=number, reserve_bytes=0
    )
    with till.engines.writer.begin() as tx:
        if identity_book.read_identity(tx) is None:
            identity_book.write_identity(tx, identity())
            (folder / IDENTITY_FILE).write_bytes(encoded(identity()))
    return till


def sell(till: OpenTill, number: int) -> None:
    from datetime import datetime

    quote = Quote(
        engine="test",
        programme="p",
        currency="EUR",
        shelf_minor=0,
        discount_minor=0,
        tendered_units_minor=0,
        due_minor=0,
        units=(UnitMovement(unit="points", earned=5),),
    )
    body = SaleBody(
        key=SaleKey(store="shop", pos="pos", business_day=DAY, sale_id=f"s{number}"),
        place=Place(at=datetime.fromisoformat(AT), business_day=DAY, store="shop"),
        basket=Basket(currency="EUR"),
        member=MemberState(member_id="m1"),
        quote=quote,
    )
    draft = RecordDraft(
        uid=new_uid(number, number.to_bytes(10, "big")),
        kind="sale",
        business_day=DAY,
        wall_ms=1,
        mono_ms=1,
        boot_id="b",
        bundle="",
        engine="test",
        body=records.encoded(body),
    )
    till.commit(draft.uid, lambda tx: committed_sales.commit_record(tx, draft=draft))


def life_of(till: OpenTill) -> str:
    with till.engines.reader.connect() as c:
        return identity_book.read_head(c).incarnation


def counted(till: OpenTill) -> tuple[int, int]:
    """Records that wait, and the member's points as shown."""
    with till.engines.reader.connect() as c:
        views = cached_members.accounts(c, "m1")
        assert check_journal(c).findings == ()
        return outbox.depth(c), views[0].balance if views else 0


def test_a_lost_database_goes_on_in_a_new_life_with_its_records(tmp_path: Path) -> None:
    till = opened(tmp_path)
    for number in (1, 2, 3):
        sell(till, number)
    till.close()
    (tmp_path / "till.db").unlink()

    till = opened(tmp_path, number=2)
    assert life_of(till) != LIFE
    report = salvage_folder(till.engines.writer, tmp_path)
    assert (report.read, report.brought_back, report.left) == (3, 3, 0)
    assert counted(till) == (3, 15)
    sell(till, 4)
    assert salvage_folder(till.engines.writer, tmp_path).brought_back == 0
    till.close()


def test_salvaged_records_are_waiting_in_the_life_that_wrote_them(tmp_path: Path) -> None:
    till = opened(tmp_path)
    for number in (1, 2):
        sell(till, number)
    till.close()
    (tmp_path / "till.db").unlink()
    till = opened(tmp_path, number=2)
    salvage_folder(till.engines.writer, tmp_path)
    with till.engines.reader.connect() as c:
        waiting = outbox.waiting(c, limit=10, incarnation=LIFE)
        life = next(one for one in outbox.lives(c) if one.head.incarnation == LIFE)
    till.close()
    assert [one.seq for one in waiting] == [1, 2]
    assert life.head.link_hash == waiting[-1].link_hash


def test_a_record_that_was_changed_in_the_file_stays_behind(tmp_path: Path) -> None:
    till = opened(tmp_path)
    for number in (1, 2, 3):
        sell(till, number)
    till.close()
    lines = (tmp_path / "till.salvage").read_bytes().splitlines(keepends=True)
    (tmp_path / "till.salvage").write_bytes(lines[0] + lines[2])
    found = list(sealed_records(read_salvage(tmp_path / "till.salvage"), "till-1"))
    [life] = chained_lives(found, "till-1")
    assert [one.seq for one in life.records] == [1]


def test_lives_that_follow_each_other_are_chained_by_their_parents(tmp_path: Path) -> None:
    till = opened(tmp_path)
    sell(till, 1)
    with till.engines.writer.begin() as tx:
        identity_book.begin_new_life(tx, "00000000000000b2")
    sell(till, 2)
    till.close()
    (tmp_path / "till.db").unlink()
    till = opened(tmp_path, number=3)
    report = salvage_folder(till.engines.writer, tmp_path)
    assert (report.brought_back, report.left) == (2, 0)
    with till.engines.reader.connect() as c:
        child = next(one for one in outbox.lives(c) if one.head.incarnation == "00000000000000b2")
    till.close()
    assert child.parent is not None
    assert (child.parent.incarnation, child.parent.seq) == (LIFE, 1)


def test_a_life_that_follows_an_empty_one_is_chained_to_its_genesis(tmp_path: Path) -> None:
    till = opened(tmp_path)
    with till.engines.writer.begin() as tx:
        identity_book.begin_new_life(tx, "00000000000000b2")
    sell(till, 1)
    till.close()
    found = list(sealed_records(read_salvage(tmp_path / "till.salvage"), "till-1"))
    assert chained_lives(found, "till-1") == []
    empty = genesis("till-1", LIFE)
    [life] = chained_lives(found, "till-1", [empty])
    assert life.parent == empty


def settings(folder: Path) -> list[str]:
    path = folder.parent / "agent.toml"
    path.write_text(f'data_dir = "{folder}"\n')
    return ["--config", str(path)]


def test_a_restore_from_a_copy_begins_a_new_life_and_salvages_the_rest(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder, copy = tmp_path / "till", tmp_path / "copy"
    folder.mkdir()
    till = opened(folder)
    sell(till, 1)
    till.close()
    shutil.copytree(folder, copy)
    till = opened(folder)
    sell(till, 2)
    till.close()
    (folder / "till.db").write_bytes(b"not a database")

    assert main(["agent", "restore", "--from", str(copy), "--json", *settings(folder)]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["brought_back"] == 1
    assert told["set_aside"].startswith("till.db.damaged-")
    till = opened(folder, number=9)
    assert life_of(till) == told["incarnation"] != LIFE
    assert counted(till)[0] == 2
    till.close()


def test_salvage_by_hand_says_how_much_came_back(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "till"
    folder.mkdir()
    till = opened(folder)
    sell(till, 1)
    till.close()
    (folder / "till.db").unlink()
    assert main(["agent", "salvage", *settings(folder)]) == 0
    assert capsys.readouterr().out == "1 records read, 1 brought back and queued\n"


def test_a_copy_without_a_database_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder, copy = tmp_path / "till", tmp_path / "copy"
    folder.mkdir()
    copy.mkdir()
    assert main(["agent", "restore", "--from", str(copy), *settings(folder)]) == 3
    assert "is no sound database" in capsys.readouterr().err


def settle(till: OpenTill) -> None:
    """Central has acknowledged everything."""
    with till.engines.writer.begin() as tx:
        for life in outbox.lives(tx):
            outbox.settle(tx, life.head.incarnation, life.head.seq, generation="g1")


def without_its_database(folder: Path, till: OpenTill) -> OpenTill:
    """Another database, into which the salvage files were read."""
    till.close()
    (folder / "till.db").unlink()
    another = opened(folder, number=9)
    salvage_folder(another.engines.writer, folder)
    return another


def test_the_first_record_after_the_file_was_begun_anew_comes_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """3 sales that central has, and one that it has not: 5 points wait."""
    till = opened(tmp_path)
    for number in (1, 2, 3):
        sell(till, number)
    settle(till)
    monkeypatch.setattr(opening, "SALVAGE_BYTES_MAX", 1)
    till.sync_side_files()
    assert (tmp_path / "till.salvage.old").exists()
    monkeypatch.setattr(opening, "SALVAGE_BYTES_MAX", 10**9)
    sell(till, 4)
    till = without_its_database(tmp_path, till)
    assert counted(till) == (1, 5)
    till.close()


def test_a_till_that_is_never_stopped_begins_its_file_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(opening, "SALVAGE_BYTES_MAX", 1)
    till = opened(tmp_path)
    sell(till, 1)
    sell(till, 2)
    till.sync_side_files()
    assert not (tmp_path / "till.salvage.old").exists()  # central has not got it yet
    settle(till)
    till.sync_side_files()
    assert (tmp_path / "till.salvage.old").exists()
    sell(till, 3)
    till = without_its_database(tmp_path, till)
    assert counted(till) == (1, 5)
    till.close()


def test_a_file_that_was_being_begun_anew_as_the_power_failed_is_there_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    till = opened(tmp_path)
    sell(till, 1)
    settle(till)
    monkeypatch.setattr(opening, "SALVAGE_BYTES_MAX", 1)
    till.sync_side_files()
    till.close()
    (tmp_path / "till.salvage").rename(tmp_path / "till.salvage.next")
    till = opened(tmp_path)
    assert [one.raw for one in read_salvage(tmp_path / "till.salvage")] != []
    till.close()
