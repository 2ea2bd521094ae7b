from datetime import datetime, timedelta, timezone

import pytest

from tessera.panel.messages import catalogue

BERLIN = timezone(timedelta(hours=1))
NOON = datetime(2026, 11, 21, 12, 0, tzinfo=BERLIN)


@pytest.mark.parametrize(
    "language,shown",
    [
        ("en", "€1,234.50"),
        ("de", "1.234,50\u00a0€"),
        ("fr", "1\u202f234,50\u00a0€"),
        ("es", "1234,50\u00a0€"),
        ("ru", "1\u00a0234,50\u00a0€"),
    ],
)
def test_an_amount_is_written_as_each_language_writes_it(language: str, shown: str) -> None:
    assert catalogue(language).money(123450, "EUR") == shown


def test_currencies_keep_their_own_digits() -> None:
    """Yen have none, dinars of Bahrain three."""
    english = catalogue("en")
    assert english.money(500, "JPY") == "¥500"
    assert english.money(1005, "BHD") == "BHD\u00a01.005"


def test_what_is_taken_off_has_a_real_minus_sign() -> None:
    assert catalogue("en").money(-5, "EUR") == "−€0.05"
    assert catalogue("de").money(-5, "EUR") == "−0,05\u00a0€"


def test_spanish_groups_from_five_digits_on() -> None:
    assert catalogue("es").whole(1204) == "1204"
    assert catalogue("es").whole(12040) == "12.040"


def test_a_moment_of_today_is_its_time_alone() -> None:
    assert catalogue("en").when(NOON - timedelta(minutes=55), NOON) == "11:05"


@pytest.mark.parametrize(
    "language,shown",
    [
        ("en", "20 Nov, 12:00"),
        ("de", "20. Nov., 12:00"),
        ("fr", "20 nov., 12:00"),
        ("es", "20 nov, 12:00"),
        ("ru", "20 нояб., 12:00"),
    ],
)
def test_a_moment_of_another_day_names_the_day(language: str, shown: str) -> None:
    assert catalogue(language).when(NOON - timedelta(days=1), NOON) == shown
