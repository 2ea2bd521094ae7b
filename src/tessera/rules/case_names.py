"""Names in case files that nothing else knows: most likely a word that somebody misspelt.

Owns: what a programme and the other cases know, and the warnings. Must never: keep a case from
being run; a case may well sell goods that no offer finds.

An offer, unit or tier that the programme does not have can't be right. A product, category, brand,
tag or coupon can: it is only warned of where its name nearly is one that is known, and does not
differ by its digits alone.
"""

import difflib
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, fields, is_dataclass

from tessera.core.errors import Problem
from tessera.rules.cases import LINE
from tessera.rules.model import Gift, Selector, Trigger, Who
from tessera.rules.programme import Programme
from tessera.rules.reading import propose
from tessera.rules.yaml_nodes import Mapping, Node, Scalar, read_nodes
from tessera.rules.yaml_nodes import Sequence as Items

DECLARED = frozenset({"offer", "unit", "tier"})
"""Kinds of names that a programme declares: what it does not declare does not exist."""
ALIKE = 0.8
"""How alike two names must be, of 1, for one to be taken for the other misspelt."""
SHORTEST = 4
"""Shorter names are too often alike by chance."""

_DIGITS = re.compile(r"\d+", re.ASCII)
_OF_LINES = {"sku": "product", "categories": "category", "brand": "brand", "tags": "tag"}


@dataclass(frozen=True, slots=True)
class Named:
    """A name in a case file, and where it stands; `case` numbers the cases of all files."""

    kind: str
    name: str
    field: str
    file: str
    line: int
    column: int
    case: int


def unknown_names(programme: Programme, files: Sequence[tuple[str, str]]) -> list[Problem]:
    """Warn of names that neither the programme nor another case knows; `files`: name and text."""
    named: list[Named] = []
    case = 0
    for file, text in files:
        root, _ = read_nodes(text, file=file)
        for node in root.items if isinstance(root, Items) else ():
            case += 1
            if isinstance(node, Mapping):
                named += [
                    Named(kind, name, field, file, line, column, case)
                    for kind, name, field, line, column in _names_of(node)
                ]
    known = _known_to(programme)
    cases = Counter((kind, name) for kind, name, _ in {(n.kind, n.name, n.case) for n in named})
    for (kind, name), count in cases.items():
        if count > 1 and kind not in DECLARED:
            known[kind].add(name)
    return [
        Problem(
            file=one.file,
            line=one.line,
            column=one.column,
            field=one.field,
            message=message,
            proposal=proposal,
            severity="warning",
        )
        for one in named
        if not _is_known(programme, one, known[one.kind])
        for message, proposal in _said_of(one, known[one.kind])
    ]


def _is_known(programme: Programme, one: Named, known: AbstractSet[str]) -> bool:
    if one.kind == "category":
        return not known.isdisjoint(programme.ancestors(one.name))
    return one.name in known


def _said_of(one: Named, known: AbstractSet[str]) -> Iterator[tuple[str, str]]:
    """Give the message and the proposal; nothing where the name may well be meant."""
    if one.kind in DECLARED:
        yield f"there is no {one.kind} {one.name!r}", propose(one.name, known)
        return
    close = _misspelt(one.name, known)
    if close:
        message = f"no offer and no other case knows {one.kind} {one.name!r}"
        yield message, f"did you mean {close}?"


def _misspelt(name: str, known: AbstractSet[str]) -> str:
    """Give the known name that was probably meant, or nothing."""
    if len(name) < SHORTEST:
        return ""
    for close in difflib.get_close_matches(name, sorted(known), n=3, cutoff=ALIKE):
        if _DIGITS.sub("0", close) != _DIGITS.sub("0", name):
            return close
    return ""


# -- what is known


def _known_to(programme: Programme) -> dict[str, set[str]]:
    """Give the names that a programme knows, by kind."""
    parents = programme.parents
    known: dict[str, set[str]] = {
        "offer": {offer.offer_id for offer in programme.offers},
        "unit": set(programme.units),
        "tier": set(programme.tiers),
        "category": {*parents, *parents.values()},
        "product": set(),
        "brand": set(),
        "tag": set(),
        "coupon": set(),
        "segment": set(),
    }
    for value in _values_in(programme.offers):
        if isinstance(value, Selector):
            known["product"] |= value.skus
            known["brand"] |= value.brands
            known["tag"] |= value.tags
            for category in value.categories:
                known["category"].add(category)
        elif isinstance(value, Gift):
            known["product"].update(value.choices)
        elif isinstance(value, Trigger):
            known["coupon"] |= value.coupons
        elif isinstance(value, Who) and value.kind == "segment":
            known["segment"] |= value.values
    return known


def _values_in(value: object) -> Iterator[object]:
    """Give every part of offers that is a value of its own."""
    if isinstance(value, tuple):
        for one in value:
            yield from _values_in(one)
    elif is_dataclass(value):
        yield value
        for one in fields(value):
            yield from _values_in(getattr(value, one.name))


# -- what cases name

Found = tuple[str, str, str, int, int]
"""Kind, name, field, line and column."""


def _names_of(case: Mapping) -> Iterator[Found]:
    entries = case.entries
    expect, member = entries.get("expect"), entries.get("member")
    for node, names, field in (
        (expect, ("offers", "why"), "expect."),
        (case, ("left",), ""),
    ):
        for name in names:
            yield from _keys(node, name, "offer", f"{field}{name}")
    yield from _items(expect, "prompts", "offer", "expect.prompts")
    for name in ("units", "spent"):
        yield from _keys(expect, name, "unit", f"expect.{name}")
    yield from _keys(member, "units", "unit", "member.units")
    yield from _items(member, "segments", "segment", "member.segments")
    yield from _items(member, "tier", "tier", "member.tier")
    yield from _items(case, "coupons", "coupon", "coupons")
    for kind, name, field, line, column in _keys(case, "spend", "unit", "spend"):
        is_reward = name.startswith("!")
        yield "offer" if is_reward else kind, name.removeprefix("!"), field, line, column
    lines = entries.get("lines")
    for number, sold in enumerate(lines.items if isinstance(lines, Items) else ()):
        yield from _names_of_line(sold, f"lines[{number}]")


def _names_of_line(line: Node, field: str) -> Iterator[Found]:
    for name, kind in _OF_LINES.items():
        yield from _items(line, name, kind, f"{field}.{name}")
    match = LINE.match(line.text) if isinstance(line, Scalar) else None
    if match is None or not isinstance(line, Scalar):
        return
    for group, kind in ((3, "product"), (5, "category")):
        if match[group]:
            column = line.column + match.start(group) + line.quoted
            yield kind, match[group], field, line.line, column


def _keys(node: Node | None, name: str, kind: str, field: str) -> Iterator[Found]:
    """Give the keys of a mapping within a mapping."""
    inner = node.entries.get(name) if isinstance(node, Mapping) else None
    for key in inner.keys.values() if isinstance(inner, Mapping) else ():
        yield kind, key.text, f"{field}.{key.text}", key.line, key.column


def _items(node: Node | None, name: str, kind: str, field: str) -> Iterator[Found]:
    """Give a text within a mapping, or those of a list."""
    inner = node.entries.get(name) if isinstance(node, Mapping) else None
    for one in inner.items if isinstance(inner, Items) else (inner,):
        if isinstance(one, Scalar) and one.text:
            yield kind, one.text, field, one.line, one.column
