"""Planted numbers and tokens: none may come out of the log."""

import io
import json
import logging
from collections.abc import Iterator

import pytest

from tessera.agent.log import JsonFormatter, PlainFormatter, mask

TOKEN = "q0Yx7Zr3bK1mP9sT5vW2uA4cE6gI8kN0oQ1rS3tU5wX"

PLANTED = [
    "card 2001234567893 scanned",
    "card 2001 2345 6789 3 scanned",
    "card 2001-2345-67893",
    "call +49 170 123 45 67 now",
    "call 0049 (170) 1234567",
    "Authorization: Bearer abc.def",
    f"token {TOKEN} is wrong",
    "mail anna.muster@example.org",
]


@pytest.mark.parametrize("text", PLANTED)
def test_what_names_a_person_or_opens_a_door_is_masked(text: str) -> None:
    shown = mask(text)
    for secret in ("200123456", "2001 2345", "2001-2345", "170 123", "1234567", "abc.def", "anna"):
        assert secret not in shown
    assert TOKEN not in shown


@pytest.mark.parametrize(
    "text",
    [
        "0190163d-8694-739b-aea5-966c26f8ad91",
        "2026-11-21T10:15:00+01:00",
        "sale 000123 of 12.50",
        "port 8440",
    ],
)
def test_uids_times_and_small_numbers_stay(text: str) -> None:
    assert mask(text) == text


@pytest.fixture(params=[JsonFormatter, PlainFormatter])
def logged(request: pytest.FixtureRequest) -> Iterator[tuple[logging.Logger, io.StringIO]]:
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(request.param())
    logger = logging.getLogger("tessera.test.log")
    logger.propagate = False
    logger.addHandler(handler)
    yield logger, stream
    logger.removeHandler(handler)


def test_arguments_extras_and_tracebacks_are_masked(
    logged: tuple[logging.Logger, io.StringIO],
) -> None:
    logger, stream = logged
    try:
        raise ValueError("card 2001234567893")
    except ValueError:
        logger.exception("failed for %s", "2001234567893", extra={"card": "2001234567893"})
    text = stream.getvalue()
    assert "2001234567893" not in text
    assert text.count("••••7893") >= 3
    assert "ValueError" in text


def test_a_line_for_programs_is_one_json_object() -> None:
    record = logging.makeLogRecord({"msg": "ready\nnow", "levelname": "INFO", "mode": "online"})
    line = JsonFormatter().format(record)
    assert "\n" not in line
    assert json.loads(line)["mode"] == "online"
