"""Lines of a file of sales, priced: bytes in, sums and wrong lines out.

Owns: what is wrong with a line, and the part that a chunk of lines comes to. Must never: read a
file or start anything.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from decimal import Decimal

from tessera.core.errors import TesseraError
from tessera.rules.replay import Programmes, Replay, past_sale_of

LINE_BYTES_MAX = 1_000_000
WRONG_SHOWN_MAX = 100
"""Most wrong lines that are told one by one; all are counted."""


@dataclass(frozen=True, slots=True)
class WrongLine:
    """A line that can't be used, and why."""

    line: int
    message: str


@dataclass(frozen=True, slots=True)
class Chunk:
    """Lines of the file as bytes, the first with its number; None where a line was too long.

    `end` is where the chunk ends in the file, in bytes.
    """

    first: int
    lines: tuple[bytes | None, ...]
    end: int = 0


@dataclass(slots=True)
class Part:
    """What came of one chunk, or of all that were read so far.

    `end` is where it ends in the file: in bytes, or in rows of a table.
    """

    replay: Replay = field(default_factory=Replay)
    lines: int = 0
    wrong: list[WrongLine] = field(default_factory=list)
    wrong_count: int = 0
    end: int = 0

    def add(self, other: "Part") -> None:
        """Add the part that follows in the file."""
        self.replay.add(other.replay)
        self.lines += other.lines
        self.wrong += other.wrong[: WRONG_SHOWN_MAX - len(self.wrong)]
        self.wrong_count += other.wrong_count
        self.end = other.end


def price_chunk(programmes: Programmes, chunk: Chunk) -> Part:
    """Price the sales of a chunk of lines; a wrong line is noted and passed over."""
    values = (_value_of(line) for line in chunk.lines)
    return price_values(programmes, values, first=chunk.first, end=chunk.end)


def price_values(
    programmes: Programmes, values: Iterable[object], *, first: int, end: int = 0
) -> Part:
    """Price sales given as plain values, the first with its number in the file.

    None stands for an empty line, a TesseraError for one that could not be read.
    """
    part = Part(end=end)
    for number, value in enumerate(values, start=first):
        part.lines += 1
        if value is None:
            continue
        try:
            if isinstance(value, TesseraError):
                raise value
            currency = programmes.draft.currency
            sale = past_sale_of(value, currency=currency, lines=programmes.lines)
        except TesseraError as error:
            part.wrong_count += 1
            if len(part.wrong) < WRONG_SHOWN_MAX:
                part.wrong.append(WrongLine(number, error.message))
            continue
        part.replay.count(programmes, sale)
    return part


def _value_of(line: bytes | None) -> object:
    if line is None:
        return TesseraError(f"the line is longer than {LINE_BYTES_MAX} bytes")
    if not line.strip():
        return None
    return json_value(line)


def json_value(text: bytes | str) -> object:
    """Read JSON, numbers with a point as decimals; a TesseraError says why it is none."""
    try:
        value: object = json.loads(text, parse_float=Decimal, parse_constant=_no_constant)
    except UnicodeDecodeError as error:
        return TesseraError(f"no UTF-8 text (byte {error.start})")
    except ValueError as error:
        return TesseraError(f"no JSON: {error}")
    except RecursionError:
        return TesseraError("nested too deep")
    return TesseraError("an object is expected here") if value is None else value


def _no_constant(word: str) -> object:
    raise ValueError(f"{word} is no number")
