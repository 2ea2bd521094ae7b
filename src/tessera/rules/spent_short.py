"""Units that goods had earned and that are spent by the time the goods come back: paid in money.

Owns: how much of a refund is kept for them under `spent_short: reduce-refund`. Must never: take
more than the refund, or touch units that have no declared value; what is left over is owed.
"""

from collections.abc import Mapping
from dataclasses import replace

from tessera.core.quote import Message, ReceiptLine, ReturnedLine, ReturnQuote, UnitMovement
from tessera.rules.returns import units_on_receipt

REDUCE_REFUND = "reduce-refund"


def reduce_refund(
    quote: ReturnQuote, available: Mapping[str, int], values: Mapping[str, tuple[int, int]]
) -> ReturnQuote:
    """Keep of a refund what units are worth that the member does not have any more.

    `available`: by unit, what the account holds. `values`: minor units of money for one unit, as
    (numerator, denominator). Units that are paid for so are not taken back; their worth is rounded
    down, in the customer's favour.
    """
    left = {unit: max(0, count) for unit, count in available.items()}
    for move in quote.units:
        left[move.unit] = left.get(move.unit, 0) + move.spent
    refund, kept = quote.refund_minor, 0
    movements: list[UnitMovement] = []
    lines = list(quote.lines)
    receipt: list[ReceiptLine] = []
    for move in quote.units:
        taken = min(move.earned, left[move.unit])
        left[move.unit] -= taken
        number, denominator = values.get(move.unit, (0, 1))
        short = move.earned - taken
        if number:
            short = min(short, refund * denominator // number)
        minor = short * number // denominator
        if not short or not number:
            movements.append(move)
            continue
        refund, kept = refund - minor, kept + minor
        movements.append(replace(move, earned=move.earned - short))
        lines = _without(lines, move, short)
        arguments = (("count", short), ("unit", move.unit), ("kept_minor", minor))
        text = Message(key="receipt.spent-short", arguments=arguments)
        receipt.append(ReceiptLine(text=text, amount_minor=-minor))
    if not receipt:
        return quote
    units = tuple(move for move in movements if move.earned or move.spent)
    return replace(
        quote,
        refund_minor=refund,
        spent_short_minor=kept,
        lines=tuple(lines),
        units=units,
        receipt=(*units_on_receipt(units), *receipt),
    )


def _without(lines: list[ReturnedLine], move: UnitMovement, short: int) -> list[ReturnedLine]:
    """Take units off what the lines say is taken back, the last line first."""
    found = []
    for line in reversed(lines):
        units = []
        for one in line.units:
            meant = (one.unit, one.issuer) == (move.unit, move.issuer)
            part = min(short, one.earned) if meant else 0
            short -= part
            units.append(replace(one, earned=one.earned - part))
        found.append(replace(line, units=tuple(units)))
    return found[::-1]
