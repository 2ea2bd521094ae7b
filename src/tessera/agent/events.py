"""Events from readers, sales and sync to whoever listens: a POS, the cashier's page.

Owns: rising ids, a bounded ring for replay after a reconnect, slow listeners that lose nothing but
what the ring lost. Must never: write to disk or log; an event may hold a card number in clear,
since the POS that listens is paired.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from dataclasses import dataclass

RING_EVENTS_MAX = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One event; `content` is a plain JSON object with `type` among its keys."""

    event_id: int
    content: dict[str, object]

    @property
    def type(self) -> str:
        """scan, member, sale, reader, sync or notice."""
        return str(self.content["type"])


class EventHub:
    """Where events are published and listened to, all in one event loop.

    Ids start at `first_id`; taken from the wall clock at start, they go on rising after a restart,
    so that a listener's last id is never ahead of ours.
    """

    def __init__(self, first_id: int) -> None:
        self._next_id = first_id
        self._ring: deque[Event] = deque(maxlen=RING_EVENTS_MAX)
        self._closed = False
        self._wakers: set[asyncio.Event] = set()

    @property
    def last_id(self) -> int:
        """The id of the newest event, or the one before the first."""
        return self._next_id - 1

    @property
    def listeners(self) -> int:
        """How many listen now."""
        return len(self._wakers)

    def publish(self, type_: str, **content: object) -> Event:
        """Publish an event; returns it with its id. Call from the event loop's thread."""
        event = Event(event_id=self._next_id, content={"type": type_, **content})
        self._next_id += 1
        self._ring.append(event)
        for waker in self._wakers:
            waker.set()
        return event

    def close(self) -> None:
        """End every subscription, so that a stopping server need not wait for listeners."""
        self._closed = True
        for waker in self._wakers:
            waker.set()

    async def subscribe(self, last_id: int | None) -> AsyncIterator[Event]:
        """Events after `last_id` as far as they are kept, then new ones, until `close`.

        None: only new ones. An id ahead of ours is from before the clock was set back: then all
        that is kept is given.
        """
        seen = self.last_id if last_id is None else last_id
        if seen > self.last_id:
            seen = -1
        waker = asyncio.Event()
        self._wakers.add(waker)
        try:
            while True:
                waker.clear()
                for event in [kept for kept in self._ring if kept.event_id > seen]:
                    seen = event.event_id
                    yield event
                if self._closed:
                    return
                if seen >= self.last_id:
                    await waker.wait()
        finally:
            self._wakers.discard(waker)
