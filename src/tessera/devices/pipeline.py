"""From bytes to scans: framer, decoder, card formats, repeats, in this order, for one reader.

    bytes → frames → labels → what they are → repeats → events

Pure: time comes in with the bytes, and nothing here knows where they came from. What the protocol
wants sent back is collected for the port to write. Payment card numbers end here: no event carries
one, and bytes that could hold one are left out of errors.
"""

from collections.abc import Sequence
from dataclasses import replace

from tessera.devices.card_formats import CardFormat, classify
from tessera.devices.decoding.label import Label, LabelTrust, Refusal
from tessera.devices.decoding.magstripe import read_stripe
from tessera.devices.decoding.payment_cards import holds_payment_card, may_hold_part_of_card
from tessera.devices.decoding.proximity import (
    read_em4100,
    read_hex_uid,
    read_pcsc_answer,
    read_wiegand,
)
from tessera.devices.decoding.symbology import read_label
from tessera.devices.dedupe import Confirmation, Repeats
from tessera.devices.events import ReaderError, Scan, ScanKind
from tessera.devices.framing.frame import Control, Frame, FrameError, FrameOutcome
from tessera.devices.profile_schema import Decoding, ReaderProfile
from tessera.devices.profiles import framer_of

PipelineEvent = Scan | ReaderError


class Pipeline:
    """All pure stages for one reader; feed it what arrives and call `idle` at its deadline."""

    def __init__(
        self, profile: ReaderProfile, card_formats: Sequence[CardFormat], reader_id: str
    ) -> None:
        self._decode = profile.decode
        self._formats = tuple(card_formats)
        self._reader_id = reader_id
        self._framer = framer_of(profile)
        self._repeats = Repeats(profile.repeat_ms)
        self._confirmation = (
            Confirmation(
                reads=profile.decode.confirm_reads, within_ms=profile.decode.confirm_within_ms
            )
            if profile.decode.confirm_reads > 1
            else None
        )
        self._replies = bytearray()
        self.controls: list[str] = []

    def feed(self, chunk: bytes, now_ns: int) -> list[PipelineEvent]:
        """Take bytes that arrived at `now_ns`, in pieces of any size."""
        return self._take(self._framer.feed(chunk, now_ns), now_ns)

    def idle(self, now_ns: int) -> list[PipelineEvent]:
        """Say that nothing arrived up to `now_ns`."""
        events = self._take(self._framer.idle(now_ns), now_ns)
        if self._confirmation:
            events += [
                self._refused(refusal, b"", now_ns) for refusal in self._confirmation.idle(now_ns)
            ]
        return events

    def deadline_ns(self) -> int | None:
        """Give the time at which `idle` has something to do, or None."""
        deadlines = [self._framer.deadline_ns()]
        if self._confirmation:
            deadlines.append(self._confirmation.deadline_ns())
        return min((deadline for deadline in deadlines if deadline is not None), default=None)

    def take_replies(self) -> bytes:
        """Give what the protocol wants sent to the device, once."""
        replies = bytes(self._replies)
        self._replies.clear()
        return replies

    def _take(self, outcomes: Sequence[FrameOutcome], now_ns: int) -> list[PipelineEvent]:
        events: list[PipelineEvent] = []
        for outcome in outcomes:
            self._replies += outcome.reply
            if isinstance(outcome, Control):
                # The list is for diagnosis; a chatty device must not grow it for ever.
                self.controls = [*self.controls[-15:], outcome.name]
            elif isinstance(outcome, FrameError):
                events.append(self._framing_error(outcome, now_ns))
            else:
                events += self.take_frame(outcome, now_ns)
        return events

    def take_frame(self, frame: Frame, now_ns: int) -> list[PipelineEvent]:
        """Take a frame that needs no cutting any more."""
        events: list[PipelineEvent] = []
        for given in decode_frame(frame, self._decode):
            decoded = given
            if isinstance(given, Label) and frame.warnings:
                # Half a number is never anybody's card, unless a check digit says it is whole.
                decoded = replace(given, trust=LabelTrust.MISSING, warnings=frame.warnings)
            found: list[Label | Refusal] = [decoded]
            if self._confirmation and isinstance(decoded, Label):
                found = self._confirmation.offer(decoded, now_ns)
            for each in found:
                if isinstance(each, Refusal):
                    events.append(self._refused(each, frame.raw, now_ns))
                else:
                    events.append(self._scan(each, frame, now_ns))
        return events

    def _scan(self, label: Label, frame: Frame, now_ns: int) -> PipelineEvent:
        what = classify(label, self._formats)
        if isinstance(what, Refusal):
            return self._refused(what, frame.raw, now_ns)
        identity = what.card_id or label.number or label.payload
        is_card = what.kind in {ScanKind.MEMBER_CARD, ScanKind.STAFF_CARD}
        assert is_card == (what.card_id is not None)
        return Scan(
            raw_hex=frame.raw.hex() if label.keep_raw else "",
            label=label.text,
            symbology=label.symbology,
            payload=label.payload,
            kind=what.kind,
            card_id=what.card_id,
            card_format=what.card_format,
            reader_id=self._reader_id,
            monotonic_ns=now_ns,
            details=what.details,
            warnings=(*label.warnings, *what.warnings),
            suppressed=self._repeats.is_repeat(identity, now_ns),
        )

    def _framing_error(self, error: FrameError, now_ns: int) -> ReaderError:
        text = _as_text(error.raw)
        hidden = (
            self._decode.kind == "stripe" or may_hold_part_of_card(text) or holds_payment_card(text)
        )
        return self._error(error.code, error.message, b"" if hidden else error.raw, now_ns)

    def _refused(self, refusal: Refusal, raw: bytes, now_ns: int) -> ReaderError:
        hidden = not refusal.keep_raw or holds_payment_card(_as_text(raw))
        return self._error(refusal.code, refusal.message, b"" if hidden else raw, now_ns)

    def _error(self, code: str, message: str, raw: bytes, now_ns: int) -> ReaderError:
        return ReaderError(
            code=code,
            message=message,
            reader_id=self._reader_id,
            monotonic_ns=now_ns,
            raw_hex=raw.hex(),
        )


def decode_frame(frame: Frame, decode: Decoding) -> list[Label | Refusal]:
    """Read one frame by the profile's kind of content."""
    match decode.kind:
        case "stripe":
            return read_stripe(frame.body, with_lrc=decode.lrc)
        case "em4100":
            return [read_em4100(frame.body)]
        case "hex-uid":
            return [read_hex_uid(frame.body)]
        case "pcsc-uid":
            return [read_pcsc_answer(frame.body)]
        case "wiegand":
            return [read_wiegand(frame.body, decode.bits)]
        case "barcode":
            return read_label(frame.body, decode.ids, aim=frame.aim, symbology=frame.symbology)


def _as_text(raw: bytes) -> str:
    """Give bytes as text for the search for card numbers, parity bits taken off."""
    return bytes(byte & 0x7F for byte in raw).decode("ascii")
