"""What a till keeps of members whom it has enrolled, until central speaks of them."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tessera.agent.feed_apply import apply_pages
from tessera.core.identity import new_uid
from tessera.core.journal import RecordDraft
from tessera.store.engine import Engines
from tessera.store.till import cached_members, enrolled
from tessera.store.till.committed_sales import commit_record
from tessera.store.till.values import CachedMember
from tessera.sync.feed_reading import ReadPage
from tessera.sync.feed_wire import CardRow, FeedRow, MemberRow, OutcomeRow, RemovalRow
from tests.support.agent import TODAY
from tests.support.till import LIFE, enrolled_till, identity

CARD, OTHER, PHONE = b"\xa1" * 16, b"\xb2" * 16, b"\xc3" * 16
UID = new_uid(1, bytes(10))


@pytest.fixture
def till(tmp_path: Path) -> Iterator[Engines]:
    """A till that has enrolled member "new" with a card and a phone, and a person."""
    engines = enrolled_till(tmp_path)
    draft = RecordDraft(
        uid=UID,
        kind="member-enrolled",
        business_day=TODAY,
        wall_ms=1,
        mono_ms=1,
        boot_id="boot",
        bundle="",
        engine="1",
        body=b"{}",
    )
    with engines.writer.begin() as tx:
        commit_record(tx, draft=draft)
        member = CachedMember(member_id="new", version=0, display_name="A. M.", joined=TODAY)
        enrolled.keep_member(tx, UID, member, b'{"name":"Anna Meier"}')
        enrolled.keep_card(tx, UID, CARD, member_id="new", kind=enrolled.CARD)
        enrolled.keep_card(tx, UID, PHONE, member_id="new", kind=enrolled.PHONE)
    yield engines
    engines.dispose()


def take_in(till: Engines, *rows: FeedRow) -> None:
    page = ReadPage(
        audience="store:shop",
        generation="g1",
        number=1,
        head=1,
        rows=rows,
        central_ms=1,
        signed_ms=1,
    )
    with till.writer.begin() as tx:
        apply_pages(tx, [page], identity())


def found(till: Engines, card_hash: bytes) -> CachedMember | None:
    with till.reader.connect() as connection:
        return cached_members.find_by_card(connection, card_hash)


def waiting(till: Engines) -> int:
    with till.writer.begin() as tx:
        tx.exec_driver_sql("DELETE FROM outbox")  # as if central had acknowledged the record
    with till.reader.connect() as connection:
        return len(enrolled.waiting_profiles(connection, limit=9))


def outcome(state: str, reason: str = "") -> OutcomeRow:
    return OutcomeRow(uid=UID, incarnation=LIFE, seq=1, state=state, reason=reason)


def card_row(card_hash: bytes, member_id: str, status: str = "active") -> CardRow:
    return CardRow(
        card_hash=card_hash.hex(), key_id=1, member_id=member_id, version=1, status=status
    )


def test_a_profile_is_not_sent_before_its_record_is_stored(till: Engines) -> None:
    with till.reader.connect() as connection:
        assert enrolled.waiting_profiles(connection, limit=9) == []
    assert waiting(till) == 1


def test_the_member_is_known_in_every_order_in_which_central_speaks(till: Engines) -> None:
    rows: list[FeedRow] = [
        outcome("applied"),
        card_row(CARD, "new"),
        MemberRow(member_id="new", version=1, display_name="A. M."),
        card_row(PHONE, "new"),
    ]
    for row in rows:
        take_in(till, row)
        for number in (CARD, PHONE):
            member = found(till, number)
            assert member is not None
            assert (member.member_id, member.status) == ("new", "active")
    assert found(till, CARD) == CachedMember(member_id="new", version=1, display_name="A. M.")


def test_a_card_that_central_gives_to_another_is_that_ones(till: Engines) -> None:
    take_in(till, MemberRow(member_id="first", version=1), card_row(CARD, "first"))
    member = found(till, CARD)
    assert member is not None
    assert member.member_id == "first"


def test_a_refused_number_is_forgotten_and_the_rest_stays(till: Engines) -> None:
    take_in(till, outcome("applied", "card_taken"))
    assert found(till, CARD) is None
    assert found(till, PHONE) is not None


def test_a_parked_enrolment_has_enrolled_nobody(till: Engines) -> None:
    take_in(till, outcome("parked", "member_exists"))
    assert found(till, CARD) is None
    assert found(till, PHONE) is None


def test_an_erasure_takes_everything_along_also_what_was_not_sent(till: Engines) -> None:
    take_in(till, RemovalRow(what="member", key="new", version=9, reason="erased"))
    assert found(till, CARD) is None
    assert waiting(till) == 0


def test_the_person_of_a_member_who_has_moved_is_still_sent(till: Engines) -> None:
    take_in(till, RemovalRow(what="member", key="new", version=9, reason="moved"))
    assert found(till, CARD) is None
    assert waiting(till) == 1


def test_a_card_that_was_replaced_stays_blocked_whatever_older_row_comes(till: Engines) -> None:
    take_in(till, MemberRow(member_id="old", version=1), card_row(OTHER, "old"))
    with till.writer.begin() as tx:
        enrolled.keep_card(tx, UID, OTHER, member_id="old", kind=enrolled.CARD, works=False)
    for status in ("active", "blocked"):
        take_in(till, card_row(OTHER, "old", status))
        member = found(till, OTHER)
        assert member is not None
        assert member.status == "card_blocked"
