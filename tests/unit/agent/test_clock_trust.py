"""How far a register's clock is believed: jumps are seen, whenever they happen."""

from tessera.agent.clock_trust import ClockTrust

HOUR = 3_600_000
DAY = 24 * HOUR
START = 1_795_000_000_000


def trust() -> ClockTrust:
    return ClockTrust(wall_ms=START, mono_ms=1_000)


def test_a_clock_that_nothing_speaks_against_is_believed() -> None:
    assert not trust().is_doubtful(wall_ms=START + HOUR, mono_ms=1_000 + HOUR)


def test_a_clock_behind_what_central_has_said_is_doubted() -> None:
    clock = trust()
    clock.remember(START + 2 * DAY)
    assert clock.is_doubtful(wall_ms=START, mono_ms=1_000)
    assert clock.off_ms(wall_ms=START, mono_ms=1_000) == -2 * DAY


def test_a_jump_after_the_start_is_doubted_without_any_central() -> None:
    assert trust().is_doubtful(wall_ms=START + 10 * 365 * DAY, mono_ms=2_000)


def test_central_s_time_goes_on_by_the_clock_since_boot() -> None:
    """Set right by hand after a wrong start: believed again."""
    clock = ClockTrust(wall_ms=START + 1_000 * DAY, mono_ms=0)
    clock.hear(START, mono_ms=0)
    assert clock.is_doubtful(wall_ms=START + 1_000 * DAY, mono_ms=0)
    assert not clock.is_doubtful(wall_ms=START + HOUR, mono_ms=HOUR)
    assert clock.off_ms(wall_ms=START + 3 * HOUR, mono_ms=HOUR) == 2 * HOUR


def test_a_wrong_clock_of_central_s_ends_with_its_next_word() -> None:
    """Central answers from ten years ahead once; the register was right all the time."""
    clock = trust()
    clock.hear(START + 3_650 * DAY, mono_ms=1_000)
    assert clock.is_doubtful(wall_ms=START, mono_ms=1_000)
    clock.hear(START + HOUR, mono_ms=1_000 + HOUR)
    assert clock.off_ms(wall_ms=START + HOUR, mono_ms=1_000 + HOUR) == 0


def test_a_start_long_after_central_s_last_word_is_doubted_until_it_speaks() -> None:
    """400 days without central are taken for possible, 401 are not."""
    for days, doubtful in ((400, False), (401, True)):
        clock = ClockTrust(wall_ms=START + days * DAY, mono_ms=0)
        clock.remember(START)
        assert clock.is_doubtful(wall_ms=START + days * DAY, mono_ms=0) is doubtful


def test_a_clock_that_was_wrong_at_the_start_is_believed_once_it_is_set() -> None:
    """A flat battery: 1970 at the start, the right day after an hour, central still away."""
    clock = ClockTrust(wall_ms=0, mono_ms=0)
    clock.remember(START)
    assert clock.is_doubtful(wall_ms=HOUR, mono_ms=HOUR)
    assert not clock.is_doubtful(wall_ms=START + DAY, mono_ms=HOUR)


def test_the_right_time_is_central_s_carried_on_by_the_clock_since_boot() -> None:
    clock = ClockTrust(wall_ms=0, mono_ms=1_000)
    clock.hear(START, mono_ms=1_000)
    assert clock.believed_ms(wall_ms=5, mono_ms=1_000 + HOUR) == START + HOUR


def test_a_sale_s_time_more_than_a_day_away_is_doubted() -> None:
    now = {"wall_ms": START, "mono_ms": 1_000}
    assert trust().is_doubtful(**now, at_ms=START - 25 * HOUR)
    assert not trust().is_doubtful(**now, at_ms=START - 23 * HOUR)
