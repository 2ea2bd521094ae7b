"""Input reports of scanners on the HID usage page "Bar Code Scanner" (0x8C).

A report has a fixed size: report id, length, three bytes of AIM identifier, up to 56 bytes of data,
and a flag that says that more follows in the next report. Sizes and places come from the profile,
since report descriptors differ between makers. Reports of another id are status and no scan.

Source: USB HID usage tables, page 0x8C; layout of the decoded-data report as Honeywell's and
Zebra's scanners send it.
"""

from dataclasses import dataclass

from tessera.devices.framing.frame import (
    MAX_FRAME_BYTES,
    NS_PER_MS,
    Control,
    Frame,
    FrameError,
    FrameOutcome,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class HidPosRules:
    """Where things stand in a report, counted from the report id at 0."""

    report_id: int = 2
    report_bytes: int = 64
    length_at: int = 1
    aim_at: int = 2
    data_at: int = 5
    data_bytes: int = 56
    more_at: int = 63
    idle_ms: int = 200


class HidPosFramer:
    """Joins the reports of one scan."""

    def __init__(self, rules: HidPosRules) -> None:
        self._rules = rules
        self._buffer = bytearray()
        self._text = bytearray()
        self._raw = bytearray()
        self._aim = b""
        self._last_ns = 0

    def feed(self, chunk: bytes, now_ns: int) -> list[FrameOutcome]:
        """Take what arrived and give the scans that it completed."""
        self._buffer += chunk
        if chunk:
            self._last_ns = now_ns
        outcomes: list[FrameOutcome] = []
        size = self._rules.report_bytes
        while len(self._buffer) >= size:
            report = bytes(self._buffer[:size])
            del self._buffer[:size]
            outcomes.extend(self._report(report))
        return outcomes

    def idle(self, now_ns: int) -> list[FrameOutcome]:
        """Drop a report or a chain of reports that stopped in the middle."""
        deadline = self.deadline_ns()
        if deadline is None or now_ns < deadline:
            return []
        left = bytes(self._raw) + bytes(self._buffer)
        self._buffer.clear()
        self._forget()
        return [FrameError("timeout", "a report stopped in the middle", left)]

    def deadline_ns(self) -> int | None:
        """Give the time at which an unfinished scan is dropped."""
        if not self._buffer and not self._raw:
            return None
        return self._last_ns + self._rules.idle_ms * NS_PER_MS

    def _report(self, report: bytes) -> list[FrameOutcome]:
        rules = self._rules
        if report[0] != rules.report_id:
            return [Control(f"report_{report[0]:02x}", report)]
        length = report[rules.length_at]
        aim = report[rules.aim_at : rules.aim_at + 3]
        if length > rules.data_bytes:
            return self._refuse(f"a report claims {length} bytes of data", report)
        more = report[rules.more_at] & 0x01
        if report[rules.more_at] & ~0x01:
            return self._refuse("a report's flags are unknown", report)
        if self._raw and aim != self._aim:
            return self._refuse("the reports of one scan name two symbologies", report)
        if len(self._text) + length > MAX_FRAME_BYTES:
            return self._refuse("too many reports for one scan", report)
        if any(report[rules.data_at + length : rules.data_at + rules.data_bytes]):
            # Unused places are zero; anything else means that the length is damaged.
            return self._refuse("a report holds more than its length says", report)
        self._aim = aim
        self._text += report[rules.data_at : rules.data_at + length]
        self._raw += report
        if more:
            return []
        body, raw = bytes(self._text), bytes(self._raw)
        aim_text = aim.decode("latin-1") if any(aim) else ""
        self._forget()
        return [Frame(body, raw, aim=aim_text)] if body else []

    def _refuse(self, message: str, report: bytes) -> list[FrameOutcome]:
        raw = bytes(self._raw) + report
        self._forget()
        return [FrameError("bad_frame", message, raw)]

    def _forget(self) -> None:
        self._text.clear()
        self._raw.clear()
        self._aim = b""
