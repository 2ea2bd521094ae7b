"""Events as plain fields for JSON lines and for people; card numbers masked unless asked."""

from tessera.core.cards import masked
from tessera.devices.events import ReaderError, ReaderEvent, ReaderState, Scan, ScanKind

# What a person may be known by; the number on a pack of butter is nobody's.
_PERSONAL = frozenset(
    {ScanKind.MEMBER_CARD, ScanKind.STAFF_CARD, ScanKind.UNKNOWN, ScanKind.ENROLMENT}
)


def event_fields(event: ReaderEvent, *, in_clear: bool = False) -> dict[str, object]:
    """Give an event as fields; `in_clear` shows card numbers and raw bytes."""
    fields: dict[str, object] = {"reader": event.reader_id, "monotonic_ns": event.monotonic_ns}
    if isinstance(event, ReaderState):
        fields |= {"event": "state", "condition": event.condition.value, "message": event.message}
        fields |= {"scans": event.scans, "errors": event.errors}
    elif isinstance(event, ReaderError):
        fields |= {"event": "error", "code": event.code, "message": event.message}
        fields |= {"repeats": event.repeats}
        if in_clear and event.raw_hex:
            fields["raw_hex"] = event.raw_hex
    else:
        fields |= _scan_fields(event, in_clear=in_clear)
    if not isinstance(event, Scan) and event.hint:
        fields["hint"] = event.hint
    return fields


def _scan_fields(scan: Scan, *, in_clear: bool) -> dict[str, object]:
    hidden = scan.kind in _PERSONAL and not in_clear
    fields: dict[str, object] = {
        "event": "scan",
        "kind": scan.kind.value,
        "symbology": scan.symbology,
        "payload": masked(scan.payload) if hidden else scan.payload,
        "card_id": masked(scan.card_id) if hidden and scan.card_id else scan.card_id,
        "card_format": scan.card_format,
    }
    if scan.warnings:
        fields["warnings"] = list(scan.warnings)
    if scan.suppressed:
        fields["suppressed"] = True
    if not hidden:
        fields |= dict(scan.details)
        fields["raw_hex"] = scan.raw_hex
    return fields


def event_line(event: ReaderEvent, *, in_clear: bool = False) -> str:
    """Give an event as one line for people."""
    if isinstance(event, ReaderState):
        line = f"{event.condition.value}: {event.message}"
        return f"{line} — {event.hint}" if event.hint else line
    if isinstance(event, ReaderError):
        times = f" ({event.repeats} times)" if event.repeats > 1 else ""
        return f"error {event.code}{times}: {event.message}"
    fields = _scan_fields(event, in_clear=in_clear)
    number = fields["card_id"] or fields["payload"]
    words = [event.kind.value.replace("_", " "), str(number), f"[{event.symbology}]"]
    if event.card_format:
        words.append(f"format {event.card_format}")
    words += [f"warning {warning}" for warning in event.warnings]
    if event.suppressed:
        words.append("(repeat)")
    return "  ".join(words)
