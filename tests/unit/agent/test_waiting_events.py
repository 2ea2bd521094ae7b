"""The queue between the readers' threads and the event loop."""

from tessera.agent.waiting_events import EVENTS_OF_A_READER_MAX, WaitingEvents
from tessera.devices.events import ReaderCondition, ReaderError, ReaderEvent, ReaderState


def event(number: int, reader: str = "counter") -> ReaderError:
    return ReaderError(
        code="illegal_byte", message=str(number), reader_id=reader, monotonic_ns=number
    )


def state(condition: ReaderCondition) -> ReaderState:
    return ReaderState(reader_id="counter", condition=condition, message="", monotonic_ns=1)


def queue() -> WaitingEvents:
    return WaitingEvents(wake=lambda: None)


def taken(events: WaitingEvents) -> list[ReaderEvent]:
    return list(iter(events.take, None))


def test_a_burst_of_forty_waits_whole_and_in_order() -> None:
    events, sent = queue(), [event(number) for number in range(40)]
    for one in sent:
        events.put(one)
    assert taken(events) == sent


def test_a_flood_keeps_the_first_ones_and_tells_how_many_were_lost() -> None:
    events = queue()
    for number in range(EVENTS_OF_A_READER_MAX + 100_000):
        events.put(event(number))
    *kept, told = taken(events)
    assert kept == [event(number) for number in range(EVENTS_OF_A_READER_MAX)]
    assert isinstance(told, ReaderError)
    assert (told.code, told.repeats) == ("overrun", 100_000)
    assert taken(events) == []


def test_after_a_flood_a_reader_is_heard_again() -> None:
    events = queue()
    for number in range(EVENTS_OF_A_READER_MAX + 1):
        events.put(event(number))
    taken(events)
    events.put(event(7))
    assert taken(events) == [event(7)]


def test_one_readers_flood_costs_another_one_nothing() -> None:
    events = queue()
    for number in range(2 * EVENTS_OF_A_READER_MAX):
        events.put(event(number))
    scans = [event(number, "other") for number in range(40)]
    for one in scans:
        events.put(one)
    assert [one for one in taken(events) if one.reader_id == "other"] == scans


def test_the_newest_state_of_a_reader_outlives_its_flood() -> None:
    events = queue()
    for number in range(2 * EVENTS_OF_A_READER_MAX):
        events.put(event(number))
    events.put(state(ReaderCondition.CONNECTED))
    events.put(state(ReaderCondition.DISCONNECTED))
    assert taken(events)[-1] == state(ReaderCondition.DISCONNECTED)


def test_whoever_takes_is_woken_once_however_many_events_come_meanwhile() -> None:
    woken: list[bool] = []
    events = WaitingEvents(wake=lambda: woken.append(True))
    for number in range(2 * EVENTS_OF_A_READER_MAX):
        events.put(event(number))
    assert woken == [True]
    taken(events)
    events.put(event(1))
    assert woken == [True, True]
