from collections.abc import Callable

import msgspec
import pytest

from tessera.sync.feed_reading import PageRefused, ReadPage, read_page
from tessera.sync.feed_wire import (
    AssignmentRow,
    FeedPage,
    FeedRow,
    LeaseRow,
    MemberRow,
    Segment,
    SegmentBody,
)
from tessera.sync.signing import PURPOSE_SEGMENT, SigningKey
from tessera.sync.trust import trust_in_key
from tests.support.small_central import CENTRAL_KEY, signed, signed_assignment, signed_lease

AUDIENCE = "store:shop"
LEASE = LeaseRow(
    lease_id="L1",
    member_id="m1",
    unit="points",
    amount=300,
    register="till-1",
    incarnation="00000000000000a1",
    generation="g1",
)
ASSIGNMENT = AssignmentRow(number=1, bundle="0" * 64, active_from_ms=0, size=1, generation="g1")


def body(number: int, *rows: FeedRow, audience: str = AUDIENCE, gen: str = "g1") -> SegmentBody:
    return SegmentBody(
        generation=gen, audience=audience, number=number, rows=rows, central_ms=1000 + number
    )


def page(*segments: Segment, head: int = 3, **changes: str) -> FeedPage:
    fields = {"generation": "g1", "audience": AUDIENCE, **changes}
    return FeedPage(head=head, central_ms=9, segments=segments, **fields)


def read(found: FeedPage, after: int = 0, generation: str = "g1") -> ReadPage:
    return read_page(
        found,
        audience=AUDIENCE,
        generation=generation,
        after=after,
        trust=trust_in_key(CENTRAL_KEY.public),
    )


def member(number: int) -> MemberRow:
    return MemberRow(member_id=f"m{number}", version=number)


def test_a_good_page_gives_its_rows_and_where_the_cursor_stands() -> None:
    found = read(page(signed(body(1, member(1))), signed(body(2, member(2), member(3)))))
    assert [row.member_id for row in found.rows if isinstance(row, MemberRow)] == ["m1", "m2", "m3"]
    assert (found.number, found.head, found.is_last) == (2, 3, False)
    assert (found.central_ms, found.signed_ms) == (9, 1002)


def test_an_empty_page_at_the_head_is_fine() -> None:
    assert read(page(head=3), after=3).is_last


def by_another_key(given: SegmentBody) -> Segment:
    honest = signed(given)
    forged = SigningKey(b"\x66" * 32).sign(PURPOSE_SEGMENT, honest.body.encode()).hex()
    return msgspec.structs.replace(honest, signature=forged)


def tampered(given: SegmentBody) -> Segment:
    honest = signed(given)
    return msgspec.structs.replace(honest, body=honest.body.replace("m1", "m2"))


def truncated(given: SegmentBody) -> Segment:
    honest = signed(given)
    return msgspec.structs.replace(honest, body=honest.body[:-5])


def renumbered(given: SegmentBody) -> Segment:
    return msgspec.structs.replace(signed(given), number=given.number + 1)


ATTACKS: list[tuple[str, Callable[[], FeedPage]]] = [
    ("a segment by another key", lambda: page(by_another_key(body(1, member(1))))),
    ("a changed segment", lambda: page(tampered(body(1, member(1))))),
    ("a truncated segment", lambda: page(truncated(body(1, member(1))))),
    (
        "a signature that is no hexadecimal",
        lambda: page(msgspec.structs.replace(signed(body(1, member(1))), signature="zz")),
    ),
    ("a gap", lambda: page(signed(body(2, member(1))))),
    ("a repeat of an old segment", lambda: page(signed(body(1)), signed(body(1)))),
    ("segments in another order", lambda: page(signed(body(2)), signed(body(1)))),
    ("a segment of another audience", lambda: page(signed(body(1, audience="store:other")))),
    ("a segment of another generation", lambda: page(signed(body(1, gen="g0")))),
    ("a page of another generation", lambda: page(signed(body(1)), generation="g0")),
    ("a page of another audience", lambda: page(signed(body(1)), audience="store:other")),
    ("a number outside that is not the one inside", lambda: page(renumbered(body(1)))),
    ("a head behind the segments", lambda: page(signed(body(1)), head=0)),
    ("news withheld", lambda: page(head=3)),
    ("too many rows", lambda: page(signed(body(1, *map(member, range(501)))))),
    ("too many segments", lambda: page(*(signed(body(n)) for n in range(1, 52)), head=51)),
    ("a lease without signature", lambda: page(signed(body(1, LEASE)))),
    (
        "a lease made larger",
        lambda: page(signed(body(1, msgspec.structs.replace(signed_lease(LEASE), amount=301)))),
    ),
    (
        "a lease moved to another register",
        lambda: page(
            signed(body(1, msgspec.structs.replace(signed_lease(LEASE), register="till-2")))
        ),
    ),
    ("an assignment without signature", lambda: page(signed(body(1, ASSIGNMENT)))),
    (
        "an assignment of another bundle",
        lambda: page(
            signed(body(1, msgspec.structs.replace(signed_assignment(ASSIGNMENT), bundle="1" * 64)))
        ),
    ),
]


@pytest.mark.parametrize("attack", [make for _, make in ATTACKS], ids=[name for name, _ in ATTACKS])
def test_a_page_with_anything_wrong_is_refused_whole(attack: Callable[[], FeedPage]) -> None:
    with pytest.raises(PageRefused):
        read(attack())


def test_signed_leases_and_assignments_pass() -> None:
    found = read(page(signed(body(1, signed_lease(LEASE), signed_assignment(ASSIGNMENT)))))
    assert len(found.rows) == 2


def raw_segment(text: str) -> Segment:
    signature = CENTRAL_KEY.sign(PURPOSE_SEGMENT, text.encode()).hex()
    return Segment(number=1, body=text, signature=signature)


def test_a_kind_of_row_of_a_later_release_is_passed_over() -> None:
    text = (
        '{"audience":"store:shop","generation":"g1","number":1,'
        '"rows":[{"type":"hologram","x":1},{"member_id":"m1","type":"member","version":1,"new":2}]}'
    )
    found = read(page(raw_segment(text)))
    assert (len(found.rows), found.unknown) == (1, 1)


@pytest.mark.parametrize(
    "text",
    [
        "{}",
        "[" * 2000,
        '{"audience":"store:shop","generation":"g1","number":1,"rows":[{"type":"member"}]}',
        '{"audience":"store:shop","generation":"g1","number":1,"rows":[7]}',
    ],
)
def test_a_signed_segment_that_does_not_read_is_refused(text: str) -> None:
    with pytest.raises(PageRefused):
        read(page(raw_segment(text)))


def test_an_empty_generation_takes_the_one_that_central_is_in() -> None:
    found = read(page(signed(body(1, gen="g9")), generation="g9"), generation="")
    assert found.generation == "g9"
