"""Readers on a noisy line: hours of it, without a wrong card, without growing, without spinning."""

import random
import time
import tracemalloc

import pytest

from tessera.devices.dedupe import ErrorFolding
from tessera.devices.events import ReaderCondition, ReaderError, ReaderState, Scan
from tessera.devices.framing.frame import NS_PER_MS
from tessera.devices.pipeline import Pipeline
from tessera.devices.profiles import read_card_formats, read_profiles
from tessera.devices.readers import ReaderSettings, open_reader
from tessera.devices.simulated import SimulatedScanner
from tests.support.waiting import wait_until

PROFILES = read_profiles().profiles
FORMATS = read_card_formats().format
# One stretch of noise every second of made-up time, 40 bytes on average.
SECONDS_SHORT, SECONDS_SOAK = 600, 6 * 3600
CHECKED_PROFILES = (
    "zebra-ssi",
    "rdm6300",
    "id-12la",
    "msr-lrc-cr",
    "w26-bits",
    "hidpos-honeywell",
    "ncr-realscan-bcc",
)


def noise(chance: random.Random) -> bytes:
    return chance.randbytes(chance.randint(1, 80))


def hours_of_noise(name: str, seconds: int) -> tuple[int, int, int]:
    """Give the cards that came of the noise, the folded errors, and the growth in bytes."""
    chance = random.Random(4711)
    pipeline = Pipeline(PROFILES[name], FORMATS, "noisy")
    folding = ErrorFolding(within_ms=1000)
    cards = errors = 0
    grown_from = 0
    tracemalloc.start()
    for second in range(seconds):
        now_ns = second * 1000 * NS_PER_MS
        events = [*pipeline.idle(now_ns), *pipeline.feed(noise(chance), now_ns)]
        pipeline.take_replies()
        for event in events:
            if isinstance(event, Scan):
                cards += event.card_id is not None
            else:
                errors += len(folding.offer(event))
        if second == seconds // 4:
            grown_from, _ = tracemalloc.get_traced_memory()
    grown_to, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return cards, errors, grown_to - grown_from


def check(name: str, seconds: int) -> None:
    cards, errors, grown = hours_of_noise(name, seconds)
    # A parity bit at each end lets one stretch of noise in four through, and is no check at all.
    if name != "w26-bits":
        assert cards == 0
    assert errors <= 4 * seconds
    assert grown < 256 * 1024


@pytest.mark.parametrize("name", CHECKED_PROFILES)
def test_noise_makes_no_card_and_no_growth(name: str) -> None:
    check(name, SECONDS_SHORT)


@pytest.mark.soak
@pytest.mark.parametrize("name", sorted(PROFILES))
def test_six_hours_of_noise_make_no_growth(name: str) -> None:
    _, errors, grown = hours_of_noise(name, SECONDS_SOAK)
    assert errors <= 4 * SECONDS_SOAK
    assert grown < 256 * 1024


def test_a_quiet_reader_costs_next_to_no_time() -> None:
    """A second of silence on an open port takes less than five hundredths of a second of work."""
    states: list[object] = []
    with SimulatedScanner() as scanner:
        reader = open_reader(
            ReaderSettings(id="quiet", profile="aim-cr", port=scanner.port),
            on_event=states.append,
            clock_ns=time.monotonic_ns,
        )
        reader.start()
        wait_until(
            lambda: reader.state().condition is ReaderCondition.CONNECTED, what="it is connected"
        )
        began, worked = time.monotonic(), time.process_time()
        wait_until(lambda: time.monotonic() - began > 1.0, what="a second has passed")
        # The waiting itself wakes up a hundred times.
        assert time.process_time() - worked < 0.05
        reader.stop()


def test_a_burst_between_noise_loses_no_scan_on_a_real_port() -> None:
    chance = random.Random(7)
    events: list[object] = []
    with SimulatedScanner() as scanner:
        reader = open_reader(
            ReaderSettings(id="noisy", profile="zebra-ssi", port=scanner.port),
            on_event=events.append,
            clock_ns=time.monotonic_ns,
        )
        reader.start()
        wait_until(
            lambda: reader.state().condition is ReaderCondition.CONNECTED, what="it is connected"
        )
        packet = bytes.fromhex("12f300000b34303036333831333333393331fc54")
        for count in range(1, 21):
            scanner.type_bytes(noise(chance))
            scanner.type_bytes(packet)
            wait_until(
                lambda wanted=count: reader.state().scans >= wanted,  # type: ignore[misc]
                what="the scan behind the noise",
            )
        reader.stop()
    found = [event for event in events if isinstance(event, Scan)]
    assert {scan.payload for scan in found} == {"4006381333931"}
    assert len(found) == 20
    assert any(isinstance(event, ReaderError) for event in events)
    assert isinstance(events[-1], ReaderState)
