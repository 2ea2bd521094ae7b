"""What pages of the feed make of a till's tables."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tessera.agent.feed_apply import apply_pages
from tessera.store.engine import Engines
from tessera.store.till import cached_members, feed_state, kept_bundles, leases, stopped_offers
from tessera.sync.feed_reading import ReadPage
from tessera.sync.feed_wire import (
    AssignmentRow,
    BalanceRow,
    CardRow,
    FeedRow,
    LeaseRow,
    MemberRow,
    RemovalRow,
    StoppedOffer,
    StopsRow,
)
from tests.support.till import LIFE, enrolled_till, identity

CARD = b"\xab" * 16


@pytest.fixture
def till(tmp_path: Path) -> Iterator[Engines]:
    engines = enrolled_till(tmp_path)
    yield engines
    engines.dispose()


def page(number: int, *rows: FeedRow) -> ReadPage:
    return ReadPage(
        audience="store:shop",
        generation="g1",
        number=number,
        head=9,
        rows=rows,
        central_ms=number,
        signed_ms=number,
    )


def take_in(till: Engines, *pages: ReadPage) -> None:
    with till.writer.begin() as tx:
        apply_pages(tx, pages, identity())


def member(version: int, **changes: str) -> MemberRow:
    return MemberRow(member_id="m1", version=version, **changes)  # type: ignore[arg-type]


def card(version: int, status: str = "active", member_id: str = "m1") -> CardRow:
    return CardRow(
        card_hash=CARD.hex(), key_id=1, member_id=member_id, version=version, status=status
    )


def status_of_card(till: Engines) -> str:
    with till.reader.connect() as c:
        found = cached_members.find_by_card(c, CARD)
    return found.status if found else "unknown"


def test_rows_and_cursor_come_together(till: Engines) -> None:
    take_in(till, page(1, member(1), card(1)), page(2))
    with till.reader.connect() as c:
        assert feed_state.cursor(c, "store:shop") == ("g1", 2)
        assert feed_state.read_mark(c, feed_state.SIGNED_MS) == 2
    assert status_of_card(till) == "active"


def test_a_card_may_come_before_its_member(till: Engines) -> None:
    take_in(till, page(1, card(1)))
    assert status_of_card(till) == "unknown"
    take_in(till, page(2, member(1)))
    assert status_of_card(till) == "active"


def test_a_blocked_card_stays_blocked_when_an_older_row_comes_late(till: Engines) -> None:
    take_in(till, page(1, member(1), card(2, "blocked")), page(2, card(1)))
    assert status_of_card(till) == "card_blocked"


def test_a_card_may_move_to_another_member(till: Engines) -> None:
    other = MemberRow(member_id="m2", version=1)
    take_in(till, page(1, member(1), other, card(1)), page(2, card(2, member_id="m2")))
    with till.reader.connect() as c:
        found = cached_members.find_by_card(c, CARD)
    assert found is not None
    assert found.member_id == "m2"


def removal(what: str, key: str, version: int) -> RemovalRow:
    return RemovalRow(what=what, key=key, version=version, reason="erased")


def test_an_erased_member_is_gone_and_an_older_row_brings_nothing_back(till: Engines) -> None:
    balance = BalanceRow(member_id="m1", account="points", points=7, version=1)
    take_in(till, page(1, member(3, display_name="A. M."), card(1), balance))
    take_in(till, page(2, removal("member", "m1", 4)))
    take_in(till, page(3, member(3, display_name="A. M.")))
    with till.reader.connect() as c:
        assert cached_members.find_by_id(c, "m1") is None
        assert cached_members.find_by_card(c, CARD) is None
        assert cached_members.accounts(c, "m1") == ()
        raw = (c.connection.cursor()).execute("SELECT group_concat(display_name) FROM member")
        assert "A. M." not in str(raw.fetchone())


def test_nothing_of_an_erased_member_lingers_in_the_file(till: Engines, tmp_path: Path) -> None:
    names = [f"Anselm Mustermann-{number}" for number in range(200)]
    members = [
        MemberRow(member_id=f"m{number}", version=1, display_name=name)
        for number, name in enumerate(names)
    ]
    take_in(till, page(1, *members))
    take_in(till, page(2, *(removal("member", f"m{number}", 2) for number in range(200))))
    till.dispose()
    content = b"".join(path.read_bytes() for path in tmp_path.iterdir() if path.is_file())
    assert b"m199" in content
    assert b"Mustermann" not in content


def test_a_member_who_comes_back_is_known_again(till: Engines) -> None:
    take_in(till, page(1, member(1)), page(2, removal("member", "m1", 2)), page(3, member(3)))
    with till.reader.connect() as c:
        assert cached_members.find_by_id(c, "m1") is not None


def test_a_removed_card_is_unknown(till: Engines) -> None:
    take_in(till, page(1, member(1), card(1)), page(2, removal("card", CARD.hex(), 2)))
    assert status_of_card(till) == "unknown"
    take_in(till, page(3, card(1)))
    assert status_of_card(till) == "unknown"


def test_a_removal_of_a_kind_of_a_later_release_is_passed_over(till: Engines) -> None:
    take_in(till, page(1, member(1), removal("hologram", "m1", 9)))
    with till.reader.connect() as c:
        assert cached_members.find_by_id(c, "m1") is not None


def lease(register: str = "till-1", incarnation: str = LIFE) -> LeaseRow:
    return LeaseRow(
        lease_id="L1",
        member_id="m1",
        unit="points",
        amount=10,
        register=register,
        incarnation=incarnation,
        generation="g1",
    )


def left(till: Engines) -> int:
    with till.reader.connect() as c:
        return leases.remaining(c, "m1", "points")


def test_a_lease_to_another_register_or_life_cannot_be_spent_here(till: Engines) -> None:
    take_in(till, page(1, lease(register="till-2")))
    assert left(till) == 0
    take_in(till, page(2, lease(incarnation="00000000000000ff")))
    assert left(till) == 0


def test_a_lease_to_this_life_can(till: Engines) -> None:
    take_in(till, page(1, lease()))
    assert left(till) == 10


@pytest.mark.parametrize("generation, expected", [("g1", 5), ("g0", 0)])
def test_an_assignment_binds_in_its_own_generation(
    till: Engines, generation: str, expected: int
) -> None:
    row = AssignmentRow(number=5, bundle="0" * 64, active_from_ms=0, size=1, generation=generation)
    take_in(till, page(1, row))
    with till.reader.connect() as c:
        assigned = kept_bundles.read_assignment(c)
    assert (assigned.number if assigned else 0) == expected


def stops(version: int, *offers: str) -> StopsRow:
    named = tuple(StoppedOffer(programme="corner-shop", offer=offer) for offer in offers)
    return StopsRow(version=version, stopped=named)


def stopped(till: Engines) -> set[str]:
    with till.reader.connect() as connection:
        found = stopped_offers.read(connection)
    assert {programme for programme, _ in found} <= {"corner-shop"}
    return {offer for _, offer in found}


def test_the_newest_list_of_stopped_offers_counts(till: Engines) -> None:
    take_in(till, page(1, stops(1, "dairy-10")))
    take_in(till, page(2, stops(2, "dairy-10", "points")))
    assert stopped(till) == {"dairy-10", "points"}
    take_in(till, page(3, stops(1, "dairy-10")))
    assert stopped(till) == {"dairy-10", "points"}
    take_in(till, page(4, stops(3)))
    assert stopped(till) == set()
