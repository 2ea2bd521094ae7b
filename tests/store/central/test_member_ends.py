"""Blocking, erasing, merging, expiring: what staff and time do to members."""

import contextlib
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import msgspec
import pytest

from tessera.central import member_ends
from tessera.central.erasure_log import NotedErasures, read_erasures
from tessera.central.members import NewMember, add_members
from tessera.central.opening import Central
from tessera.central.upkeep import drop_old, keep_up
from tessera.core.errors import TesseraError
from tessera.core.identity import bucket_of
from tessera.core.sale import LeaseUse
from tessera.store.central import deed_book, feed, feed_floor, ledger_book, member_book, schema
from tessera.store.central.accounts import Lot
from tessera.sync.feed_wire import CardRow, FeedRow, MemberRow, RemovalRow
from tests.store.central.parts import (
    book,
    count,
    differences,
    enrolled,
    member,
    points,
    publish,
    send,
    stream,
)
from tests.store.central.scripted_till import Till

NAME = "Quetzalcoatl Z."
HASH_OF = "2400000000017"


def person(central: Central, member_id: str, *, store: str = "berlin-1", **more: object) -> None:
    fields: dict[str, object] = {
        "member_id": member_id,
        "home_store": store,
        "display_name": NAME,
        "birthday": "07-31",
    }
    add_members(central, [NewMember(**{**fields, **more})])  # type: ignore[arg-type]
    publish(central)


@pytest.fixture
def stores(central: Central) -> Iterator[Central]:
    """Three stores, one register each; leases are granted in the first."""
    for store in ("berlin-1", "paris-2", "rome-3"):
        enrolled(central, Till(register=f"{store}-1", store=store))
    yield central
    assert differences(central) == []


def all_rows(central: Central, store: str) -> list[FeedRow]:
    """What is still kept of a store's stream."""
    state = central.state()
    audience = f"store:{store}"
    with central.engines.reader.begin() as tx:
        floor = feed_floor.read_floor(tx, audience, state.generation).segments_after
        kept = feed.read_segments(tx, audience, state.generation, after=floor, limit=1_000)
    assert len({one.number for one in kept}) == len(kept)
    return [] if floor else stream(central, audience)


def everything(central: Central, place: Path) -> bytes:
    """All that central's files hold, as bytes; PostgreSQL's by its own dump of the tables."""
    text = b"".join(path.read_bytes() for path in place.rglob("*") if path.is_file())
    with central.engines.reader.begin() as tx:
        for table in schema.METADATA.tables.values():
            for row in tx.execute(table.select()):
                text += b"|".join(
                    value if isinstance(value, bytes) else str(value).encode() for value in row
                )
    return text


def test_a_block_reaches_every_store_and_shows_the_person_to_none_but_their_own(
    stores: Central,
) -> None:
    person(stores, "m1", cards=(HASH_OF,))
    assert member_ends.block(stores, "m1", who="ada")
    assert not member_ends.block(stores, "m1", who="ada")
    publish(stores)
    own = [row for row in stream(stores, "store:berlin-1") if isinstance(row, MemberRow)]
    assert (own[-1].status, own[-1].display_name) == ("blocked", NAME)
    for store in ("paris-2", "rome-3"):
        (row,) = stream(stores, f"store:{store}")
        assert isinstance(row, RemovalRow)
        assert (row.what, row.key, row.reason, row.version) == (
            "member",
            "m1",
            "blocked",
            own[-1].version,
        )
    assert member_ends.block(stores, "m1", who="ada", unblock=True)
    publish(stores)
    own = [row for row in stream(stores, "store:berlin-1") if isinstance(row, MemberRow)]
    assert own[-1].status == "active"


def test_an_erased_member_leaves_no_personal_datum_in_centrals_files(
    stores: Central, tmp_path: Path
) -> None:
    till = Till()
    person(stores, "m1", cards=(HASH_OF,), opening={"points": 120})
    till.sell("m1", earned=10)
    send(stores, till)
    assert NAME.encode() in everything(stores, tmp_path)
    assert member_ends.erase(stores, "m1", who="ada")
    assert not member_ends.erase(stores, "m1", who="ada")
    publish(stores)
    found = everything(stores, tmp_path)
    assert NAME.encode() not in found
    assert b"07-31" not in found
    for store in ("berlin-1", "paris-2", "rome-3"):
        with stores.engines.reader.begin() as tx:
            kept = feed.read_segments(
                tx, f"store:{store}", stores.state().generation, after=0, limit=1_000
            )
        assert any(b'"reason":"erased"' in one.body for one in kept), store


def test_what_an_erased_member_had_lapses_and_the_ledger_stays_balanced(stores: Central) -> None:
    """100 points, of which a register may still spend what it was leased: it sells 30 of them."""
    till = Till()
    person(stores, "m1", opening={"points": 100})
    lease = lease_of(stores, "m1")
    member_ends.erase(stores, "m1", who="ada")
    assert points(stores, "m1") == 100  # all of it is leased, and a till may be spending it now
    till.sell("m1", spent=30, leases=[LeaseUse(lease_id=lease, unit="points", amount=30)])
    send(stores, till)
    assert points(stores, "m1") == 70
    till.give_back("m1", lease, 70)
    send(stores, till, first=2)
    keep_up(stores)
    assert points(stores, "m1") == 0


def lease_of(central: Central, member_id: str) -> str:
    with central.engines.reader.begin() as tx:
        (lease,) = ledger_book.read_leases(tx, (bucket_of(member_id), member_id))
    return lease.lease_id


def entries(central: Central, member_id: str, tag: str) -> list[tuple[str, int]]:
    """A member's postings of a kind, as account and count."""
    with central.engines.reader.begin() as tx:
        lines = ledger_book.read_lines(tx, bucket_of(member_id), member_id)
    return [(posting.account, posting.delta) for _, posting, found in lines if found == tag]


def test_a_merge_moves_points_cards_and_debts_and_late_records_follow(stores: Central) -> None:
    """300 in Rome, where no lease is granted to Berlin's till, and 50 owed by nobody."""
    person(stores, "m1", store="", cards=(HASH_OF,), opening={"points": 300})
    person(stores, "m2", store="rome-3", opening={"points": 40})
    member_ends.merge(stores, "m1", "m2", who="ada")
    assert (points(stores, "m1"), points(stores, "m2")) == (0, 340)
    assert entries(stores, "m1", "merge") == [("points", -300), ("transit", 300)]
    assert entries(stores, "m2", "merge") == [("points", 300), ("transit", -300)]
    with stores.engines.reader.begin() as tx:
        (card,) = member_book.read_member_cards(tx, [(bucket_of("m2"), "m2")])
    assert card.member_id == "m2"
    publish(stores)
    rome = stream(stores, "store:rome-3")
    assert any(isinstance(row, CardRow) and row.member_id == "m2" for row in rome)
    assert any(isinstance(row, RemovalRow) and row.key == "m1" for row in rome)
    till = Till()
    till.sell("m1", earned=7)  # a till that has not heard of it yet
    send(stores, till)
    assert points(stores, "m1") == 7
    keep_up(stores)
    assert (points(stores, "m1"), points(stores, "m2")) == (0, 347)


def test_a_merge_settles_what_the_other_owes_first(stores: Central) -> None:
    till = Till()
    person(stores, "m1", store="", opening={"points": 100})
    person(stores, "m2", store="")
    till.sell("m2", spent=30)  # spent without a lease: owed
    send(stores, till)
    assert points(stores, "m2", "owed:points") == -30
    member_ends.merge(stores, "m1", "m2", who="ada")
    assert (points(stores, "m2"), points(stores, "m2", "owed:points")) == (70, 0)


@pytest.mark.parametrize("reached", [1, 2, 3, 4, 5, 6])
def test_a_merge_that_was_stopped_is_finished_by_the_server(
    stores: Central, monkeypatch: pytest.MonkeyPatch, reached: int
) -> None:
    """Stopped before each of its transactions: no point is lost, and what was begun is finished."""
    person(stores, "m1", store="", cards=(HASH_OF,), opening={"points": 300})
    person(stores, "m2", store="")
    begun = 0
    real = stores.engines.writer.begin

    def counted() -> object:
        nonlocal begun
        begun += 1
        if begun > reached:
            raise InterruptedError
        return real()

    with monkeypatch.context() as patched:
        patched.setattr(stores.engines.writer, "begin", counted)
        with contextlib.suppress(InterruptedError):
            member_ends.merge(stores, "m1", "m2", who="ada")
    was_begun = points(stores, "m1") == 0
    member_ends.finish_open(stores)
    assert member_ends.finish_open(stores) == 0
    holder = "m2" if was_begun else "m1"
    assert (points(stores, "m1") + points(stores, "m2"), points(stores, holder)) == (300, 300)
    with stores.engines.reader.begin() as tx:
        assert len(member_book.read_member_cards(tx, [(bucket_of(holder), holder)])) == 1


def test_points_lapse_on_their_day_oldest_first_and_what_is_leased_later(stores: Central) -> None:
    """A lot of 60 until 20 November and one of 40 for ever."""
    person(stores, "m1", store="", opening={"points": 100})
    with stores.engines.writer.begin() as tx:
        key = (bucket_of("m1"), "m1")
        accounts = ledger_book.load(tx, [key])
        (lot,) = accounts[key].lots
        lot.remaining = 40
        accounts[key].changed_lots.add((lot.uid, lot.line))
        early = Lot(
            uid=lot.uid, line=9, unit="points", granted=60, remaining=60, expires="2026-11-20"
        )
        accounts[key].lots.append(early)
        accounts[key].changed_lots.add((lot.uid, 9))
        ledger_book.save(tx, accounts)
    assert member_ends.expire_points(stores, "2026-11-19") == 0
    assert member_ends.expire_points(stores, "2026-11-20") == 1
    assert member_ends.expire_points(stores, "2026-11-20") == 0
    assert points(stores, "m1") == 40
    assert entries(stores, "m1", "expiry") == [("points", -60), ("expired", 60)]


def test_who_did_what_to_a_member_is_on_record(stores: Central) -> None:
    person(stores, "m1")
    person(stores, "m2")
    member_ends.block(stores, "m1", who="ada")
    member_ends.merge(stores, "m2", "m1", who="bob")
    with stores.engines.reader.begin() as tx:
        told = deed_book.read(tx, (bucket_of("m1"), "m1"))
    assert [(deed.what, deed.who, deed.other, deed.state) for deed in told] == [
        ("block", "ada", "", "done"),
        ("merged-from", "bob", "m2", "done"),
    ]


def test_who_is_gone_can_be_neither_changed_nor_merged_nor_given_a_card(stores: Central) -> None:
    person(stores, "m1", cards=(HASH_OF,))
    person(stores, "m2")
    member_ends.erase(stores, "m1", who="ada")
    with pytest.raises(TesseraError, match="was erased"):
        member_ends.merge(stores, "m2", "m1", who="ada")
    with pytest.raises(TesseraError, match="was erased"):
        person(stores, "m1")
    with pytest.raises(TesseraError, match="m9 is unknown"):
        member_ends.erase(stores, "m9", who="ada")
    person(stores, "m2", cards=(HASH_OF,))  # the card itself may be given to another
    publish(stores)
    cards = [row for row in all_rows(stores, "berlin-1") if isinstance(row, CardRow)]
    with stores.engines.reader.begin() as tx:
        (card,) = member_book.read_member_cards(tx, [(bucket_of("m2"), "m2")])
    assert card.version > 2
    assert all(row.member_id != "m1" for row in cards)


def test_a_restored_central_erases_again_who_was_erased_after_its_backup(stores: Central) -> None:
    person(stores, "m1")
    member_ends.erase(stores, "m1", who="ada")
    with stores.engines.writer.begin() as tx:  # as the backup knew the member
        key = (bucket_of("m1"), "m1")
        (known,) = member_book.lock_members(tx, [key]).values()
        member_book.write_members(
            tx, [msgspec.structs.replace(known, status="active", home_store="berlin-1")]
        )
        member_book.write_profiles(tx, {key: member_book.Profile(display_name=NAME)})
    assert member_ends.replay_erasures(stores) == 1
    assert member_ends.replay_erasures(stores) == 0
    with stores.engines.reader.begin() as tx:
        assert member_book.read_profiles(tx, [key]) == {}


def test_an_erasure_whose_note_a_crash_cut_short_costs_no_other_one(stores: Central) -> None:
    person(stores, "m1")
    log = stores.settings.data_dir / "erasures.log"
    log.write_bytes(b'{"member": "m0", "at_')
    member_ends.erase(stores, "m1", who="ada")
    noted = read_erasures(stores.settings.data_dir)
    assert noted == NotedErasures(member_ids=("m1",), broken_lines=(1,))
    assert member_ends.replay_erasures(stores) == 0


def test_what_is_in_segments_leaves_the_changes_and_old_segments_leave_the_stream(
    central: Central,
) -> None:
    enrolled(central, Till())
    member(central, "m1", points=5)
    publish(central)
    generation = central.state().generation
    with central.engines.writer.begin() as tx:
        tx.execute(schema.SEGMENT.update().values(published_ms=0))
    member(central, "m2", points=5)
    book(central)
    before = stream(central, "store:berlin-1")
    assert drop_old(central) > 0
    assert count(central, schema.MEMBER_CHANGE) == 0
    with central.engines.reader.begin() as tx:
        floor = feed_floor.read_floor(tx, "store:berlin-1", generation)
        kept = feed.read_segments(tx, "store:berlin-1", generation, after=0, limit=100)
        head = feed.audience_head(tx, "store:berlin-1", generation)
    assert floor.segments_after > 0
    assert [one.number for one in kept] == list(range(floor.segments_after + 1, head + 1))
    assert before
    member(central, "m3")  # numbering goes on as if nothing had been dropped
    publish(central)
    with central.engines.reader.begin() as tx:
        assert feed.audience_head(tx, "store:berlin-1", generation) == head + 1


def test_merging_two_members_into_each_other_never_leaves_both_gone(central: Central) -> None:
    """Two commands at the same moment, again and again: each time one is refused."""
    pairs = [(f"a{n}", f"b{n}") for n in range(10)]
    for pair in pairs:
        for name in pair:
            person(central, name, store="", opening={"points": 10})
    for one, other in pairs:
        start = threading.Barrier(2)

        def merged(member_id: str, into: str, start: threading.Barrier = start) -> bool:
            start.wait(30)
            try:
                member_ends.merge(central, member_id, into, who="ada")
            except TesseraError:
                return False
            return True

        with ThreadPoolExecutor(2) as threads:
            answers = [threads.submit(merged, one, other), threads.submit(merged, other, one)]
        assert sorted(answer.result() for answer in answers) == [False, True]
        assert sorted((points(central, one), points(central, other))) == [0, 20]
    assert member_ends.follow(central) == 0
