"""Thresholds as a programme writes them: `basket from 50.00`, `3 to 7 items of category dairy`.

Owns: their grammar, and that an upper end makes sense. Must never: know what a basket holds.
"""

import re

from tessera.core.quote import Stage
from tessera.rules.model import EVERYTHING, Need, Selector
from tessera.rules.read_conditions import read_selector
from tessera.rules.reading import Reader
from tessera.rules.yaml_nodes import Mapping, Node, Scalar, Sequence

_NEED_AMOUNT = re.compile(
    r"(?:basket )?(?:from (?P<least>[\d.]+)(?: to (?P<most>[\d.]+))?|up to (?P<only>[\d.]+))"
    r"(?: of (?P<of>.+?))?(?: (?P<at>after [a-z ]+|at shelf))?\Z",
    re.ASCII,
)
_NEED_ITEMS = re.compile(
    r"(?:(?:from )?(?P<least>\d+)(?: to (?P<most>\d+))?|up to (?P<only>\d+)) (?:items?|units?)"
    r"(?: of (?P<of>.+))?\Z",
    re.ASCII,
)
_STAGES = {
    "shelf": Stage.SHELF,
    "at shelf": Stage.SHELF,
    "unit": Stage.UNIT,
    "after unit offers": Stage.UNIT,
    "basket": Stage.BASKET,
    "after basket offers": Stage.BASKET,
}


def read_needs(reader: Reader, node: Node, field: str) -> tuple[Need, ...]:
    """Read thresholds: `basket from 50.00`, `from 3 items of category dairy`; a list: all."""
    nodes = node.items if isinstance(node, Sequence) else [node]
    return tuple(_read_need(reader, item, field) for item in nodes)


def _read_need(reader: Reader, node: Node, field: str) -> Need:
    if isinstance(node, Mapping):
        return _need_of_mapping(reader, node, field)
    text = reader.text(node, field)
    if match := _NEED_ITEMS.match(text):
        of = _selector_of_text(reader, node, field, match["of"])
        most = match["most"] or match["only"]
        need = Need(
            quantity=int(match["least"] or 0), quantity_most=int(most) if most else None, of=of
        )
        return _in_order(reader, node, field, need)
    match = _NEED_AMOUNT.match(text)
    if match is None or (match["at"] or "at shelf") not in _STAGES:
        message = f"{text[:60]!r} is no threshold"
        proposal = "write `basket from 50.00`, `from 25.00 of category dairy` or `from 3 items`"
        if ".." in text:
            proposal = "write `basket from 20.00 to 100.00`"
        reader.problem(node, field, message, proposal)
        return Need()
    most = match["most"] or match["only"]
    need = Need(
        minor=reader.minor_of(node, field, match["least"]) if match["least"] else 0,
        minor_most=reader.minor_of(node, field, most) if most else None,
        of=_selector_of_text(reader, node, field, match["of"]),
        at=_STAGES[match["at"] or "at shelf"],
    )
    return _in_order(reader, node, field, need)


def _in_order(reader: Reader, node: Node, field: str, need: Need) -> Need:
    """Check the upper end of a threshold: not below the lower one, and read at the shelf."""
    amounts = need.minor_most is not None and need.minor_most < need.minor
    if amounts or (need.quantity_most is not None and need.quantity_most < need.quantity):
        reader.problem(node, field, "the threshold ends before it begins", "swap the two numbers")
    if need.minor_most is not None and need.at is not Stage.SHELF:
        message = "what there may be at most is read at the shelf price only"
        reader.problem(node, field, message, "leave out `after … offers`, or the upper end")
    return need


def _selector_of_text(reader: Reader, node: Node, field: str, text: str | None) -> Selector:
    if not text:
        return EVERYTHING
    return read_selector(reader, Scalar(text, node.line, node.column), field)


def _need_of_mapping(reader: Reader, node: Mapping, field: str) -> Need:
    reader.mapping(node, field, ("amount", "amount_to", "quantity", "quantity_to", "of", "at"))
    entries = node.entries
    stage = Stage.SHELF
    if "at" in entries:
        stage = _STAGES[reader.choice(entries["at"], f"{field}.at", _STAGES, "shelf")]
    if not entries.keys() & {"amount", "amount_to", "quantity", "quantity_to"}:
        reader.problem(node, field, "a threshold needs an amount or a quantity", "amount: 50.00")
    need = Need(
        minor=reader.minor(entries["amount"], f"{field}.amount") if "amount" in entries else 0,
        quantity=(
            reader.whole(entries["quantity"], f"{field}.quantity", 1, 10**6)
            if "quantity" in entries
            else 0
        ),
        minor_most=(
            reader.minor(entries["amount_to"], f"{field}.amount_to")
            if "amount_to" in entries
            else None
        ),
        quantity_most=(
            reader.whole(entries["quantity_to"], f"{field}.quantity_to", 1, 10**6)
            if "quantity_to" in entries
            else None
        ),
        of=read_selector(reader, entries["of"], f"{field}.of") if "of" in entries else EVERYTHING,
        at=stage,
    )
    return _in_order(reader, node, field, need)
