"""Repeats, confirmation, folding of errors, and the bounded queue."""

from tessera.devices.decoding.label import Label, Refusal
from tessera.devices.dedupe import Confirmation, ErrorFolding, Repeats
from tessera.devices.event_queue import EventQueue
from tessera.devices.events import ReaderError
from tessera.devices.framing.frame import NS_PER_MS as MS


def test_a_repeat_within_the_time_is_known_and_extends_it() -> None:
    repeats = Repeats(700)
    assert not repeats.is_repeat("A", 0)
    assert repeats.is_repeat("A", 699 * MS)
    assert repeats.is_repeat("A", 1398 * MS)
    assert not repeats.is_repeat("A", 2098 * MS)
    assert not repeats.is_repeat("B", 2098 * MS)


def test_only_so_many_payloads_are_remembered() -> None:
    repeats = Repeats(700)
    for number in range(65):
        repeats.is_repeat(str(number), 0)
    assert not repeats.is_repeat("0", 1)
    assert repeats.is_repeat("64", 1)


def label(payload: str) -> Label:
    return Label(text=payload, symbology="em4100", payload=payload)


def test_a_number_counts_once_it_was_read_twice_and_then_rests() -> None:
    held = Confirmation(reads=2, within_ms=250)
    assert held.offer(label("A"), 0) == []
    assert held.offer(label("A"), 50 * MS) == [label("A")]
    assert held.offer(label("A"), 100 * MS) == []
    assert held.idle(10_000 * MS) == []


def test_a_number_read_once_is_refused_by_silence_or_by_the_next() -> None:
    held = Confirmation(reads=2, within_ms=250)
    held.offer(label("A"), 0)
    (refusal,) = held.idle(250 * MS)
    assert refusal.code == "unconfirmed_single_read"
    held.offer(label("A"), 0)
    (refused,) = held.offer(label("B"), 10 * MS)
    assert isinstance(refused, Refusal)
    (late, *rest) = held.offer(label("B"), 9_000 * MS)
    assert isinstance(late, Refusal)
    assert rest == []


def error(code: str, at_ms: int) -> ReaderError:
    return ReaderError(code=code, message=code, reader_id="r", monotonic_ns=at_ms * MS)


def test_equal_errors_are_folded_and_none_is_lost_from_the_count() -> None:
    folding = ErrorFolding(within_ms=1000)
    given = []
    for at_ms in range(0, 2500, 100):
        given += folding.offer(error("timeout", at_ms))
    given += folding.due(10_000 * MS)
    given += folding.due(20_000 * MS)
    assert sum(each.repeats for each in given) == 25
    assert [each.repeats for each in given] == [1, 9, 10, 5]


def test_errors_of_different_kinds_do_not_hide_each_other() -> None:
    folding = ErrorFolding(within_ms=1000)
    assert folding.offer(error("timeout", 0)) != []
    assert folding.offer(error("bad_frame", 1)) != []


def test_a_listener_that_falls_behind_learns_how_much_it_missed() -> None:
    events = EventQueue(limit=2)
    for number in range(5):
        events.put(error(str(number), number))
    assert [getattr(events.get(0), "code", None) for _ in range(2)] == ["0", "1"]
    gap = events.get(0)
    assert isinstance(gap, ReaderError)
    assert (gap.code, gap.repeats) == ("overrun", 3)
    assert events.get(0) is None


def test_the_gap_stands_before_what_came_after_it() -> None:
    events = EventQueue(limit=1)
    events.put(error("0", 0))
    events.put(error("lost", 1))
    events.get(0)
    events.put(error("2", 2))
    assert [getattr(events.get(0), "code", None) for _ in range(2)] == ["overrun", "2"]
