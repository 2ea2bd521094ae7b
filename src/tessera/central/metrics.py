"""Numbers for monitoring, in Prometheus' text form (exposition format 0.0.4).

Owns: counters of this process and how they are written. Must never: carry an id of a member.
"""

from collections.abc import Mapping
from threading import Lock

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

_HELP = {
    "tessera_batches_accepted_total": "Batches stored, repeats left out.",
    "tessera_batches_repeated_total": "Batches that were stored already.",
    "tessera_records_accepted_total": "Records in stored batches.",
    "tessera_records_malformed_total": "Records parked because they cannot be read.",
    "tessera_forks_total": "Batches that were another history under the same incarnation.",
    "tessera_refusals_total": "Requests that were refused, by code.",
    "tessera_batches_applied_total": "Batches whose records are all settled.",
    "tessera_apply_failures_total": "Rounds of booking that failed and were tried again.",
    "tessera_segments_published_total": "Segments published.",
    "tessera_rechecks_total": "Booked sales that were priced once more, by what came out.",
    "tessera_rechecks_waiting": "Booked sales that are to be priced once more.",
    "tessera_inbox_batches": "Batches that wait to be booked.",
    "tessera_quarantine_records": "Records in quarantine.",
    "tessera_registers_ahead": "Registers that were told more than this database knows.",
    "tessera_registers_active": "Registers that may speak.",
}


class Metrics:
    """Counters and gauges, safe to change from any thread."""

    def __init__(self) -> None:
        self._values: dict[tuple[str, str], int] = {}
        self._lock = Lock()

    def count(self, name: str, by: int = 1, *, code: str = "") -> None:
        """Add to a counter."""
        with self._lock:
            key = (name, code)
            self._values[key] = self._values.get(key, 0) + by

    def text(self, gauges: Mapping[str, int]) -> str:
        """Everything, for a scrape; `gauges` are read at this moment."""
        with self._lock:
            values = dict(self._values)
        values |= {(name, ""): value for name, value in gauges.items()}
        lines: list[str] = []
        for name, help_text in _HELP.items():
            kind = "counter" if name.endswith("_total") else "gauge"
            lines += [f"# HELP {name} {help_text}", f"# TYPE {name} {kind}"]
            found = sorted(
                (code, value) for (known, code), value in values.items() if known == name
            )
            for code, value in found or [("", 0)]:
                label = f'{{code="{code}"}}' if code else ""
                lines.append(f"{name}{label} {value}")
        return "\n".join(lines) + "\n"
