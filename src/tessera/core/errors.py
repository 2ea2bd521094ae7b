"""The two kinds of trouble that people see: a failed operation and a mistake in their file.

`TesseraError` is raised when something could not be done; `Problem` is a value, collected in a
list, so that a shopkeeper sees every mistake in a file at once. Our own bugs are neither: they are
assertions. Never put a card number, a name, a phone number or a token into either.
"""

from dataclasses import dataclass
from typing import Literal

Severity = Literal["error", "warning"]


class TesseraError(Exception):
    """Something could not be done: a lower-case fact with the offending value, and what to do next.

    `hint` names the mending step, best as a command. `code` is a stable word for programs (an API's
    problem code, a log's field); a subclass sets its own, and an argument overrides it.
    """

    code: str = ""

    def __init__(self, message: str, *, hint: str = "", code: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        if code:
            self.code = code

    def __str__(self) -> str:
        return self.message


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """A mistake in something a person wrote.

    `line` and `column` count from 1; 0 means unknown, or the file as a whole. `field` is the dotted
    path of what is wrong (`server.port`, `offers[2].percent`), `proposal` what to write instead.
    """

    file: str
    message: str
    line: int = 0
    column: int = 0
    field: str = ""
    proposal: str = ""
    severity: Severity = "error"

    def render(self) -> str:
        """Give one line: `file:line:column: field: message — proposal`."""
        place = self.file
        if self.line:
            place += f":{self.line}"
            if self.column:
                place += f":{self.column}"
        parts = [place]
        if self.severity == "warning":
            parts.append("warning")
        if self.field:
            parts.append(self.field)
        text = ": ".join([*parts, self.message])
        return f"{text} — {self.proposal}" if self.proposal else text


def has_errors(problems: list[Problem]) -> bool:
    """Tell whether any of the problems is more than a warning."""
    return any(problem.severity == "error" for problem in problems)


def reason_of(error: Exception) -> str:
    """What an error of the system says, without the number and the path that it is told with."""
    text = getattr(error, "strerror", None) or str(error)
    return text[:1].lower() + text[1:]
