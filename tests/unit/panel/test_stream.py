import asyncio
from collections.abc import AsyncIterator

from tessera.panel.stream import frame, frames
from tests.support.scripted_panel import ScriptedTill

LONG_S = 60.0


def test_each_line_of_a_frame_is_marked_so_that_none_is_lost() -> None:
    assert frame("<p>\na\n</p>", event_id=7) == b"id: 7\ndata: <p>\ndata: a\ndata: </p>\n\n"


def test_a_beat_has_no_id() -> None:
    """An id would make the page forget which change it saw last."""
    assert frame("14:05:07", event="beat") == b"event: beat\ndata: 14:05:07\n\n"


def test_nothing_in_a_text_can_end_a_frame_early() -> None:
    assert frame("a\r\n\r\nid: 9\u2028b") == b"data: a\ndata: \ndata: id: 9\ndata: b\n\n"


def opened(till: ScriptedTill, stop: asyncio.Event, **given: float) -> AsyncIterator[bytes]:
    return frames(
        till,
        last_id=int(given.get("last_id", 1)),
        draw=lambda: "screen",
        time=lambda: "14:05:07",
        beat_s=given.get("beat_s", LONG_S),
        stop=stop,
    )


def test_a_page_that_missed_a_change_gets_the_screen_at_once() -> None:
    async def story() -> list[bytes]:
        stream = opened(ScriptedTill(), asyncio.Event(), last_id=0)
        pieces = [await anext(stream), await anext(stream)]
        await stream.aclose()  # type: ignore[attr-defined]
        return pieces

    first, second = asyncio.run(story())
    assert first == b"retry: 500\nevent: beat\ndata: 14:05:07\n\n"
    assert second == b"id: 1\ndata: screen\n\n"


def test_an_idle_stream_shows_that_it_lives() -> None:
    async def story() -> bytes:
        stream = opened(ScriptedTill(), asyncio.Event(), beat_s=0.01)
        await anext(stream)
        piece = await anext(stream)
        await stream.aclose()  # type: ignore[attr-defined]
        return piece

    assert asyncio.run(story()) == b"event: beat\ndata: 14:05:07\n\n"


def test_a_stream_ends_when_the_agent_stops() -> None:
    async def story() -> list[bytes]:
        stop = asyncio.Event()
        stream = opened(ScriptedTill(), stop)
        await anext(stream)
        asyncio.get_running_loop().call_soon(stop.set)
        return [piece async for piece in stream]

    assert asyncio.run(story()) == []


def test_a_stream_ends_with_its_source() -> None:
    class Closing(ScriptedTill):
        async def subscribe(self, last_id: int) -> AsyncIterator[int]:
            yield last_id + 1

    async def story() -> list[bytes]:
        stream = opened(Closing(), asyncio.Event(), beat_s=LONG_S)
        return [piece async for piece in stream]

    assert asyncio.run(story())[1] == b"id: 2\ndata: screen\n\n"
