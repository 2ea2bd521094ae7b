"""Answers that arrive whole, such as a card's answer to a PC/SC command.

The reader's driver hands over one answer at a time, so that every `feed` is one frame; the bytes
of an answer do not say where it ends, and nothing here tries to guess.
"""

from tessera.devices.framing.frame import MAX_FRAME_BYTES, Frame, FrameError, FrameOutcome


class AnswerFramer:
    """Takes each chunk as one whole answer."""

    def feed(self, chunk: bytes, now_ns: int) -> list[FrameOutcome]:
        """Take one answer."""
        del now_ns
        if len(chunk) > MAX_FRAME_BYTES:
            return [FrameError("too_long", f"more than {MAX_FRAME_BYTES} bytes in an answer")]
        return [Frame(chunk, chunk)] if chunk else []

    def idle(self, now_ns: int) -> list[FrameOutcome]:
        """Nothing waits here."""
        del now_ns
        return []

    def deadline_ns(self) -> int | None:
        """Nothing waits here."""
        return None
