"""A register renews its key and certificate by itself, and is never left without one that works."""

import asyncio
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from tessera.agent.enrolment import NEXT_REGISTER_KEY, REGISTER_KEY, read_key
from tessera.agent.renewal import is_due, read_certificate
from tessera.agent.sync_status import LineState
from tessera.central.app import build_app
from tessera.central.enrol import add_register, revoke_register
from tessera.central.opening import Central
from tessera.core.errors import TesseraError
from tessera.store.central import register_book
from tessera.store.till.identity_file import IDENTITY_FILE
from tessera.sync.link import CentralRefused
from tessera.sync.wire import Certificate, Heartbeat
from tests.support.killed_renewal import line_state, renewal_of
from tests.support.small_central import Serving
from tests.support.trusting_till import STORE, Time, TrustingTill, timed_central, trusting_till

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
DAYS = 1_095


@dataclass
class Place:
    """A central and how to enrol tills with it."""

    central: Central
    time: Time
    url: str
    folder: Path

    def register(self, register_id: str) -> register_book.RegisterRow:
        with self.central.engines.reader.begin() as tx:
            found = register_book.read_register(tx, register_id)
        assert found is not None
        return found

    def code(self, register: str, *, again: bool = False) -> str:
        return add_register(self.central, store_id=STORE, register_id=register, again=again)

    def alarms(self) -> list[str]:
        with self.central.engines.reader.begin() as tx:
            return [alarm.kind for alarm in register_book.read_alarms(tx)]


@pytest.fixture
def place(sqlite_template: Path, tmp_path: Path) -> Iterator[Place]:
    shutil.copytree(sqlite_template, tmp_path, dirs_exist_ok=True)
    with timed_central(tmp_path) as (central, time), Serving(build_app(central)) as served:
        yield Place(central, time, served.url, tmp_path)


@pytest.fixture
def till(place: Place) -> Iterator[TrustingTill]:
    with trusting_till(place.folder / "till", place.url) as till:
        till.enrol(place.code("berlin-1-1"))
        yield till


def renewed(till: TrustingTill, now_ms: int, line: LineState | None = None) -> float:
    """One look of the agent's own part at this moment of central's time."""
    renewal = renewal_of(till.folder, till.url, till.engines, line or till.line)
    if now_ms:
        renewal.hear_time(now_ms)
    return asyncio.run(renewal.step())


def beat(till: TrustingTill) -> None:
    """Any signed request, by the key in the folder."""
    identity = till.identity()
    heartbeat = Heartbeat(register=identity.register, incarnation=identity.incarnation)
    till.ask(lambda link: link.heartbeat(heartbeat))


def refusal(till: TrustingTill) -> str:
    with pytest.raises(CentralRefused) as refused:
        beat(till)
    return refused.value.code


def public(till: TrustingTill) -> str:
    return read_key(till.folder / REGISTER_KEY).public.hex()


def test_in_the_last_third_of_its_life_a_certificate_is_renewed_with_a_new_key(
    place: Place, till: TrustingTill
) -> None:
    first = public(till)
    renewed(till, place.time.now_ms + 700 * DAY_MS)
    assert public(till) == first
    place.time.now_ms += 731 * DAY_MS
    renewed(till, place.time.now_ms)
    certificate = read_certificate(till.identity().certificate)
    assert certificate is not None
    assert certificate.public_key == public(till) != first
    assert certificate.serial == 2
    assert certificate.not_after_ms - place.time.now_ms == pytest.approx(DAYS * DAY_MS, abs=1000)
    assert json.loads((till.folder / IDENTITY_FILE).read_bytes())["certificate"] == (
        till.identity().certificate
    )
    assert not (till.folder / NEXT_REGISTER_KEY).exists()
    assert (till.folder / REGISTER_KEY).stat().st_mode & 0o777 == 0o600
    beat(till)


def test_both_keys_count_during_the_overlap_and_one_after_it(
    place: Place, till: TrustingTill
) -> None:
    before = (till.folder / REGISTER_KEY).read_bytes()
    place.time.now_ms += 731 * DAY_MS
    renewed(till, place.time.now_ms)
    after = (till.folder / REGISTER_KEY).read_bytes()
    (till.folder / REGISTER_KEY).write_bytes(before)
    beat(till)
    place.time.now_ms += 24 * HOUR_MS
    assert refusal(till) == "bad_signature"
    (till.folder / REGISTER_KEY).write_bytes(after)
    beat(till)


def has_a_key_that_works(till: TrustingTill) -> bool:
    """Whether central hears the key in use, or the next one that lies beside it."""
    try:
        beat(till)
    except CentralRefused:
        key = (till.folder / REGISTER_KEY).read_bytes()
        (till.folder / REGISTER_KEY).write_bytes((till.folder / NEXT_REGISTER_KEY).read_bytes())
        beat(till)
        (till.folder / REGISTER_KEY).write_bytes(key)
    return True


def test_killed_at_any_step_a_register_still_has_a_key_that_works_and_ends_the_renewal(
    place: Place,
) -> None:
    """At each step: right after the kill, and switched off until the overlap is long over."""
    harness = subprocess.Popen(
        [sys.executable, "-m", "tests.support.killed_renewal"],
        cwd=Path(__file__).parents[3],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert harness.stdin is not None
    assert harness.stdout is not None
    steps: list[str] = []
    start_ms = place.time.now_ms
    try:
        while "ended" not in steps:
            number = len(steps) + 1
            place.time.now_ms = start_ms
            with trusting_till(place.folder / f"till-{number}", place.url) as till:
                till.enrol(place.code(f"berlin-1-{number}"), seed=number)
                place.time.now_ms += 800 * DAY_MS
                asked = {
                    "folder": str(till.folder),
                    "url": place.url,
                    "now_ms": place.time.now_ms,
                    "kill_at": number,
                }
                harness.stdin.write(json.dumps(asked) + "\n")
                harness.stdin.flush()
                told = json.loads(harness.stdout.readline())
                steps.append(told["step"])
                assert told["step"], told
                assert has_a_key_that_works(till)
                place.time.now_ms += 30 * HOUR_MS
                assert has_a_key_that_works(till)
                renewed(till, place.time.now_ms)
                certificate = read_certificate(till.identity().certificate)
                assert certificate is not None
                assert certificate.public_key == public(till), told
                assert not (till.folder / NEXT_REGISTER_KEY).exists()
                place.time.now_ms += 30 * HOUR_MS
                beat(till)
    finally:
        harness.stdin.close()
        harness.wait(30)
        harness.stdout.close()
    assert {
        "os.rename register-next.key.part",
        "socket.connect ",
        "os.rename register-next.key",
    } <= (set(steps))
    assert len(steps) > 8, steps


def test_a_doubtful_clock_renews_nothing_and_locks_nobody_out(
    place: Place, till: TrustingTill
) -> None:
    """The till's clock is not asked: before central has spoken nothing is due."""
    first = public(till)
    renewed(till, 0)
    assert public(till) == first
    beat(till)


def test_a_central_whose_clock_was_behind_shortens_no_certificate(
    place: Place, till: TrustingTill
) -> None:
    until = place.register("berlin-1-1").not_after_ms
    due_ms = place.time.now_ms + 800 * DAY_MS
    place.time.now_ms -= 10 * 365 * DAY_MS
    renewed(till, due_ms)
    assert place.register("berlin-1-1").serial == 2
    assert place.register("berlin-1-1").not_after_ms == until


def test_an_expired_register_is_told_so_and_comes_back_with_a_new_code(
    place: Place, till: TrustingTill
) -> None:
    place.time.now_ms += (DAYS + 1) * DAY_MS
    assert refusal(till) == "certificate_expired"
    with pytest.raises(CentralRefused, match="has expired"):
        renewed(till, place.time.now_ms)
    assert (till.folder / NEXT_REGISTER_KEY).exists()
    till.enrol(place.code("berlin-1-1", again=True), again=True)
    beat(till)
    assert not (till.folder / NEXT_REGISTER_KEY).exists()


def test_a_revoked_register_is_refused_with_its_next_request_and_gets_no_certificate(
    place: Place, till: TrustingTill
) -> None:
    beat(till)
    revoke_register(place.central, "berlin-1-1")
    assert refusal(till) == "register_revoked"
    till.line.failed("beat", "revoked", answered=True, code="bad_signature")
    with pytest.raises(CentralRefused) as refused:
        renewed(till, place.time.now_ms)
    assert refused.value.code == "register_revoked"


def test_a_copy_of_the_disk_that_renews_too_is_refused_and_raises_an_alarm(
    place: Place, till: TrustingTill
) -> None:
    before = (till.folder / REGISTER_KEY).read_bytes()
    old = till.identity()
    place.time.now_ms += 731 * DAY_MS
    renewed(till, place.time.now_ms)
    mine = place.register("berlin-1-1").public_key
    (till.folder / REGISTER_KEY).write_bytes(before)
    (till.folder / NEXT_REGISTER_KEY).write_bytes(os.urandom(32))
    with pytest.raises(CentralRefused) as refused:
        renewed(till, place.time.now_ms)
    assert refused.value.code == "renewed_by_another"
    assert place.alarms() == ["key-renewed-twice"]
    assert place.register("berlin-1-1").public_key == mine
    assert old.register == "berlin-1-1"


def forget(place: Place, register_id: str, row: register_book.RegisterRow) -> None:
    """What a database that was put back knows of a register."""
    with place.central.engines.writer.begin() as tx:
        register_book.update_register(
            tx,
            register_id,
            status=row.status,
            public_key=row.public_key,
            public_key_before="",
            serial=row.serial,
            not_after_ms=row.not_after_ms,
        )


def test_a_central_from_before_the_renewal_learns_the_key_from_the_certificate(
    place: Place, till: TrustingTill
) -> None:
    backup = place.register("berlin-1-1")
    place.time.now_ms += 731 * DAY_MS
    renewed(till, place.time.now_ms)
    forget(place, "berlin-1-1", backup)
    assert refusal(till) == "bad_signature"
    till.line.failed("beat", "unknown", answered=True, code="bad_signature")
    renewed(till, place.time.now_ms)
    beat(till)
    assert place.register("berlin-1-1").serial == 2
    assert place.alarms() == ["register-back"]


def test_a_register_known_again_by_its_certificate_is_awaited(
    place: Place, till: TrustingTill
) -> None:
    """It may hold grants that went with the renewal, although nobody said that anything did."""
    generation = place.central.state().generation
    backup = place.register("berlin-1-1")
    place.time.now_ms += 731 * DAY_MS
    renewed(till, place.time.now_ms)
    forget(place, "berlin-1-1", backup)
    till.line.failed("beat", "unknown", answered=True, code="bad_signature")
    renewed(till, place.time.now_ms)
    with place.central.engines.reader.begin() as tx:
        assert register_book.read_awaited(tx, generation) == {"berlin-1-1": "berlin-1"}
    assert place.central.state().is_awaiting


def test_an_earlier_certificate_does_not_bring_an_earlier_key_back(
    place: Place, till: TrustingTill
) -> None:
    """Whoever has an old disk of the register holds its first key and its first certificate."""
    shutil.copytree(till.folder, place.folder / "stolen")
    place.time.now_ms += 731 * DAY_MS
    renewed(till, place.time.now_ms)
    place.time.now_ms += 25 * HOUR_MS
    (till.folder / REGISTER_KEY).write_bytes((place.folder / "stolen" / REGISTER_KEY).read_bytes())
    line = line_state()
    line.failed("beat", "unknown", answered=True, code="bad_signature")
    with pytest.raises(CentralRefused) as refused:
        renewed(till, place.time.now_ms, line)
    assert refused.value.code == "bad_signature"
    assert place.register("berlin-1-1").serial == 2


def test_a_central_that_knows_no_renewal_leaves_everything_as_it_was(
    place: Place, till: TrustingTill
) -> None:
    first, elsewhere = public(till), replace_url(till, place)
    assert renewed(elsewhere, place.time.now_ms + 800 * DAY_MS) == 3_600.0
    assert public(till) == first
    beat(till)


def replace_url(till: TrustingTill, place: Place) -> TrustingTill:
    """The same till before a central whose address has no such route."""
    return replace(till, url=place.url + "/earlier")


@pytest.mark.parametrize(
    "signed_ms, due", [(0, False), (1_999, False), (2_000, True), (2_999, True), (9_999, True)]
)
def test_due_is_the_last_third(signed_ms: int, due: bool) -> None:
    certificate = Certificate(
        register="r", store="s", public_key="00" * 32, serial=1, issued_ms=0, not_after_ms=3_000
    )
    assert is_due(certificate, signed_ms) is due


def test_an_answer_about_another_key_is_not_taken(place: Place, till: TrustingTill) -> None:
    first = public(till)
    (till.folder / NEXT_REGISTER_KEY).write_bytes(os.urandom(32))
    renewal = renewal_of(till.folder, till.url, till.engines, till.line)
    key = read_key(till.folder / REGISTER_KEY)
    answer = asyncio.run(renewal._asked(till.identity(), key, key))
    assert answer is not None
    with pytest.raises(TesseraError, match="not about this register"):
        renewal._checked(answer, till.identity(), read_key(till.folder / NEXT_REGISTER_KEY))
    assert public(till) == first
