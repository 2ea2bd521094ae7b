"""Every line of central's log has one shape, whoever writes it."""

import json
import logging
from collections.abc import Iterator

import pytest

from tessera.central.log import LOGGER, note, start_logging

SERVER = logging.getLogger("uvicorn.error")


@pytest.fixture(autouse=True)
def _loggers_as_they_were() -> Iterator[None]:
    before = [(one, one.handlers[:], one.propagate, one.level) for one in (LOGGER, SERVER)]
    yield
    for logger, handlers, propagate, level in before:
        logger.handlers[:], logger.propagate = handlers, propagate
        logger.setLevel(level)


def test_what_the_http_server_says_is_a_line_like_any_other(
    capsys: pytest.CaptureFixture[str],
) -> None:
    start_logging(form="json", level="info")
    note("central serves", address="http://127.0.0.1:1")
    SERVER.warning("Invalid HTTP request received.")
    SERVER.info("Started server process [1]")
    lines = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    assert [(line["level"], line["event"]) for line in lines] == [
        ("info", "central serves"),
        ("warning", "Invalid HTTP request received."),
    ]
