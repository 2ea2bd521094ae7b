"""Somebody is told before a certificate or a root ends, and nobody while all renews by itself."""

from pathlib import Path

import pytest

from tessera.agent.trust_ends import DAY_MS, TrustEnds, read_trust_ends

YEARS_3 = 1_095 * DAY_MS


@pytest.mark.parametrize(
    "days_left, told", [(365, False), (31, False), (29, True), (-1, True)], ids=str
)
def test_a_certificate_of_three_years_is_told_of_thirty_days_before(
    days_left: int, told: bool
) -> None:
    ends = TrustEnds(certificate_ms=days_left * DAY_MS, certificate_life_ms=YEARS_3)
    assert ends.is_near(0) is told


def test_a_certificate_of_a_week_is_told_of_in_its_last_sixth() -> None:
    """It renews itself with two days and eight hours left; with one day left it did not."""
    ends = TrustEnds(certificate_ms=7 * DAY_MS, certificate_life_ms=7 * DAY_MS)
    assert not ends.is_near(5 * DAY_MS)
    assert ends.is_near(6 * DAY_MS)


@pytest.mark.parametrize("days_left, told", [(61, False), (59, True)])
def test_a_root_is_told_of_sixty_days_before(days_left: int, told: bool) -> None:
    assert TrustEnds(root_ms=days_left * DAY_MS).is_near(0) is told


def test_what_is_not_known_does_not_end(tmp_path: Path) -> None:
    (tmp_path / "central.root").write_bytes(b"damaged")
    assert read_trust_ends(tmp_path, None) == TrustEnds()
    assert not TrustEnds().is_near(0)
