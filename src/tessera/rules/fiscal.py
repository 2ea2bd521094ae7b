"""Lines whose quantity times unit price is exact, for fiscal printers that insist on it.

Owns: the splitting of a discounted line. Must never: change what the line costs.
"""

from collections.abc import Sequence

from tessera.core.basket import Line
from tessera.core.quote import FiscalLine, LineQuote
from tessera.core.values import maker
from tessera.rules.folds import units_of

_fiscal_line = maker(FiscalLine)


def fiscal_lines(lines: Sequence[Line], quotes: Sequence[LineQuote]) -> tuple[FiscalLine, ...]:
    """Split the lines that have no exact unit price into parts that have.

    3 × 10.00 less 1.00 becomes 2 × 9.67 and 1 × 9.66. A line that is not named here is exact as it
    stands: what it costs, divided by its pieces. A weighed line counts as one unit.
    """
    found = []
    for line, quote in zip(lines, quotes, strict=True):
        count = units_of(line)
        if count == 1:
            continue
        unit, dearer = divmod(quote.due_minor, count)
        if dearer:
            found.append(_fiscal_line(line.line_id, dearer, unit + 1))
            found.append(_fiscal_line(line.line_id, count - dearer, unit))
    return tuple(found)
