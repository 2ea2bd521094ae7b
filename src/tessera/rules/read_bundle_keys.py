"""The keys of a bundle: `{buy: 2, get: 1 free}`, `{any: 3, for: 5.00}`, `{set: [...], off: 20 %}`.

Owns: which of them belong together and what they mean. Must never: apply a bundle.
"""

import re

from tessera.rules.model import EVERYTHING, Bundle, Kind, Reward, Selector
from tessera.rules.read_conditions import read_selector
from tessera.rules.read_values import Units, read_minor, read_value, read_whole
from tessera.rules.reading import Reader
from tessera.rules.yaml_nodes import Mapping, Scalar, Sequence

_GET = re.compile(r"(\d+)(?: (free|(?:at )?.+ off))?\Z", re.ASCII)


def read_buy(
    reader: Reader, node: Mapping, field: str, _units: Units, what: Selector
) -> Reward | None:
    """Read `{buy: 2, get: 1 free}`."""
    buy = read_whole(reader, node, field, "buy", 1, 1)
    item = node.entries.get("get")
    if item is None:
        reader.problem(node, field, "`buy` without `get`", "write {buy: 2, get: 1 free}")
        return None
    match = _GET.match(reader.text(item, f"{field}.get"))
    if match is None or len(match[1]) > 6 or int(match[1]) < 1:
        reader.problem(item, f"{field}.get", "this is nothing to get", "write 1 free")
        return None
    kind, value = read_value(reader, item, f"{field}.get", (match[2] or "free").removeprefix("at "))
    get = int(match[1])
    other = node.entries.get("of")
    if other is not None:
        reader.said(other, f"{field}.of", "category hats")
        reward = read_selector(reader, other, f"{field}.of")
        return Bundle(
            parts=((what, buy), (reward, get)), kind=kind, value=value, aim="part:1", count=get
        )
    aim = "cheapest"
    if "which" in node.entries:
        aim = reader.choice(node.entries["which"], f"{field}.which", _AIMS, aim)
    same = node.entries.get("same_item")
    return Bundle(
        parts=((what, buy + get),),
        kind=kind,
        value=value,
        aim=aim,
        count=get,
        same_item=same is not None and reader.yes(same, f"{field}.same_item"),
    )


_AIMS = ("cheapest", "dearest")


def _one_price(reader: Reader, node: Mapping, field: str) -> None:
    """Note a problem where a bundle says twice what it gives."""
    said = [key for key in ("for", "off", "cheapest") if key in node.entries]
    if len(said) > 1:
        message = f"the bundle says {said[0]!r} and {said[1]!r}"
        reader.problem(node.keys[said[1]], f"{field}.{said[1]}", message, "keep one of the two")


def _bundle_price(reader: Reader, node: Mapping, field: str) -> tuple[Kind, tuple[int, int]]:
    """Read `for: 5.00` or `off: 20 %` of a bundle."""
    if (price := read_minor(reader, node, field, "for")) is not None:
        return Kind.PRICE, (price, 1)
    if (item := node.entries.get("off")) is not None:
        return read_value(reader, item, f"{field}.off", reader.text(item, f"{field}.off"))
    reader.problem(node, field, "the bundle has no price", "add `for: 5.00` or `off: 20 %`")
    return Kind.AMOUNT, (0, 1)


def read_any(
    reader: Reader, node: Mapping, field: str, _units: Units, what: Selector
) -> Reward | None:
    """Read `{any: 3, for: 5.00}`."""
    _one_price(reader, node, field)
    count = read_whole(reader, node, field, "any", 2, 1)
    same = node.entries.get("same_item")
    same_item = same is not None and reader.yes(same, f"{field}.same_item")
    if (cheapest := node.entries.get("cheapest")) is not None:
        text = reader.text(cheapest, f"{field}.cheapest")
        kind, value = read_value(reader, cheapest, f"{field}.cheapest", text)
        return Bundle(
            parts=((what, count),),
            kind=kind,
            value=value,
            aim="cheapest",
            count=1,
            same_item=same_item,
        )
    kind, value = _bundle_price(reader, node, field)
    return Bundle(parts=((what, count),), kind=kind, value=value, same_item=same_item)


def read_set(
    reader: Reader, node: Mapping, field: str, _units: Units, _what: Selector
) -> Reward | None:
    """Read `{set: [...], for: 5.00}`."""
    item = node.entries["set"]
    if not isinstance(item, Sequence) or not 0 < len(item.items) <= 12:
        reader.problem(item, f"{field}.set", "a set lists 1 to 12 parts", "- {what: sku 1}")
        return None
    _one_price(reader, node, field)
    parts = []
    for number, part in enumerate(item.items):
        path = f"{field}.set[{number}]"
        if isinstance(part, Scalar):
            parts.append((read_selector(reader, part, path), 1))
            continue
        known = reader.mapping(part, path, ("what", "count"))
        selector = EVERYTHING
        if "what" in known.entries:
            selector = read_selector(reader, known.entries["what"], f"{path}.what")
        parts.append((selector, read_whole(reader, known, path, "count", 1, 1)))
    if (cheapest := node.entries.get("cheapest")) is not None:
        text = reader.text(cheapest, f"{field}.cheapest")
        kind, value = read_value(reader, cheapest, f"{field}.cheapest", text)
        return Bundle(parts=tuple(parts), kind=kind, value=value, aim="cheapest", count=1)
    kind, value = _bundle_price(reader, node, field)
    return Bundle(parts=tuple(parts), kind=kind, value=value)
