"""Logs for people or for programs, with card numbers, phone numbers and tokens masked.

Owns: the shape of a line and the mask that everything passes, tracebacks included.
Must never: let a run of seven or more digits out that somebody wrote into a message.
"""

import json
import logging
import re
import sys
import traceback
from typing import Any, TextIO

LOGGER = "tessera"
_SHOWN_DIGITS = 4

_UUID = r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
_TIME = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[0-9.]*(?:Z|[+-]\d\d:\d\d)?"
_LONG = r"(?i:bearer)\s+\S+|(?<![A-Za-z0-9_-])[A-Za-z0-9_-]{40,}(?![A-Za-z0-9_-])"
_NUMBER = r"\+?\d(?:[ ./()-]{0,2}\d){6,}"
_MAIL = r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+"
_FIND = re.compile(
    f"(?P<kept>{_UUID}|{_TIME})|(?P<token>{_LONG})|(?P<mail>{_MAIL})|(?P<number>{_NUMBER})"
)


def mask(text: str) -> str:
    """`text` without anything that could name a person or open a door.

    Numbers of seven digits and more keep their last four; uids and times are left alone.
    """
    return _FIND.sub(_masked, text)


def _masked(found: re.Match[str]) -> str:
    if found["kept"]:
        return found[0]
    if found["token"]:
        return "[token]"
    if found["mail"]:
        return "[mail]"
    digits = re.sub(r"\D", "", found[0])
    return "••••" + digits[-_SHOWN_DIGITS:]


_PLAIN = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


def _extras(record: logging.LogRecord) -> dict[str, Any]:
    """What the caller gave by `extra=`: numbers stay, everything else becomes masked text."""
    return {
        name: value if isinstance(value, int | bool) or value is None else mask(str(value))
        for name, value in vars(record).items()
        if name not in _PLAIN and not name.startswith("_")
    }


def _trouble(record: logging.LogRecord) -> str:
    if not record.exc_info or record.exc_info[0] is None:
        return ""
    return mask("".join(traceback.format_exception(*record.exc_info)).rstrip())


class JsonFormatter(logging.Formatter):
    """One JSON object a line: time, level, where, what, and the extras."""

    def format(self, record: logging.LogRecord) -> str:
        """Give the line."""
        line: dict[str, Any] = {
            "time": self.formatTime(record, "%Y-%m-%dT%H:%M:%S") + f".{int(record.msecs):03d}",
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": mask(record.getMessage()),
            **_extras(record),
        }
        if trouble := _trouble(record):
            line["traceback"] = trouble
        return json.dumps(line, ensure_ascii=False)


class PlainFormatter(logging.Formatter):
    """A line for a person: time, level when it matters, what, and the extras as name=value."""

    def format(self, record: logging.LogRecord) -> str:
        """Give the line."""
        parts = [self.formatTime(record, "%H:%M:%S")]
        if record.levelno >= logging.WARNING:
            parts.append(record.levelname.lower() + ":")
        parts.append(mask(record.getMessage()))
        parts += [f"{name}={value}" for name, value in _extras(record).items()]
        line = " ".join(parts)
        return f"{line}\n{trouble}" if (trouble := _trouble(record)) else line


def set_up_log(*, as_json: bool, level: str = "info", stream: TextIO | None = None) -> None:
    """Send every log line of the process to `stream` (standard error), masked."""
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(JsonFormatter() if as_json else PlainFormatter())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)
    logging.getLogger(LOGGER).setLevel(level.upper())
    # The server's own lines tell of every request; what matters is told by ours.
    logging.getLogger("uvicorn").setLevel(logging.WARNING)
