"""Reading the section `guard` of a programme.

Owns: how its rules are written. Must never: judge a sale (see `guard`).
"""

import re

from tessera.rules.guard import ANSWERS, DAYS_MAX, FLAG, Guard, GuardRule
from tessera.rules.reading import Reader, propose
from tessera.rules.yaml_nodes import Node

GUARD_KEYS = ("card", "own_card", "returns")
MOST_MAX = 10_000
_RULE = re.compile(
    r"at most (\d{1,18}) (sales?|returns?) (?:a day|in (\d{1,18}) days?), then (\S+)\Z", re.ASCII
)
_EXAMPLES = {
    "card": "card: at most 5 sales a day, then flag",
    "returns": "returns: at most 3 returns in 7 days, then refuse",
}
_COUNTED = {"card": "sale", "returns": "return"}


def read_guard(reader: Reader, node: Node | None) -> Guard | None:
    """Read what the guard looks at; None where the programme has no guard."""
    if node is None or not reader.said(node, "guard", _EXAMPLES["card"]):
        return None
    entries = reader.mapping(node, "guard", GUARD_KEYS).entries
    own = entries.get("own_card")
    return Guard(
        card=_rule(reader, entries.get("card"), "card"),
        returns=_rule(reader, entries.get("returns"), "returns"),
        own_card="" if own is None else reader.choice(own, "guard.own_card", ANSWERS, FLAG),
    )


def _rule(reader: Reader, node: Node | None, key: str) -> GuardRule | None:
    if node is None:
        return None
    field = f"guard.{key}"
    words = reader.text(node, field)
    match = _RULE.match(words)
    if match is None or match[2].removesuffix("s") != _COUNTED[key]:
        reader.problem(node, field, f"{words[:60]!r} is no rule of it", f"write {_EXAMPLES[key]}")
        return None
    most, _, days, answer = match.groups()
    if answer not in ANSWERS:
        message = f"{answer[:40]!r} is no answer"
        reader.problem(node, field, message, propose(answer, ANSWERS))
    return GuardRule(
        most=reader.whole_of(node, field, most, 1, MOST_MAX),
        days=reader.whole_of(node, field, days or "1", 1, DAYS_MAX),
        answer=answer,
    )
