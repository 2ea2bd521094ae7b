"""The event hub: rising ids, replay as far as is kept, an end when it closes."""

import asyncio

from tessera.agent.events import RING_EVENTS_MAX, Event, EventHub


async def heard(hub: EventHub, last_id: int | None, count: int) -> list[Event]:
    found: list[Event] = []
    async for event in hub.subscribe(last_id):
        found.append(event)
        if len(found) == count:
            break
    return found


def test_a_listener_gets_what_it_missed_and_then_what_is_new() -> None:
    async def story() -> list[int]:
        hub = EventHub(first_id=100)
        for number in range(5):
            hub.publish("scan", number=number)
        listening = asyncio.create_task(heard(hub, 102, 3))
        await asyncio.sleep(0)
        hub.publish("scan", number=5)
        return [event.event_id for event in await listening]

    assert asyncio.run(story()) == [103, 104, 105]


def test_without_an_id_only_what_is_new_is_given() -> None:
    async def story() -> list[int]:
        hub = EventHub(first_id=1)
        hub.publish("scan")
        listening = asyncio.create_task(heard(hub, None, 1))
        await asyncio.sleep(0)
        hub.publish("sale")
        return [event.event_id for event in await listening]

    assert asyncio.run(story()) == [2]


def test_an_id_ahead_of_ours_gives_all_that_is_kept() -> None:
    """The clock was set back over a restart, so the listener's id is from the future."""

    async def story() -> list[int]:
        hub = EventHub(first_id=1)
        hub.publish("scan")
        return [event.event_id for event in await heard(hub, 999, 1)]

    assert asyncio.run(story()) == [1]


def test_the_ring_is_bounded_and_keeps_the_newest() -> None:
    async def story() -> int:
        hub = EventHub(first_id=0)
        for _ in range(RING_EVENTS_MAX + 5):
            hub.publish("scan")
        return (await heard(hub, 0, 1))[0].event_id

    assert asyncio.run(story()) == 5


def test_closing_ends_every_listener() -> None:
    async def story() -> int:
        hub = EventHub(first_id=0)
        listening = asyncio.create_task(heard(hub, None, 1))
        await asyncio.sleep(0)
        assert hub.listeners == 1
        hub.close()
        await asyncio.wait_for(listening, 5)
        return hub.listeners

    assert asyncio.run(story()) == 0


def test_a_burst_of_forty_loses_none_and_keeps_the_order() -> None:
    async def story() -> list[object]:
        hub = EventHub(first_id=0)
        listening = asyncio.create_task(heard(hub, None, 40))
        await asyncio.sleep(0)
        for number in range(40):
            hub.publish("scan", number=number)
        return [event.content["number"] for event in await listening]

    assert asyncio.run(story()) == list(range(40))
