"""Log lines: one event a line, to standard error, as JSON or for people.

Owns: their shape. Must never: see a card number, a name, a phone number, a code or a key; callers
log ids and counts, nothing else.
"""

import json
import logging
import sys
import time
from typing import Literal

LOGGER = logging.getLogger("tessera.central")
_SERVER = logging.getLogger("uvicorn.error")
"""What the HTTP server says of a connection; it has the shape of all other lines."""


def note(event: str, *, level: int = logging.INFO, **fields: str | int) -> None:
    """Log one event, a stable phrase, with ids and counts."""
    LOGGER.log(level, event, extra={"fields": fields})


def start_logging(*, form: Literal["plain", "json"], level: str) -> None:
    """Send the log to standard error; a second call changes form and level."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_JsonLines() if form == "json" else _PlainLines())
    for logger in (LOGGER, _SERVER):
        logger.handlers[:] = [handler]
        logger.propagate = False
    LOGGER.setLevel(level.upper())
    _SERVER.setLevel(max(LOGGER.level, logging.WARNING))


def _time(record: logging.LogRecord) -> str:
    second = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created))
    return f"{second}.{int(record.msecs):03d}Z"


class _JsonLines(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, str | int] = {
            "at": _time(record),
            "level": record.levelname.lower(),
            "event": record.getMessage(),
        }
        line |= getattr(record, "fields", {})
        if record.exc_info:
            line["trace"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False)


class _PlainLines(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        fields: dict[str, str | int] = getattr(record, "fields", {})
        told = "".join(f" {name}={value}" for name, value in fields.items())
        line = f"{_time(record)} {record.levelname.lower():<7} {record.getMessage()}{told}"
        return f"{line}\n{self.formatException(record.exc_info)}" if record.exc_info else line
