"""Reading a port for the commands that record: stretches of bytes between silences.

Owns no port: the caller opens and closes it. Runs in the caller's thread.
"""

from collections.abc import Callable, Iterator, Sequence

from tessera.core.errors import TesseraError
from tessera.devices.captures import STRETCH_BYTES_MAX, CaptureWriter
from tessera.devices.card_formats import CardFormat
from tessera.devices.pipeline import Pipeline
from tessera.devices.port import Port, PortEnded
from tessera.devices.profile_schema import ReaderProfile

SILENCE_S = 0.3
_WAIT_S = 0.5
_NS_PER_S = 1_000_000_000


def record(
    port: Port,
    profile: ReaderProfile,
    formats: Sequence[CardFormat],
    writer: CaptureWriter,
    *,
    clock_ns: Callable[[], int],
    count: int = 0,
) -> Iterator[str]:
    """Give the lines of a recording as they become whole; ends after `count` stretches, or never.

    The bytes run through the profile's pipeline, too, so that a payment card is recognised whatever
    its framing, and what the protocol wants answered is answered.
    """
    pipeline = Pipeline(profile, formats, "capture")
    yield writer.header()
    lines = 0
    waiting = _WAIT_S
    while not count or lines < count:
        try:
            chunk = port.read(waiting)
        except PortEnded:
            chunk, count = b"", -1
        now_ns = clock_ns()
        events = pipeline.feed(chunk, now_ns) if chunk else []
        if not chunk:
            events = pipeline.idle(now_ns + 60 * _NS_PER_S)
        writer.take(chunk, now_ns, events)
        replies = pipeline.take_replies()
        if replies:
            port.write(replies)
        line = None if chunk else writer.silence()
        if line:
            lines += 1
            yield line
        if count < 0:
            return
        waiting = SILENCE_S if chunk else _WAIT_S


def record_scans(port: Port, *, wait_s: float, clock_ns: Callable[[], int]) -> bytes:
    """Give the bytes of the next scan. TesseraError where none comes in time."""
    content = bytearray()
    until_ns = clock_ns() + round(wait_s * _NS_PER_S)
    while True:
        chunk = port.read(SILENCE_S)
        content += chunk
        if content and (not chunk or len(content) > STRETCH_BYTES_MAX):
            return bytes(content)
        if not content and clock_ns() > until_ns:
            raise TesseraError(
                f"nothing came within {wait_s:g} s",
                hint="check that the scanner is set to serial, and try another --baud",
            )
