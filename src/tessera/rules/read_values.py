"""Values inside a reward: `10 %`, `5.00`, a number of pieces or days, a unit by its word.

Owns: how each is written. Must never: know which reward it belongs to.
"""

from tessera.rules.model import Kind
from tessera.rules.reading import DAYS_MAX, PIECES_MAX, Reader, propose
from tessera.rules.yaml_nodes import Mapping, Node


class Units:
    """Finds a unit by the word a person uses for it: `point` is `points`, too."""

    __slots__ = ("known",)

    def __init__(self, known: frozenset[str]) -> None:
        self.known = known

    def find(self, reader: Reader, node: Node, field: str, word: str) -> str:
        """Give the unit's name; a problem when the programme has none such."""
        for name in (word, f"{word}s", f"{word}es"):
            if name in self.known:
                return name
        message = f"the programme has no unit {word!r}"
        proposal = propose(word, sorted(self.known)) or "declare it under `units`"
        reader.problem(node, field, message, proposal)
        return word


def read_value(reader: Reader, node: Node, field: str, text: str) -> tuple[Kind, tuple[int, int]]:
    """Read `10 %` or `5.00` as a kind and a value."""
    text = text.removesuffix("off").strip()
    if text == "free":
        return Kind.PERCENT, (1, 1)
    if text.endswith("%"):
        return Kind.PERCENT, reader.percent_of(node, field, text)
    return Kind.AMOUNT, (reader.minor_of(node, field, text), 1)


def read_whole(
    reader: Reader, node: Mapping, field: str, key: str, default: int, low: int = 0
) -> int:
    """Read a key that holds a whole number up to PIECES_MAX; `default` where it is not there."""
    item = node.entries.get(key)
    return default if item is None else reader.whole(item, f"{field}.{key}", low, PIECES_MAX)


def read_days(reader: Reader, node: Mapping, field: str, key: str) -> int:
    """Read a key that holds a number of days; 0 where it is not there."""
    item = node.entries.get(key)
    return 0 if item is None else reader.whole(item, f"{field}.{key}", 0, DAYS_MAX)


def read_percent(
    reader: Reader, node: Mapping, field: str, key: str, default: tuple[int, int]
) -> tuple[int, int]:
    """Read a key that holds a percentage, as numerator and denominator."""
    item = node.entries.get(key)
    if item is None:
        return default
    return reader.percent_of(item, f"{field}.{key}", reader.text(item, f"{field}.{key}"))


def read_minor(reader: Reader, node: Mapping, field: str, key: str) -> int | None:
    """Read a key that holds an amount, in minor units; None where it is not there."""
    item = node.entries.get(key)
    return None if item is None else reader.minor(item, f"{field}.{key}")
