"""The lines of a quick quote: each line's allocations, made when somebody reads them.

Owns: the sharing of what was earned over lines that are folds of their own. Must never: change a
sum. Where equal lines were folded, `answer` distributes the folds over them.
"""

from collections.abc import Sequence

from tessera.core.basket import Line
from tessera.core.money import share
from tessera.core.quote import LineQuote, OfferShare, Stage, UnitShare
from tessera.core.values import maker
from tessera.rules.answer import lines_of, share_of
from tessera.rules.tally import Cut, Tally
from tessera.rules.taxes import FoldTax

_STAGES = {stage: place for place, stage in enumerate(Stage)}

_unit_share, _line_quote = maker(UnitShare), maker(LineQuote)

UnitKey = tuple[str, str, str]
"""Unit, offer, issuer: the order of units on a line."""


class Taxable:
    """What the taxes of a fold are worked out from."""

    __slots__ = ("due", "line", "number")

    def __init__(self, number: int, line: Line, due: int) -> None:
        self.number = number
        self.line = line
        self.due = due


def taxable_folds(tally: Tally) -> list[Taxable]:
    """Give the folds as they are taxed."""
    tally.share_out()
    return [
        Taxable(number, line, due)
        for number, (line, due) in enumerate(zip(tally.lines, tally.dues, strict=True))
    ]


def quick_lines(tally: Tally, taxes: Sequence[FoldTax]) -> tuple[LineQuote, ...]:
    """Give each line's answer, in the order of the basket."""
    tally.share_out()
    earned = _earned(tally)
    if tally.folds is not None:
        return _lines_of_folds(tally, earned, taxes)
    units: dict[int, list[UnitShare]] = {}
    for key in sorted(earned):
        unit, offer, issuer = key
        for number, count in earned[key].items():
            part = _unit_share(unit, offer, count, 0, 0, issuer)
            if number in units:
                units[number].append(part)
            else:
                units[number] = [part]
    cuts, dues, amounts = tally.cuts, tally.dues, tally.amounts
    found = []
    for number, line in enumerate(tally.lines):
        tax, due = taxes[number], dues[number]
        mine = cuts.get(number)
        found.append(
            _line_quote(
                line.line_id,
                amounts[number],
                amounts[number] - due,
                due,
                number + 1,
                _shares(mine) if mine else (),
                tuple(units.get(number, ())),
                tax.tax,
                tax.on_top,
            )
        )
    return tuple(found)


def _shares(cuts: list[Cut]) -> tuple[OfferShare, ...]:
    if len(cuts) > 1:
        cuts = sorted(cuts, key=_cut_order)
    return tuple([share_of(offer, group, minor) for offer, group, minor in cuts])


def _cut_order(cut: Cut) -> tuple[int, str, int]:
    return (_STAGES[cut[0].stage], cut[0].offer_id, cut[1])


def _earned(tally: Tally) -> dict[UnitKey, dict[int, int]]:
    """Share units over the folds that earned them; ties by the order of folds."""
    found: dict[UnitKey, dict[int, int]] = {}
    basis, goods = tally.basis, tally.goods
    all_in_order: list[int] | None = None
    for unit, issuer, grants, granted in tally.notes:
        for (offer, _, _, folds, weights), units in zip(grants, granted, strict=True):
            if not units or not folds:
                continue
            if folds is goods:
                if all_in_order is None:
                    all_in_order = tally.in_order(goods)
                ordered = all_in_order
            else:
                ordered = tally.in_order(folds)
            if weights is None:
                parts = share(units, [basis[number] for number in ordered])
            else:
                weight_of = dict(zip(folds, weights, strict=True))
                parts = share(units, [weight_of[number] for number in ordered])
            key = (unit, offer.offer_id, issuer)
            known = found.get(key)
            if known is None:
                known = found[key] = {}
            for number, part in zip(ordered, parts, strict=True):
                if part:
                    known[number] = known.get(number, 0) + part
    return found


def _lines_of_folds(
    tally: Tally, earned: dict[UnitKey, dict[int, int]], taxes: Sequence[FoldTax]
) -> tuple[LineQuote, ...]:
    folds = tally.folds
    assert folds is not None
    for number, cuts in tally.cuts.items():
        folds[number].shares = {(offer, group): minor for offer, group, minor in cuts}
        folds[number].due = tally.dues[number]
    for key, parts in earned.items():
        for number, part in parts.items():
            folds[number].earned[key] = part
    return tuple(lines_of(folds, tally.basket.lines, taxes))
