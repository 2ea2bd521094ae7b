"""Adding and changing members: cards, first balances, moves, and files with mistakes."""

from pathlib import Path

import pytest

from tessera.central.apply import book_overdue_returns
from tessera.central.inspection import card_holder, member_state
from tessera.central.member_files import read_members
from tessera.central.members import NewMember, add_members
from tessera.central.opening import Central
from tessera.core.errors import TesseraError
from tessera.store.central import sale_book, schema
from tessera.sync.feed_wire import BalanceRow, CardRow, LeaseRow, MemberRow, RemovalRow
from tests.store.central.parts import (
    count,
    differences,
    enrolled,
    points,
    publish,
    send,
    stream,
)
from tests.store.central.scripted_till import Till

CARD = "2400000000017"


def test_a_member_is_known_by_a_card_however_it_is_written(central: Central) -> None:
    add_members(central, [NewMember(member_id="M-1", home_store="berlin-1", cards=(CARD,))])
    assert card_holder(central, "24 0000-0000017") == "M-1"
    with pytest.raises(TesseraError, match="nobody's"):
        card_holder(central, "2400000000024")


def test_a_card_has_one_member_and_nothing_is_written_otherwise(central: Central) -> None:
    add_members(central, [NewMember(member_id="M-1", cards=(CARD,))])
    second = NewMember(member_id="M-2", cards=(CARD,), opening={"points": 5})
    with pytest.raises(TesseraError, match="••••0017 belongs to member M-1"):
        add_members(central, [second])
    assert count(central, schema.MEMBER) == 1
    twice = [NewMember(member_id=name, cards=("777777777",)) for name in ("M-3", "M-4")]
    with pytest.raises(TesseraError, match="belongs to member M-3"):
        add_members(central, twice)


def test_an_opening_balance_is_given_once(central: Central) -> None:
    same = NewMember(member_id="M-1", home_store="berlin-1", opening={"points": 100})
    assert add_members(central, [same]).new == ("M-1",)
    assert add_members(central, [same]).changed == ("M-1",)
    assert points(central, "M-1") == 100
    assert differences(central) == []


def test_what_is_not_named_stays_as_it_was(central: Central) -> None:
    first = NewMember(
        member_id="M-1", home_store="berlin-1", display_name="A. M.", tier="gold", staff=True
    )
    add_members(central, [first])
    add_members(central, [NewMember(member_id="M-1", language="de")])
    publish(central)
    row = [r for r in stream(central, "store:berlin-1") if isinstance(r, MemberRow)][-1]
    assert (row.display_name, row.tier, row.staff, row.language) == ("A. M.", "gold", True, "de")


def test_who_moves_leaves_the_old_store_and_is_whole_in_the_new_one(central: Central) -> None:
    member = NewMember(member_id="M-1", home_store="berlin-1", cards=(CARD,), opening={"points": 9})
    add_members(central, [member])
    publish(central)
    add_members(central, [NewMember(member_id="M-1", home_store="paris-1")])
    publish(central)
    gone = [row for row in stream(central, "store:berlin-1") if isinstance(row, RemovalRow)]
    assert [(row.what, row.key, row.reason) for row in gone] == [("member", "M-1", "moved")]
    told = {type(row) for row in stream(central, "store:paris-1")}
    assert told == {MemberRow, BalanceRow, CardRow}


@pytest.mark.parametrize(
    "member",
    [
        NewMember(member_id="no spaces"),
        NewMember(member_id="M", opening={"points": -1}),
        NewMember(member_id="M", opening={"no unit!": 1}),
        NewMember(member_id="M", cards=("",)),
        NewMember(member_id="M", cards=tuple(str(n) for n in range(21))),
    ],
    ids=["id", "negative", "unit", "empty-card", "too-many-cards"],
)
def test_what_cannot_be_is_refused(central: Central, member: NewMember) -> None:
    with pytest.raises(TesseraError):
        add_members(central, [member])
    assert count(central, schema.MEMBER) == 0


def test_the_lease_goes_to_the_register_that_last_sold_to_them_at_home(central: Central) -> None:
    first = Till()
    second = Till(register="berlin-1-2", number=2, incarnation="00000000000000b2")
    enrolled(central, first)
    enrolled(central, second)
    add_members(central, [NewMember(member_id="M-1", home_store="berlin-1")])
    second.sell("M-1", earned=25)
    send(central, second)
    leases = [r for r in stream(central, "register:berlin-1-2") if isinstance(r, LeaseRow)]
    assert [lease.amount for lease in leases] == [25]
    assert member_state(central, "M-1").member.home_register == "berlin-1-2"


def test_a_return_that_missed_its_sale_is_booked_later(central: Central) -> None:
    """Two workers did not see each other: the sale is booked, the return still waits."""
    till = Till()
    enrolled(central, till)
    sale = till.sell(quantity=2, sale_id="S-1")
    send(central, till)
    till.take_back(sale, till.sale_key("S-1"))
    back = till.records[-1]
    with central.engines.writer.begin() as tx:
        bucket = next(
            row.bucket for row in tx.execute(schema.OUTCOME.select()) if row.uid == sale.uid
        )
        row = sale_book.WaitingRecord(
            bucket=bucket,
            member_id="",
            original_uid=sale.uid,
            uid=back.uid,
            since_ms=1,
            received_day=20261121,
            is_fork=0,
            raw=back.raw,
        )
        sale_book.write_waiting(tx, [row])
    assert book_overdue_returns(central.engines.writer, central.desk()) == 1
    assert count(central, schema.WAITING) == 0
    assert count(central, schema.RETURNED_LINE) == 1


def write(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def test_a_csv_file_of_members_is_read(tmp_path: Path) -> None:
    text = (
        "member_id,display_name,store,cards,balances,staff,birthday,joined\n"
        'M-1,"Ä. M.",berlin-1,111 222,points=5 stamps=2,true,07-31,2020-02-29\n'
        "M-2,,,,,,,\n"
    )
    members, problems = read_members(write(tmp_path, "m.csv", text))
    assert problems == []
    assert members[0].opening == {"points": 5, "stamps": 2}
    assert (members[0].cards, members[0].staff) == (("111", "222"), True)
    assert members[1] == NewMember(member_id="M-2")


def test_every_mistake_of_a_file_is_named_with_its_line(tmp_path: Path) -> None:
    text = (
        "member_id,balances,staff,birthday,joined\n"
        "M-1,points=x,,,\n"
        "M-2,,maybe,,\n"
        "M-3,,,31-07,\n"
        "M-4,,,,2026-02-30\n"
        "M-5\n"
    )
    _members, problems = read_members(write(tmp_path, "m.csv", text))
    assert [(problem.line, problem.field) for problem in problems] == [
        (2, "balances"),
        (3, "staff"),
        (4, "birthday"),
        (5, "joined"),
        (6, ""),
    ]


def test_an_unknown_column_or_key_is_refused(tmp_path: Path) -> None:
    _members, problems = read_members(write(tmp_path, "m.csv", "member_id,nmae\nM-1,x\n"))
    assert problems[0].field == "nmae"
    _members, problems = read_members(write(tmp_path, "m.jsonl", '{"member_id":"M","nmae":1}\n'))
    assert "nmae" in problems[0].message


def test_a_file_that_is_no_text_is_an_operating_failure(tmp_path: Path) -> None:
    path = tmp_path / "m.csv"
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(TesseraError, match="cannot be read"):
        read_members(path)
    with pytest.raises(TesseraError, match="cannot be read"):
        read_members(tmp_path / "none.csv")


@pytest.mark.parametrize(
    "strange",
    [
        NewMember(member_id="M-1", display_name="x" * 501),
        NewMember(member_id="M-1", language="x" * 501),
        NewMember(member_id="M-1", tier="x" * 501),
        NewMember(member_id="M-1", segments=("x" * 501,)),
    ],
    ids=["name", "language", "tier", "segment"],
)
def test_a_text_that_no_till_would_take_is_refused(central: Central, strange: NewMember) -> None:
    """It would be in the store's stream for ever, and tills refuse a page that holds it."""
    with pytest.raises(TesseraError, match="M-1: a text of 501 characters"):
        add_members(central, [strange])
