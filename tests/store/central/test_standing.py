"""`tessera central status`: what needs a person, and nothing that does not."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from tessera.central.backups import begin_backup, finish_backup
from tessera.central.generations import begin_generation
from tessera.central.opening import Central
from tessera.central.roots import FIRST_DAYS
from tessera.central.standing import BEHIND_MS, DAY_MS, Disk, Standing, look, newest_schema, span
from tessera.store.central import register_book
from tests.store.central.parts import (
    NOW_MS,
    accept,
    book,
    central_on,
    enrolled,
    member,
    send,
    settings_for,
)
from tests.store.central.scripted_till import Till
from tests.store.central.test_commands import Shell, config, shell

__all__ = ["config", "shell"]
ROOMY = Disk(free_bytes=500 * 10**9, total_bytes=1000 * 10**9)


def later(central: Central, ms: int) -> Central:
    """The same central, looked at so much later."""
    return replace(central, now_ms=lambda: NOW_MS + ms)


def codes(central: Central, ms: int = 1000, disk: Disk = ROOMY) -> list[str]:
    return [one.code for one in seen(central, ms, disk).findings]


def seen(central: Central, ms: int = 1000, disk: Disk = ROOMY) -> Standing:
    return look(later(central, ms), silent_days=3, free=disk)


@pytest.fixture
def till(central: Central) -> Till:
    till = Till()
    enrolled(central, till)
    member(central, "M-1")
    return till


def test_a_healthy_central_needs_nobody(central: Central, till: Till) -> None:
    till.sell("M-1", earned=7)
    send(central, till)
    found = seen(central)
    assert found.findings == ()
    assert (found.registers, found.inbox.count, found.parked.count) == (1, 0, 0)
    assert found.schema_version == newest_schema()
    assert found.root_days == FIRST_DAYS - 1
    assert found.streams.segments > 0


def test_what_waits_needs_nobody_until_it_has_waited_for_long(central: Central, till: Till) -> None:
    till.sell("M-1", earned=7)
    accept(central, till.batch())
    assert (codes(central), seen(central).inbox.count) == ([], 1)
    assert codes(central, BEHIND_MS + 60_000) == ["inbox_behind"]
    book(central)
    assert codes(central, BEHIND_MS + 60_000) == []


def test_a_parked_record_needs_a_person(central: Central, till: Till) -> None:
    till.sell("M-404", earned=7)
    send(central, till)
    assert codes(central) == ["parked"]
    assert "their points are missing" in seen(central).findings[0].text


def test_a_register_is_silent_after_three_days_without_a_word(central: Central, till: Till) -> None:
    def beat(ms: int) -> None:
        with central.engines.writer.begin() as tx:
            register_book.write_heartbeat(
                tx, register_id=till.register, received_ms=NOW_MS + ms, body="{}"
            )

    assert codes(central, 2 * DAY_MS) == []
    assert codes(central, 4 * DAY_MS) == ["registers_silent"]
    beat(3 * DAY_MS)
    assert codes(central, 4 * DAY_MS) == []


def test_a_certificate_that_was_not_renewed_is_named_before_it_ends(
    central: Central, till: Till
) -> None:
    def at(days: int) -> list[str]:
        return [code for code in codes(central, days * DAY_MS) if code == "certificates_ending"]

    assert at(1_064) == []
    assert at(1_066) == ["certificates_ending"]


def test_a_root_near_its_end_is_named(central: Central) -> None:
    assert codes(central, (FIRST_DAYS - 61) * DAY_MS) == []
    assert codes(central, (FIRST_DAYS - 59) * DAY_MS) == ["root_ending"]
    found = seen(central, (FIRST_DAYS + 1) * DAY_MS)
    assert "already: tills refuse it" in found.findings[0].text


def test_an_alarm_needs_a_person_for_a_day(central: Central, till: Till) -> None:
    with central.engines.writer.begin() as tx:
        register_book.raise_alarm(
            tx, register_id=till.register, kind="fork", about="x", detail="", raised_ms=NOW_MS
        )
    assert codes(central) == ["alarms"]
    assert codes(central, 2 * DAY_MS) == []


def test_a_stream_that_is_not_trimmed_is_named(central: Central, till: Till) -> None:
    till.sell("M-1", earned=7)
    send(central, till)
    assert "feed_not_trimmed" not in codes(central, 15 * DAY_MS)
    assert "feed_not_trimmed" in codes(central, 17 * DAY_MS)


@pytest.mark.parametrize(
    "free, total, low", [(3, 1000, False), (1, 1000, True), (1, 8, False), (0.5, 8, True)]
)
def test_a_disk_is_low_below_two_gigabytes_or_a_tenth(
    central: Central, free: float, total: float, low: bool
) -> None:
    disk = Disk(free_bytes=int(free * 2**30), total_bytes=int(total * 2**30))
    assert (codes(central, disk=disk) == ["disk_low"]) is low


def test_the_command_says_first_what_to_do_and_ends_with_one(shell: Shell) -> None:
    code, out, _ = shell.run("status")
    assert code in (0, 1)  # the disk of the machine that runs the tests may be full
    before = "disk_low" in shell.run("status", "--json")[1]
    assert (code == 1) is before
    shell.run("register", "add", "--store", "berlin-1", "--register", "berlin-1-1")
    assert "0 active" in shell.run("status")[1]
    code, out, _ = shell.run("status", "--json")
    told = json.loads(out)
    assert told["needs_person"] is (code == 1)
    assert told["schema_version"] == newest_schema()


def test_what_needs_a_person_comes_with_what_to_do(
    shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tessera.central import standing

    monkeypatch.setattr(standing, "disk_of", lambda _folder: Disk(free_bytes=1, total_bytes=10**12))
    code, out, _ = shell.run("status")
    lines = out.splitlines()
    assert code == 1
    assert lines[0].startswith("NEEDS YOU: 0.0 GB of 1000.0 GB are left")
    assert lines[1].startswith("  do: make room")


@pytest.mark.parametrize(
    "ms, words",
    [
        (-5, "0 seconds"),
        (90_000, "90 seconds"),
        (120_000, "2 minutes"),
        (47 * 3_600_000, "47 hours"),
    ],
)
def test_a_span_is_said_in_one_unit(ms: int, words: str) -> None:
    assert span(ms) == words


def test_records_that_no_safe_backup_has_are_counted_by_register(
    central: Central, till: Till
) -> None:
    """Two are in the backup, three came while it was made or after it."""
    for _ in range(5):
        till.sell("M-1", earned=1)
    accept(central, till.batch(1, 2))
    assert (seen(central).backup.number, seen(central).backup.most_held) == (0, {till.register: 2})
    begun = begin_backup(central)
    accept(central, till.batch(3, 4))
    assert seen(central).backup.held == 4
    finish_backup(central, begun.number)
    accept(central, till.batch(5))
    found = seen(central).backup
    assert (found.number, found.begun_ms) == (begun.number, begun.begun_ms)
    assert (found.held, found.most_held) == (3, {till.register: 3})


def test_a_backup_that_was_missed_for_a_week_needs_a_person(central: Central, till: Till) -> None:
    till.sell("M-1", earned=7)
    assert "backup_old" not in codes(central, 9 * DAY_MS)
    send(central, till)
    assert "backup_old" not in codes(central, 7 * DAY_MS)
    assert "backup_old" in codes(central, 9 * DAY_MS)
    finish_backup(central, begin_backup(central).number)
    # All that there is lies in it.
    assert "backup_old" not in codes(central, 9 * DAY_MS)
    till.sell("M-1", earned=7)
    accept(central, till.batch(2))
    assert "backup_old" in codes(central, 9 * DAY_MS)


def test_registers_that_were_told_more_are_named_until_the_restore_is_announced(
    central: Central, till: Till
) -> None:
    generation = central.state().generation
    with central.engines.writer.begin() as tx:
        register_book.raise_alarm(
            tx,
            register_id=till.register,
            kind="database-went-back",
            about=generation,
            detail="",
            raised_ms=NOW_MS,
        )
    found = seen(central, 2 * DAY_MS)
    assert [(one.code, one.do.partition(":")[0]) for one in found.findings] == [
        ("database_went_back", "tessera central restored")
    ]
    begin_generation(central)
    assert codes(central) == ["grants_awaited"]


def test_registers_that_have_not_presented_their_grants_are_named_until_they_are_given_up(
    shell: Shell, tmp_path: Path
) -> None:
    till = Till()
    settings = settings_for(f"sqlite:///{tmp_path / 'central' / 'central.db'}", tmp_path)
    with central_on(settings) as central:
        enrolled(central, till)
        begin_generation(central)
        assert codes(central) == ["grants_awaited"]
        assert seen(central).awaited == (till.register,)
    (row,) = shell.json("register", "list")
    assert row["grants_awaited"] is True
    assert "has not presented its grants" in shell.run("register", "list")[1]
    give_up = ("lease", "give-up", "--register", till.register)
    assert shell.run(*give_up)[0] == 3
    words = ("--confirm", f"give up {till.register}")
    told = shell.json(*give_up, "--by", "ada", *words)
    assert told == {"register": till.register, "was_awaited": True, "leases": 0, "units": 0}
    code, out, _err = shell.run(*give_up, *words)
    assert (code, out) == (0, f"register {till.register} was not waited for\n")
    assert "has not presented its grants" not in shell.run("register", "list")[1]
    assert "grants-given-up" in shell.run("alarms")[1]
