"""Server-Sent Events: how a change of the till reaches an open page.

Owns: the frames and the loop of one open stream. Must never: outlive the agent's shutdown, or
keep what it could not send; the next frame holds the whole state anyway.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import suppress

from tessera.panel.source import PanelSource

RETRY_MS = 500


def frame(data: str, *, event: str = "", event_id: int | None = None) -> bytes:
    """One event in the format of the HTML standard, section 9.2 (server-sent events)."""
    lines = [f"event: {event}"] if event else []
    if event_id is not None:
        lines.append(f"id: {event_id}")
    lines += [f"data: {line}" for line in data.splitlines() or [""]]
    return ("\n".join(lines) + "\n\n").encode()


async def frames(
    source: PanelSource,
    *,
    last_id: int,
    draw: Callable[[], str],
    time: Callable[[], str],
    beat_s: float,
    stop: asyncio.Event,
) -> AsyncIterator[bytes]:
    """The frames of one open page until `stop` is set.

    `draw` gives the screen as it stands, `time` the till's own time for people. A beat goes out
    at once and after each `beat_s` of silence: a named event, since a page cannot see a comment.
    """
    changes = source.subscribe(last_id)
    stopping = asyncio.create_task(stop.wait())
    change: asyncio.Task[int | None] | None = None
    try:
        yield f"retry: {RETRY_MS}\n".encode() + frame(time(), event="beat")
        while not stop.is_set():
            if change is None:
                change = asyncio.create_task(_following(changes))
            done, _ = await asyncio.wait(
                {change, stopping}, timeout=beat_s, return_when=asyncio.FIRST_COMPLETED
            )
            if change in done:
                event_id, change = change.result(), None
                if event_id is None:
                    return
                yield frame(draw(), event_id=event_id)
            if not stop.is_set():
                yield frame(time(), event="beat")
    finally:
        stopping.cancel()
        if change is not None:
            change.cancel()
            with suppress(asyncio.CancelledError):
                await change
        close = getattr(changes, "aclose", None)
        if close is not None:
            await close()


async def _following(changes: AsyncIterator[int]) -> int | None:
    """The next change, or None at the source's end; a task cannot raise StopAsyncIteration on."""
    async for event_id in changes:
        return event_id
    return None
