"""Lines of a file of sales, priced: bytes in, sums and wrong lines out.

Owns: what is wrong with a line, and the part that a chunk of lines comes to. Must never: read a
file or start anything.
"""

import json
from dataclasses import dataclass, field
from decimal import Decimal

from tessera.core.errors import TesseraError
from tessera.rules.programme import Programme
from tessera.rules.replay import PastSale, Replay, past_sale_of

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
    """Lines of the file as bytes, the first with its number; None where a line was too long."""

    first: int
    lines: tuple[bytes | None, ...]


@dataclass(slots=True)
class Part:
    """What came of one chunk, or of all that were read so far."""

    replay: Replay = field(default_factory=Replay)
    lines: int = 0
    wrong: list[WrongLine] = field(default_factory=list)
    wrong_count: int = 0

    def add(self, other: "Part") -> None:
        """Add the part that follows in the file."""
        self.replay.add(other.replay)
        self.lines += other.lines
        self.wrong += other.wrong[: WRONG_SHOWN_MAX - len(self.wrong)]
        self.wrong_count += other.wrong_count


@dataclass(frozen=True, slots=True)
class Programmes:
    """The draft, and the programme in force where it is compared."""

    draft: Programme
    current: Programme | None = None


def price_chunk(programmes: Programmes, chunk: Chunk) -> Part:
    """Price the sales of a chunk; a wrong line is noted and passed over."""
    part = Part(lines=len(chunk.lines))
    for number, line in enumerate(chunk.lines, start=chunk.first):
        if line is not None and not line.strip():
            continue
        try:
            sale = _sale_of(line, programmes.draft.currency)
        except TesseraError as error:
            part.wrong_count += 1
            if len(part.wrong) < WRONG_SHOWN_MAX:
                part.wrong.append(WrongLine(number, error.message))
            continue
        part.replay.count(programmes.draft, programmes.current, sale)
    return part


def _sale_of(line: bytes | None, currency: str) -> PastSale:
    if line is None:
        raise TesseraError(f"the line is longer than {LINE_BYTES_MAX} bytes")
    try:
        value = json.loads(line, parse_float=Decimal, parse_constant=_no_constant)
    except UnicodeDecodeError as error:
        raise TesseraError(f"no UTF-8 text (byte {error.start})") from None
    except ValueError as error:
        raise TesseraError(f"no JSON: {error}") from None
    except RecursionError:
        raise TesseraError("nested too deep") from None
    return past_sale_of(value, currency=currency)


def _no_constant(word: str) -> object:
    raise ValueError(f"{word} is no number")
