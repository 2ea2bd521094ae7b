"""Members who were enrolled at a till: one member each, and every number is one member's."""

import pytest

from tessera.central import member_ends
from tessera.central.inspection import member_state
from tessera.central.member_waiting import release, waiting_members
from tessera.central.opening import Central
from tessera.central.profiles import take_profile
from tessera.central.quarantine import parked_records, retry_unknown_members
from tessera.core.errors import TesseraError
from tessera.core.identity import bucket_of
from tessera.core.quote import CounterUse
from tessera.store.central import member_book, register_book, schema
from tessera.store.central.member_book import Profile
from tessera.sync.feed_wire import CardRow, FeedRow, LeaseRow, MemberRow, OutcomeRow
from tessera.sync.profile_wire import Consent, ProfileMessage
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

CARD, OTHER_CARD, PHONE = "a1", "b2", "c3"


@pytest.fixture
def central(either_central: Central) -> Central:
    return either_central


@pytest.fixture
def till(central: Central) -> Till:
    till = Till()
    enrolled(central, till)
    return till


@pytest.fixture
def there(central: Central) -> Till:
    """Another register of the same store."""
    till = Till(register="berlin-1-2", number=2, incarnation="00000000000000a2")
    enrolled(central, till)
    return till


@pytest.fixture
def joined_twice(central: Central, till: Till, there: Till) -> None:
    """M-first joins at one till, M-second with the same phone at another, and earns 7 points."""
    till.enrol("M-first", phone=PHONE)
    there.enrol("M-second", card=CARD, phone=PHONE)
    there.sell("M-second", earned=7)
    send(central, till)
    send(central, there)


def outcomes(central: Central, till: Till) -> list[tuple[str, str]]:
    rows = stream(central, f"register:{till.register}")
    return [(row.state, row.reason) for row in rows if isinstance(row, OutcomeRow)]


def told(central: Central) -> list[FeedRow]:
    return stream(central, "store:berlin-1")


def cards(central: Central) -> dict[str, tuple[str, str]]:
    """By the two digits of its hash: whose each card is as tills last heard, and its state."""
    rows = [row for row in told(central) if isinstance(row, CardRow)]
    return {row.card_hash[:2]: (row.member_id, row.status) for row in rows}


def alarms(central: Central) -> list[tuple[str, str]]:
    with central.engines.reader.begin() as tx:
        return [(alarm.register_id, alarm.kind) for alarm in register_book.read_alarms(tx)]


def profile(central: Central, member_id: str) -> Profile | None:
    key = (bucket_of(member_id), member_id)
    with central.engines.reader.begin() as tx:
        return member_book.read_profiles(tx, [key]).get(key)


def test_an_enrolment_makes_a_member_whom_the_store_knows_and_who_earns(
    central: Central, till: Till
) -> None:
    till.enrol("M-new", card=CARD, phone=PHONE)
    till.sell("M-new", earned=10)
    send(central, till)
    known = member_state(central, "M-new").member
    assert (known.status, known.home_store, known.joined) == ("active", "berlin-1", "2026-11-21")
    assert known.waits_for == ""
    assert points(central, "M-new") == 10
    assert cards(central) == {CARD: ("M-new", "active"), PHONE: ("M-new", "active")}
    assert {row.member_id for row in told(central) if isinstance(row, MemberRow)} == {"M-new"}
    leases = [r for r in stream(central, "register:berlin-1-1") if isinstance(r, LeaseRow)]
    assert [(lease.member_id, lease.amount) for lease in leases] == [("M-new", 10)]
    assert outcomes(central, till) == [("applied", ""), ("applied", "")]
    assert differences(central) == []


def test_a_card_that_two_tills_gave_away_is_the_first_ones_and_the_other_waits(
    central: Central, till: Till, there: Till
) -> None:
    till.enrol("M-first", card=CARD)
    there.enrol("M-second", card=CARD)
    there.sell("M-second", earned=7)
    send(central, till)
    send(central, there)
    assert cards(central) == {CARD: ("M-first", "active")}
    assert outcomes(central, there) == [("applied", "card_taken"), ("applied", "")]
    assert alarms(central) == [("berlin-1-2", "card-taken")]
    assert points(central, "M-second") == 7
    assert not [r for r in stream(central, "register:berlin-1-2") if isinstance(r, LeaseRow)]
    (waiting,) = waiting_members(central)
    assert (waiting.member_id, waiting.waits_for, waiting.others) == (
        "M-second",
        "card",
        ("M-first",),
    )
    assert differences(central) == []


@pytest.mark.usefixtures("joined_twice")
def test_a_merge_ends_the_wait_and_frees_the_points(central: Central) -> None:
    assert [one.waits_for for one in waiting_members(central)] == ["phone"]
    member_ends.merge(central, "M-second", "M-first", who="desk")
    book(central)
    assert waiting_members(central) == []
    assert (points(central, "M-first"), points(central, "M-second")) == (7, 0)
    assert cards(central)[CARD] == ("M-first", "active")
    assert differences(central) == []


@pytest.mark.usefixtures("joined_twice")
def test_a_release_lets_the_member_spend_without_what_was_refused(central: Central) -> None:
    assert release(central, "M-second", who="desk")
    assert not release(central, "M-second", who="desk")
    publish(central)
    leases = [r for r in stream(central, "register:berlin-1-2") if isinstance(r, LeaseRow)]
    assert [(lease.member_id, lease.amount) for lease in leases] == [("M-second", 7)]
    assert cards(central)[PHONE] == ("M-first", "active")
    with pytest.raises(TesseraError, match="unknown"):
        release(central, "nobody", who="desk")
    assert differences(central) == []


WELCOME = CounterUse(
    key="welcome/ever", used=1, most=1, pending=True, unit="points", issuer="", earned=100
)


def welcomed_twice(central: Central, till: Till, there: Till) -> None:
    """Somebody joins twice with one phone number; each account gets 5 points and 100 of welcome."""
    for register, name in ((till, "M-first"), (there, "M-second")):
        register.enrol(name, phone=PHONE)
        register.sell(name, earned=105, counters=[WELCOME])
        send(central, register)


def test_a_welcome_is_withheld_from_who_waits_and_given_with_the_release(
    central: Central, till: Till, there: Till
) -> None:
    welcomed_twice(central, till, there)
    assert (points(central, "M-first"), points(central, "M-second")) == (105, 5)
    assert release(central, "M-second", who="desk")
    assert points(central, "M-second") == 105
    assert differences(central) == []


def test_who_joins_twice_is_welcomed_once(central: Central, till: Till, there: Till) -> None:
    welcomed_twice(central, till, there)
    member_ends.merge(central, "M-second", "M-first", who="desk")
    book(central)
    assert points(central, "M-first") == 110
    assert differences(central) == []


def test_records_that_come_again_enrol_nobody_twice(central: Central, till: Till) -> None:
    """The till was put back, and sends its first life again as another history."""
    till.enrol("M-new", card=CARD)
    till.sell("M-new", earned=10)
    send(central, till)
    before = told(central)
    again = Till()
    again.records = list(till.records)
    again.head = till.head
    again.sell("M-new", earned=1)
    send(central, again)
    book(central)
    assert points(central, "M-new") == 11
    assert count(central, schema.MEMBER) == 1
    assert cards(central) == {CARD: ("M-new", "active")}
    assert [row for row in before if isinstance(row, CardRow)] == [
        row for row in told(central) if isinstance(row, CardRow)
    ]


def test_an_enrolment_cannot_take_over_a_member_who_exists(central: Central, till: Till) -> None:
    member(central, "M-1", points=50)
    till.enrol("M-1", card=CARD)
    send(central, till)
    assert outcomes(central, till) == [("parked", "member_exists")]
    assert cards(central) == {}
    assert points(central, "M-1") == 50


def test_what_is_no_hash_is_parked(central: Central, till: Till) -> None:
    till.enrol("M-new", card="xy")
    send(central, till)
    assert outcomes(central, till) == [("parked", "malformed_body")]
    assert count(central, schema.MEMBER) == 0


def test_a_record_that_came_before_its_members_enrolment_is_booked_after_it(
    central: Central, till: Till, there: Till
) -> None:
    """A sale at another register, to which the member was taken while the first was offline."""
    there.sell("M-new", earned=5)
    send(central, there)
    assert outcomes(central, there) == [("parked", "member_unknown")]
    assert retry_unknown_members(central) == 0
    till.enrol("M-new", card=CARD)
    send(central, till)
    assert retry_unknown_members(central) == 1
    book(central)
    assert points(central, "M-new") == 5
    assert outcomes(central, there)[-1] == ("applied", "")
    assert parked_records(central) == []
    assert differences(central) == []


def test_a_new_card_ends_the_one_that_it_replaces(central: Central, till: Till) -> None:
    till.enrol("M-new", card=CARD, phone=PHONE)
    till.replace_card("M-new", card=OTHER_CARD, replaced=CARD)
    send(central, till)
    assert cards(central) == {
        CARD: ("M-new", "blocked"),
        OTHER_CARD: ("M-new", "active"),
        PHONE: ("M-new", "active"),
    }
    assert outcomes(central, till) == [("applied", ""), ("applied", "")]


def test_a_lost_card_takes_all_cards_along_but_not_the_phone(central: Central, till: Till) -> None:
    till.enrol("M-new", card=CARD, phone=PHONE)
    send(central, till)
    till.replace_card("M-new", card=OTHER_CARD)
    send(central, till, first=2)
    assert cards(central) == {
        CARD: ("M-new", "blocked"),
        OTHER_CARD: ("M-new", "active"),
        PHONE: ("M-new", "active"),
    }


def test_a_replacement_by_anothers_card_ends_the_old_one_and_raises_an_alarm(
    central: Central, till: Till
) -> None:
    till.enrol("M-1", card=CARD)
    till.enrol("M-2", card=OTHER_CARD)
    till.replace_card("M-2", card=CARD, replaced=OTHER_CARD)
    send(central, till)
    assert cards(central) == {CARD: ("M-1", "active"), OTHER_CARD: ("M-2", "blocked")}
    assert outcomes(central, till)[-1] == ("applied", "card_taken")
    assert alarms(central) == [("berlin-1-1", "card-taken")]


def test_nobody_replaces_the_card_of_a_member_who_is_gone(central: Central, till: Till) -> None:
    till.enrol("M-1", card=CARD)
    send(central, till)
    member_ends.erase(central, "M-1", who="desk")
    till.replace_card("M-1", card=OTHER_CARD, replaced=CARD)
    send(central, till, first=2)
    assert outcomes(central, till)[-1] == ("parked", "member_gone")


def test_a_card_of_an_erased_member_may_be_given_anew(central: Central, till: Till) -> None:
    till.enrol("M-1", card=CARD)
    send(central, till)
    member_ends.erase(central, "M-1", who="desk")
    till.enrol("M-2", card=CARD)
    send(central, till, first=2)
    card_hash = bytes.fromhex(CARD * 16)
    with central.engines.reader.begin() as tx:
        card = member_book.read_cards(tx, [card_hash])[card_hash]
    assert (card.member_id, card.status) == ("M-2", "active")
    assert count(central, schema.MEMBER_ENROLMENT) == 1


# ---- the person ---------------------------------------------------------------------------------


def message(uid: str, member_id: str = "M-new", **changes: str) -> ProfileMessage:
    given = {"name": "Anna  Maria Meier", "phone": "+4915112345678", "email": "a@example.org"}
    return ProfileMessage(
        uid=uid,
        member_id=member_id,
        given_ms=5,
        birthday="07-31",
        consents=(Consent(purpose="mailing", granted=True, text="2026-01"),),
        **{**given, **changes},
    )


def take(central: Central, given: ProfileMessage, register: str = "berlin-1-1") -> str:
    with central.engines.writer.begin() as tx:
        state = take_profile(tx, given, register, central.state().version_base)
    publish(central)
    return state


def test_a_profile_follows_its_enrolment_and_tills_hear_the_short_name(
    central: Central, till: Till
) -> None:
    record = till.enrol("M-new", card=CARD)
    assert take(central, message(record.uid)) == "waiting"
    send(central, till)
    assert take(central, message(record.uid)) == "stored"
    kept = profile(central, "M-new")
    assert kept is not None
    assert (kept.full_name, kept.phone, kept.email) == (
        "Anna  Maria Meier",
        "+4915112345678",
        "a@example.org",
    )
    assert '"mailing":{"at_ms":5,"granted":true,"text":"2026-01"}' in kept.consents
    last = [row for row in told(central) if isinstance(row, MemberRow)][-1]
    assert (last.display_name, last.birthday) == ("A. M.", "07-31")


def test_a_profile_that_comes_again_overwrites_nothing(central: Central, till: Till) -> None:
    record = till.enrol("M-new", card=CARD)
    send(central, till)
    take(central, message(record.uid))
    rows = len(told(central))
    assert take(central, message(record.uid, name="Somebody Else")) == "stored"
    kept = profile(central, "M-new")
    assert kept is not None
    assert kept.full_name == "Anna  Maria Meier"
    assert len(told(central)) == rows


def test_an_erased_member_gets_no_person_again(central: Central, till: Till) -> None:
    record = till.enrol("M-new", card=CARD)
    send(central, till)
    member_ends.erase(central, "M-new", who="desk")
    assert take(central, message(record.uid)) == "gone"
    assert profile(central, "M-new") is None


def test_only_the_register_that_enrolled_a_member_brings_their_person(
    central: Central, till: Till, there: Till
) -> None:
    record = till.enrol("M-new", card=CARD)
    sale = there.sell("M-new", earned=1)
    send(central, till)
    send(central, there)
    assert take(central, message(record.uid), there.register) == "gone"
    assert take(central, message(sale.uid), there.register) == "gone"
    assert profile(central, "M-new") is None
