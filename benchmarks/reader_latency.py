"""From a scan's last byte to its event: ours beside the floor, on a real pseudo-terminal.

The floor is a thread that reads the same kind of pseudo-terminal with os.read and does nothing
else. Both are measured in turn in one run, and the quietest of up to three runs counts, since on a
busy machine the floor alone may take longer. The promise is 5 ms for the 99th percentile.
"""

import os
import queue
import sys
import threading
import time
from collections.abc import Callable

from tessera.devices.events import ReaderCondition, ReaderEvent, ReaderState, Scan
from tessera.devices.readers import ReaderSettings, open_reader
from tessera.devices.simulated import SimulatedScanner

SCANS = 500
P99_MS_MAX = 5.0
ROUNDS = 3
# A floor above this says that the machine is busy with something else.
QUIET_MS = 1.0
LABEL = b"]E02001234567893\r"


def measure(scanner: SimulatedScanner, arrived: "queue.SimpleQueue[int]") -> float:
    """Type one scan, the last byte apart, and give the milliseconds until it was noticed."""
    scanner.type_bytes(LABEL[:-1])
    # The beginning is read before the end is typed, as on a real wire.
    time.sleep(0.002)
    typed_ns = time.monotonic_ns()
    scanner.type_bytes(LABEL[-1:])
    return (arrived.get(timeout=5) - typed_ns) / 1e6


def floor_reader(device: str, arrived: "queue.SimpleQueue[int]") -> Callable[[], None]:
    """Read a device until it goes away; notes the time of every end of a line."""
    descriptor = os.open(device, os.O_RDONLY | os.O_NOCTTY)

    def run() -> None:
        while True:
            try:
                content = os.read(descriptor, 4096)
            except OSError:
                break
            if content.endswith(b"\r"):
                arrived.put(time.monotonic_ns())

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    return lambda: os.close(descriptor)


def percentile(values: list[float], share: float) -> float:
    """Give the value below which that share of the values lies."""
    return sorted(values)[min(len(values) - 1, int(len(values) * share))]


def main() -> int:
    """Measure, print the table, and say whether the promise holds."""
    ours: queue.SimpleQueue[int] = queue.SimpleQueue()
    floor: queue.SimpleQueue[int] = queue.SimpleQueue()
    connected = threading.Event()

    def note(event: ReaderEvent) -> None:
        if isinstance(event, Scan):
            ours.put(time.monotonic_ns())
        elif isinstance(event, ReaderState) and event.condition == ReaderCondition.CONNECTED:
            connected.set()

    with SimulatedScanner() as scanner, SimulatedScanner() as bare:
        reader = open_reader(
            ReaderSettings(id="bench", profile="aim-cr", port=scanner.port),
            on_event=note,
            clock_ns=time.monotonic_ns,
        )
        reader.start()
        close = floor_reader(bare.port, floor)
        connected.wait(5)
        quietest: tuple[float, list[float], list[float]] | None = None
        for _ in range(ROUNDS):
            pairs = [(measure(scanner, ours), measure(bare, floor)) for _ in range(SCANS)]
            run = [mine for mine, _ in pairs], [bottom for _, bottom in pairs]
            noise_ms = percentile(run[1], 0.99)
            if quietest is None or noise_ms < quietest[0]:
                quietest = (noise_ms, *run)
            if noise_ms <= QUIET_MS:
                break
        reader.stop()
        close()
    assert quietest
    noise_ms, our_ms, floor_ms = quietest
    print(f"{SCANS} scans each, milliseconds from the last byte to the event")
    print("           p50      p99      worst")
    for name, values in (("ours", our_ms), ("floor", floor_ms)):
        p50, p99 = percentile(values, 0.5), percentile(values, 0.99)
        print(f"{name:<7} {p50:7.3f}  {p99:7.3f}  {max(values):9.3f}")
    ratio = percentile(our_ms, 0.5) / percentile(floor_ms, 0.5)
    print(f"ours / floor at p50: {ratio:.1f}")
    held = percentile(our_ms, 0.99) <= P99_MS_MAX
    print(f"p99 within {P99_MS_MAX:g} ms: {'yes' if held else 'NO'}")
    if not held and noise_ms > QUIET_MS:
        print(f"the machine is busy: the floor alone takes {noise_ms:.1f} ms at p99")
    return 0 if held else 1


if __name__ == "__main__":
    sys.exit(main())
